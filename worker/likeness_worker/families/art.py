"""The embedded family: a small UNet over an AutoencoderDC's latents, told what to draw by MiniLM's token states.

Its latents are (encoded - latentsMean) / latentsStd, both per channel, from likeness.json.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import Process, read_process
from likeness_worker.families import Placement, load_part, load_rounded_part, load_unet, to_bytes, unet_prediction
from likeness_worker.rundir import RunError
from likeness_worker.windows import positions_of, split_tokens


class Art:
    distilled_guidance = False

    def __init__(
        self,
        base: BaseModel,
        placement: Placement,
        process: Process,
        denoiser: nn.Module,
    ):
        self.base = base
        self.placement = placement
        self.process = process
        self.denoiser = denoiser
        vae = json.loads((base.part("vae") / "config.json").read_bytes())
        self.latent_channels = int(vae["latent_channels"])
        self.latent_scale = 2 ** (len(vae["encoder_block_out_channels"]) - 1)
        self._window = int(base.settings.get("textWindow", 32))
        self._mean = self._per_channel("latentsMean", 0.0)
        self._std = self._per_channel("latentsStd", 1.0)

    def _per_channel(self, name: str, default: float) -> Tensor:
        values = self.base.settings.get(name, [default] * self.latent_channels)
        if len(values) != self.latent_channels:
            raise RunError(
                f"likeness.json: {name} must have {self.latent_channels} numbers, one a latent channel.",
                user_error=True,
            )
        return torch.tensor(values, dtype=torch.float32, device=self.placement.device).view(1, -1, 1, 1)

    @torch.no_grad()
    def encode_images(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.placement.device, memory_format=torch.channels_last)
        with self.placement.autocast():
            latents = self._vae.encode(pixels).latent
        return (latents.float() - self._mean) / self._std

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        with self.placement.autocast():
            pixels = self._vae.decode(latents * self._std + self._mean).sample
        return to_bytes(pixels)

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        """MiniLM's last hidden states, padded to the window; the denoiser attends to the padding too, as it did in
        its training (MiniLM itself does not)."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False).ids
        begin, end, pad = (self._tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]", "[PAD]"))
        states: list[Tensor] = []
        # One window a call: a text's states must not depend on how many windows it has (design §3.17).
        for window in split_tokens(tokens, self._window - 2):
            ids = [begin, *window, end]
            padding = self._window - len(ids)
            states.append(
                self._text_encoder(
                    input_ids=torch.tensor([ids + [pad] * padding], device=self.placement.device),
                    attention_mask=torch.tensor([[1] * len(ids) + [0] * padding], device=self.placement.device),
                ).last_hidden_state
            )
        return torch.cat(states).to(self.placement.dtype)

    def text_positions(self, text: str) -> list[int]:
        return positions_of(self._tokenizer.encode(text, add_special_tokens=False).ids, self._window)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        return unet_prediction(self.denoiser, self.placement, x, timesteps, text_states)

    def free_encoders(self, keep_decoder: bool) -> None:
        for name in ("_text_encoder", *(() if keep_decoder else ("_vae",))):
            self.__dict__.pop(name, None)

    # The three below are loaded when they are first needed: a training whose pictures and captions were all encoded
    # before needs none of them.
    @cached_property
    def _vae(self) -> Any:
        from diffusers import AutoencoderDC

        vae = load_rounded_part(AutoencoderDC.from_pretrained, self.base.part("vae"), "vae", self.placement)
        return vae.to(self.placement.device, memory_format=torch.channels_last)

    @cached_property
    def _text_encoder(self) -> Any:
        from transformers import BertModel

        encoder = load_part(BertModel.from_pretrained, self.base.part("text_encoder"), "text_encoder", torch.float32)
        return encoder.to(self.placement.device)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer: Any = Tokenizer.from_file(str(self.base.part("tokenizer") / "tokenizer.json"))
        # The package's file cuts at 128 tokens and pads to them.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def load(base: BaseModel, placement: Placement, denoiser_path: Path | None, denoiser_placement: Placement) -> Art:
    """:raises RunError: the denoiser does not load. The other parts say so when they are first needed."""
    denoiser = load_unet(base, denoiser_placement, denoiser_path)
    device = placement.device
    return Art(base, placement, read_process(base.path), denoiser.to(device, memory_format=torch.channels_last))
