"""TEXT_IMAGE with a conditionImage: the drawing takes its structure from a picture. No control network is trained for
it; it is the picture's own latents that guide.

- CANNY_EDGE: in the first part of the steps (the larger, the greater controlStrength) the estimate of the image is
  overwritten with the picture's latents where the picture has edges, so that outlines stand before what is between
  them is drawn; afterwards the text is free to change them.
- SEGMENTATION: the picture flattened to its few main colours is noised to 1 - 0.6 controlStrength of the schedule
  (Meng et al. 2022, "SDEdit"), so that its areas stay where they are.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from likeness_worker.raster import Floats, Mask, soft_mean
from likeness_worker.segmentation import colour_clusters

FLAT_COLOURS = 8
# Shares of the schedule, of the steps, and of a latent position's pixels.
MOST_KEPT = 0.6
EDGE_STEPS = 0.7
EDGE_SHARE = 0.06


def edges(pixels: NDArray[np.uint8]) -> Mask:
    """A picture's edges, [H, W]: gradient of the smoothed picture, thinned along itself, with a high threshold and a
    low one for what touches the high (Canny 1986)."""
    smooth = soft_mean(pixels.astype(np.float32) / 255, 2)
    down, across = np.gradient(smooth, axis=(0, 1))
    strength = np.sqrt((down**2 + across**2).max(-1))
    strongest = (down**2 + across**2).argmax(-1)[..., None]
    flat = np.abs(np.take_along_axis(across, strongest, -1)[..., 0]) > np.abs(
        np.take_along_axis(down, strongest, -1)[..., 0]
    )
    padded = np.pad(strength, 1)
    beside = np.where(
        flat,
        np.maximum(padded[1:-1, :-2], padded[1:-1, 2:]),
        np.maximum(padded[:-2, 1:-1], padded[2:, 1:-1]),
    )
    ridge = strength >= beside
    high = ridge & (strength > 0.06)
    low = ridge & (strength > 0.025)
    while True:
        near = np.pad(high, 1)
        reach = low & np.stack(
            [near[1 + i : near.shape[0] - 1 + i, 1 + j : near.shape[1] - 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        ).any(0)
        if np.array_equal(reach | high, high):
            return high
        high = reach | high


def flattened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture in its few main colours, [H, W, 3]."""
    labels, means = colour_clusters(pixels.astype(np.float32) / 255, FLAT_COLOURS)
    return (means[labels] * 255).round().clip(0, 255).astype(np.uint8)


class EdgeSteer:
    """Holds one drawing's estimates to the picture's latents along its edges, for the first steps."""

    def __init__(self, latents: Tensor, edge: Mask, strength: float, steps: int):
        height, width = latents.shape[1:]
        small = Image.fromarray(edge.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
        held: Floats = np.asarray(small)
        self._held = torch.from_numpy(held > EDGE_SHARE)[None].to(latents.device)
        self._latents = latents
        self._steps = round(strength * EDGE_STEPS * steps)

    def __call__(self, x0: Tensor, step: int) -> Tensor:
        return torch.where(self._held, self._latents, x0) if step < self._steps else x0


def kept_strength(strength: float) -> float:
    """How far up the schedule the flattened picture is noised."""
    return 1 - MOST_KEPT * strength
