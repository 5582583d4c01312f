"""Tells photographs from flat drawings, so that a base model that only draws is not asked for the former unwarned.

In a drawing most neighbouring pixels are of one colour; in a photograph noise, light and texture keep them apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from likeness_worker.data import open_image
from likeness_worker.rundir import sha256_of, write_json

SIDE = 256  # pixels; averaging down to it takes away the traces of JPEG
# Each of 40 of the 60 sample drawings has at least 0.69, none of 40 photographs of a dog and a cat more than 0.40.
FLAT_SHARE = 0.55
LOOKED_AT = 32
KEPT = "flat.json"

WARNING = (
    "The training pictures look like photographs ({photographs} of {looked_at} looked at), and this base model draws "
    "flat illustrations: what it learns will be a drawing of them. For photographs register a Stable Diffusion, SDXL "
    "or FLUX.1 folder (likeness model add) and train on that."
)


def flat_share(path: Path) -> float:
    """The share of pixels whose right and lower neighbours differ by at most 1 of 255 in every channel, 0 to 1."""
    with open_image(path) as image:
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.int16)
    right = np.abs(np.diff(pixels, axis=1)).max(-1)[:-1]
    below = np.abs(np.diff(pixels, axis=0)).max(-1)[:, :-1]
    return float((np.maximum(right, below) <= 1).mean())


def photographs_warning(paths: Sequence[Path], folder: Path | None = None) -> str | None:
    """What to tell of pictures that a drawing model shall learn; None where most of them are drawings.

    Looks at 32 of them at most, evenly spaced.

    :param folder: where what was seen is kept, by content, for the next training on the same pictures.
    """
    looked_at = (
        [paths[index * len(paths) // LOOKED_AT] for index in range(LOOKED_AT)] if len(paths) > LOOKED_AT else paths
    )
    photographs = sum(share < FLAT_SHARE for share in _shares(looked_at, folder))
    if 2 * photographs <= len(looked_at):
        return None
    return WARNING.format(photographs=photographs, looked_at=len(looked_at))


def _shares(paths: Sequence[Path], folder: Path | None) -> list[float]:
    if folder is None:
        return [flat_share(path) for path in paths]
    try:
        kept: dict[str, float] = json.loads((folder / KEPT).read_bytes())
    except (OSError, ValueError):
        kept = {}
    digests = [sha256_of(path) for path in paths]
    seen = {
        digest: kept[digest] if digest in kept else flat_share(path)
        for digest, path in zip(digests, paths, strict=True)
    }
    if seen != kept:
        write_json(folder / KEPT, seen)
    return [seen[digest] for digest in digests]
