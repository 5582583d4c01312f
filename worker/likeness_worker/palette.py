"""COLOR_GUIDED_GENERATION: a drawing in the colours that the request names.

It starts from a soft layout of those colours (or from the reference image), noised almost wholly; at a few steps on
the way the estimate of the image is decoded, recoloured, and encoded again; and so is the drawing itself at the end,
for a denoiser that knows cats as orange turns them orange again in its last steps. No model is trained for it: it is
guidance by the decoded image (in the spirit of Bansal et al. 2023, "Universal Guidance for Diffusion Models"), with a
projection in the place of a gradient.

Recoloured is a picture patch by patch: its clusters of colours are dealt to the named ones, each to a near one but so
that none of these goes without (entropic optimal transport with bounded marginals, solved as by Sinkhorn and Knopp).
Within what has one colour then, lightness differs as before, which keeps outlines, eyes and shadows.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness_worker.data import Size
from likeness_worker.families import Family, to_unit_range
from likeness_worker.raster import Floats, soft_mean
from likeness_worker.segmentation import colour_clusters, opponent

# How far up the schedule the layout, or the reference image, is noised.
LAYOUT_STRENGTH, REFERENCE_STRENGTH = 0.96, 0.75
# After which shares of the steps the estimate is recoloured, and how far each pixel goes; and how far at the end.
PULLS, LAST_PULL = {0.2: 0.8, 0.4: 0.8, 0.6: 0.75, 0.8: 0.6}, 0.85
# A picture's clusters of colours, looked for among this many pixels a side.
CLUSTERS, LOOKED_AT = 8, 160
# How near two named colours must lie to a cluster to share it, as a squared distance.
SOFTNESS = 0.02
# Of an equal part of the picture, the share that each named colour gets at least.
LEAST_SHARE = 0.2
# Of a pixel's difference in lightness from the others of its colour, the share that stays: it carries the drawing.
LIGHTNESS_KEPT = 0.7
# How far a colour's own lightness may give way for its shades.
MOST_ROOM = 0.12


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


def recoloured(pixels: NDArray[np.uint8], palette: Floats, share: float) -> NDArray[np.uint8]:
    """Each patch of a picture moved towards one of the colours, its drawing kept. [H, W, 3].

    :param share: how far: 0 changes nothing, 1 leaves the colours' own hues alone.
    """
    own = pixels.astype(np.float32) / 255
    colours = opponent(own)
    step = max(1, max(pixels.shape[:2]) // LOOKED_AT)
    centres = opponent(colour_clusters(own[::step, ::step], CLUSTERS)[1])
    labels = np.stack([((colours - centre) ** 2).sum(-1) for centre in centres]).argmin(0)
    masses = np.bincount(labels.ravel(), minlength=len(centres)) / labels.size
    dealt = _dealt(((centres[:, None] - opponent(palette)) ** 2).sum(-1), masses)[labels]
    # Edges between patches stay as soft as a drawing's.
    weights = soft_mean(dealt.astype(np.float32), max(1, max(pixels.shape[:2]) // 128))
    lightness = colours[..., 0]
    means = (weights * lightness[..., None]).sum((0, 1)) / np.maximum(weights.sum((0, 1)), 1e-6)
    shades = LIGHTNESS_KEPT * (lightness - weights @ means)
    target = weights @ (palette + _room(palette, weights, shades)[:, None]) + shades[..., None]
    return ((own + share * (target - own)) * 255).round().clip(0, 255).astype(np.uint8)


def _room(palette: Floats, weights: Floats, shades: Floats) -> Floats:
    """How much lighter each colour has to be for the darkest of its shades to be told from it, and how much darker
    (negative) for the lightest: [n]. A face in navy would be gone."""
    own = opponent(palette)[:, 0]
    room = np.zeros(len(palette), dtype=np.float32)
    for i, lightness in enumerate(own):
        patch = shades[weights[..., i] > 0.5]
        if len(patch) > 0:
            low, high = lightness + np.quantile(patch, (0.01, 0.99))
            room[i] = np.clip(-low, 0, MOST_ROOM) - np.clip(high - 1, 0, MOST_ROOM)
    return room


def _dealt(distances: Floats, masses: Floats) -> Floats:
    """What share of each cluster goes to each colour, [k, n], rows of 1.

    :param distances: squared, [k, n]. :param masses: of the clusters, [k], together 1.
    """

    def shares(favour: Floats, softness: float = SOFTNESS) -> Floats:
        cost = distances - favour
        weights = np.exp(-(cost - cost.min(1, keepdims=True)) / softness)
        return weights / weights.sum(1, keepdims=True)

    count = distances.shape[1]
    favour = np.zeros(count)
    wanted = np.maximum(masses @ shares(favour), LEAST_SHARE / count)
    wanted /= wanted.sum()
    for _ in range(40):
        favour = favour + 0.5 * SOFTNESS * np.log(wanted / (masses @ shares(favour) + 1e-6))
    return shares(favour, SOFTNESS / 10)  # a mixture of two named colours would be a colour that nobody named


class PaletteSteer:
    """Recolours one drawing's estimates; `steps` is the length of its path."""

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
            return self._family.encode_images(to_unit_range(recoloured(pixels, self._palette, share)))[0]
