"""Content Credentials as the reference implementation of C2PA reads them."""

import io
import json
from dataclasses import dataclass
from typing import Any

import c2pa


@dataclass(frozen=True)
class Found:
    """`state` is Trusted, Valid (by a certificate that nobody vouches for) or Invalid."""

    state: str
    generator: dict[str, str]
    actions: list[dict[str, Any]]
    assertions: dict[str, dict[str, Any]]
    algorithm: str


def read(png: bytes, anchors: str | None = None) -> Found:
    """:param anchors: PEM of the certificates that are trusted."""
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if anchors is not None:
        settings["trust"] = {"user_anchors": anchors}
    context = c2pa.Context(c2pa.Settings.from_dict(settings))
    with c2pa.Reader("image/png", io.BytesIO(png), context=context) as reader:
        store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {entry["label"]: entry["data"] for entry in manifest["assertions"]}
    return Found(
        state=store["validation_state"],
        generator=manifest["claim_generator_info"][0],
        actions=assertions["c2pa.actions.v2"]["actions"],
        assertions=assertions,
        algorithm=manifest["signature_info"]["alg"],
    )


def without(png: bytes) -> bytes:
    """The picture as it was before its credentials: those of two models differ in any case."""
    at = png.index(b"caBX") - 4
    return png[:at] + png[at + 12 + int.from_bytes(png[at : at + 4]) :]


def model_arn(png: bytes) -> str:
    """Of what drew the picture, whose credentials must hold."""
    found = read(png)
    assert found.state == "Valid"
    return next(
        action["parameters"]["dev.likeness.modelArn"]
        for action in found.actions
        if "dev.likeness.modelArn" in action.get("parameters", {})
    )
