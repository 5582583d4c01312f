"""A kept cache: what an earlier training left is used by content, and what is new is added behind it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from likeness_worker.families import art
from tests.conftest import losses, read_result, write_images
from tests.test_train import train

pytestmark = pytest.mark.train


class Encoded:
    """Counts what the family's own encoders are asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.images, self.texts = 0, 0
        encode_images, encode_text = art.Art.encode_images, art.Art.encode_text

        def counted_images(family: art.Art, pixels):
            self.images += 1
            return encode_images(family, pixels)

        def counted_text(family: art.Art, text: str):
            self.texts += text != ""
            return encode_text(family, text)

        monkeypatch.setattr(art.Art, "encode_images", counted_images)
        monkeypatch.setattr(art.Art, "encode_text", counted_text)

    def since(self) -> tuple[int, int]:
        counts = (self.images, self.texts)
        self.images, self.texts = 0, 0
        return counts


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Encoded:
    return Encoded(monkeypatch)


def test_a_second_training_encodes_nothing_and_takes_the_same_steps(make_run, encoded: Encoded, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    plain, first, second = (
        make_run(name, stepCount=3, keptCachePath=path) for name, path in (("p", None), ("f", kept), ("s", kept))
    )
    train(plain)
    encoded.since()
    train(first)
    assert encoded.since() == (5, 5)
    before = {path.name: path.read_bytes() for path in Path(kept).iterdir()}
    assert set(before) == {"flat.json", "index.json", "latents.bin", "text.bin"}
    train(second)
    assert encoded.since() == (0, 0)
    assert {path.name: path.read_bytes() for path in Path(kept).iterdir()} == before
    assert losses(plain) == losses(first) == losses(second)
    assert all(b"a picture of thing" not in content for content in before.values())


def test_new_pictures_and_captions_are_added_wherever_they_stand(make_run, encoded: Encoded, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    train(make_run("first", stepCount=1, keptCachePath=kept))
    more = tmp_path / "more"
    shutil.copytree(tmp_path / "images", more)
    # Before the others by its name: each later caption now stands beside another picture.
    Image.new("RGB", (64, 64), (1, 2, 3)).save(more / "00.png")
    encoded.since()
    second = make_run("second", images=more, stepCount=3, keptCachePath=kept)
    train(second)
    assert encoded.since() == (1, 1)
    plain = make_run("plain", images=more, stepCount=3)
    train(plain)
    assert losses(second) == losses(plain)
    encoded.since()
    train(make_run("third", stepCount=1, keptCachePath=kept))
    assert encoded.since() == (0, 0)


def test_what_was_encoded_in_another_way_is_not_used(make_run, encoded: Encoded, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    train(make_run("first", stepCount=1, keptCachePath=kept))
    encoded.since()
    other = make_run("other", stepCount=2, resolution=48, keptCachePath=kept)
    train(other)
    assert encoded.since() == (5, 5)
    plain = make_run("plain", stepCount=2, resolution=48)
    train(plain)
    assert losses(other) == losses(plain)


@pytest.mark.parametrize("name", ["index.json", "latents.bin", "text.bin"])
def test_a_cache_that_is_cut_short_is_made_anew(make_run, encoded: Encoded, tmp_path: Path, name: str) -> None:
    kept = tmp_path / "kept"
    train(make_run("first", stepCount=1, keptCachePath=str(kept)))
    (kept / name).write_bytes((kept / name).read_bytes()[:-7])
    encoded.since()
    assert train(make_run("second", stepCount=1, keptCachePath=str(kept)))["status"] == "completed"
    assert encoded.since() == (5, 5)


def test_what_an_interrupted_attempt_encoded_stays(make_run, encoded: Encoded, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    images = write_images(tmp_path / "images")
    last = sorted(images.iterdir())[-1]
    whole = last.read_bytes()
    last.write_bytes(whole[:40])
    run = make_run("broken", stepCount=1, keptCachePath=str(kept))
    assert read_result_of(run)["userError"] is True
    assert len(json.loads((kept / "index.json").read_bytes())["images"]) == 4
    last.write_bytes(whole)
    encoded.since()
    train(make_run("mended", stepCount=1, keptCachePath=str(kept)))
    assert encoded.since() == (1, 1)


def read_result_of(run: Path) -> dict[str, object]:
    train(run)
    error = read_result(run)["error"]
    assert isinstance(error, dict)
    return error
