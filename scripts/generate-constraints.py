#!/usr/bin/env python3
"""Writes server/generated/constraints.json from botocore's service models.

The SDK's runtime schemas carry no lengths, ranges, patterns and enum values; botocore's models (Apache-2.0, see NOTICE)
do. Only what the inputs of implemented operations reach is written. An operation counts as implemented when its name
stands as a key in server/src/services/<service>/*.ts, outside tests.

    python scripts/generate-constraints.py [--check]
"""

import argparse
import gzip
import json
import re
import sys
from pathlib import Path

import botocore

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "server/generated/constraints.json"
SERVICES = ["bedrock", "bedrock-runtime", "iam", "kms", "s3", "sts"]
STRINGS = {"string", "character"}
# Members that the SDK decodes to another type: an Expires header to a date, the number of a part to a string.
DECODED_OTHERWISE = {"Expires", "PartNumberMarker"}
# CopySource's pattern wants a slash, where a client may have encoded that too: the service decodes first. An account
# alias has a pattern that looks ahead, which no linear-time engine does. A bucket takes canned ACLs that no enum has. What
# a location constraint may be depends on the Region that the request was sent to.
CHECKED_BY_SERVICE = {
    "BucketCannedACL",
    "BucketLocationConstraint",
    "CopySource",
    "ObjectCannedACL",
    "accountAliasType",
}
NUMBERS = {"integer": "integer", "long": "integer", "float": "number", "double": "number"}


def load_model(service: str) -> dict:
    folder = Path(botocore.__file__).parent / "data" / service
    newest = sorted(folder.glob("*/service-2.json.gz"))[-1]
    with gzip.open(newest) as file:
        return json.load(file)


def words_of_service(service: str) -> set[str]:
    words: set[str] = set()
    for path in (ROOT / "server/src/services" / service).glob("**/*.ts"):
        if not path.name.endswith(".test.ts"):
            words.update(re.findall(r"^\s+(?:async )?([A-Z]\w+)(?=[:(,])", path.read_text(), re.MULTILINE))
    return words


def bounds(shape: dict, low: str, high: str) -> dict:
    return {name: shape[key] for key, name in (("min", low), ("max", high)) if key in shape}


def schema_of(shape: dict) -> dict:
    """One shape as JSON Schema 2020-12, over values as the SDK decodes them (dates and blobs are objects)."""
    kind = shape["type"]
    sensitive = {"sensitive": True} if shape.get("sensitive") else {}
    if shape.get("document"):
        return {}
    if kind == "structure":
        members = {name: reference(member["shape"]) for name, member in shape["members"].items()}
        schema = {"type": "object", "properties": members}
        if shape.get("required"):
            schema["required"] = sorted(shape["required"])
        if shape.get("union"):
            schema |= {"minProperties": 1, "maxProperties": 1}
        return schema
    if kind == "list":
        return {"type": "array", "items": reference(shape["member"]["shape"])} | bounds(shape, "minItems", "maxItems")
    if kind == "map":
        return {
            "type": "object",
            "propertyNames": reference(shape["key"]["shape"]),
            "additionalProperties": reference(shape["value"]["shape"]),
        } | bounds(shape, "minProperties", "maxProperties")
    if kind in STRINGS:
        schema = {"type": "string"} | sensitive | bounds(shape, "minLength", "maxLength")
        if "enum" in shape:
            schema["enum"] = shape["enum"]
        if "pattern" in shape:
            schema["pattern"] = f"^(?:{shape['pattern']})$"
        return schema
    if kind in NUMBERS:
        return {"type": NUMBERS[kind]} | bounds(shape, "minimum", "maximum")
    if kind == "boolean":
        return {"type": "boolean"}
    if kind == "blob" and not shape.get("streaming"):
        return sensitive | bounds(shape, "minBytes", "maxBytes")
    return {}


def reference(name: str) -> dict:
    return {"$ref": f"#/$defs/{name}"}


def reached(shapes: dict, roots: list[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = shapes[name]
        waiting += [member["shape"] for member in shape.get("members", {}).values()]
        waiting += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
    return seen


def constraints_of(service: str) -> dict:
    model = load_model(service)
    words = words_of_service(service)
    inputs = {
        name: operation["input"]["shape"]
        for name, operation in sorted(model["operations"].items())
        if name in words and "input" in operation
    }
    shapes = model["shapes"]
    names = sorted(reached(shapes, list(inputs.values())))
    schemas = {
        name: {} if name in DECODED_OTHERWISE | CHECKED_BY_SERVICE else schema_of(shapes[name]) for name in names
    }
    return {"operations": inputs, "schemas": schemas}


def generate() -> str:
    services = {service: constraints_of(service) for service in SERVICES}
    document = {
        "$comment": f"Made by scripts/generate-constraints.py from botocore {botocore.__version__} (Apache-2.0).",
        "services": services,
    }
    # One shape a line: a diff shows what a new model changed.
    text = json.dumps(document, indent=1, ensure_ascii=True)
    return re.sub(r"\n {5,}", " ", re.sub(r"\n {4}(?=[}\]])", "", text)) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write server/generated/constraints.json.")
    parser.add_argument("--check", action="store_true", help="only say whether the file is what would be written")
    arguments = parser.parse_args()
    text = generate()
    if arguments.check:
        fresh = TARGET.exists() and TARGET.read_text() == text
        if not fresh:
            print(f"{TARGET.relative_to(ROOT)} is stale: run scripts/generate-constraints.py.", file=sys.stderr)
        return 0 if fresh else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)
    counts = {service: len(part["operations"]) for service, part in json.loads(text)["services"].items()}
    print(f"{TARGET.relative_to(ROOT)}: {len(text)} bytes, operations {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
