"""Masked loss: what counts outside a mask, how a mask follows its picture, what is no mask, and what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from likeness_worker import families
from likeness_worker.attempt import Attempt
from likeness_worker.base_model import read_base_model
from likeness_worker.cache import build_cache
from likeness_worker.data import ImageError, Size, fit_image, read_manifest
from likeness_worker.loss import batch_losses
from likeness_worker.masks import latent_weights, read_mask
from likeness_worker.rundir import EventLog, RunDirectory
from tests.conftest import losses, read_result, write_images
from tests.test_cache import Encoded
from tests.test_train import train

pytestmark = pytest.mark.train
REPOSITORY = Path(__file__).resolve().parents[2]


def left_half(size: tuple[int, int], inverted: bool = False) -> Image.Image:
    """Grey: white on the left."""
    pixels = np.zeros(size[::-1], np.uint8)
    pixels[:, : size[0] // 2] = 255
    return Image.fromarray(255 - pixels if inverted else pixels)


def with_masks(run: Path, make=left_half) -> Path:
    """Gives each picture of a run a mask of its own size."""
    (run / "masks").mkdir()
    lines = []
    for entry in map(json.loads, (run / "manifest.jsonl").read_text().splitlines()):
        picture = Path(entry["path"])
        with Image.open(picture) as image:
            make(image.size).save(run / "masks" / f"{picture.stem}.png")
        lines.append(json.dumps({**entry, "mask": f"masks/{picture.stem}.png"}))
    (run / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return run


def gradient(run: Path, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Of the loss of one batch of square pictures, by the prediction."""
    attempt = Attempt(RunDirectory(run), RunDirectory(run).read_spec(), EventLog(run / "events.jsonl"))
    base = read_base_model(Path(attempt.spec.base_model_path))
    family = families.load(base, families.choose_placement("cpu", "float32"))
    examples = build_cache(attempt, family, read_manifest(run / "manifest.jsonl"))
    predict, seen = family.predict, []

    def watched(*values: Tensor) -> Tensor:
        seen.append(predict(*values).detach().requires_grad_())
        return seen[-1]

    monkeypatch.setattr(family, "predict", watched)
    images = np.array(examples.buckets[0][:2], np.int32)
    (loss,) = batch_losses(family, examples, images, attempt.spec, 0, len(images))
    loss.backward()
    assert seen[-1].grad is not None
    return seen[-1].grad


def test_the_gradient_outside_a_mask_is_scaled_and_inside_it_is_whole(make_run, monkeypatch) -> None:
    members = {"captionDropout": 0, "unmaskedWeight": 0.25}
    whole = gradient(make_run("whole", **members), monkeypatch)
    masked = gradient(with_masks(make_run("masked", **members)), monkeypatch)
    middle = whole.shape[-1] // 2
    assert float(whole.abs().min(0).values.max()) > 0
    assert torch.equal(masked[..., :middle], whole[..., :middle])
    assert torch.allclose(masked[..., middle:], 0.25 * whole[..., middle:], rtol=1e-6, atol=0)


def test_what_is_inside_and_what_is_outside_make_up_the_whole_loss(make_run) -> None:
    def step_losses(name: str, make=None, **members: object) -> np.ndarray:
        run = make_run(name, stepCount=3, learningRate=1e-9, captionDropout=0, **members)
        assert train(run if make is None else with_masks(run, make))["status"] == "completed"
        return np.array(list(losses(run).values()))

    whole = step_losses("whole")
    inside = step_losses("inside", left_half, unmaskedWeight=0)
    outside = step_losses("outside", lambda size: left_half(size, inverted=True), unmaskedWeight=0)
    assert inside + outside == pytest.approx(whole, rel=1e-4)
    assert (inside > 0.05 * whole).all()
    assert (outside > 0.05 * whole).all()
    small = step_losses("small", left_half, unmaskedWeight=0.1)
    assert small == pytest.approx(inside + 0.1 * outside, rel=1e-4)
    assert step_losses("all", left_half, unmaskedWeight=1) == pytest.approx(whole, rel=1e-6)


def test_pictures_with_and_without_a_mask_train_together(make_run) -> None:
    run = with_masks(make_run("mixed", stepCount=3, unmaskedWeight=0))
    first, *others = (run / "manifest.jsonl").read_text().splitlines()
    plain = {key: value for key, value in json.loads(first).items() if key != "mask"}
    (run / "manifest.jsonl").write_text("\n".join([json.dumps(plain), *others]))
    assert train(run)["status"] == "completed"


def test_a_mask_goes_the_way_of_its_picture(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96), np.uint8)
    pixels[8:40, 20:70] = 255
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "picture.png")
    # As large as it likes, as long as its aspect is the picture's.
    Image.fromarray(pixels).resize((192, 128), Image.Resampling.NEAREST).save(tmp_path / "mask.png")
    size = Size(48, 40)
    with Image.open(tmp_path / "picture.png") as image:
        cut = fit_image(image, size)[..., 0]
    weights = latent_weights(read_mask(tmp_path / "mask.png", Size(96, 64)), size, 8)
    expected = cut.reshape(5, 8, 6, 8).mean((1, 3)) / 255
    assert weights.shape == (5, 6)
    assert np.abs(weights - expected).max() < 0.06
    assert weights.max() == 1


def test_a_mask_of_a_turned_picture_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    left_half((96, 64)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright = np.asarray(read_mask(tmp_path / "turned.jpg", Size(64, 96)))
    assert upright.shape == (96, 64)
    assert upright[:40].min() > 200, "the left is above after a quarter to the right"
    assert upright[56:].max() < 50


def test_where_a_mask_is_transparent_its_opacity_counts(tmp_path: Path) -> None:
    pixels = np.full((64, 64, 4), 200, np.uint8)
    pixels[..., 3] = np.asarray(left_half((64, 64)))
    Image.fromarray(pixels).save(tmp_path / "cut-out.png")
    weights = np.asarray(read_mask(tmp_path / "cut-out.png", Size(64, 64)))
    assert np.array_equal(weights, np.asarray(left_half((64, 64))))


def test_the_levels_of_a_sixteen_bit_mask_are_scaled(tmp_path: Path) -> None:
    levels = np.asarray(left_half((64, 64))).astype(np.uint16) * 257
    levels[:, 32:] = 400  # nearly black
    Image.fromarray(levels).save(tmp_path / "deep.png")
    weights = np.asarray(read_mask(tmp_path / "deep.png", Size(64, 64)))
    assert (weights[:, :32].min(), weights[:, 32:].max()) == (255, 2)


def spoilt(path: Path, kind: str) -> None:
    if kind == "empty":
        Image.new("L", (64, 64)).save(path)
    elif kind == "coloured":
        Image.new("RGB", (64, 64), (250, 40, 40)).save(path)
    elif kind == "wide":
        left_half((96, 64)).save(path)
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:60])
    else:
        path.write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "marks nothing: white, or what is opaque, is the subject"),
        ("coloured", "is in colour: a mask is grey, or transparent around its subject"),
        ("wide", "is 96 x 64 pixels, the picture 64 x 64: both must have the same aspect"),
        ("cut short", "does not decode"),
        ("text", "is not a JPEG or PNG"),
    ],
)
def test_what_is_no_mask_is_named_with_its_line_and_member(make_run, kind: str, message: str) -> None:
    run = with_masks(make_run())
    spoilt(run / "masks" / "0.png", kind)
    assert train(run)["status"] == "failed"
    error = read_result(run)["error"]
    assert isinstance(error, dict)
    assert error["userError"] is True
    assert "1 of 5 images cannot be used: line 1 (" in error["message"]
    assert f"has a mask (mask-ref) that {message}." in error["message"]
    with pytest.raises(ImageError, match=message.split(":")[0].replace("(", r"\(")):
        read_mask(run / "masks" / "0.png", Size(64, 64))


def test_another_mask_is_another_entry_of_the_cache_and_costs_no_encoding(make_run, monkeypatch, tmp_path) -> None:
    encoded, kept = Encoded(monkeypatch), str(tmp_path / "kept")

    def step_losses(name: str, make=left_half, **members: object) -> dict[int, float]:
        run = with_masks(make_run(name, stepCount=2, unmaskedWeight=0, **members), make)
        train(run)
        return losses(run)

    first = step_losses("first", keptCachePath=kept)
    assert encoded.since() == (5, 5)
    assert step_losses("again", keptCachePath=kept) == first
    other = step_losses("other", lambda size: left_half(size, inverted=True), keptCachePath=kept)
    assert encoded.since() == (0, 0)
    assert other != first
    assert other == step_losses("fresh", lambda size: left_half(size, inverted=True))


def test_a_subject_is_found_by_its_words_where_the_line_names_no_mask(make_run, monkeypatch, tmp_path) -> None:
    encoded, kept = Encoded(monkeypatch), str(tmp_path / "kept")
    members = {"stepCount": 2, "unmaskedWeight": 0, "maskPrompt": "the square", "keptCachePath": kept}
    first, again, whole = make_run("first", **members), make_run("again", **members), make_run("whole", stepCount=2)
    for run in (first, again, whole):
        assert train(run)["status"] == "completed"
    assert losses(first) == losses(again)
    assert all(losses(first)[step] < losses(whole)[step] for step in (0, 1))
    encoded.since()
    assert train(make_run("words", **{**members, "maskPrompt": "the ground"}))["status"] == "completed"
    assert encoded.images >= 5, "the found mask is looked for anew"


def test_masks_that_a_fully_trained_parent_finds_are_its_own(make_run, monkeypatch, tmp_path) -> None:
    encoded, kept = Encoded(monkeypatch), str(tmp_path / "kept")
    members = {"stepCount": 1, "method": "full", "maskPrompt": "the square", "keptCachePath": kept}
    parent = make_run("parent", **members)
    assert train(parent)["status"] == "completed"
    encoded.since()
    child = {**members, "startFromPath": str(parent / "output")}
    assert train(make_run("child", **child))["status"] == "completed"
    assert encoded.images >= 5, "the base's masks are not the parent's"
    encoded.since()
    assert train(make_run("sibling", **child))["status"] == "completed"
    assert encoded.since() == (0, 0)


def test_a_family_that_finds_nothing_by_words_says_so(make_run, tmp_path: Path) -> None:
    from tests.tiny_families import flux

    base = tmp_path / "flux"
    flux(base)
    run = make_run(base=base, resolution=64, maskPrompt="the dog", images=write_images(tmp_path / "pictures"))
    assert train(run)["status"] == "failed"
    error = read_result(run)["error"]
    assert isinstance(error, dict)
    assert (error["userError"], "give masks by mask-ref" in error["message"]) == (True, True)


@pytest.mark.slow
def test_the_embedded_model_trains_on_the_dog_it_finds(make_run, tmp_path: Path) -> None:
    pictures = tmp_path / "ron"
    pictures.mkdir()
    for number in range(1, 6):
        source = REPOSITORY / "models/art/sample" / f"ron_{number:02d}.jpg"
        (pictures / source.name).write_bytes(source.read_bytes())
    members = {"images": pictures, "resolution": 128, "stepCount": 3, "unmaskedWeight": 0, "captionDropout": 0}
    base = REPOSITORY / "models/art/weights"
    found = make_run("found", base, maskPrompt="the dog", **members)
    whole = make_run("whole", base, **members)
    assert train(found)["status"] == train(whole)["status"] == "completed"
    shares = [losses(found)[step] / losses(whole)[step] for step in range(3)]
    assert all(0.05 < share < 0.9 for share in shares), shares
