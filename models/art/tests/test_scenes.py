"""The composer draws what a recipe says, the same each time, and keeps the two characters out of the base's data."""

import random

import numpy as np
import pytest

from models.art.cache import frame_of
from models.art.captions import caption, plural
from models.art.looks import RON, SMILA, Look, is_character_like, random_look
from models.art.places import BACKDROPS, SCENES
from models.art.scenes import (
    CHARACTERS,
    FRAMES,
    NAMES,
    Partner,
    Recipe,
    compose,
    dressed_recipe,
    group_recipe,
    random_recipe,
    styled_recipe,
)
from models.art.styles import COLOURLESS
from models.art.wardrobe import ACCESSORIES


def drawn(recipe: Recipe, pixels: int = 64) -> np.ndarray:
    return np.asarray(compose(recipe, pixels)).astype(float)


def test_same_recipe_same_pixels() -> None:
    recipe = random_recipe(random.Random(3))
    assert np.array_equal(drawn(recipe), drawn(recipe))


def test_same_scene_at_any_size() -> None:
    recipe = Recipe("dog", "on the beach", 5, look=RON, accessories=("a scarf",))
    small, large = compose(recipe, 64), compose(recipe, 256).resize((64, 64), 4)
    assert np.abs(np.asarray(small).astype(float) - np.asarray(large)).mean() < 2


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_have_their_shape(frame: tuple[int, int]) -> None:
    assert compose(random_recipe(random.Random(1), frame)).size == frame
    assert all(side % 32 == 0 for side in frame)


def test_about_one_cached_scene_in_seven_is_not_square() -> None:
    assert 0.1 < np.mean([frame_of(n) != FRAMES[0] for n in range(130)]) < 0.2


@pytest.mark.parametrize("accessory", ACCESSORIES)
def test_every_accessory_can_be_seen(accessory: str) -> None:
    bare, worn = (Recipe("cat", "on a white background", 2, accessories=a) for a in ((), (accessory,)))
    assert np.abs(drawn(bare) - drawn(worn)).mean() > 0.8


@pytest.mark.parametrize("place", [*SCENES, *BACKDROPS])
def test_every_place_can_be_drawn(place: str) -> None:
    assert drawn(Recipe("dog", place, 4)).std() > 5


@pytest.mark.parametrize("draw", [random_recipe, dressed_recipe, styled_recipe, group_recipe])
def test_no_base_recipe_is_near_a_character(draw) -> None:
    rng = random.Random(0)
    recipes = [draw(rng) for _ in range(1000)]
    assert not any(is_character_like(r.subject, r.look) for r in recipes)
    assert not any(is_character_like(r.partner.subject, r.partner.look) for r in recipes if r.partner)
    assert not any(
        r.look.patch and r.subject == "dog" for r in recipes if r.style and any(name in r.style for name in COLOURLESS)
    )
    words = " ".join(caption(r, rng) for r in recipes).lower().split()
    assert not {"ron", "smila"} & set(words)
    assert not set(NAMES) & set(CHARACTERS)


def _blobs(picture: np.ndarray, background: np.ndarray) -> int:
    """Count the runs of columns in which a picture differs from its empty background."""
    columns = (np.abs(picture - background).max(-1) > 24).sum(0) > 2
    return int(np.diff(np.concatenate([[0], columns.astype(int)])).clip(0).sum())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_recipe_shows_as_many_as_it_counts(count: int) -> None:
    picture = drawn(Recipe("apple", "on a white background", 3, count=count), 128)
    assert _blobs(picture, np.broadcast_to(picture[2, 2], picture.shape)) == count


def test_a_partner_stands_beside_the_first_animal() -> None:
    alone = drawn(Recipe("dog", "on a white background", 3, count=2), 128)
    pair = drawn(Recipe("dog", "on a white background", 3, partner=Partner("cat", None, SMILA)), 128)
    assert np.abs(alone - pair)[:, 64:].max() > 100
    assert np.abs(alone - pair)[:, :50].max() == 0


def test_counted_nouns_have_their_plurals() -> None:
    assert [plural(n) for n in ("fox", "mouse", "strawberry", "monkey", "balloon")] == [
        "foxes", "mice", "strawberries", "monkeys", "balloons",
    ]  # fmt: skip


def test_a_caption_names_both_animals() -> None:
    recipe = Recipe("dog", "on a couch", 1, name="Max", partner=Partner("cat", "Luna"))
    assert caption(recipe, random.Random(1)).lower().startswith("max the dog and luna the cat")


def test_the_characters_are_recognised_as_themselves() -> None:
    assert is_character_like("dog", RON)
    assert is_character_like("cat", SMILA)
    assert is_character_like("dog", Look(fur="blue", patch="white"))
    assert not is_character_like("dog", Look(fur="blue", ears="orange"))


def test_parts_of_the_characters_are_in_the_base_data() -> None:
    rng = random.Random(1)
    dogs, cats = ([random_look(a, rng) for _ in range(1500)] for a in ("dog", "cat"))
    assert any(look.fur == "blue" for look in dogs)
    assert any(look.patch == "orange" for look in dogs)
    assert any(look.mask == "purple" for look in cats)
    assert any(look.chin == "orange" for look in cats)
