"""A picture is what a person sees, whatever way up a camera stored it: in a training, for a caption and a mask, and in
every task that takes a picture, with its mask."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from likeness_worker.data import TURNS, Size, fit_image, open_image, orientation_of, upright, upright_size
from likeness_worker.masks import read_mask
from likeness_worker.watermark import embed
from tests.test_serve import Client, start

WIDTH, HEIGHT = 96, 64
SEEN = np.stack([*np.mgrid[:HEIGHT, :WIDTH] * np.uint8(2), np.full((HEIGHT, WIDTH), 90)], -1).astype(np.uint8)
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[8:40, 16:48] = True
MASK = np.repeat(np.where(HOLE, 0, 255).astype(np.uint8)[..., None], 3, 2)


def stored(pixels: np.ndarray, orientation: int, form: str = "PNG") -> bytes:
    """A file whose pixels a person sees as `pixels`, stored as a camera that was held that way stores them."""
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, TURNS.get(orientation))
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    options = {"quality": 95} if form == "JPEG" else {}
    (image if back is None else image.transpose(back)).save(file, form, exif=exif, **options)
    return file.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decoded(png: bytes | str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png) if isinstance(png, str) else png)))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_seen_upright(orientation: int, form: str) -> None:
    data = stored(SEEN, orientation, form)
    image = open_image(io.BytesIO(data))
    assert orientation_of(image) == orientation
    assert upright_size(image) == Size(WIDTH, HEIGHT)
    off = np.abs(np.asarray(upright(image).convert("RGB")).astype(int) - SEEN)
    assert off.max() <= (0 if form == "PNG" else 12)
    fitted = fit_image(open_image(io.BytesIO(data)), Size(WIDTH, HEIGHT))
    assert np.abs(fitted.astype(int) - SEEN).max() <= (0 if form == "PNG" else 12)


def test_what_no_browser_follows_turns_nothing(tmp_path: Path) -> None:
    """XMP's orientation, a number that is none, and a broken EXIF block."""
    xmp = PngInfo()
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
    xmp.add_itxt("XML:com.adobe.xmp", packet)
    Image.fromarray(SEEN).save(tmp_path / "xmp.png", pnginfo=xmp)
    (tmp_path / "nine.png").write_bytes(stored(SEEN, 9))
    Image.fromarray(SEEN).save(tmp_path / "broken.jpg", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    for file in tmp_path.iterdir():
        with open_image(file) as image:
            assert upright_size(image) == Size(WIDTH, HEIGHT), file.name


def test_a_training_mask_fits_its_picture_upright_whichever_of_both_is_turned(tmp_path: Path) -> None:
    marked = np.where(HOLE[..., None], np.uint8(255), np.uint8(0)).repeat(3, 2)
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.png"
        path.write_bytes(stored(marked, orientation))
        assert np.array_equal(np.asarray(read_mask(path, Size(WIDTH, HEIGHT))), marked[..., 0])


@pytest.fixture(scope="module")
def client(art_base: Path) -> Iterator[Client]:
    client, server = start(art_base)
    yield client
    server.shutdown()


def requests(picture: bytes, mask: bytes) -> dict[str, dict[str, object]]:
    common = {"images": [base64_of(picture)], "width": WIDTH, "height": HEIGHT}
    masked = {"mask": {"image": base64_of(mask), "prompt": None, "isReturned": True}}
    control = {"mode": "SEGMENTATION", "strength": 0.7}
    return {
        "INPAINTING": {**common, **masked, "text": "a cat"},
        "OUTPAINTING": {**common, **masked, "text": "the snow", "outPaintingMode": "PRECISE"},
        "IMAGE_VARIATION": {**common, "similarityStrength": 0.7},
        "TEXT_IMAGE": {**common, "control": control},
        "BACKGROUND_REMOVAL": common,
        "MASK": {**common, "text": "the red disc"},
        "SMART_CROP": {**common, "width": HEIGHT, "text": None},
    }


def answered(client: Client, task: str, request: dict[str, object]) -> dict[str, Any]:
    status, answer = client.invoke(task=task, **request)
    assert status == 200, (task, answer)
    return {member: answer[member] for member in ("images", "maskImage", "cropBox")}


@pytest.mark.train
@pytest.mark.parametrize("orientation", [3, 6])
def test_each_task_answers_for_a_turned_picture_what_it_answers_for_the_upright_one(
    client: Client, orientation: int
) -> None:
    plain = requests(stored(SEEN, 1), stored(MASK, 1))
    wanted = {task: answered(client, task, request) for task, request in plain.items()}
    # A mask that was painted over the upright picture, and one that was turned as the picture was.
    for mask_orientation in (1, orientation):
        for task, request in requests(stored(SEEN, orientation), stored(MASK, mask_orientation)).items():
            if mask_orientation == 1 or "mask" in request:
                assert answered(client, task, request) == wanted[task], task
    assert np.array_equal(decoded(wanted["INPAINTING"]["images"][0])[~HOLE], SEEN[~HOLE])
    assert np.array_equal(decoded(wanted["INPAINTING"]["maskImage"]), MASK)


@pytest.mark.train
def test_a_mask_of_the_stored_size_is_refused_where_the_picture_is_shown_turned(client: Client) -> None:
    lying = np.ascontiguousarray(MASK.transpose(1, 0, 2))
    request = requests(stored(SEEN, 6), stored(lying, 1))["INPAINTING"]
    status, answer = client.invoke(task="INPAINTING", **request)
    assert status == 400
    expected = "mask.image must be 96 x 64 pixels, as the image upright; it has 64 x 96"
    assert expected in answer["error"]["message"]


@pytest.mark.train
def test_a_watermark_is_looked_for_in_the_pixels_as_they_are_stored(client: Client) -> None:
    marked = embed(np.full((256, 320, 3), 120, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(marked).save(file, "PNG", exif=exif)
    _, answer = client.invoke(task="DETECTION", images=[base64_of(file.getvalue())])
    assert answer["watermark"]["score"] > 7
