"""Prior preservation (Ruiz et al. 2023, "DreamBooth", §3.2): class pictures that the base itself draws before the
training stay in the loss, so that "a dog" stays any dog while "Ron the dog" becomes one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from likeness_worker import spec as contract
from likeness_worker.attempt import Attempt, Stopped
from likeness_worker.drawing import draw_latents
from likeness_worker.families import Family
from likeness_worker.prompts import class_prompts
from likeness_worker.windows import join_windows

PICTURES = 32
PROMPTS = 8
STEPS = 10
BATCH_SHARE = 4  # a quarter of a batch beside it: the loss's weight says how much it counts


@dataclass(frozen=True)
class Prior:
    """:param latents: [N, C, H/8, W/8], float32. :param states: [N, S, D]."""

    latents: Tensor
    states: Tensor


def draw_prior(attempt: Attempt, family: Family, captions: list[str]) -> Prior:
    """Draws the class pictures with the untouched base; the same ones in every attempt of a job.

    :raises Stopped: someone asked for it meanwhile.
    """
    spec = attempt.spec

    def check() -> None:
        wish = attempt.stop_wish()
        if wish is not None:
            raise Stopped(wish)

    prompts = class_prompts(captions, PROMPTS)
    empty = family.encode_text("").cpu()
    encoded = [family.encode_text(prompt).cpu() for prompt in prompts]
    states = [encoded[i % len(encoded)] for i in range(PICTURES)]
    seeds = [spec.seed + i for i in range(PICTURES)]
    steps = min(STEPS, family.base.sampling.steps)
    latents = draw_latents(family, states, empty, seeds, spec.resolution, steps, check)
    return Prior(latents, join_windows(states, empty))


def prior_losses(family: Family, prior: Prior, spec: contract.TrainSpec, step: int, together: int) -> Iterator[Tensor]:
    """The weighted loss on a few class pictures, in float32 scalars of `together` of them each, whose sum it is; its
    randomness is a function of (seed, step)."""
    device, process = family.placement.device, family.process
    generator = np.random.default_rng([spec.seed, 2, step])
    count = max(1, spec.batch_size // BATCH_SHARE)
    rows = torch.from_numpy(generator.integers(0, len(prior.latents), count))
    index = process.draw_timesteps(generator, count)
    noise = torch.from_numpy(generator.standard_normal(prior.latents[rows].shape, dtype=np.float32))
    for first in range(0, count, together):
        part = slice(first, first + together)
        latents = prior.latents[rows[part]]
        weight = process.loss_weight(index[part], spec.min_snr_gamma).to(device)
        noisy = process.add_noise(latents, noise[part], index[part]).to(device)
        target = process.target(latents, noise[part], index[part]).to(device)
        states = prior.states[rows[part]].to(device)
        prediction = family.predict(noisy, process.timesteps[index[part]].to(device), states)
        yield spec.prior_preservation * (weight * (prediction - target).square().mean((1, 2, 3))).sum() / count
