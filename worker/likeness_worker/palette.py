"""COLOR_GUIDED_GENERATION: a drawing in the colours that the request names.

It starts from a soft layout of those colours (or from the reference image), noised almost wholly; and at a few steps
on the way the estimate of the image is decoded, each of its pixels pulled towards the named colour that is nearest,
and encoded again. No model is trained for it: it is guidance by the decoded image (in the spirit of Bansal et al.
2023, "Universal Guidance for Diffusion Models"), with a projection in the place of a gradient.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness_worker.data import Size
from likeness_worker.families import Family, to_unit_range
from likeness_worker.raster import Floats, soft_mean
from likeness_worker.segmentation import opponent

# How far up the schedule the layout, or the reference image, is noised.
LAYOUT_STRENGTH, REFERENCE_STRENGTH = 0.96, 0.75
# After which shares of the steps the estimate is pulled, and how far each pixel goes.
PULLS = {0.2: 0.8, 0.4: 0.8, 0.6: 0.75, 0.8: 0.6}
# Of a pixel's difference in lightness from its colour, the share that stays: it carries the drawing.
LIGHTNESS_KEPT = 0.55


def parse_colors(colors: tuple[str, ...]) -> Floats:
    """#RRGGBB -> [n, 3], 0 to 1."""
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], dtype=np.float32) / 255


def layout(palette: Floats, size: Size, seed: int) -> NDArray[np.uint8]:
    """Soft patches of the colours, as large as each other, [H, W, 3]."""
    generator = np.random.default_rng([seed, 0xC0105])
    fields = generator.standard_normal((len(palette), size.height, size.width), dtype=np.float32)
    smooth = np.stack([soft_mean(field, max(size.width, size.height) // 4) for field in fields])
    smooth /= smooth.std((1, 2), keepdims=True)
    patches = palette[np.argmax(smooth, axis=0)]
    return (soft_mean(patches, max(2, size.width // 16)) * 255).round().clip(0, 255).astype(np.uint8)


def pulled(pixels: NDArray[np.uint8], palette: Floats, share: float) -> NDArray[np.uint8]:
    """Each pixel moved towards the colours near to it, its own lightness kept in part. [H, W, 3]."""
    own = pixels.astype(np.float32) / 255
    distance = ((opponent(own)[..., None, :] - opponent(palette)) ** 2).sum(-1)
    weights = np.exp(-(distance - distance.min(-1, keepdims=True)) / 0.01)
    weights /= weights.sum(-1, keepdims=True)
    target = weights @ palette
    lightness = opponent(own)[..., :1] - opponent(target)[..., :1]
    target = target + LIGHTNESS_KEPT * lightness
    return ((own + share * (target - own)) * 255).round().clip(0, 255).astype(np.uint8)


class PaletteSteer:
    """Pulls one drawing's estimates; `steps` is the length of its path."""

    def __init__(self, palette: Floats, family: Family, steps: int):
        self._palette = palette
        self._family = family
        self._shares = {round(at * steps): share for at, share in PULLS.items()}

    def __call__(self, x0: Tensor, step: int) -> Tensor:
        share = self._shares.get(step)
        if share is None:
            return x0
        pixels = self._family.decode_latents(x0[None])[0].numpy()
        with torch.inference_mode():
            return self._family.encode_images(to_unit_range(pulled(pixels, self._palette, share)))[0]
