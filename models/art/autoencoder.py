"""The autoencoder's use: pictures to latents and back. Its encoder is frozen, so that cached latents stay valid."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderDC
from torch import Tensor

from models.art.precision import autocast

SCALE = 8  # pixels along one latent's edge
CHANNELS = 16


def new() -> AutoencoderDC:
    """3.6 M parameters: residual convolutions between space-to-depth shortcuts (Chen et al. 2024, "Deep Compression
    Autoencoder"); no attention, so pictures of any size work."""
    widths, layers = (32, 64, 128, 128), (1, 2, 2, 2)
    return AutoencoderDC(
        in_channels=3, latent_channels=CHANNELS, attention_head_dim=32,
        encoder_block_types=("ResBlock",) * 4, decoder_block_types=("ResBlock",) * 4,
        encoder_block_out_channels=widths, decoder_block_out_channels=widths,
        encoder_layers_per_block=(0, *layers[:3]), decoder_layers_per_block=layers,
        encoder_qkv_multiscales=((),) * 4, decoder_qkv_multiscales=((),) * 4,
        upsample_block_type="pixel_shuffle", downsample_block_type="pixel_unshuffle",
        decoder_norm_types="rms_norm", decoder_act_fns="silu", scaling_factor=1.0,
    ).to(memory_format=torch.channels_last)  # fmt: skip


def load(folder: Path) -> AutoencoderDC:
    return AutoencoderDC.from_pretrained(folder, torch_dtype=torch.float32).eval().to(memory_format=torch.channels_last)


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 [n, h, w, 3] to float32 [n, 3, h, w] in -1..1."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def encode(vae: AutoencoderDC, pixels: np.ndarray, batch: int = 50) -> Tensor:
    """uint8 [n, h, w, 3] to bfloat16 [n, 16, h/8, w/8], not normalised."""
    latents = []
    for start in range(0, len(pixels), batch):
        with autocast():
            latents.append(vae.encode(to_tensor(pixels[start : start + batch])).latent.bfloat16())
    return torch.cat(latents)


@torch.no_grad()
def decode(vae: AutoencoderDC, latents: Tensor) -> np.ndarray:
    """float32 [n, 16, h/8, w/8], not normalised, to uint8 [n, h, w, 3]."""
    with autocast():
        x = vae.decode(latents.contiguous(memory_format=torch.channels_last)).sample
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
