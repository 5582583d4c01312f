"""Enlarged pictures: of the size asked for, with edges as narrow as drawn, and flat areas untouched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from likeness_worker.enlarging import enlarged

SIDE = 64
SCALE = 4


def discs(side: int) -> NDArray[np.uint8]:
    """Three discs of other colours on blue, drawn at four times the size and averaged down."""
    y, x = np.mgrid[0 : side * 4, 0 : side * 4] / (side * 4)
    picture = np.full((side * 4, side * 4, 3), (60, 140, 220), np.uint8)
    for cx, cy, radius, colour in (
        (0.3, 0.3, 0.2, (250, 240, 80)),
        (0.7, 0.4, 0.16, (90, 20, 120)),
        (0.5, 0.75, 0.2, (240, 60, 40)),
    ):
        picture[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = colour
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))


def error(pixels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    return float(((pixels.astype(float) - truth) ** 2).mean())


def steepest(pixels: NDArray[np.uint8]) -> float:
    """The mean of the steepest hundredth of all changes from one pixel to the next."""
    changes = np.abs(np.diff(pixels.astype(float), axis=1)).max(-1).ravel()
    return float(np.sort(changes)[-changes.size // 100 :].mean())


def softened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As a decoder leaves them: each edge a ramp of some two pixels."""
    small = Image.fromarray(pixels).resize((SIDE * 3 // 4, SIDE * 3 // 4), Image.Resampling.BOX)
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def test_edges_of_a_flat_illustration_come_nearer_to_the_truth_and_are_steeper() -> None:
    small, truth = softened(discs(SIDE)), discs(SIDE * SCALE)
    crisp, smooth = (enlarged(small, SIDE * SCALE, SIDE * SCALE, is_crisp) for is_crisp in (True, False))
    assert error(crisp, truth) < 0.75 * error(smooth, truth)
    assert steepest(crisp) > 1.7 * steepest(smooth)


def test_no_colour_is_there_that_was_not_and_flat_areas_stay_as_they_are() -> None:
    flat = np.full((SIDE, SIDE, 3), (200, 100, 50), np.uint8)
    assert np.array_equal(np.unique(enlarged(flat, 256, 256, True)), [50, 100, 200])
    crisp = enlarged(softened(discs(SIDE)), 256, 256, True).astype(int)
    smooth = enlarged(softened(discs(SIDE)), 256, 256, False).astype(int)
    assert (crisp.max((0, 1)) <= smooth.max((0, 1))).all()
    assert (crisp.min((0, 1)) >= smooth.min((0, 1))).all()


@pytest.mark.parametrize("is_crisp", [True, False])
@pytest.mark.parametrize("size", [(512, 512), (640, 384), (77, 301), (65, 64), (32, 48)])
def test_a_picture_has_the_very_size_that_is_asked_for(size: tuple[int, int], is_crisp: bool) -> None:
    width, height = size
    assert enlarged(discs(SIDE), width, height, is_crisp).shape == (height, width, 3)


def test_what_an_unlike_shape_has_too_much_is_cut_off_at_both_sides_alike() -> None:
    picture = discs(SIDE)
    wide = enlarged(picture, 256, 128, True)
    whole = enlarged(picture[16:48], 256, 128, True)
    assert np.abs(wide.astype(int) - whole).mean() < 1


def test_below_one_and_a_half_times_the_size_nothing_is_narrowed() -> None:
    picture = discs(SIDE)
    assert np.array_equal(enlarged(picture, 90, 90, True), enlarged(picture, 90, 90, False))
