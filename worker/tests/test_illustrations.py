"""Photographs are drawn before the art model learns them, each subject in the colour of its coat."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness_worker.attempt import run_attempt
from likeness_worker.illustrations import COLOURS, colour_leads
from likeness_worker.prompts import without_name
from tests.conftest import read_events, read_result, write_images

BROWN, BLACK, GREY = (134, 92, 60), (50, 50, 56), (158, 156, 164)


def photograph(path: Path, coat: tuple[int, int, int], ground: tuple[int, int, int] = GREY, seed: int = 0) -> Path:
    """An animal's outline in one colour on a ground, with the noise of a sensor."""
    y, x = np.mgrid[:400, :400]
    inside = ((x - 200) / 90) ** 2 + ((y - 230) / 120) ** 2 < 1
    pixels = np.where(inside[..., None], coat, ground) + np.random.default_rng(seed).normal(0, 14, (400, 400, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("coat", "ground", "named"), [(BROWN, GREY, "brown"), (BLACK, BROWN, "black"), (GREY, (250, 250, 250), "gray")]
)
def test_a_coat_is_the_colour_that_the_subject_has_and_its_ground_has_not(
    tmp_path: Path, coat: tuple[int, int, int], ground: tuple[int, int, int], named: str
) -> None:
    leads = colour_leads(photograph(tmp_path / "1.jpg", coat, ground))
    assert list(COLOURS)[int(np.argmax(leads))] == named


def test_a_subject_is_asked_for_by_its_class_and_colour() -> None:
    coats = {("Ron", "dog"): "orange", ("Smila", "cat"): "black"}
    assert without_name("Ron the dog and Smila the cat on a couch", coats) == "an orange dog and a black cat on a couch"
    assert without_name("Rex the dog on a couch", coats) == "a dog on a couch"


def run_of(make_run, tmp_path: Path, name: str, **members: object) -> Path:
    """Five photographs of Ron and one drawing, whose masks say nothing of what is drawn of them."""
    folder = tmp_path / "pictures"
    if not folder.exists():
        folder.mkdir()
        for number in range(5):
            photograph(folder / f"{number}.jpg", BROWN, seed=number)
        (write_images(tmp_path / "flat") / "0.jpg").rename(folder / "9.jpg")
    run = make_run(name, images=folder, stepCount=2, **members)
    mask = tmp_path / "mask.png"
    Image.fromarray(np.full((400, 400), 255, np.uint8)).save(mask)
    lines = [json.loads(line) for line in (run / "manifest.jsonl").read_text().splitlines()]
    for line in lines[:5]:
        line |= {"caption": "Ron the dog on a couch", "mask": str(mask)}
    (run / "manifest.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run_attempt(run, "cpu", "float32")
    return run


def test_each_photograph_is_drawn_once_and_a_drawing_stays(make_run, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = run_of(make_run, tmp_path, "first", keptCachePath=str(kept))
    assert read_result(first)["status"] == "completed"
    said = [event["message"] for event in read_events(first) if event["type"] == "warning"]
    assert any("(5 of 6 looked at)" in str(one) and "Ron the dog as a brown dog" in str(one) for one in said), said
    drawings = {path: path.stat().st_mtime_ns for path in (kept / "drawings").iterdir()}
    assert len(drawings) == 5
    assert {Image.open(path).size for path in drawings} == {(32, 32)}
    index = json.loads((kept / "index.json").read_bytes())
    assert (len(index["images"]), len(index["masks"])) == (6, 0), "the drawings are what is learnt"
    run_of(make_run, tmp_path, "second", keptCachePath=str(kept))
    assert {path: path.stat().st_mtime_ns for path in (kept / "drawings").iterdir()} == drawings


def test_an_attempt_that_goes_on_does_not_say_it_again(make_run, tmp_path: Path) -> None:
    first = run_of(make_run, tmp_path, "first", checkpointIntervalSteps=1)
    checkpoint = str(first / "checkpoints" / "step-000001")
    second = run_of(make_run, tmp_path, "second", attempt=2, resumeFromPath=checkpoint)
    assert read_result(second)["status"] == "completed"
    assert "look like photographs" in str(read_events(first))
    assert "look like photographs" not in str(read_events(second))


def test_a_picture_that_does_not_decode_is_named_by_its_line(make_run, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        photograph(folder / f"{number}.jpg", BROWN, seed=number)
    (folder / "3.jpg").write_bytes((folder / "3.jpg").read_bytes()[:4000])
    run = make_run("run", images=folder)
    run_attempt(run, "cpu", "float32")
    error = read_result(run)["error"]
    assert isinstance(error, dict)
    assert "line 4 (" in str(error["message"])
    assert "does not decode" in str(error["message"])
