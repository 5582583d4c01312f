"""Every golden message parses, is written back as it was, and meets its schema; what breaks the contract is named."""

from __future__ import annotations

import json

import jsonschema
import pytest

from likeness_worker import spec
from tests.conftest import CONTRACT

pytestmark = pytest.mark.unit

MESSAGES = {
    "event": None,
    "health": spec.Health,
    "invoke-error": spec.InvokeError,
    "invoke-load": spec.LoadRequest,
    "invoke-unload": spec.UnloadRequest,
    "invoke-request": spec.InvokeRequest,
    "invoke-response": spec.InvokeResponse,
    "result": spec.Result,
    "spec": spec.TrainSpec,
}


def schema_for(kind: str) -> dict[str, object]:
    name = kind.partition("-")[0] if kind != "health" else "invoke"
    schema = json.loads((CONTRACT / "schemas" / f"{name}.schema.json").read_text())
    if name != "invoke":
        return schema
    definition = "health" if kind == "health" else kind.removeprefix("invoke-")
    return {**schema["$defs"][definition], "$defs": schema["$defs"]}


def validate(kind: str, message: object) -> None:
    jsonschema.Draft202012Validator(schema_for(kind)).validate(message)


@pytest.mark.parametrize("path", sorted((CONTRACT / "examples").glob("*.json")), ids=lambda path: path.stem)
def test_golden_messages(path) -> None:
    data = json.loads(path.read_text())
    kind = next(name for name in sorted(MESSAGES, key=len, reverse=True) if path.stem.startswith(name))
    message_type = MESSAGES[kind]
    message = spec.read_event(data) if message_type is None else spec.read(message_type, data, path.stem)
    assert json.loads(json.dumps(spec.write(message))) == data
    validate(kind, spec.write(message))


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("batchSize", 0, "spec.json: batchSize must be at least 1; got 0"),
        ("batchSize", "8", "spec.json: batchSize must be an integer"),
        ("batchSize", True, "spec.json: batchSize must be an integer"),
        ("method", "dora", "spec.json: method must be lora or full"),
        ("jobId", "../../etc", "spec.json: jobId must match"),
        ("learningRate", 0, "spec.json: learningRate must be greater than 0"),
        ("learningRate", float("nan"), "spec.json: learningRate must be a finite number"),
        ("extra", 1, "spec.json: unknown member extra"),
        ("seed", None, "spec.json: seed must be an integer"),
    ],
)
def test_what_breaks_the_contract_is_named(member: str, value: object, message: str) -> None:
    data = json.loads((CONTRACT / "examples" / "spec.json").read_text())
    with pytest.raises(spec.ContractError, match="^" + message.replace(".", r"\.")):
        spec.read(spec.TrainSpec, {**data, member: value}, "spec.json")


def test_a_missing_member_is_named() -> None:
    data = json.loads((CONTRACT / "examples" / "spec.json").read_text())
    del data["seed"]
    with pytest.raises(spec.ContractError, match="seed is missing"):
        spec.read(spec.TrainSpec, data, "spec.json")


def test_an_error_never_quotes_a_prompt() -> None:
    data = json.loads((CONTRACT / "examples" / "invoke-request.json").read_text())
    with pytest.raises(spec.ContractError) as caught:
        spec.read(spec.InvokeRequest, {**data, "text": "secret " * 100}, "request")
    assert "secret" not in str(caught.value)
