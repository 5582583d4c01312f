"""Tasks that find a subject in a picture: the mask of a maskPrompt, BACKGROUND_REMOVAL, SMART_CROP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness_worker.attention import text_map
from likeness_worker.data import bucket_for
from likeness_worker.families import Family, to_unit_range
from likeness_worker.raster import Floats, Mask
from likeness_worker.segmentation import at_full_size, refined, saliency, subject_mask, working_copy
from likeness_worker.spec import CropBox


def without_background(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with everything but its subject transparent. [H, W, 3] -> [H, W, 4], the colours unchanged."""
    small = working_copy(pixels)
    alpha = at_full_size(subject_mask(refined(saliency(small), small)), pixels)
    return np.dstack([pixels, (alpha * 255).round().astype(np.uint8)])


def prompted_mask(pixels: NDArray[np.uint8], prompt: str, family: Family) -> Mask:
    """[H, W], True where the picture shows what the prompt names."""
    small = working_copy(pixels)
    return at_full_size(subject_mask(refined(_prompted_map(pixels, small, prompt, family), small)), pixels) > 0.5


def crop_box(pixels: NDArray[np.uint8], width: int, height: int, prompt: str | None, family: Family) -> CropBox:
    """The crop of that size that holds most of the subject, and of those the one nearest to the subject's middle."""
    small = working_copy(pixels)
    rough = saliency(small) if prompt is None else _prompted_map(pixels, small, prompt, family)
    likely = refined(rough, small)
    return CropBox(
        left=_best_start(likely.sum(0), pixels.shape[1], width),
        top=_best_start(likely.sum(1), pixels.shape[0], height),
        width=width,
        height=height,
    )


def _best_start(profile: Floats, length: int, kept: int) -> int:
    """:param profile: how much of the subject lies at each place along a side of `length` pixels."""
    fine = np.interp(np.linspace(0, len(profile) - 1, length), np.arange(len(profile)), profile)
    total = np.concatenate([[0.0], np.cumsum(fine)])
    inside = total[kept:] - total[: length - kept + 1]
    middle = float((fine * np.arange(length)).sum() / max(float(fine.sum()), 1e-9))
    offset = np.abs(np.arange(len(inside)) + kept / 2 - middle)
    return int(np.argmax(inside / max(float(total[-1]), 1e-9) - 0.1 * offset / length))


def _prompted_map(pixels: NDArray[np.uint8], small: Floats, prompt: str, family: Family) -> Floats:
    height, width = small.shape[:2]
    size = bucket_for(width / height, family.base.resolution, family.base.size_multiple)
    drawn = Image.fromarray(pixels).resize((size.width, size.height), Image.Resampling.LANCZOS)
    attended = text_map(family.encode_images(to_unit_range(np.asarray(drawn)))[0], prompt, family)
    return np.asarray(Image.fromarray(attended).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
