"""Where in a picture the denoiser looks when it reads a text: the mask of a maskPrompt.

The picture is noised to a few middle timesteps; while the denoiser predicts, the weights of its cross-attention layers
from each place to the text's own tokens are recorded, averaged over heads, layers and timesteps (Hertz et al. 2022,
"Prompt-to-Prompt", §3; Tang et al. 2022, "What the DAAM", §3). They are as coarse as the layers; segmentation.py
sharpens them along the picture's colours and edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from likeness_worker.families import Family
from likeness_worker.raster import Floats

# Shares of the schedule to which the picture is noised, each with noise of its own.
LEVELS = (0.3, 0.45, 0.6, 0.7)


class _Recorder:
    """Stands in for an attention layer's processor and keeps the weights; the layer's answer is the same."""

    def __init__(self) -> None:
        self.maps: list[Tensor] = []  # [places, S] each

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *_: object,
        **__: object,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        query, key, value = (attn.head_to_batch_dim(part) for part in (query, key, value))
        weights = attn.get_attention_scores(query, key, attention_mask)
        self.maps.append(weights.float().mean(0))
        hidden_states = attn.batch_to_head_dim(torch.bmm(weights, value))
        return attn.to_out[1](attn.to_out[0](hidden_states))


def text_map(latents: Tensor, text: str, family: Family) -> Floats:
    """How much each place of a picture is what the text says.

    :param latents: [C, h, w], of the picture.
    :returns: [h, w], 0 to 1.
    """
    denoiser: Any = family.denoiser
    states = family.encode_text(text).flatten(0, 1)[None]
    tokens = family.text_positions(text)
    assert tokens is not None
    height, width = latents.shape[1:]
    # Copied at each use: set_attn_processor empties the dict that it is given.
    before = denoiser.attn_processors
    recorder = _Recorder()
    denoiser.set_attn_processor({name: recorder if ".attn2." in name else own for name, own in before.items()})
    try:
        for number, level in enumerate(LEVELS):
            index = round(level * len(family.process.alpha)) - 1
            noise = np.random.default_rng([0x3A5C, number]).standard_normal(tuple(latents.shape), dtype=np.float32)
            alpha, sigma = float(family.process.alpha[index]), float(family.process.sigma[index])
            x = (alpha * latents + sigma * torch.from_numpy(noise).to(latents.device))[None]
            family.predict(x, family.process.timesteps[index].expand(1).to(latents.device), states)
    finally:
        denoiser.set_attn_processor(dict(before))
    attended = np.zeros((height, width), np.float32)
    for weights in recorder.maps:
        attended += _spread(weights[:, tokens].sum(1), height, width)
    low, high = np.percentile(attended, [5, 98])
    return ((attended - low) / max(float(high - low), 1e-9)).clip(0, 1).astype(np.float32)


def _spread(weights: Tensor, height: int, width: int) -> Floats:
    """A layer's places, as the rectangle that they are, at the latents' size and with a mean of 1."""
    across = next(
        (n for n in range(1, len(weights) + 1) if len(weights) % n == 0 and n * height >= width * (len(weights) // n)),
        len(weights),
    )
    grid = weights.reshape(len(weights) // across, across).cpu().numpy().astype(np.float32)
    scaled = Image.fromarray(grid / max(float(grid.mean()), 1e-9)).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(scaled, dtype=np.float32)
