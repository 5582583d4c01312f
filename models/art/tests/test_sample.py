"""The sample data set: 30 pictures a character, none of what the demo and the benchmark ask for."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.art.sample import HELD_OUT, recipes, shows
from models.art.scenes import CHARACTERS, compose

FOLDER = Path(__file__).resolve().parents[1] / "sample"
LINES = [json.loads(line) for line in (FOLDER / "captions.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", CHARACTERS)
def test_thirty_different_recipes_without_what_is_held_out(name: str) -> None:
    plan = recipes(name)
    assert len(plan) == 30
    assert len({r.seed for r, _ in plan}) == 30
    assert not HELD_OUT[name] & set().union(*(shows(r) for r, _ in plan))


@pytest.mark.parametrize("name", CHARACTERS)
def test_captions_name_the_character_and_nothing_held_out(name: str) -> None:
    captions = [c for _, c in recipes(name)]
    assert all(c.startswith(f"{name} the ") for c in captions)
    assert not any(held.removeprefix("a ") in c for c in captions for held in HELD_OUT[name])


def test_the_files_are_those_of_the_captions() -> None:
    assert sorted(line["image-ref"] for line in LINES) == sorted(p.name for p in FOLDER.glob("*.jpg"))
    assert [line["caption"] for line in LINES] == [c for name in CHARACTERS for _, c in recipes(name)]
    for line in LINES:
        with Image.open(FOLDER / line["image-ref"]) as image:
            assert image.format == "JPEG"
            assert min(image.size) >= 512


def test_a_committed_picture_is_what_the_composer_draws() -> None:
    recipe, _ = recipes("Ron")[4]
    committed = np.asarray(Image.open(FOLDER / "ron_05.jpg")).astype(float)
    assert np.abs(committed - np.asarray(compose(recipe, 640))).mean() < 2
