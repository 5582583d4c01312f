"""Training the upsampler: pairs of a composed scene at 512 px and the same at 128 px, as sharp and as soft as a drawing comes.

What the denoiser and the autoencoder draw is softer than the truth and slightly off in colour. So half of the small pictures have
been through the autoencoder with noise on their latents, and most are blurred a little; the large one is always the truth.
"""

import copy
import json
import math
import os
import random
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC
from likeness_worker.upsampler import FACTOR, Upsampler
from torch import Tensor
from torch.nn import functional as F

from models.art import autoencoder
from models.art.autoencoder_training import MAX_NOISE, psnr, reconstruction_loss
from models.art.scenes import Recipe, compose, random_recipe

CONFIG = {"width": 96, "depth": 5}
SMALL = 128
CROP = 32  # small pixels along a training crop's edge
MAX_BLUR = 1.2  # deviation in small pixels
HELD_OUT_SEED = "upsampler-held-out"


def pictures(recipes: list[Recipe]) -> tuple[np.ndarray, np.ndarray]:
    """Compose recipes large, uint8 [n, 512, 512, 3], and small, [n, 128, 128, 3]."""
    large = np.stack([np.asarray(compose(r, SMALL * FACTOR)) for r in recipes])
    n = len(large)
    boxes = large.reshape(n, SMALL, FACTOR, SMALL, FACTOR, 3).astype(np.float32).mean((2, 4))
    return large, boxes.round().astype(np.uint8)


def through_autoencoder(vae: AutoencoderDC, std: Tensor, small: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """What comes back from the autoencoder when a random part of MAX_NOISE lies on the latents; std is [8, 1, 1]."""
    latents = autoencoder.encode(vae, small).float()
    amount = MAX_NOISE * torch.rand(len(latents), 1, 1, 1, generator=generator)
    noise = torch.randn(latents.shape, generator=generator)
    return autoencoder.decode(vae, latents + std * amount * noise)


def blurred(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture of x [n, 3, h, w] with a Gaussian blur of a random deviation up to MAX_BLUR."""
    n, _, h, w = x.shape
    sigma = (MAX_BLUR * torch.rand(n, 1, generator=generator)).clamp(min=0.05)
    kernel = torch.exp(-(torch.arange(-3, 4).view(1, -1) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = F.pad(x.reshape(1, n * 3, h, w), (3, 3, 3, 3), mode="replicate")
    flat = F.conv2d(F.conv2d(flat, kernel.view(-1, 1, 1, 7), groups=n * 3), kernel.view(-1, 1, 7, 1), groups=n * 3)
    return flat.reshape(n, 3, h, w)


class Pairs:
    """Scenes of one seed, large and small, the small ones as they are and through the autoencoder."""

    def __init__(self, seed: str, count: int, vae: AutoencoderDC, std: Tensor) -> None:
        rng = random.Random(seed)
        self.large, small = pictures([random_recipe(rng) for _ in range(count)])
        generator = torch.Generator().manual_seed(0)
        self.small = [small, through_autoencoder(vae, std, small, generator)]

    def crops(self, count: int, rng: random.Random) -> tuple[Tensor, Tensor]:
        """Draw pairs of crops: small [n, 3, 32, 32] and large [n, 3, 128, 128], -1..1."""
        small, large = [], []
        for _ in range(count):
            i, top, left = (
                rng.randrange(len(self.large)),
                rng.randrange(SMALL - CROP + 1),
                rng.randrange(SMALL - CROP + 1),
            )
            small.append(rng.choice(self.small)[i, top : top + CROP, left : left + CROP])
            large.append(self.large[i, top * FACTOR : (top + CROP) * FACTOR, left * FACTOR : (left + CROP) * FACTOR])
        return autoencoder.to_tensor(np.stack(small)), autoencoder.to_tensor(np.stack(large))


@torch.no_grad()
def held_out_psnr(upsampler: Upsampler, vae: AutoencoderDC, std: Tensor, count: int = 32) -> dict[str, float]:
    """PSNR in dB at 512 px on scenes that no training saw, of the upsampler and of Lanczos' filter beside it."""
    pairs = Pairs(HELD_OUT_SEED, count, vae, std)
    results = {}
    for name, small in zip(("sharp", "decoded"), pairs.small, strict=True):
        y = torch.cat([upsampler(autoencoder.to_tensor(small[i : i + 1])) for i in range(count)])
        ours = ((y.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        results[name] = psnr(pairs.large, ours)
        results[f"{name}Lanczos"] = psnr(pairs.large, lanczos(small))
    return results


def lanczos(small: np.ndarray) -> np.ndarray:
    from PIL import Image

    size = (small.shape[2] * FACTOR, small.shape[1] * FACTOR)
    return np.stack([np.asarray(Image.fromarray(s).resize(size, Image.Resampling.LANCZOS)) for s in small])


def train(
    vae: AutoencoderDC, std: Tensor, minutes: float, out: Path, scenes: int = 1200, peak: float = 8e-4, batch: int = 16
) -> None:
    """Train for some minutes, then write the part's folder to `out`. std [8, 1, 1] is the latents' deviation."""
    torch.manual_seed(0)
    rng, generator = random.Random(0), torch.Generator().manual_seed(1)
    pairs = Pairs("upsampler", scenes, vae, std)
    upsampler = Upsampler(**CONFIG).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(upsampler.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    began, step = time.monotonic(), 0
    while (progress := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * progress)))
        x, truth = pairs.crops(batch, rng)
        x = blurred(x, generator).contiguous(memory_format=torch.channels_last)
        loss = reconstruction_loss(truth, upsampler(x))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(upsampler.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 200 == 0:
            speed = step * batch / (time.monotonic() - began)
            print(f"upsampler step {step} loss {loss.item():.4f} {speed:.1f} crops/s", flush=True)
        if step % 2000 == 0:
            write(upsampler, out)
    write(upsampler, out)
    print(json.dumps({name: round(value, 2) for name, value in held_out_psnr(upsampler, vae, std).items()}))


def write(upsampler: Upsampler, out: Path) -> None:
    """Write the part's folder, fp16, beside the old one and swap it in."""
    part = out.with_name(f"{out.name}-{os.getpid()}")
    copy.deepcopy(upsampler).half().save_pretrained(part)
    if out.exists():
        out.rename(part.with_name(f"{part.name}-old"))
    part.rename(out)
