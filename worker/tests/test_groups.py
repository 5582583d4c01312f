"""Prompts of several subjects: which parts they have, where each is drawn again, and the same bytes as ever."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from likeness_worker.base_model import read_base_model
from likeness_worker.groups import group_of, laid_in, plural, row_of, singular, widened
from likeness_worker.rundir import RunError
from tests.test_serve import Client, pixels, start

GROUPS = {
    "pitches": [0.45, 0.31], "height": 0.55, "middle": 0.545, "frame": 1.55, "halfWidth": 0.6, "reach": [-0.66, 0.74],
    "strength": 0.7,
}  # fmt: skip


def with_groups(base: Path, folder: Path, groups: object = GROUPS) -> Path:
    shutil.copytree(base, folder)
    settings = json.loads((base / "likeness.json").read_text())
    (folder / "likeness.json").write_text(json.dumps({**settings, "groups": groups}))
    return folder


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ron the dog and Smila the cat on a couch", ["Ron the dog on a couch", "Smila the cat on a couch"]),
        ("a dog, a cat and an owl at night", ["a dog at night", "a cat at night", "an owl at night"]),
        ("three cats on the beach", ["a cat on the beach"] * 3),
        ("Two blue dogs wearing hats", ["a blue dog wearing hats"] * 2),
        ("two owls and a fox", ["an owl", "an owl", "a fox"]),
        (
            "Ron the dog wearing a hat and a scarf and Smila the cat in a forest",
            ["Ron the dog wearing a hat and a scarf in a forest", "Smila the cat in a forest"],
        ),
    ],
)
def test_a_text_of_several_subjects_has_a_prompt_for_each(text: str, parts: list[str]) -> None:
    group = group_of(text)
    assert group is not None
    assert list(group.parts) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ron the dog on the moon",
        "a cat wearing a hat and a scarf",
        "a black and white cat on a bed",
        "a black and white cat and a dog",
        "five dogs in the city",
        "two dogs and two cats",
        "on the moon and in space",
        "In the city and a dog",
        "salt and pepper on a table",
        "a house in a forest and a lake",
        " and , and ",
    ],
)
def test_any_other_text_is_left_whole(text: str) -> None:
    assert group_of(text) is None


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("Ron the dog and Smila the cat on a couch", "a dog and a cat on a couch"),
        ("Ron the dog wearing a hat and Smila the cat in a forest", "a dog and a cat in a forest"),
        ("Two blue dogs wearing party hats on the beach", "two blue dogs on the beach"),
        ("a dog, a cat and an owl at night", "three dogs at night"),
        ("Smila the cat and a cat", "two cats"),
    ],
)
def test_the_whole_is_laid_out_from_kinds_and_nothing_worn(text: str, layout: str) -> None:
    group = group_of(text)
    assert group is not None
    assert group.layout == layout


def test_plurals_and_singulars_are_each_others_inverse() -> None:
    nouns = {
        **{"dogs": "dog", "foxes": "fox", "strawberries": "strawberry", "mice": "mouse", "wolves": "wolf"},
        **{"horses": "horse", "sheep": "sheep", "witches": "witch", "glasses": "glass", "toys": "toy"},
    }
    assert {several: singular(several) for several in nouns} == nouns
    assert {plural(one): one for one in nouns.values()} == nouns
    assert singular("glass") == "glass"


def test_pixels_outside_the_places_stay_those_of_the_whole(art_base: Path, tmp_path: Path) -> None:
    layout = read_base_model(with_groups(art_base, tmp_path / "base")).groups
    assert layout is not None
    for count, width, height in ((2, 64, 64), (3, 96, 48), (2, 40, 80)):
        row = row_of(layout, count, width, height)
        picture = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
        wide = widened(picture, row)
        assert all(0 <= f.left < f.right <= wide.shape[1] for f in row.frames)
        assert all(0 <= f.top < f.bottom <= wide.shape[0] for f in row.frames)
        drawn = [np.full((32, 32, 3), 255, np.uint8) for _ in row.frames]
        laid = laid_in(wide, row, drawn, is_crisp=False)
        assert laid.shape == picture.shape
        inside = np.any(row.masks, axis=0)[row.margin : row.margin + height, row.margin : row.margin + width]
        assert np.array_equal(laid[~inside], picture[~inside])
        assert not np.array_equal(laid[inside], picture[inside])


@pytest.mark.parametrize(
    ("member", "value"),
    [("strength", 1.5), ("strength", 0), ("pitches", [0.5]), ("frame", "wide"), ("reach", None), ("middle", None)],
)
def test_groups_that_cannot_be_laid_out_are_refused_when_the_base_is_read(
    art_base: Path, tmp_path: Path, member: str, value: object
) -> None:
    with pytest.raises(RunError, match=rf"likeness.json .*groups\.{member}"):
        read_base_model(with_groups(art_base, tmp_path / "base", {**GROUPS, member: value}))


@pytest.fixture(scope="module")
def client(art_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client, server = start(with_groups(art_base, tmp_path_factory.mktemp("groups") / "base"))
    yield client
    server.shutdown()


@pytest.mark.train
def test_the_same_request_gives_the_same_pictures_alone_and_beside_others(client: Client) -> None:
    texts = ("a cat and a dog on the grass", "three cats on the beach", "a dog on the moon", "two owls at night")
    alone = [client.images(text=text, seed=seed) for seed, text in enumerate(texts)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda asked: client.images(text=asked[1], seed=asked[0]), enumerate(texts)))
    assert together == alone
    assert client.images(text=texts[0], seed=0, numberOfImages=3)[0] == alone[0][0]


@pytest.mark.train
def test_subjects_of_one_kind_are_drawn_from_noise_of_their_own(client: Client) -> None:
    picture = pixels(client.images(text="two cats on the beach", width=128, height=128)[0])
    left, right = picture[40:100, 4:64], picture[40:100, 64:124]
    assert np.abs(left - right).mean() > 2


@pytest.mark.train
def test_a_group_has_windows_of_text_of_different_lengths(client: Client) -> None:
    long = "Ron the dog wearing " + " and ".join(["a red hat", "a blue scarf"] * 8) + " and Smila the cat on a couch"
    assert pixels(client.images(text=long)[0]).shape == (64, 64, 3)
