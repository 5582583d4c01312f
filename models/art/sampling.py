"""Drawing pictures with the base model, for previews and the judge's figures; the worker has its own sampler."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from torch import Tensor

from models.art import autoencoder
from models.art.denoiser import scheduler
from models.art.precision import autocast
from models.art.text_states import text_states


@torch.no_grad()
def draw(
    unet: UNet2DConditionModel, vae: AutoencoderDC, mean: Tensor, std: Tensor, prompts: list[str], seed: int = 0,
    steps: int = 25, guidance: float = 4.0, size: tuple[int, int] = (16, 16),
) -> np.ndarray:  # fmt: skip
    """Draw one picture per prompt, uint8 [n, h, w, 3]; picture i starts from noise of seed + i.

    DDIM with classifier-free guidance, whose gain in deviation is mostly taken back (Lin et al. 2023, section 3.4).
    """
    noise_schedule = DDIMScheduler.from_config(scheduler().config, set_alpha_to_one=False)
    noise_schedule.set_timesteps(steps)
    states = torch.cat([text_states([""]).expand(len(prompts), -1, -1), text_states(prompts)])
    latents = torch.stack(
        [torch.randn(8, *size, generator=torch.Generator().manual_seed(seed + i)) for i in range(len(prompts))]
    )
    for t in noise_schedule.timesteps:
        with autocast():
            v = unet(
                torch.cat([latents, latents]).contiguous(memory_format=torch.channels_last), t, states
            ).sample.float()
        plain, conditioned = v.chunk(2)
        guided = plain + guidance * (conditioned - plain)
        rescaled = guided * conditioned.std((1, 2, 3), keepdim=True) / guided.std((1, 2, 3), keepdim=True)
        latents = noise_schedule.step(0.7 * rescaled + 0.3 * guided, t, latents).prev_sample
    return autoencoder.decode(vae, latents * std + mean)


def sheet(pictures: np.ndarray, columns: int, path: Path) -> None:
    """Write pictures of one size as a grid with a thin gap."""
    _, h, w, _ = pictures.shape
    rows = -(-len(pictures) // columns)
    image = Image.new("RGB", (columns * (w + 2), rows * (h + 2)))
    for i, picture in enumerate(pictures):
        image.paste(Image.fromarray(picture), ((i % columns) * (w + 2), (i // columns) * (h + 2)))
    image.save(path)
