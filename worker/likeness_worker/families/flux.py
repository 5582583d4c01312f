"""FLUX.1 (dev and schnell): a rectified-flow transformer over latents packed 2 x 2, told what to draw by T5's states
and CLIP's pooled vector. Its guidance is distilled into the model (dev takes the scale as an input; schnell has none),
so one pass a step draws, and a negative prompt has nothing to act on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import read_process
from likeness_worker.families import Placement, load_rounded_part
from likeness_worker.families.kl import T5, Clip, KlFamily, pack, unpack

PATCH = 2
TRAINING_GUIDANCE = 1.0  # of dev: the undistilled direction, so that a LoRA learns the data and not the guidance


class Flux(KlFamily):
    distilled_guidance = True

    def __init__(
        self, base: BaseModel, placement: Placement, denoiser_path: Path | None, denoiser_placement: Placement
    ):
        from diffusers import FluxTransformer2DModel

        denoiser: Any = load_rounded_part(
            FluxTransformer2DModel.from_pretrained,
            denoiser_path or base.part("transformer"),
            "transformer",
            denoiser_placement,
        )
        super().__init__(base, placement, read_process(base.path), denoiser)
        self._takes_guidance = bool(denoiser.config.guidance_embeds)
        self._clip: Clip | None = Clip(base, placement, "text_encoder", with_projection=False)
        # schnell was trained with 256 tokens of T5, dev with 512.
        self._t5: T5 | None = T5(base, placement, "text_encoder_2", 512 if self._takes_guidance else 256)
        self._length, self._width = self._t5.length, self._t5.width
        self._pooled_width = int(denoiser.config.pooled_projection_dim)

    @torch.no_grad()
    def encode_text(self, text: str) -> Tensor:
        """One window: T5 reads up to its length, more than the 512 characters of a prompt; CLIP gives the pooled
        vector of its first window."""
        assert self._clip is not None
        assert self._t5 is not None
        pooled = next(self._clip.windows(text)).pooler_output[0]
        return pack(self._t5.states(text), pooled, max(self._width, self._pooled_width)).to(self.placement.dtype)

    def predict(self, x: Tensor, timesteps: Tensor, text_states: Tensor, guidance: Tensor | None = None) -> Tensor:
        states, pooled = unpack(text_states, self._length, self._width, self._pooled_width)
        batch, channels, height, width = x.shape
        rows, columns = height // PATCH, width // PATCH
        scale = None
        if self._takes_guidance:
            scale = x.new_full((batch,), TRAINING_GUIDANCE) if guidance is None else guidance.to(x)
        with self.placement.autocast():
            packed = self.denoiser(
                _pack_latents(x),
                encoder_hidden_states=states,
                pooled_projections=pooled,
                timestep=timesteps / 1000,
                guidance=scale,
                img_ids=_positions(rows, columns, x.device),
                txt_ids=torch.zeros(states.shape[1], 3, device=x.device),
                return_dict=False,
            )[0].float()
        patches = packed.view(batch, rows, columns, channels, PATCH, PATCH)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)

    def free_encoders(self, keep_decoder: bool) -> None:
        super().free_encoders(keep_decoder)
        self._clip, self._t5 = None, None


def _pack_latents(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, H/2 * W/2, 4 C]: each 2 x 2 of latents is one token."""
    batch, channels, height, width = x.shape
    patches = x.view(batch, channels, height // PATCH, PATCH, width // PATCH, PATCH)
    return patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, (height // PATCH) * (width // PATCH), channels * PATCH**2)


def _positions(rows: int, columns: int, device: torch.device) -> Tensor:
    """[rows * columns, 3]: 0, row and column of each token, for the rotary embedding."""
    ids = torch.zeros(rows, columns, 3, device=device)
    ids[..., 1] = torch.arange(rows, device=device)[:, None]
    ids[..., 2] = torch.arange(columns, device=device)[None, :]
    return ids.view(-1, 3)


load = Flux
