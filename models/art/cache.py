"""The training cache: shards of 1,000 composed scenes, as latents and text states, each made from its number alone."""

import os
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC
from torch import Tensor

from models.art import autoencoder
from models.art.captions import caption
from models.art.scenes import FRAMES, Recipe, compose, dressed_recipe, group_recipe, random_recipe, styled_recipe
from models.art.text_states import text_states

SHARD = 1000
HELD_OUT = 9_000  # shards from here on are for measuring, never for training


@dataclass(frozen=True)
class Shard:
    """latents bfloat16 [n, 16, h, w], not normalised; states bfloat16 [n, 32, 384]."""

    latents: Tensor
    states: Tensor


def frame_of(number: int) -> tuple[int, int]:
    """Two shards in thirteen (15 %) are not square, one lying and one standing."""
    return FRAMES[{5: 1, 9: 2}.get(number % 13, 0)]


# What one shard after the other is drawn from: plain scenes, dressed pets, styles, groups.
_KINDS = (
    random_recipe,
    dressed_recipe,
    random_recipe,
    styled_recipe,
    dressed_recipe,
    group_recipe,
    random_recipe,
    dressed_recipe,
)


def recipes(number: int, rng: random.Random) -> list[Recipe]:
    """Draw one shard's recipes, of one kind; what is held out is drawn as random_recipe draws."""
    draw = _KINDS[number % len(_KINDS)] if number < HELD_OUT else random_recipe
    return [draw(rng, frame_of(number)) for _ in range(SHARD)]


def scenes(number: int) -> tuple[np.ndarray, list[str]]:
    """Compose one shard: uint8 [n, h, w, 3] at 128 px, and its captions."""
    rng = random.Random(f"scenes-{number}")
    drawn = recipes(number, rng)
    return np.stack([np.asarray(compose(r)) for r in drawn]), [caption(r, rng) for r in drawn]


def path_of(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:04d}.pt"


def build(folder: Path, vae: AutoencoderDC, numbers: range) -> None:
    """Write the shards that are missing; a process beside this one composes the next while this one encodes."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in numbers if not path_of(folder, n).exists()]
    with ProcessPoolExecutor(max_workers=1) as pool:
        for number, (pixels, captions) in zip(missing, pool.map(scenes, missing), strict=True):
            part = folder / f"part-{os.getpid()}"
            torch.save({"latents": autoencoder.encode(vae, pixels), "states": text_states(captions)}, part)
            part.rename(path_of(folder, number))
            print(f"shard {number} written", flush=True)


def statistics(folder: Path) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each latent channel, [16, 1, 1] both.

    Taken once, from the first shards, and kept: the denoiser's weights are worth nothing under another scale.
    """
    file = folder / "statistics.pt"
    if not file.exists():
        latents = torch.cat([load(path_of(folder, n)).latents.float() for n in range(4)])
        torch.save((latents.mean((0, 2, 3)).view(-1, 1, 1), latents.std((0, 2, 3)).view(-1, 1, 1)), file)
    return torch.load(file)


def load(path: Path) -> Shard:
    return Shard(**torch.load(path, mmap=True))
