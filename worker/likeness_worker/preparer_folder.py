"""Folders that prepare pictures for a training and draw nothing: what one says of itself, read without torch.

A captioning folder is BLIP (Li et al. 2022, "BLIP: Bootstrapping Language-Image Pre-training…"), a segmentation folder
CLIPSeg (Lüddecke and Ecker 2022, "Image Segmentation Using Text and Image Prompts"), both as transformers saves them:
config.json, safetensors and a tokenizer side by side, no model_index.json.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from likeness_worker.base_model import LOADED_BYTES_A_PARAMETER, check_part, parameters_of, weights_of
from likeness_worker.rundir import RunError


@dataclass(frozen=True)
class _Kind:
    task: Literal["CAPTION", "MASK"]
    # Any one of these sets of files is a tokenizer.
    tokenizers: tuple[tuple[str, ...], ...]


KINDS = {
    "blip": _Kind("CAPTION", (("tokenizer.json",), ("vocab.txt",))),
    "clipseg": _Kind("MASK", (("tokenizer.json",), ("vocab.json", "merges.txt"))),
}


@dataclass(frozen=True)
class PreparerFolder:
    """:param family: model_type of its config.json. :param side: pixels of the square that it looks at."""

    path: Path
    family: str
    task: Literal["CAPTION", "MASK"]
    side: int


def is_preparer(path: Path) -> bool:
    """Whether the folder says that it is of a kind above; a base model's folder has a model_index.json."""
    # Whatever JSON it is, also a list, which has no hash.
    return not (path / "model_index.json").exists() and _config(path).get("model_type") in tuple(KINDS)


def read_preparer(path: Path) -> PreparerFolder:
    """Checks the folder's files. :raises RunError: with all that is wrong."""
    config = _config(path)
    family = str(config.get("model_type"))
    kind = KINDS[family]
    problems: list[str] = []
    try:
        check_part(path, path.name)
    except RunError as error:
        problems.append(str(error))
    if not any(all((path / name).is_file() for name in names) for names in kind.tokenizers):
        names = ", nor ".join(" and ".join(files) for files in kind.tokenizers)
        problems.append(f"The {family} folder {path.name} has no tokenizer: no {names}.")
    vision = config.get("vision_config")
    side = vision.get("image_size", 224) if isinstance(vision, dict) else None
    if not isinstance(side, int) or side < 1:
        problems.append(f"The {family} folder {path.name} has a config.json whose vision_config names no image_size.")
    if problems:
        raise RunError(" ".join(problems), user_error=True)
    return PreparerFolder(path, family, kind.task, cast(int, side))


def describe_preparer(folder: PreparerFolder) -> dict[str, object]:
    """What `check` prints of one, in the words of a base model."""
    weights = weights_of(folder.path)
    parameters = sum(parameters_of(file) for file in weights)
    return {
        "v": 1,
        "family": folder.family,
        "resolution": folder.side,
        "tasks": [folder.task],
        "sizeBytes": sum(file.stat().st_size for file in weights),
        "parameters": parameters,
        "memoryBytes": parameters * LOADED_BYTES_A_PARAMETER,
    }


def _config(path: Path) -> dict[str, Any]:
    try:
        data: object = json.loads((path / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}
