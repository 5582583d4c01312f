"""Tasks that find a subject in a picture: the mask of a maskPrompt, BACKGROUND_REMOVAL, SMART_CROP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness_worker.attention import text_map
from likeness_worker.data import bucket_for
from likeness_worker.families import Family, to_unit_range
from likeness_worker.raster import Floats, Mask
from likeness_worker.segmentation import (
    WorkingCopy,
    at_full_size,
    refined,
    saliency,
    subject_mask,
    with_parts,
    working_copy,
)
from likeness_worker.spec import CropBox


def without_background(pixels: NDArray[np.uint8], words: str | None, family: Family) -> NDArray[np.uint8]:
    """The picture with everything but its subject transparent. [H, W, 3] -> [H, W, 4], the colours unchanged.

    :param words: what the subject is, if that is known; else it is what differs from the border.
    """
    alpha = _found(pixels, words, family)
    return np.dstack([pixels, (alpha * 255).round().astype(np.uint8)])


def prompted_mask(pixels: NDArray[np.uint8], prompt: str, family: Family) -> Mask:
    """[H, W], True where the picture shows what the prompt names."""
    return _found(pixels, prompt, family) > 0.5


def _found(pixels: NDArray[np.uint8], words: str | None, family: Family) -> Floats:
    """The subject's share of each pixel, [H, W], 0 to 1."""
    small = working_copy(pixels)
    mask = subject_mask(refined(_rough_map(pixels, small, words, family), small))
    return at_full_size(with_parts(mask, small), pixels)


def crop_box(pixels: NDArray[np.uint8], width: int, height: int, words: str | None, family: Family) -> CropBox:
    """The crop of that size that holds most of the subject, and of those the one nearest to the subject's middle.

    :param words: as without_background.
    """
    small = working_copy(pixels)
    likely = refined(_rough_map(pixels, small, words, family), small)
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


def _rough_map(pixels: NDArray[np.uint8], small: WorkingCopy, words: str | None, family: Family) -> Floats:
    """Where the denoiser's attention to the words lies, or without words what is salient. [h, w] of the small copy."""
    if words is None:
        return saliency(small)
    height, width = small.pixels.shape[:2]
    size = bucket_for(width / height, family.base.resolution, family.base.size_multiple)
    drawn = Image.fromarray(pixels).resize((size.width, size.height), Image.Resampling.LANCZOS)
    attended = text_map(family.encode_images(to_unit_range(np.asarray(drawn)))[0], words, family)
    return np.asarray(Image.fromarray(attended).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)
