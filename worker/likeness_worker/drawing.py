"""Drawing with guidance, and pictures during a training: the sampler over prompts and seeds, with whatever weights the
denoiser has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from likeness_worker.diffusion import Predict, guide, sample, trailing_path
from likeness_worker.families import Family
from likeness_worker.windows import join_windows

BATCH = 4  # a CPU draws more together no faster


def predictor(family: Family, conditional: Tensor, unconditional: Tensor | None, scale: Tensor) -> Predict:
    """What a sampler asks of the denoiser: a prediction with classifier-free guidance, down to where the base stops it.

    :param conditional: [B, S, D], text states; `unconditional` the same, or None for no guidance.
    :param scale: [B], of the guidance; of a model whose guidance is distilled, what it is told.
    """
    device, process, sampling = family.placement.device, family.process, family.base.sampling
    both = None if unconditional is None else torch.cat([unconditional, conditional])
    guided_from = round((1 - sampling.guidance_stop) * len(process.alpha))
    scale = scale.to(device)

    def predict(x: Tensor, index: int) -> Tensor:
        timesteps = process.timesteps[index].expand(len(x)).to(device)
        if family.distilled_guidance:
            return family.predict(x, timesteps, conditional, scale)
        if both is None or index < guided_from:
            return family.predict(x, timesteps, conditional)
        halves = family.predict(torch.cat([x, x]), torch.cat([timesteps, timesteps]), both).chunk(2)
        return guide(halves[0], halves[1], scale.view(-1, 1, 1, 1), sampling.guidance_rescale)

    return predict


@torch.no_grad()
def draw_latents(
    family: Family,
    states: Sequence[Tensor],
    empty: Tensor,
    seeds: Sequence[int],
    resolution: int,
    steps: int,
    check: Callable[[], None] = lambda: None,
    start: tuple[Tensor, float] | None = None,
) -> Tensor:
    """Draws one picture a text at resolution², from the noise that serving starts the seed's first picture from.

    :param states: each [windows, L, D]; `empty` is [1, L, D].
    :param check: called between batches; what it raises ends the drawing.
    :param start: latents [N, C, H/8, W/8] of pictures to begin from, whose size is then the size, and how far they are
        noised, above 0 to 1.
    :returns: latents [N, C, H/8, W/8], float32, on the CPU.
    """
    device, base = family.placement.device, family.base
    side = resolution // family.latent_scale
    shape = (family.latent_channels, side, side) if start is None else tuple(start[0].shape[1:])
    path = trailing_path(family.process, steps, shape[1] * shape[2], 1.0 if start is None else start[1])
    was_training = family.denoiser.training
    family.denoiser.eval()
    drawn: list[Tensor] = []
    try:
        for first in range(0, len(states), BATCH):
            check()
            rows = join_windows([*states[first : first + BATCH], empty], empty).to(device)
            conditional, unconditional = rows[:-1], rows[-1:].expand(len(rows) - 1, -1, -1)
            noises = [
                np.random.default_rng([seed, 0]).standard_normal(shape, dtype=np.float32)
                for seed in seeds[first : first + BATCH]
            ]

            scale = torch.full((len(noises),), base.sampling.guidance_scale)
            predict = predictor(family, conditional, unconditional, scale)
            x = torch.from_numpy(np.stack(noises)).to(device)
            if start is not None:
                x = family.process.add_noise(start[0][first : first + BATCH].to(device), x, torch.tensor(path[:1]))
            drawn.append(sample(family.process, predict, x, path, base.sampling.sampler).float().cpu())
    finally:
        family.denoiser.train(was_training)
    return torch.cat(drawn)


@torch.no_grad()
def to_pixels(family: Family, latents: Tensor) -> list[np.ndarray]:
    """Latents -> pictures [H, W, 3], uint8. One a call: a large decoder's memory is one picture's."""
    return [family.decode_latents(row.unsqueeze(0).to(family.placement.device))[0].numpy() for row in latents]
