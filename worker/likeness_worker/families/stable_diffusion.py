"""Stable Diffusion 1.x and 2.x: a UNet over AutoencoderKL's latents, told what to draw by CLIP's token states.

Both predict epsilon, but for SD 2.x at 768 px, which predicts v: scheduler_config.json says which. SD 2.x takes
CLIP's last but one layer; its text_encoder/config.json has one layer less, so the code is the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import Process, process_from
from likeness_worker.families import Placement, choose_attention, load_part, round_frozen_weights, to_bytes
from likeness_worker.rundir import RunError
from likeness_worker.windows import split_tokens


class StableDiffusion:
    def __init__(
        self,
        base: BaseModel,
        placement: Placement,
        process: Process,
        denoiser: nn.Module,
        vae: Any,
        text_encoder: Any,
        tokenizer: Any,
    ):
        self.base = base
        self.placement = placement
        self.process = process
        self.denoiser = denoiser
        self.latent_channels = int(vae.config.latent_channels)
        self.latent_scale = 2 ** (len(vae.config.block_out_channels) - 1)
        self._scaling_factor = float(vae.config.scaling_factor)
        self._shift = float(vae.config.shift_factor or 0.0)
        self._vae: Any = vae
        self._text_encoder: Any = text_encoder
        self._tokenizer = tokenizer
        self._window = int(text_encoder.config.max_position_embeddings)

    @torch.no_grad()
    def encode_images(self, pixels: Tensor) -> Tensor:
        """The mean of the autoencoder's distribution: a cached latent must be one value, and its deviation is a
        thousandth of the latents' own."""
        pixels = pixels.to(self.placement.device, memory_format=torch.channels_last)
        with self.placement.autocast():
            latents = self._vae.encode(pixels).latent_dist.mode()
        return (latents.float() - self._shift) * self._scaling_factor

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        with self.placement.autocast():
            pixels = self._vae.decode(latents / self._scaling_factor + self._shift).sample
        return to_bytes(pixels)

    def enlarge(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return pixels

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        """CLIP's last hidden states after its final norm: windows of 75 tokens between begin and end, padded."""
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        begin, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        states: list[Tensor] = []
        # One window a call: a text's states must not depend on how many windows it has (design §3.17).
        for window in split_tokens(tokens, self._window - 2):
            ids = [begin, *window, end]
            ids += [self._tokenizer.pad_token_id] * (self._window - len(ids))
            ids_tensor = torch.tensor([ids], device=self.placement.device)
            states.append(self._text_encoder(input_ids=ids_tensor).last_hidden_state)
        return torch.cat(states).to(self.placement.dtype)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor) -> Tensor:
        with self.placement.autocast():
            x = x.to(memory_format=torch.channels_last)
            return self.denoiser(x, timesteps, encoder_hidden_states=text_states, return_dict=False)[0].float()

    def free_encoders(self) -> None:
        self._vae = None
        self._text_encoder = None


def load(base: BaseModel, placement: Placement, denoiser_path: Path | None) -> StableDiffusion:
    """:raises RunError: a part does not load, by its name."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    config = json.loads((base.path / "scheduler" / "scheduler_config.json").read_bytes())
    denoiser = load_part(
        UNet2DConditionModel.from_pretrained, denoiser_path or base.part("unet"), "unet", torch.float32
    )
    vae = load_part(AutoencoderKL.from_pretrained, base.part("vae"), "vae", torch.float32)
    text_encoder = load_part(CLIPTextModel.from_pretrained, base.part("text_encoder"), "text_encoder", torch.float32)
    try:
        tokenizer = CLIPTokenizer.from_pretrained(base.path / "tokenizer", local_files_only=True)
    except Exception as error:
        raise RunError(
            f"The base model's part tokenizer does not load: {type(error).__name__}", user_error=True
        ) from error
    round_frozen_weights(vae, placement)
    device = placement.device
    family = StableDiffusion(
        base,
        placement,
        process_from(config),
        denoiser.to(device, memory_format=torch.channels_last),
        vae.to(device, memory_format=torch.channels_last),
        text_encoder.to(device),
        tokenizer,
    )
    choose_attention(denoiser, placement, (base.resolution // family.latent_scale) ** 2)
    return family
