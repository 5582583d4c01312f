"""INPAINTING and OUTPAINTING: part of a picture is drawn anew, the rest stays.

The denoiser works on the part of the picture around the hole. In each step its estimate of the image is overwritten
outside the hole with the picture's own latents ("blended latent diffusion", Avrahami et al. 2023, §4; Lugmayr et al.
2022, "RePaint", eq. 8, without its resampling), so what it draws in the hole goes on from what is around it. The
pixels outside the hole are never taken from the decoder: at the end the drawn part is laid into the picture at its
full size, with a soft edge that lies inside the hole.

- With a text the hole starts from noise alone. Without one it starts from what continues its surroundings smoothly,
  noised a third of the way: so whatever was there is gone, and nothing comes in its place.
- The drawn part has the decoder's colours: the difference along the hole's edge is continued smoothly into the hole
  and added there, fading with the distance (after Pérez et al. 2003, "Poisson Image Editing", §3).
- outPaintingMode DEFAULT lets the soft edge reach into the part to keep; PRECISE, as INPAINTING, changes not one of
  its pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from likeness_worker.data import Size, bucket_for
from likeness_worker.families import Family, to_unit_range
from likeness_worker.raster import Floats, Mask, fade_inside, fill_hole, grown

# How far up the schedule a hole without a text begins, as a share.
REMOVAL_STRENGTH = 0.35
# The part of the picture that is drawn anew is at least this many times as wide and high as the hole.
CONTEXT = 1.6
# Of 255. A decoder shifts colours by less; what differs by more is an outline that fell a pixel beside its place, and
# would be smeared into the hole.
MOST_DIFFERENCE = 40
# Share of a latent position's pixels that may lie in the hole before the position does.
HOLE_SHARE = 0.02


@dataclass(frozen=True)
class Box:
    """In pixels of the picture; right and bottom are not inside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def cut(self, values: NDArray) -> NDArray:
        return values[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True)
class Hole:
    """A picture with the part to draw anew.

    :param pixels: [H, W, 3], uint8.
    :param mask: [H, W], True where it is drawn anew.
    :param radius: pixels over which the drawn part fades into the picture.
    :param spill: how far the soft edge reaches outside the mask; 0 keeps every pixel there.
    """

    pixels: NDArray[np.uint8]
    mask: Mask
    radius: int
    spill: int = 0


@dataclass(frozen=True)
class HoleLatents:
    """What the denoiser starts from and keeps.

    :param frame: the part of the picture that is drawn.
    :param size: the size at which it is drawn.
    :param latents: [C, H/8, W/8] of the frame, its hole filled smoothly.
    :param hole: [1, H/8, W/8], float32, 1 where the denoiser draws.
    """

    frame: Box
    size: Size
    latents: Tensor
    hole: Tensor

    def steer(self, x0: Tensor, step: int) -> Tensor:
        return torch.where(self.hole > 0.5, x0, self.latents)


def edge_radius(width: int, height: int) -> int:
    """Pixels over which the drawn part fades into the picture."""
    return max(2, round(min(width, height) / 64))


def found_hole(pixels: NDArray[np.uint8], mask: Mask, radius: int, spill: int) -> Hole:
    """A hole whose mask follows a subject's outline. Its edge lies on the other side of that outline and is half as
    soft, else a rim of what is replaced would stay (a removed dog's, or the old ground's around a kept one)."""
    return Hole(pixels, grown(mask, radius), max(1, radius // 2), spill)


def frame_around(mask: Mask) -> Box:
    """The part of the picture to draw: the hole with its surroundings, of the picture's own aspect."""
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return Box(0, 0, width, height)
    share = max((rows[-1] + 1 - rows[0]) / height, (columns[-1] + 1 - columns[0]) / width) * CONTEXT
    share = max(share, 0.5)
    if share > 0.9:
        return Box(0, 0, width, height)
    frame_width, frame_height = round(width * share), round(height * share)
    left = _clamped((columns[0] + columns[-1] + 1 - frame_width) / 2, width - frame_width)
    top = _clamped((rows[0] + rows[-1] + 1 - frame_height) / 2, height - frame_height)
    return Box(left, top, left + frame_width, top + frame_height)


def _clamped(start: float, most: int) -> int:
    return int(min(max(round(start), 0), most))


def encode_hole(hole: Hole, family: Family) -> HoleLatents:
    """Encodes the frame with its hole filled, so that nothing of what is in the hole reaches the latents around."""
    frame = frame_around(hole.mask)
    size = bucket_for(frame.width / frame.height, family.base.resolution, family.base.size_multiple)
    mask = frame.cut(hole.mask)
    cut = np.ascontiguousarray(frame.cut(hole.pixels))
    small = np.asarray(
        Image.fromarray(cut).resize((size.width, size.height), Image.Resampling.LANCZOS), dtype=np.float32
    )
    share = resized_share(mask, size.width, size.height)
    # A pixel that even touches the hole has some of it in it, after Lanczos.
    filled = fill_hole(small, ~grown(share > 0, 1))
    latents = family.encode_images(to_unit_range(filled.round().clip(0, 255).astype(np.uint8)))[0]
    scale = family.latent_scale
    cells = resized_share(mask, size.width // scale, size.height // scale)
    inside = torch.from_numpy((cells > HOLE_SHARE).astype(np.float32))[None].to(family.placement.device)
    return HoleLatents(frame, size, latents, inside)


def resized_share(mask: Mask, width: int, height: int) -> Floats:
    """Share of each smaller pixel that the mask covers."""
    return np.asarray(Image.fromarray(mask.astype(np.float32)).resize((width, height), Image.Resampling.BOX))


def lay_in(hole: Hole, frame: Box, drawn: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Floats]:
    """Lays what was drawn into the picture.

    :param drawn: [frame.height, frame.width, 3].
    :returns: the picture [H, W, 3], and the weights [H, W] of what is new in it: 0 where a pixel is the input's own.
    """
    height, width = hole.mask.shape
    radius = hole.radius
    new = drawn.astype(np.float32)
    old = frame.cut(hole.pixels).astype(np.float32)
    mask = frame.cut(grown(hole.mask, hole.spill) if hole.spill else hole.mask)
    # Of what is kept too, where the soft edge reaches into it: else nothing would change there.
    difference = old - new
    alike = ~mask & (np.abs(difference).max(-1) < MOST_DIFFERENCE)
    difference = fill_hole(difference, alike) if alike.any() else np.zeros_like(difference)
    depth = fade_inside(mask, max(radius, math.isqrt(int(mask.sum())) // 6))
    new = new + difference * (1 - depth)[..., None]
    edge = fade_inside(mask, radius)
    weights = np.zeros((height, width), dtype=np.float32)
    frame.cut(weights)[...] = edge
    result = hole.pixels.copy()
    blended = old + (new - old) * edge[..., None]
    frame.cut(result)[...] = np.where(
        (edge > 0)[..., None], blended.round().clip(0, 255).astype(np.uint8), frame.cut(hole.pixels)
    )
    return result, weights
