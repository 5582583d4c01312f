"""The stable validation loss: the same images, noise and timesteps each time: two numbers differ by the model alone.

A training loss jumps with the timesteps that it happened to draw; this one shows the turn from learning to learning by
heart (Ho et al. 2020 train on the same error, unweighted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from likeness_worker import spec as contract
from likeness_worker.cache import Examples
from likeness_worker.data import Sample, read_manifest
from likeness_worker.families import Family
from likeness_worker.rundir import RunDirectory

HELD_OUT_FROM = 20  # records: of a smaller set every picture is needed
HELD_OUT_SHARE = 20  # one record in so many
MOST_IMAGES = 32
LOOKS = 32  # images times timesteps, about
MOST_TIMESTEPS = 16
SEED = 0x7A11

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Validation:
    """:param images: numbers among the cached examples. :param extra: records to cache after the training's own."""

    source: contract.ValidationSource
    images: list[int]
    extra: list[Sample]

    def parted(self, pictures: list[Sample]) -> tuple[list[Sample], list[Sample]]:
        """What is trained on, and what is not. :param pictures: the training's own records, then the extra ones."""
        kept_out = set() if self.source == "training" else set(self.images)
        parts: tuple[list[Sample], list[Sample]] = ([], [])
        for number, picture in enumerate(pictures):
            parts[number in kept_out].append(picture)
        return parts

    def training_buckets(self, buckets: list[list[int]], count: int) -> list[list[int]]:
        """The buckets without what is held out; count: of the training's own records."""
        kept_out = set(self.images) if self.source == "heldOut" else set[int]()
        kept = [[image for image in bucket if image < count and image not in kept_out] for bucket in buckets]
        return [bucket for bucket in kept if bucket]


def choose_validation(run: RunDirectory, spec: contract.TrainSpec, samples: list[Sample]) -> Validation:
    """Which records the loss is measured on: those given; else, of 20 and more, one in 20, evenly spread (never more
    than 32); else, of a set too small to spare one, the training's own."""
    if spec.evaluation is None:
        return Validation("training", [], [])
    if spec.evaluation.validation_manifest_path is not None:
        extra = _spread(read_manifest(run.resolve(spec.evaluation.validation_manifest_path)), MOST_IMAGES)
        return Validation("validation", [len(samples) + i for i in range(len(extra))], extra)
    if len(samples) < HELD_OUT_FROM:
        return Validation("training", list(range(len(samples))), [])
    return Validation(
        "heldOut", _spread(list(range(len(samples))), min(MOST_IMAGES, len(samples) // HELD_OUT_SHARE)), []
    )


@torch.no_grad()
def validation_loss(
    family: Family,
    examples: Examples,
    images: list[int],
    unmasked_weight: float,
    check: Callable[[], None] = lambda: None,
) -> float:
    """Mean squared error over the images, each at the same few timesteps, evenly spread, with the same noise; where an
    image has a mask, weighted as in training: else what nobody trains would hide what is trained."""
    process, device = family.process, family.placement.device
    timesteps = min(MOST_TIMESTEPS, max(4, LOOKS // len(images)))
    index = torch.tensor([int((k + 0.5) * len(process.alpha) / timesteps) for k in range(timesteps)])
    was_training = family.denoiser.training
    family.denoiser.eval()
    total = 0.0
    try:
        for place, image in enumerate(images):
            check()
            rows = np.full(timesteps, image, dtype=np.int32)
            latents = examples.latents(rows)
            noise = torch.from_numpy(
                np.random.default_rng([SEED, place]).standard_normal(latents.shape, dtype=np.float32)
            )
            states = examples.text_states(rows, np.zeros(timesteps, dtype=np.bool_)).to(device)
            noisy = process.add_noise(latents, noise, index).to(device)
            prediction = family.predict(noisy, process.timesteps[index].to(device), states)
            error = (prediction.cpu() - process.target(latents, noise, index)).square()
            weights = examples.loss_weights(rows, unmasked_weight)
            total += float((error if weights is None else error * weights).mean())
    finally:
        family.denoiser.train(was_training)
    return total / len(images)


def _spread(entries: list[Entry], count: int) -> list[Entry]:
    """At most `count` of the entries, evenly spread, the middle of each stretch."""
    if len(entries) <= count:
        return entries
    return [entries[(2 * i + 1) * len(entries) // (2 * count)] for i in range(count)]
