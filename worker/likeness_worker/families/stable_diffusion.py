"""Stable Diffusion 1.x and 2.x: a UNet over AutoencoderKL's latents, told what to draw by CLIP's token states.

Both predict epsilon, but for SD 2.x at 768 px, which predicts v: scheduler_config.json says which. SD 2.x takes
CLIP's last but one layer; its text_encoder/config.json has one layer less, so the code is the same.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import read_process
from likeness_worker.families import Placement, load_unet, unet_prediction
from likeness_worker.families.kl import Clip, KlFamily


class StableDiffusion(KlFamily):
    def __init__(
        self, base: BaseModel, placement: Placement, denoiser_path: Path | None, denoiser_placement: Placement
    ):
        super().__init__(base, placement, read_process(base.path), load_unet(base, denoiser_placement, denoiser_path))
        self._clip: Clip | None = Clip(base, placement, "text_encoder", with_projection=False)

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        """CLIP's last hidden states after its final norm: windows of 75 tokens between begin and end, padded."""
        assert self._clip is not None
        states = [output.last_hidden_state for output in self._clip.windows(text)]
        return torch.cat(states).to(self.placement.dtype)

    def text_positions(self, text: str) -> list[int]:
        assert self._clip is not None
        return self._clip.positions(text)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        return unet_prediction(self.denoiser, self.placement, x, timesteps, text_states)

    def free_encoders(self, keep_decoder: bool) -> None:
        super().free_encoders(keep_decoder)
        self._clip = None


load = StableDiffusion
