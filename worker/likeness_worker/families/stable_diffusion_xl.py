"""SDXL (Podell et al. 2023, "SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis").

Two CLIP encoders' last but one hidden states side by side, the second one's pooled projection, and the picture's size
as micro-conditioning (§2.2 there): trained and drawn here as if every picture had its own size and no crop.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import read_process
from likeness_worker.families import Placement, load_unet, unet_prediction
from likeness_worker.families.kl import Clip, KlFamily, pack, unpack


class StableDiffusionXl(KlFamily):
    def __init__(
        self, base: BaseModel, placement: Placement, denoiser_path: Path | None, denoiser_placement: Placement
    ):
        super().__init__(base, placement, read_process(base.path), load_unet(base, denoiser_placement, denoiser_path))
        self._clips: tuple[Clip, ...] = (
            Clip(base, placement, "text_encoder", with_projection=False),
            Clip(base, placement, "text_encoder_2", with_projection=True),
        )
        with torch.no_grad():
            states, pooled = self._encode("")
        self._length, self._width, self._pooled_width = states.shape[1], states.shape[2], pooled.shape[-1]

    def _encode(self, text: str) -> tuple[Tensor, Tensor]:
        """States [W, L, D1 + D2], and the first window's pooled projection [P]."""
        small, large = (list(clip.windows(text)) for clip in self._clips)
        states = [
            torch.cat([one.hidden_states[-2], two.hidden_states[-2]], dim=-1)
            for one, two in zip(small, large, strict=True)
        ]
        return torch.cat(states), large[0].text_embeds[0]

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        states, pooled = self._encode(text)
        return pack(states, pooled, max(self._width, self._pooled_width)).to(self.placement.dtype)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        states, pooled = unpack(text_states, self._length, self._width, self._pooled_width)
        height, width = (side * self.latent_scale for side in x.shape[-2:])
        # Original size, the crop's top left corner, target size.
        time_ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=states.dtype, device=x.device)
        added = {"text_embeds": pooled, "time_ids": time_ids.expand(len(x), -1)}
        return unet_prediction(self.denoiser, self.placement, x, timesteps, states, added)

    def free_encoders(self, keep_decoder: bool) -> None:
        super().free_encoders(keep_decoder)
        self._clips = ()


load = StableDiffusionXl
