"""Edges of what is found and of what is laid in: no rim of the old, no smear of an outline, no part left behind."""

from __future__ import annotations

import numpy as np

from likeness_worker.editing import Box, Hole, found_hole, lay_in
from likeness_worker.segmentation import WorkingCopy, with_parts

SIDE = 64
SKY, GROUND, FUR, PAW = (120, 190, 250), (90, 180, 90), (240, 190, 120), (150, 100, 60)


def picture() -> np.ndarray:
    """A subject of two shades on a sky and a ground, [64, 64, 3]."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:40], pixels[40:] = SKY, GROUND
    pixels[16:48, 20:44] = FUR
    pixels[48:53, 22:30] = PAW
    return pixels


def subject() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[16:48, 20:44] = True
    return mask


def test_a_patch_that_hangs_on_a_subject_belongs_to_it_and_the_ground_does_not() -> None:
    found = with_parts(subject(), WorkingCopy(picture().astype(np.float32) / 255))
    expected = subject()
    expected[48:53, 22:30] = True
    assert np.array_equal(found, expected)


def test_a_found_subject_is_replaced_to_its_outline() -> None:
    pixels, mask = picture(), subject()
    hole = found_hole(pixels, mask, radius=4, spill=0)
    drawn = np.full((SIDE, SIDE, 3), 255, np.uint8)
    result, weights = lay_in(hole, Box(0, 0, SIDE, SIDE), drawn)
    assert weights[mask].min() > 0.95, "nothing of the subject shows through"
    assert np.array_equal(result[~hole.mask], pixels[~hole.mask])


def test_an_outline_beside_its_place_is_not_smeared_into_the_hole() -> None:
    pixels = np.full((SIDE, SIDE, 3), SKY, np.uint8)
    pixels[:, 28:32] = PAW  # an outline at the hole's edge that the drawing has a pixel further
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, 32:] = True
    drawn = np.full((SIDE, SIDE, 3), SKY, np.uint8) - np.uint8(10)  # and the decoder's shift of colours
    result, _ = lay_in(Hole(pixels, mask, radius=2), Box(0, 0, SIDE, SIDE), drawn)
    assert np.abs(result[:, 36:40].astype(int) - SKY).max() <= 10
