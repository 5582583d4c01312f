"""What a base model's folder says about itself, read without importing torch (so `check` answers at once).

A base model is a folder in diffusers layout: model_index.json names the pipeline class and its parts, each part
has a folder with config.json and safetensors. likeness.json beside it is ours, and optional: what a plain
diffusers folder cannot say (resolution, learning-rate factor, LoRA targets, sampling). A member it lacks takes
the family's default.

Safetensors only: a folder that would need a pickle (*.bin, *.pt, *.ckpt) or remote code is refused by name,
because both run code that came with the weights.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from likeness_worker.model_settings import (
    Groups,
    Lora,
    Sampling,
    Training,
    read_groups,
    read_lora,
    read_sampling,
    read_training,
)
from likeness_worker.rundir import RunError

TASKS = (
    "TEXT_IMAGE",
    "INPAINTING",
    "OUTPAINTING",
    "IMAGE_VARIATION",
    "COLOR_GUIDED_GENERATION",
    "BACKGROUND_REMOVAL",
    "SMART_CROP",
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")

OPTIONAL_PARTS = {"text_encoder_3": "tokenizer_3"}
# Sentencepiece models come to transformers as tokenizer.json; CLIP's may also be a vocabulary with its merges.
TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
# Weights and activations are float32 while a model is loaded, whatever they are rounded to afterwards.
LOADED_BYTES_A_PARAMETER = 4
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
# The text side of a transformer that attends to text and picture together.
JOINT_ATTENTION = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")


@dataclass(frozen=True)
class BaseModel:
    """One base model's folder, checked.

    :param resolution: the denoiser was trained at about resolution² pixels.
    :param size_multiple: widths and heights in pixels are multiples of this.
    :param learning_rate_factor: the server multiplies the request's learningRate with it (design §3.18).
    :param groups: None: a prompt of several subjects is drawn like any other.
    :param settings: likeness.json as it is, for what only one family reads (latentsMean, textWindow).
    """

    path: Path
    family: str
    class_name: str
    parts: Mapping[str, tuple[str, str]]
    resolution: int
    size_multiple: int
    learning_rate_factor: float
    lora: Lora
    training: Training
    sampling: Sampling
    groups: Groups | None
    settings: Mapping[str, Any]

    def part(self, name: str) -> Path:
        """Folder of a part: inside the base, or inside an installed Python package ("python-package")."""
        library, reference = self.parts.get(name, ("", ""))
        if library != "python-package":
            return self.path / name
        package, _, inside = reference.partition("/")
        if not package.isidentifier() or inside.startswith("/") or ".." in Path(inside).parts:
            raise RunError(
                f"The base model's part {name} must be a folder inside a Python package, and is {reference}.",
                user_error=True,
            )
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise RunError(f"The base model needs the Python package {package} for its {name}: install it.")
        return Path(found.submodule_search_locations[0]) / inside


@dataclass(frozen=True)
class _Defaults:
    family: str
    parts: tuple[str, ...]  # those with weights
    tokenizers: tuple[str, ...]
    resolution: int
    size_multiple: int
    learning_rate_factor: float
    lora: Lora
    sampling: Sampling


# Every pipeline class that a family file supports, by model_index.json's _class_name.
SUPPORTED: Mapping[str, _Defaults] = {
    "LikenessArtPipeline": _Defaults(
        family="art",
        parts=("unet", "vae", "text_encoder"),
        tokenizers=("tokenizer",),
        resolution=128,
        size_multiple=32,
        learning_rate_factor=100,
        lora=Lora(16, 16, (*ATTENTION, "conv1", "conv2", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")),
        sampling=Sampling(steps=10, guidance_scale=4.0, guidance_rescale=0.7, sampler="ddim"),
    ),
    "StableDiffusionPipeline": _Defaults(
        family="stable-diffusion",
        parts=("unet", "vae", "text_encoder"),
        tokenizers=("tokenizer",),
        resolution=512,
        size_multiple=64,
        # A LoRA on Stable Diffusion wants about 1e-4 (diffusers' own example) where the seed system's good
        # value is 1e-5.
        learning_rate_factor=10,
        lora=Lora(16, 16, ATTENTION),
        sampling=Sampling(steps=25, guidance_scale=7.5),
    ),
    "StableDiffusionXLPipeline": _Defaults(
        family="stable-diffusion-xl",
        parts=("unet", "vae", "text_encoder", "text_encoder_2"),
        tokenizers=("tokenizer", "tokenizer_2"),
        resolution=1024,
        size_multiple=64,
        learning_rate_factor=10,
        lora=Lora(16, 16, ATTENTION),
        sampling=Sampling(steps=30, guidance_scale=5.0),
    ),
    "StableDiffusion3Pipeline": _Defaults(
        family="stable-diffusion-3",
        parts=("transformer", "vae", "text_encoder", "text_encoder_2"),
        tokenizers=("tokenizer", "tokenizer_2"),
        resolution=1024,
        size_multiple=64,
        learning_rate_factor=10,
        lora=Lora(16, 16, (*ATTENTION, *JOINT_ATTENTION)),
        sampling=Sampling(steps=28, guidance_scale=7.0, sampler="ddim"),
    ),
    "FluxPipeline": _Defaults(
        family="flux",
        parts=("transformer", "vae", "text_encoder", "text_encoder_2"),
        tokenizers=("tokenizer", "tokenizer_2"),
        resolution=1024,
        size_multiple=64,
        learning_rate_factor=10,
        lora=Lora(16, 16, (*ATTENTION, *JOINT_ATTENTION)),
        sampling=Sampling(steps=28, guidance_scale=3.5, sampler="ddim"),
    ),
}


def read_base_model(path: Path) -> BaseModel:
    """Reads and checks a base model's folder: parts present, safetensors whole, class supported.

    :raises RunError: with all that is wrong and, where it helps, what would be right.
    """
    index = _read_json(path / "model_index.json", "model_index.json", required=True)
    settings = _read_json(path / "likeness.json", "likeness.json", required=False)
    class_name = str(index.get("_class_name"))
    defaults = SUPPORTED.get(class_name)
    if defaults is None:
        raise RunError(
            f"The base model's pipeline class {class_name} is not supported. Supported: {', '.join(SUPPORTED)}.",
            user_error=True,
        )
    parts = {
        name: (str(value[0]), str(value[1]))
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and value[0] is not None
    }
    try:
        base = BaseModel(
            path=path,
            family=defaults.family,
            class_name=class_name,
            parts=parts,
            resolution=int(settings.get("resolution", _sample_resolution(path, defaults))),
            size_multiple=int(settings.get("sizeMultiple", defaults.size_multiple)),
            learning_rate_factor=float(settings.get("learningRateFactor", defaults.learning_rate_factor)),
            lora=read_lora(settings.get("lora", {}), defaults.lora),
            training=read_training(settings.get("training", {})),
            sampling=read_sampling(settings.get("sampling", {}), defaults.sampling),
            groups=read_groups(settings.get("groups")),
            settings=settings,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError(f"likeness.json has a member of the wrong type: {error}", user_error=True) from None
    named = settings.get("family", defaults.family)
    if named != defaults.family:
        raise RunError(
            f"likeness.json says family {named}, but {class_name} is of family {defaults.family}.",
            user_error=True,
        )
    _check_parts(base, defaults)
    return base


def _check_parts(base: BaseModel, defaults: _Defaults) -> None:
    """:raises RunError: with everything that is wrong, so that a folder is mended once."""
    optional = [name for name in OPTIONAL_PARTS if name in base.parts]
    problems: list[str] = []
    for name in (*defaults.parts, *optional):
        try:
            check_part(base.part(name), name)
        except RunError as error:
            problems.append(str(error))
    for name in (*defaults.tokenizers, *(OPTIONAL_PARTS[name] for name in optional)):
        folder = base.part(name)
        if not folder.is_dir():
            problems.append(f"The base model's part {name} is missing.")
        elif not any(all((folder / file).is_file() for file in files) for files in TOKENIZER_FILES):
            problems.append(f"The base model's part {name} has no tokenizer.json, nor vocab.json and merges.txt.")
    if not (base.path / "scheduler" / "scheduler_config.json").is_file():
        problems.append("The base model lacks scheduler/scheduler_config.json.")
    if problems:
        raise RunError(" ".join(problems), user_error=True)


def is_half(file: Path) -> bool:
    """Whether a file of weights is of the fp16 variant, by diffusers' names: `x.fp16.safetensors`, also in shards."""
    return ".fp16" in file.name


def weights_of(folder: Path) -> list[Path]:
    """The safetensors files that a part is loaded from: whole precision where it is there, else the fp16 variant.

    Weights before averaging (`non_ema`) are for going on with the training of the whole model, and are not loaded.
    """
    files = sorted(file for file in folder.glob("*.safetensors") if ".non_ema" not in file.name)
    return [file for file in files if not is_half(file)] or files


def check_part(folder: Path, name: str) -> list[Path]:
    """The safetensors files of a part.

    :raises RunError: no config.json, only pickles, no weights, a shard missing, or a file that is cut short.
    """
    if not (folder / "config.json").is_file():
        raise RunError(f"The base model's part {name} is missing: there is no {name}/config.json.", user_error=True)
    weights = weights_of(folder)
    if not weights:
        pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
        if pickles:
            raise RunError(
                f"{name}/{pickles[0]} is a pickle, which can run code when it is loaded: refused. "
                "Convert it to safetensors.",
                user_error=True,
            )
        raise RunError(f"The base model's part {name} has no *.safetensors.", user_error=True)
    _check_shards(folder, name, weights)
    for file in weights:
        _read_header(file, f"{name}/{file.name}")
    return weights


def _check_shards(folder: Path, name: str, weights: list[Path]) -> None:
    """Weights in several files have an index, which names them all."""
    if not any(re.search(r"-\d{5}-of-\d{5}\.", file.name) for file in weights):
        return
    indices = [file for file in folder.glob("*.safetensors.index*.json") if is_half(file) == is_half(weights[0])]
    if not indices:
        raise RunError(f"The base model's part {name} is in shards, but lacks their *.index.json.", user_error=True)
    wanted = _read_json(indices[0], f"{name}/{indices[0].name}", required=True).get("weight_map")
    if not isinstance(wanted, dict):
        raise RunError(f"{name}/{indices[0].name} of the base model has no weight_map.", user_error=True)
    missing = sorted({str(shard) for shard in wanted.values()} - {file.name for file in weights})
    if missing:
        raise RunError(f"The base model's part {name} lacks {', '.join(missing)}.", user_error=True)


def describe(base: BaseModel) -> dict[str, object]:
    """What `check` prints: the server registers a base model with it."""
    part_names = (*SUPPORTED[base.class_name].parts, *(name for name in OPTIONAL_PARTS if name in base.parts))
    weights = [file for folder in {base.part(name) for name in part_names} for file in weights_of(folder)]
    parameters = sum(parameters_of(file) for file in weights)
    return {
        "v": 1,
        "family": base.family,
        "className": base.class_name,
        "resolution": base.resolution,
        "sizeMultiple": base.size_multiple,
        "tasks": list(TASKS),
        "learningRateFactor": base.learning_rate_factor,
        "lora": {
            "rank": base.lora.rank,
            "alpha": base.lora.alpha,
            "targetModules": list(base.lora.target_modules),
        },
        "training": {
            "captionDropout": base.training.caption_dropout,
            "unconditionalPrior": base.training.unconditional_prior,
            "warmupSteps": base.training.warmup_steps,
            "minSnrGamma": base.training.min_snr_gamma,
            "learningRateSchedule": base.training.learning_rate_schedule,
        },
        "sampling": {
            "steps": base.sampling.steps,
            "guidanceScale": base.sampling.guidance_scale,
            "guidanceRescale": base.sampling.guidance_rescale,
            "guidanceStop": base.sampling.guidance_stop,
            "sampler": base.sampling.sampler,
            "crispEdges": base.sampling.crisp_edges,
        },
        "sizeBytes": sum(file.stat().st_size for file in weights),
        "parameters": parameters,
        "memoryBytes": parameters * LOADED_BYTES_A_PARAMETER,
    }


def parameters_of(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header."""
    header = _read_header(file, file.name)
    return sum(math.prod(entry.get("shape", ())) for key, entry in header.items() if key != "__metadata__")


def _read_json(path: Path, name: str, required: bool) -> dict[str, Any]:
    try:
        data: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        if not required:
            return {}
        raise RunError(
            f"{path.parent} is no base model: it has no {name} (a folder in diffusers layout is wanted).",
            user_error=True,
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{name} of the base model cannot be read: {type(error).__name__}.", user_error=True) from None
    if not isinstance(data, dict):
        raise RunError(f"{name} of the base model is not a JSON object.", user_error=True)
    return cast(dict[str, Any], data)


def _read_header(path: Path, name: str) -> dict[str, Any]:
    """A safetensors file is 8 bytes of header length, the header, and the data up to the largest offset."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 100_000_000:
                raise ValueError
            header = json.loads(file.read(length))
        tensors = [entry for key, entry in header.items() if key != "__metadata__"]
        if not all(isinstance(n, int) for entry in tensors for n in (*entry["shape"], *entry["data_offsets"])):
            raise ValueError
        end = max((entry["data_offsets"][1] for entry in tensors), default=0)
    except (OSError, ValueError, LookupError, struct.error, TypeError, AttributeError, RecursionError):
        raise RunError(f"{name} of the base model is not a safetensors file.", user_error=True) from None
    size, expected = path.stat().st_size, 8 + length + end
    if size != expected:
        raise RunError(
            f"{name} of the base model is damaged: it has {size} bytes, its header says {expected}.",
            user_error=True,
        )
    return header


def _sample_resolution(path: Path, defaults: _Defaults) -> int:
    """SD 2.x at 768 px differs from 1.5 only in the denoiser's sample_size (in latents, 1/8 of the pixels)."""
    try:
        size = json.loads((path / defaults.parts[0] / "config.json").read_bytes()).get("sample_size")
    except (OSError, ValueError, AttributeError):
        return defaults.resolution
    return size * 8 if isinstance(size, int) and size > 0 else defaults.resolution
