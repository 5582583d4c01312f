"""Styles change palette, line and texture, and nothing else."""

import random

import numpy as np
from PIL import Image

from models.art.scenes import Recipe, compose
from models.art.styles import LINES, PALETTES, TEXTURES, outlined, random_style, styled, toned

SCENE = compose(Recipe("fox", "on the beach", 2), 128)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(float)


def test_every_step_changes_the_picture_and_keeps_its_size() -> None:
    for name in (*PALETTES, *LINES, *TEXTURES):
        image = styled(SCENE, name)
        assert image.size == SCENE.size
        assert image.mode == "RGB"
        assert np.abs(pixels(image) - pixels(SCENE)).mean() > 2, name


def test_steps_named_together_are_all_applied() -> None:
    both = styled(SCENE, "in blue tones with bold outlines")
    assert np.array_equal(pixels(both), pixels(outlined(styled(SCENE, "in blue tones"))))


def test_without_a_style_the_picture_is_as_composed() -> None:
    assert styled(SCENE, None) is SCENE


def test_a_palette_has_no_colours_but_its_own() -> None:
    x = pixels(toned(SCENE, (0, 0, 0), (200, 100, 50)))
    assert np.abs(x[..., 0] - 2 * x[..., 1]).max() <= 2
    assert np.abs(x[..., 1] - 2 * x[..., 2]).max() <= 2


def test_lines_are_as_wide_in_a_large_picture() -> None:
    plain, large = (
        compose(Recipe("fox", "on a white background", 2), 128),
        compose(Recipe("fox", "on a white background", 2), 512),
    )
    small = outlined(large).resize((128, 128), Image.Resampling.BOX)
    assert np.abs(pixels(outlined(plain)) - pixels(small)).mean() < 12


def test_random_styles_name_known_steps() -> None:
    rng = random.Random(0)
    known = (*PALETTES, *LINES, *TEXTURES)
    for style in (random_style(rng) for _ in range(100)):
        assert any(name in style for name in known)
        assert styled(SCENE, style) is not SCENE
