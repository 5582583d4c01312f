"""Stable Diffusion 3 and 3.5: a rectified-flow transformer (Esser et al. 2024, "Scaling Rectified Flow Transformers for
High-Resolution Image Synthesis") over two CLIP encoders and, where the folder has it, T5.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import read_process
from likeness_worker.families import Placement, load_rounded_part
from likeness_worker.families.kl import T5, Clip, KlFamily, pack, unpack

T5_LENGTH = 256


class StableDiffusion3(KlFamily):
    def __init__(
        self, base: BaseModel, placement: Placement, denoiser_path: Path | None, denoiser_placement: Placement
    ):
        from diffusers import SD3Transformer2DModel

        denoiser = load_rounded_part(
            SD3Transformer2DModel.from_pretrained,
            denoiser_path or base.part("transformer"),
            "transformer",
            denoiser_placement,
        )
        super().__init__(base, placement, read_process(base.path), denoiser)
        self._width = int(denoiser.config.joint_attention_dim)
        self._clips: tuple[Clip, ...] = tuple(
            Clip(base, placement, name, with_projection=True) for name in ("text_encoder", "text_encoder_2")
        )
        self._t5 = T5(base, placement, "text_encoder_3", T5_LENGTH) if "text_encoder_3" in base.parts else None
        with torch.no_grad():
            states, pooled = self._encode("")
        self._length, self._pooled_width = states.shape[1], pooled.shape[-1]

    def _encode(self, text: str) -> tuple[Tensor, Tensor]:
        """States [W, L, D] of each window of CLIP's tokens, T5's after them in the same window (it reads a text whole:
        zeros in the windows after the first, and where the folder has no T5), and the first window's pooled [P]."""
        one, two = (list(clip.windows(text)) for clip in self._clips)
        clip_states = torch.cat(
            [torch.cat([a.hidden_states[-2], b.hidden_states[-2]], dim=-1) for a, b in zip(one, two, strict=True)]
        )
        clip_states = F.pad(clip_states, (0, self._width - clip_states.shape[-1]))
        t5_states = clip_states.new_zeros(len(clip_states), T5_LENGTH, self._width)
        if self._t5 is not None:
            t5_states[0] = self._t5.states(text)[0]
        pooled = torch.cat([one[0].text_embeds[0], two[0].text_embeds[0]])
        return torch.cat([clip_states, t5_states], dim=1), pooled

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        states, pooled = self._encode(text)
        return pack(states, pooled, max(self._width, len(pooled))).to(self.placement.dtype)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        states, pooled = unpack(text_states, self._length, self._width, self._pooled_width)
        with self.placement.autocast():
            return self.denoiser(
                x, encoder_hidden_states=states, pooled_projections=pooled, timestep=timesteps, return_dict=False
            )[0].float()

    def free_encoders(self, keep_decoder: bool) -> None:
        super().free_encoders(keep_decoder)
        self._clips, self._t5 = (), None


load = StableDiffusion3
