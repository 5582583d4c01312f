"""Arithmetic on pictures and masks that editing shares, on NumPy alone: means over boxes, soft edges, holes filled.

Pictures are float32 [H, W, C], masks bool [H, W] or weights float32 [H, W]. Every function is a fixed sequence of
sums, so the same input gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def box_mean(values: Floats, radius: int) -> Floats:
    """Mean over (2 radius + 1)² pixels, the edges continued outwards. [H, W] or [H, W, C]."""
    if radius <= 0:
        return values
    width = 2 * radius + 1
    result = values.astype(np.float32)
    for axis in (0, 1):
        padding = [(radius, radius) if i == axis else (0, 0) for i in range(values.ndim)]
        result = _sums_along(np.pad(result, padding, mode="edge"), width, axis)
        result /= width
    return result


def _sums_along(values: Floats, width: int, axis: int) -> Floats:
    """Sums of each `width` (odd) neighbours along an axis, which gets shorter by width - 1. Made of sums of two, four,
    eight and so on: a fifth of the time of differences of a running sum, whose steps wait for one another."""

    def part(source: Floats, first: int, length: int) -> Floats:
        return source[first : first + length] if axis == 0 else source[:, first : first + length]

    length = values.shape[axis] - width + 1
    total = part(values, 0, length).copy()
    count = taken = 1  # `values` holds sums of `count` neighbours; `taken` of the width are in the total
    while taken < width:
        shorter = values.shape[axis] - count
        values = part(values, 0, shorter) + part(values, count, shorter)
        count *= 2
        if width & count:
            total += part(values, taken, length)
            taken += count
    return total


def soft_mean(values: Floats, radius: int) -> Floats:
    """Two box means, near to a Gaussian; no pixel further than `radius` counts."""
    first = radius // 2
    return box_mean(box_mean(values, radius - first), first)


def shrunk(mask: Mask, radius: int) -> Mask:
    """Where the whole box of this radius lies in the mask. The picture's border does not count as its outside."""
    return box_mean(mask.astype(np.float32), radius) > 1 - 1e-4


def grown(mask: Mask, radius: int) -> Mask:
    """Where any of the box of this radius lies in the mask."""
    return box_mean(mask.astype(np.float32), radius) > 1e-4


def fade_inside(mask: Mask, radius: int) -> Floats:
    """Weights that are 0 outside the mask and rise to 1 inside it over about `radius` pixels."""
    weights = soft_mean(shrunk(mask, radius).astype(np.float32), radius)
    return np.where(mask, weights, np.float32(0))


def fill_hole(pixels: Floats, known: Mask) -> Floats:
    """Continues what is known smoothly into what is not: push-pull over a pyramid of means (Gortler et al. 1996,
    "The Lumigraph", §3.4.2).

    :param pixels: [H, W, C]; its values where `known` is False do not matter.
    """
    if bool(known.all()) or not bool(known.any()):
        return pixels
    weights = known.astype(np.float32)[..., None]
    return np.where(known[..., None], pixels, _push_pull(pixels * weights, weights))


def _push_pull(sums: Floats, weights: Floats) -> Floats:
    """:param sums: values times weights, [H, W, C]. :returns: a value everywhere."""
    height, width = weights.shape[:2]
    if min(height, width) <= 1:
        return np.broadcast_to(sums.sum((0, 1)) / max(float(weights.sum()), 1e-6), sums.shape).astype(np.float32)
    coarse_weights = _halved(weights)
    kept = np.minimum(1, coarse_weights) / np.maximum(coarse_weights, 1e-6)
    coarse = _push_pull(_halved(sums) * kept, coarse_weights * kept)
    up = _doubled(coarse, height, width)
    shares = np.minimum(1, weights)
    own = sums / np.maximum(weights, 1e-6)
    return (shares * own + (1 - shares) * up).astype(np.float32)


def _halved(values: Floats) -> Floats:
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    return even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]


def _doubled(values: Floats, height: int, width: int) -> Floats:
    """Linear between the centres of the coarse pixels."""
    for axis, size in ((0, height), (1, width)):
        count = values.shape[axis]
        position = np.clip((np.arange(size) + 0.5) / 2 - 0.5, 0, count - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, count - 1)
        share = (position - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return values


def guided_filter(guide: Floats, values: Floats, radius: int, epsilon: float) -> Floats:
    """Smooths values [H, W] along the edges of a guide [H, W, 3] (He, Sun & Tang 2010, "Guided Image Filtering",
    §3.3, colour guide).

    :param guide: 0 to 1.
    """
    mean_guide, mean_values = box_mean(guide, radius), box_mean(values, radius)
    products = guide[..., :, None] * guide[..., None, :]
    height, width = values.shape
    covariance = box_mean(products.reshape(height, width, 9), radius).reshape(height, width, 3, 3)
    covariance = covariance - mean_guide[..., :, None] * mean_guide[..., None, :]
    cross = box_mean(guide * values[..., None], radius) - mean_guide * mean_values[..., None]
    slope = np.linalg.solve(covariance.astype(np.float64) + epsilon * np.eye(3), cross[..., None])[..., 0]
    offset = mean_values - (slope * mean_guide).sum(-1)
    smooth = (box_mean(slope.astype(np.float32), radius) * guide).sum(-1) + box_mean(offset.astype(np.float32), radius)
    return smooth.astype(np.float32)


def otsu_threshold(values: Floats) -> float:
    """The threshold that parts values best in two (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    sums = np.cumsum(counts * centres)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[int(np.argmax(np.nan_to_num(between[:-1])))])
