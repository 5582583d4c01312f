"""Training the autoencoder on the composer's scenes: whole, before any latents are cached; later the decoder alone.

With the encoder frozen, cached latents and the denoiser trained on them stay valid. The decoder also learns to draw
clean edges from latents that are slightly off, as a denoiser's are: noise of a random small deviation is added to them.
"""

import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC
from torch import Tensor

from models.art import autoencoder, cache
from models.art.precision import autocast

MAX_NOISE = 0.25  # in deviations of the latents: about what 25 sampling steps of the denoiser leave
CROP = 96  # pixels along a training crop's edge


def reconstruction_loss(x: Tensor, y: Tensor) -> Tensor:
    """L1 + L2 + half the L1 of the gradients: flat areas stay flat and edges sharp. Both [n, 3, h, w] in -1..1."""
    difference = y - x
    across = (difference[..., 1:] - difference[..., :-1]).abs().mean()
    down = (difference[:, :, 1:] - difference[:, :, :-1]).abs().mean()
    return difference.abs().mean() + difference.square().mean() + 0.5 * (across + down)


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """Peak signal-to-noise ratio of uint8 pictures, in decibels."""
    return float(10 * np.log10(255**2 / np.mean((x.astype(np.float32) - y) ** 2)))


def held_out_psnr(vae: AutoencoderDC, count: int = 64) -> float:
    """Encode and decode scenes of a shard that no cache uses."""
    pixels, _ = cache.scenes(9_999)
    pixels = pixels[:count]
    return psnr(pixels, autoencoder.decode(vae, autoencoder.encode(vae, pixels).float()))


def _crop(picture: np.ndarray, rng: random.Random) -> np.ndarray:
    h, w, _ = picture.shape
    top, left = rng.randint(0, h - CROP), rng.randint(0, w - CROP)
    return picture[top : top + CROP, left : left + CROP]


def train(
    vae: AutoencoderDC,
    numbers: range,
    std: Tensor,
    minutes: float,
    out: Path,
    decoder_only: bool,
    peak: float = 4e-4,
    batch: int = 8,
) -> None:
    """Train for some minutes on the pictures of the given shards, then write the autoencoder to `out`.

    `std` [16, 1, 1] is the latents' deviation, the unit of the noise added.
    """
    pixels = {n: cache.scenes(n)[0] for n in numbers}
    rng = random.Random(0)
    torch.manual_seed(0)
    vae.encoder.requires_grad_(not decoder_only)
    parameters = [p for p in vae.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    began, step = time.monotonic(), 0
    vae.train()
    while (progress := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * progress)))
        x = autoencoder.to_tensor(
            np.stack([_crop(rng.choice(pixels[rng.choice(list(pixels))]), rng) for _ in range(batch)])
        )
        with autocast():
            with torch.set_grad_enabled(not decoder_only):
                z = vae.encode(x).latent
            z = z + std * torch.rand(batch, 1, 1, 1) * MAX_NOISE * torch.randn_like(z)
            y = vae.decode(z.contiguous(memory_format=torch.channels_last)).sample
        loss = reconstruction_loss(x, y.float())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(
                f"autoencoder step {step} loss {loss.item():.4f} {step * batch / (time.monotonic() - began):.1f} crops/s",
                flush=True,
            )
    vae.eval()
    part = out.with_name(f"{out.name}-{os.getpid()}")
    vae.save_pretrained(part)
    if out.exists():
        out.rename(part.with_name(f"{part.name}-old"))
    part.rename(out)
