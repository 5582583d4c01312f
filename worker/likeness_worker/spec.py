"""The messages of the contract (contract/schemas) as dataclasses, read strictly and written in camelCase.

A message with an unknown, missing, mistyped or out-of-range member is refused with the member's name and what
was allowed; the value itself is quoted only when it is a number, because a text member may hold a caption or a
prompt, and those never reach a log.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Method = Literal["lora", "full"]
Schedule = Literal["constant", "cosine"]
Phase = Literal["loading", "caching", "evaluating", "training", "saving"]
ValidationSource = Literal["validation", "heldOut", "training"]
Precision = Literal["float32", "bfloat16", "float16"]
Task = Literal[
    "TEXT_IMAGE",
    "INPAINTING",
    "OUTPAINTING",
    "IMAGE_VARIATION",
    "COLOR_GUIDED_GENERATION",
    "BACKGROUND_REMOVAL",
    "SMART_CROP",
    "DETECTION",
    "CAPTION",
    "MASK",
]
ResultStatus = Literal["completed", "stopped", "interrupted", "failed"]
HealthStatus = Literal["loading", "ready", "failed"]
ErrorKind = Literal["invalid", "notReady", "internal"]

# result.schema.json and event.schema.json: maxLength of a message for the user.
MESSAGE_LENGTH = 2048


class ContractError(ValueError):
    """A message breaks the contract; the text names the member."""


def _limits(
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    length: int | None = None,
    pattern: str | None = None,
    entry_pattern: str | None = None,
) -> Any:
    rules = {"minimum": minimum, "maximum": maximum, "above": above, "length": length, "pattern": pattern}
    rules["entry_pattern"] = entry_pattern
    return field(metadata={name: rule for name, rule in rules.items() if rule is not None})


@dataclass(frozen=True, kw_only=True)
class EvaluationSpec:
    """When and with what a training is looked at."""

    interval_steps: int = _limits(minimum=1)
    validation_manifest_path: str | None
    encoder_path: str | None
    sample_prompts: tuple[str, ...] = _limits(length=8)
    patience: int | None = _limits(minimum=1)
    least_steps: int = _limits(minimum=1)


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """spec.json: one training attempt, everything resolved (spec.schema.json)."""

    v: Literal[1]
    job_id: str = _limits(pattern=r"[a-z0-9]{12}")
    attempt: int = _limits(minimum=1)
    base_model_path: str
    start_from_path: str | None
    manifest_path: str
    output_path: str
    method: Method
    rank: int = _limits(minimum=1, maximum=256)
    alpha: float = _limits(above=0)
    step_count: int = _limits(minimum=1, maximum=40_000)
    batch_size: int = _limits(minimum=1, maximum=192)
    requested_learning_rate: float = _limits(above=0, maximum=1)
    learning_rate: float = _limits(above=0)
    learning_rate_schedule: Schedule
    warmup_steps: int = _limits(minimum=0)
    caption_dropout: float = _limits(minimum=0, maximum=1)
    unconditional_prior: float = _limits(minimum=0, maximum=1)
    min_snr_gamma: float | None = _limits(above=0)
    prior_preservation: float = _limits(minimum=0)
    mask_prompt: str | None = _limits(length=512)
    unmasked_weight: float = _limits(minimum=0, maximum=1)
    resolution: int = _limits(minimum=8)
    seed: int = _limits(minimum=0, maximum=4_294_967_295)
    checkpoint_interval_steps: int = _limits(minimum=1)
    resume_from_path: str | None
    kept_cache_path: str | None
    threads: int | None = _limits(minimum=1)
    evaluation: EvaluationSpec | None


@dataclass(frozen=True, kw_only=True)
class PhaseEvent:
    """What the worker is doing, with progress inside it (done of total)."""

    v: Literal[1] = 1
    seq: int = field(default=0, metadata={"minimum": 1})
    at: str = ""
    type: Literal["phase"] = "phase"
    phase: Phase
    done: int = _limits(minimum=0)
    total: int = _limits(minimum=0)


@dataclass(frozen=True, kw_only=True)
class StepEvent:
    """After each optimiser step; step counts from 0."""

    v: Literal[1] = 1
    seq: int = field(default=0, metadata={"minimum": 1})
    at: str = ""
    type: Literal["step"] = "step"
    step: int = _limits(minimum=0)
    epoch: int = _limits(minimum=0)
    loss: float
    learning_rate: float
    images_per_second: float = _limits(minimum=0)
    seconds_left: float = _limits(minimum=0)


@dataclass(frozen=True, kw_only=True)
class CheckpointEvent:
    """A complete checkpoint was renamed into place; step is the number of finished steps."""

    v: Literal[1] = 1
    seq: int = field(default=0, metadata={"minimum": 1})
    at: str = ""
    type: Literal["checkpoint"] = "checkpoint"
    step: int = _limits(minimum=0)
    path: str


@dataclass(frozen=True, kw_only=True)
class EvaluationEvent:
    """How good the model is after so many finished steps (evaluate.py says what each number is)."""

    v: Literal[1] = 1
    seq: int = field(default=0, metadata={"minimum": 1})
    at: str = ""
    type: Literal["evaluation"] = "evaluation"
    step: int = _limits(minimum=0)
    path: str
    validation_loss: float
    validation_source: ValidationSource
    score: float
    is_best: bool
    encoder: str | None
    subject_fidelity: float | None
    prompt_fidelity: float | None
    prior_drift: float | None
    diversity: float | None
    nearest_training: float | None
    training_nearest: float | None
    seconds: float = _limits(minimum=0)


@dataclass(frozen=True, kw_only=True)
class WarningEvent:
    """Something a user should read; never a caption or a prompt."""

    v: Literal[1] = 1
    seq: int = field(default=0, metadata={"minimum": 1})
    at: str = ""
    type: Literal["warning"] = "warning"
    message: str = _limits(length=MESSAGE_LENGTH)


Event = PhaseEvent | StepEvent | CheckpointEvent | EvaluationEvent | WarningEvent


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    path: str
    sha256: str = _limits(pattern=r"[0-9a-f]{64}")
    size_bytes: int = _limits(minimum=0)


@dataclass(frozen=True, kw_only=True)
class ResultError:
    message: str = _limits(length=MESSAGE_LENGTH)
    user_error: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """result.json. stepsDone, imagesSeen and trainingSeconds count the whole training, earlier attempts included."""

    v: Literal[1] = 1
    status: ResultStatus
    steps_done: int = _limits(minimum=0)
    training_loss: float | None
    weights: tuple[WeightFile, ...]
    error: ResultError | None
    ended_at: str
    training_seconds: float = _limits(minimum=0)
    images_seen: int = _limits(minimum=0)
    peak_memory_bytes: int | None = _limits(minimum=0)
    device: str
    precision: Precision


@dataclass(frozen=True, kw_only=True)
class RequestMask:
    """Which part of images[0] is drawn anew: exactly one of image (base64) and prompt is not None."""

    image: str | None
    prompt: str | None = _limits(length=512)
    is_returned: bool


@dataclass(frozen=True, kw_only=True)
class Control:
    """How images[0] conditions a TEXT_IMAGE."""

    mode: Literal["CANNY_EDGE", "SEGMENTATION"]
    strength: float = _limits(minimum=0, maximum=1)


@dataclass(frozen=True, kw_only=True)
class CropBox:
    """In pixels of the input image."""

    left: int = _limits(minimum=0)
    top: int = _limits(minimum=0)
    width: int = _limits(minimum=1)
    height: int = _limits(minimum=1)


@dataclass(frozen=True, kw_only=True)
class WatermarkFound:
    """score: highest correlation, in standard deviations of an unmarked picture's; right_bits: of 64."""

    is_found: bool
    score: float
    right_bits: int = _limits(minimum=0, maximum=64)


@dataclass(frozen=True, kw_only=True)
class InvokeRequest:
    """The body of POST /invoke: every value resolved by the server (invoke.schema.json)."""

    v: Literal[1]
    request_id: str
    adapter_id: str | None
    task: Task
    text: str | None = _limits(length=512)
    negative_text: str | None = _limits(length=512)
    images: tuple[str, ...] = _limits(length=5)
    similarity_strength: float | None = _limits(minimum=0.2, maximum=1)
    mask: RequestMask | None
    out_painting_mode: Literal["DEFAULT", "PRECISE"] | None
    colors: tuple[str, ...] = _limits(length=10, entry_pattern=r"#[0-9A-Fa-f]{6}")
    control: Control | None
    number_of_images: int = _limits(minimum=1, maximum=5)
    width: int = _limits(minimum=1)
    height: int = _limits(minimum=1)
    cfg_scale: float = _limits(minimum=1.1, maximum=10)
    seed: int = _limits(minimum=0, maximum=2_147_483_646)
    quality: Literal["standard", "premium"]


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """The body of POST /load."""

    v: Literal[1]
    adapter_id: str = _limits(pattern=r"[a-z0-9]{1,63}")
    folder: str


@dataclass(frozen=True, kw_only=True)
class UnloadRequest:
    """The body of POST /unload."""

    v: Literal[1]
    adapter_id: str = _limits(pattern=r"[a-z0-9]{1,63}")


@dataclass(frozen=True, kw_only=True)
class InvokeResponse:
    v: Literal[1] = 1
    images: tuple[str, ...]
    mask_image: str | None
    crop_box: CropBox | None
    watermark: WatermarkFound | None
    is_watermarked: bool
    caption: str | None
    seconds: float = _limits(minimum=0)


@dataclass(frozen=True, kw_only=True)
class InvokeErrorBody:
    kind: ErrorKind
    message: str


@dataclass(frozen=True, kw_only=True)
class InvokeError:
    v: Literal[1] = 1
    error: InvokeErrorBody


@dataclass(frozen=True, kw_only=True)
class Health:
    """GET /health: 200 always while the process lives."""

    v: Literal[1] = 1
    status: HealthStatus
    adapter_ids: tuple[str, ...]
    family: str | None
    device: str | None
    message: str | None


Message = TypeVar("Message")


def read(message_type: type[Message], data: object, name: str) -> Message:
    """Makes a message from parsed JSON.

    :param data: what json.loads returned.
    :param name: what to call the message in an error ("spec.json").
    :raises ContractError: naming the first member that breaks the contract.
    """
    if not isinstance(data, dict):
        raise ContractError(f"{name} must be a JSON object")
    members = cast(dict[str, object], data)
    hints = get_type_hints(message_type)
    values: dict[str, Any] = {}
    known: set[str] = set()
    for member in dataclasses.fields(cast(Any, message_type)):
        key = _camel(member.name)
        known.add(key)
        if key not in members:
            raise ContractError(f"{name}: {key} is missing")
        where = f"{name}: {key}"
        value = _convert(hints[member.name], members[key], where)
        _check_limits(value, member.metadata, where)
        values[member.name] = value
    unknown = sorted(set(members) - known)
    if unknown:
        raise ContractError(f"{name}: unknown member {', '.join(unknown[:5])}")
    return message_type(**values)


def read_event(data: object) -> Event:
    """One line of events.jsonl. :raises ContractError: as read does, or for an unknown type."""
    kinds: dict[object, type[Event]] = {
        "phase": PhaseEvent,
        "step": StepEvent,
        "checkpoint": CheckpointEvent,
        "evaluation": EvaluationEvent,
        "warning": WarningEvent,
    }
    members = cast(dict[str, object], data) if isinstance(data, dict) else {}
    kind = members.get("type")
    if kind not in kinds:
        raise ContractError("event: type must be phase, step, checkpoint, evaluation or warning")
    return read(kinds[kind], members, "event")


def write(message: object) -> dict[str, object]:
    """The message as a JSON object with the contract's camelCase names."""
    assert dataclasses.is_dataclass(message)
    return {_camel(member.name): _plain(getattr(message, member.name)) for member in dataclasses.fields(message)}


def shorten(text: str, length: int = MESSAGE_LENGTH) -> str:
    """Cuts a message for the user to the contract's length."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return write(value)
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in cast(tuple[object, ...], value)]
    return value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


def _convert(hint: Any, value: object, where: str) -> object:
    origin = get_origin(hint)
    if origin is Literal:
        allowed = get_args(hint)
        if isinstance(value, bool) or value not in allowed:
            raise ContractError(f"{where} must be {' or '.join(str(entry) for entry in allowed)}")
        return value
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (hint,) = [option for option in get_args(hint) if option is not type(None)]
        return _convert(hint, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ContractError(f"{where} must be an array")
        entry_hint = get_args(hint)[0]
        entries = cast(list[object], value)
        return tuple(_convert(entry_hint, entry, f"{where}[{i}]") for i, entry in enumerate(entries))
    if dataclasses.is_dataclass(hint):
        return read(cast(type[object], hint), value, where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        # Python's json reads NaN and Infinity, which JSON does not have and which pass every comparison.
        if not math.isfinite(value):
            raise ContractError(f"{where} must be a finite number")
        return float(value)
    # JSON has one kind of number: a writer may spell 8 as 8.0.
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        names = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}
        raise ContractError(f"{where} must be {names.get(hint, str(hint))}")
    return value


def _check_limits(value: Any, rules: Any, where: str) -> None:
    if value is None:
        return
    if "minimum" in rules and value < rules["minimum"]:
        raise ContractError(f"{where} must be at least {rules['minimum']}; got {value}")
    if "maximum" in rules and value > rules["maximum"]:
        raise ContractError(f"{where} must be at most {rules['maximum']}; got {value}")
    if "above" in rules and value <= rules["above"]:
        raise ContractError(f"{where} must be greater than {rules['above']}; got {value}")
    if "length" in rules and len(value) > rules["length"]:
        raise ContractError(f"{where} must be at most {rules['length']} long; its length is {len(value)}")
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        raise ContractError(f"{where} must match {rules['pattern']}")
    for i, entry in enumerate(value if "entry_pattern" in rules else ()):
        if not re.fullmatch(rules["entry_pattern"], entry):
            raise ContractError(f"{where}[{i}] must match {rules['entry_pattern']}")
