"""Images become upright RGB of a bucket's size, and every image gets its share of the steps."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from likeness_worker.data import (
    ImageError,
    Size,
    bucket_for,
    fit_image,
    open_image,
    plan_batches,
    upright_size,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (1024, 1024, Size(128, 128)),
        (768, 1152, Size(96, 160)),
        (1152, 896, Size(160, 128)),
        (640, 1408, Size(96, 192)),
        (4000, 1000, Size(192, 96)),
    ],
)
def test_bucket_has_the_nearest_aspect_at_about_the_area(width: int, height: int, size: Size) -> None:
    assert bucket_for(width / height, 128, 32) == size


def test_a_batch_draws_from_one_bucket_and_each_image_gets_its_share() -> None:
    buckets = [list(range(50)), list(range(50, 57)), [57]]
    plan = plan_batches(buckets, 580, 8, seed=1)
    bucket_of = {image: number for number, bucket in enumerate(buckets) for image in bucket}
    assert all(len({bucket_of[int(image)] for image in batch}) == 1 for batch in plan)
    seen = Counter(plan.flatten().tolist())
    assert seen.keys() == bucket_of.keys()
    assert max(seen.values()) - min(seen.values()) <= 10  # of 80 each


def test_a_batch_larger_than_its_bucket_repeats_images() -> None:
    plan = plan_batches([[0, 1, 2]], 2, 8, seed=1)
    assert Counter(plan.flatten().tolist()) == {0: 6, 1: 5, 2: 5} or len(set(plan.flatten().tolist())) == 3


def test_the_order_is_a_function_of_the_seed() -> None:
    buckets = [list(range(20)), list(range(20, 31))]
    assert np.array_equal(plan_batches(buckets, 40, 8, seed=3), plan_batches(buckets, 40, 8, seed=3))
    assert not np.array_equal(plan_batches(buckets, 40, 8, seed=3), plan_batches(buckets, 40, 8, seed=4))


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **options)
    file.seek(0)
    return file


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, width // 2, height))
    return image


def test_exif_orientation_is_honoured() -> None:
    # Orientation 6: the camera was turned; shown upright, the stored left side is at the top.
    exif = Image.Exif()
    exif[0x0112] = 6
    image = open_image(encoded(halves(64, 32), "JPEG", exif=exif, quality=95))
    assert upright_size(image) == Size(32, 64)
    pixels = fit_image(image, Size(32, 64))
    assert pixels[:24, :, 0].mean() > 200
    assert pixels[40:, :, 2].mean() > 200


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK", "RGB"])
def test_any_mode_becomes_rgb_with_transparency_on_white(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((16, 16), 65535, dtype=np.uint16))
    elif mode in ("RGBA", "LA"):
        image = Image.new(mode, (16, 16), 0)  # fully transparent
    elif mode == "CMYK":
        image = Image.new("CMYK", (16, 16), 0)
    else:
        image = Image.new("RGB", (16, 16), "white").convert(mode)
    form = "JPEG" if mode == "CMYK" else "PNG"
    pixels = fit_image(open_image(encoded(image, form)), Size(8, 8))
    assert pixels.shape == (8, 8, 3)
    assert pixels.min() >= 250


def test_what_is_no_image_is_named() -> None:
    with pytest.raises(ImageError, match="is not a JPEG or PNG"):
        open_image(io.BytesIO(b"GIF89a not really"))
    with pytest.raises(ImageError, match="is not a JPEG or PNG"):
        open_image(encoded(Image.new("RGB", (8, 8)), "GIF"))
    whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), "JPEG")
    cut = io.BytesIO(whole.getvalue()[:1000])
    with pytest.raises(ImageError, match="does not decode"):
        fit_image(open_image(cut), Size(32, 32))
