"""The loss of a batch, in parts that the device's memory holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness_worker import spec as contract
from likeness_worker.cache import Examples
from likeness_worker.data import step_generator
from likeness_worker.families import Family
from likeness_worker.lora import without_lora
from likeness_worker.rundir import EventLog

# More take more memory and, an image, no less time (measured: 8 in parts of 4 take a sixth more).
MOST_TOGETHER = {"cpu": 8}


class Together:
    """How many images of a batch go through the denoiser together: as many as the memory is found to hold."""

    def __init__(self, device_type: str, batch_size: int):
        self.images = min(batch_size, MOST_TOGETHER.get(device_type, batch_size))

    def halve(self, log: EventLog) -> bool:
        """Half as many from now on; False where it was one already."""
        if self.images == 1:
            return False
        before, self.images = self.images, (self.images + 1) // 2
        log.warn(
            f"The device's memory does not hold {before} images of a batch together: "
            f"each step takes them {self.images} at a time. The result is the same."
        )
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True


def batch_losses(
    family: Family,
    examples: Examples,
    images: NDArray[np.int32],
    spec: contract.TrainSpec,
    step: int,
    together: int,
) -> Iterator[Tensor]:
    """The loss of one batch, mean squared error of the prediction at a random timestep each, in float32 scalars of
    `together` images each, whose sum it is. What is drawn at random does not depend on how many they are.

    Where the caption is dropped, unconditionalPrior of the target is the base's own prediction. Guidance subtracts what
    the model draws without a caption; had a LoRA taught it the subject there too, the subject would be subtracted from
    itself (Phunyaphibarn et al. 2025, "Unconditional Priors Matter!").

    Where a picture has a mask, the error outside it counts unmaskedWeight times; the mean is still over all positions.
    """
    device, process = family.placement.device, family.process
    generator = step_generator(spec.seed, step)
    latents = examples.latents(images)
    index = process.draw_timesteps(generator, len(images))
    noise = torch.from_numpy(generator.standard_normal(latents.shape, dtype=np.float32))
    dropped = generator.random(len(images)) < spec.caption_dropout
    # For a denoiser with dropout layers; in float32 and without them nothing reads this generator.
    torch.manual_seed(int(generator.integers(2**63)))
    for first in range(0, len(images), together):
        part = slice(first, first + together)
        text_states = examples.text_states(images[part], dropped[part]).to(device, non_blocking=True)
        weight = process.loss_weight(index[part], spec.min_snr_gamma).to(device, non_blocking=True)
        noisy = process.add_noise(latents[part], noise[part], index[part]).to(device, non_blocking=True)
        target = process.target(latents[part], noise[part], index[part]).to(device, non_blocking=True)
        timesteps = process.timesteps[index[part]].to(device, non_blocking=True)
        if spec.unconditional_prior > 0 and spec.method == "lora" and dropped[part].any():
            rows = torch.from_numpy(np.flatnonzero(dropped[part])).to(device)
            with torch.no_grad(), without_lora(family.denoiser):
                base_prediction = family.predict(noisy[rows], timesteps[rows], text_states[rows])
            target[rows] = torch.lerp(target[rows], base_prediction, spec.unconditional_prior)
        prediction = family.predict(noisy, timesteps, text_states)
        error = (prediction - target).square()
        mask_weights = examples.loss_weights(images[part], spec.unmasked_weight)
        if mask_weights is not None:
            error = error * mask_weights.to(device)
        yield (weight * error.mean((1, 2, 3))).sum() / len(images)
