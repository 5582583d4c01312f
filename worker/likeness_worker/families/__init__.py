"""One file per model family: how to load it, encode text and images, predict, and what a LoRA touches.

A family is a small object with the members below; training and serving know nothing else about a model. To add
one: a file here with a `load` function, a line in FILES, and its pipeline class in base_model.SUPPORTED.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from likeness_worker.base_model import BaseModel, is_half, weights_of
from likeness_worker.diffusion import Process
from likeness_worker.group_norm import speed_up_group_norms
from likeness_worker.rundir import RunError

FILES = {
    "art": "art",
    "stable-diffusion": "stable_diffusion",
    "stable-diffusion-xl": "stable_diffusion_xl",
    "stable-diffusion-3": "stable_diffusion_3",
    "flux": "flux",
}


@dataclass(frozen=True)
class Placement:
    """Where and how exactly a model runs.

    :param dtype: of the matrix products and of frozen weights; what is trained stays float32.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> str:
        return {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}[self.dtype]

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)


class Family(Protocol):
    base: BaseModel
    placement: Placement
    process: Process
    denoiser: nn.Module
    latent_channels: int
    latent_scale: int  # pixels a side of one latent position
    distilled_guidance: bool  # one pass draws: the scale is an input of the denoiser, or there is none

    def encode_images(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W], float32, -1 to 1 -> latents [B, C, H/8, W/8], float32, about unit variance."""
        ...

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Latents [B, C, H/8, W/8] -> [B, H, W, 3], uint8, on the CPU."""
        ...

    def encode_text(self, text: str) -> Tensor:
        """A text of any length -> its windows' states [windows, L, D], in the placement's dtype."""
        ...

    def text_positions(self, text: str) -> list[int] | None:
        """Where the text's own tokens stand along S of encode_text's windows, one after the other; None: its denoiser
        has no cross-attention to read a mask from."""
        ...

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        """The denoiser: x [B, C, H/8, W/8], timesteps [B], text_states [B, S, D] -> x's shape, float32.

        :param guidance: [B], only for distilled_guidance; None in training.
        """
        ...

    def free_encoders(self, keep_decoder: bool) -> None:
        """Lets go of what only caching needs; an evaluation still decodes."""
        ...


def choose_placement(device: str = "auto", precision: str = "auto") -> Placement:
    """CUDA where there is one; bfloat16 where the hardware multiplies it, and on a CPU faster than float32.

    :raises RunError: the device asked for is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise RunError("This machine has no CUDA device that PyTorch can use.")
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported(including_emulation=False) if device == "cuda" else _is_bfloat16_faster()
        precision = "bfloat16" if fast else "float32"
    return Placement(torch.device(device), getattr(torch, precision))


def load(
    base: BaseModel, placement: Placement, denoiser_path: Path | None = None, *, is_denoiser_trained: bool = False
) -> Family:
    """Loads a base model, each weight in the precision that it keeps.

    :param denoiser_path: a fully fine-tuned denoiser's folder, in the place of the base's own.
    :param is_denoiser_trained: its own weights change, and stay float32.
    :raises RunError: a part does not load, by its name.
    """
    module = importlib.import_module(f"likeness_worker.families.{FILES[base.family]}")
    whole = Placement(placement.device, torch.float32)
    return module.load(base, placement, denoiser_path, whole if is_denoiser_trained else placement)


def load_part(load_function: Callable[..., Any], folder: Path, name: str, dtype: torch.dtype) -> Any:
    """Loads one part by its class's from_pretrained: safetensors only, nothing from a network.

    :raises RunError: it does not load, by the part's name.
    """
    variant = "fp16" if any(map(is_half, weights_of(folder))) else None
    try:
        module = load_function(folder, use_safetensors=True, local_files_only=True, torch_dtype=dtype, variant=variant)
    except Exception as error:
        raise RunError(
            f"The base model's part {name} does not load: {type(error).__name__}: {error}", user_error=True
        ) from error
    return module.eval().requires_grad_(False)


def load_rounded_part(load_function: Callable[..., Any], folder: Path, name: str, placement: Placement) -> Any:
    """Loads a part whose weights are not trained, rounded to the placement's dtype as they are read: what multiplies
    (linear layers and convolutions), which autocast would round again at each call. All else, norms above all, stays
    float32 to the bit, as under autocast. Never more memory than that at once: FLUX.1's 16.9 billion weights would take
    63 GiB as float32 first.

    :raises RunError: it does not load, by the part's name.
    """
    module = load_part(load_function, folder, name, placement.dtype)
    if placement.dtype == torch.float32:
        return module
    kept = {
        f"{prefix}.{own}".removeprefix("."): tensor
        for prefix, layer in module.named_modules()
        if not isinstance(layer, nn.Linear | nn.Conv2d)
        for own, tensor in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False))
        if tensor.is_floating_point()
    }
    for tensor in kept.values():
        tensor.data = tensor.data.float()
    for file in weights_of(folder):
        with safe_open(file, framework="pt") as stored:
            for key in kept.keys() & set(stored.keys()):
                kept[key].data.copy_(stored.get_tensor(key))
    return module


def to_unit_range(pixels: NDArray[np.uint8]) -> Tensor:
    """[H, W, 3], uint8 -> [1, 3, H, W], float32, -1 to 1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float().div(127.5).sub(1)


def to_bytes(x: Tensor) -> Tensor:
    """[B, 3, H, W], -1 to 1 -> [B, H, W, 3], uint8, on the CPU."""
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu()


# Most positions (of latents) for which a CPU multiplies attention out: their square must stay small in memory.
EXPLICIT_ATTENTION_POSITIONS = 1024


def load_unet(base: BaseModel, placement: Placement, denoiser_path: Path | None) -> Any:
    """The UNet of a base, or a fully fine-tuned one in its place.

    PyTorch's fused attention is slow on a CPU for few positions, backwards above all: multiplying it out made a
    training step of the embedded model 1.5 times as fast (503 to 350 ms on one core, batch 8).

    :raises RunError: it does not load.
    """
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    unet: Any = load_rounded_part(
        UNet2DConditionModel.from_pretrained, denoiser_path or base.part("unet"), "unet", placement
    )
    positions = (base.resolution // 8) ** 2
    if placement.device.type == "cpu" and positions <= EXPLICIT_ATTENTION_POSITIONS:
        unet.set_attn_processor(AttnProcessor())
    if placement.device.type == "cpu":
        speed_up_group_norms(unet)
    return unet


def unet_prediction(
    unet: nn.Module,
    placement: Placement,
    x: Tensor,
    timesteps: Tensor,
    text_states: Tensor,
    added: dict[str, Tensor] | None = None,
) -> Tensor:
    """One pass of a UNet as Family.predict describes it; `added` is SDXL's further conditioning."""
    with placement.autocast():
        x = x.to(memory_format=torch.channels_last)
        return unet(x, timesteps, encoder_hidden_states=text_states, added_cond_kwargs=added, return_dict=False)[
            0
        ].float()


@functools.cache
def _is_bfloat16_faster() -> bool:
    """Measured, in some 50 ms: a processor's flags do not say it. Where a hypervisor hides a Xeon's AMX, products of
    bfloat16 are there and take twice float32's time. Far from the bound on either kind, so that no noise decides."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        x, weight = torch.ones((256, 640), dtype=dtype), torch.ones((640, 640), dtype=dtype)
        times = []
        for _ in range(8):
            began = time.process_time()
            functional.linear(x, weight)
            times.append(time.process_time() - began)
        seconds[dtype] = min(times)
    return seconds[torch.bfloat16] * 1.2 < seconds[torch.float32]
