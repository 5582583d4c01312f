"""The training images: the manifest, decoding, aspect-ratio buckets, and which images each step sees.

The order of the images is a pure function of (seed, bucket sizes, batch size), and what is random in a step is a
pure function of (seed, step): so a resumed training needs no state of any generator to see what an uninterrupted
one would have seen.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from likeness_worker.rundir import RunError

# A bucket's pixels lie between these shares of resolution², and its sides are at most this far apart: past
# either, a denoiser trained near squares of one size draws badly.
AREA_SHARES = (0.7, 1.3)
MAXIMUM_ASPECT = 2.5
EXIF_ORIENTATION = 0x0112
# What shows stored pixels as they were seen, by orientation (CIPA DC-008, 4.6.5 A).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# A JPEG or PNG of a few kilobytes can claim to be 60,000 pixels wide: the contract's limits are 4,096 a side
# and 12.6 million in all, so anything past this is refused before it is decoded.
Image.MAX_IMAGE_PIXELS = 100_000_000
ImageFile.LOAD_TRUNCATED_IMAGES = False


class ImageError(ValueError):
    """The bytes are no JPEG or PNG that decodes; the text says why, to be prefixed with which image."""


@dataclass(frozen=True)
class Size:
    """Pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Sample:
    """One line of the manifest."""

    line: int
    path: str
    caption: str
    mask: str | None = None


def read_manifest(path: Path) -> list[Sample]:
    """JSONL, one line an image: {"path", "caption", "mask"?}; line numbers count from 1.

    :raises RunError: unreadable, empty, or a line that is not such an object.
    """
    samples: list[Sample] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"The manifest {path.name} cannot be read: {type(error).__name__}.") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            sample = Sample(number, entry["path"], entry["caption"], entry.get("mask"))
            if not isinstance(sample.path, str) or not isinstance(sample.caption, str):
                raise TypeError
            if not isinstance(sample.mask, str | None):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RunError(
                f'Line {number} of the manifest must be {{"path": …, "caption": …}}.', user_error=True
            ) from None
        samples.append(sample)
    if not samples:
        raise RunError("The manifest names no images.", user_error=True)
    return samples


def open_image(source: Path | ImageFile.ImageFile | object) -> Image.Image:
    """Opens a JPEG or PNG by its content, not decoded yet. :raises ImageError: it is neither."""
    try:
        return Image.open(source, formats=("JPEG", "PNG"))  # type: ignore[arg-type]
    except FileNotFoundError:
        raise ImageError("does not exist") from None
    except Image.DecompressionBombError:
        raise ImageError("has too many pixels") from None
    except Exception:
        raise ImageError("is not a JPEG or PNG") from None


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation of an image that is not decoded yet, 1 to 8; 1 where there is none, or a broken one.

    As browsers and the server read it: what XMP says is not looked at, nor what a PNG says after its pixels."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        orientation = exif.get(EXIF_ORIENTATION)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return 1
    return orientation if orientation in TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """As a person sees it: turned by its EXIF orientation. Of an image that is not decoded yet, and once."""
    orientation = orientation_of(image)
    return image if orientation == 1 else image.transpose(TURNS[orientation])


def upright_size(image: Image.Image) -> Size:
    """Size after its EXIF orientation, without decoding. Orientations 5 to 8 lie on their side."""
    lies = orientation_of(image) >= 5
    return Size(image.height, image.width) if lies else Size(image.width, image.height)


def fit_image(image: Image.Image, size: Size) -> NDArray[np.uint8]:
    """Decodes, turns upright, lays on white, scales (Lanczos) to cover the size and cuts the middle out.

    :returns: [H, W, 3], uint8 RGB.
    :raises ImageError: it does not decode.
    """
    try:
        whole = upright_size(image)
        # A JPEG decodes several times faster at a half, a quarter or an eighth; twice the wanted size is enough
        # for Lanczos to show no difference.
        cover = max(size.width / whole.width, size.height / whole.height)
        image.draft("RGB", (math.ceil(2 * cover * image.width), math.ceil(2 * cover * image.height)))
        return np.asarray(ImageOps.fit(to_rgb(upright(image)), (size.width, size.height), Image.Resampling.LANCZOS))
    except Exception as error:
        reason = "has too many pixels" if isinstance(error, Image.DecompressionBombError) else "does not decode"
        raise ImageError(reason) from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB, what is transparent laid on white."""
    if image.mode.startswith("I"):
        # 16-bit greys: Pillow's own conversion clips at 255 instead of scaling.
        grey = np.asarray(image, dtype=np.float32) / 257
        return Image.fromarray(grey.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def bucket_for(aspect: float, resolution: int, multiple: int) -> Size:
    """The size at which an image of this aspect (width / height) is trained on or drawn: sides are multiples of
    `multiple`, about resolution² pixels. It weighs what a crop would lose (the aspect's error) against the
    distance from the area that the denoiser knows."""
    lowest, highest = (share * resolution**2 for share in AREA_SHARES)
    best, best_cost = Size(resolution, resolution), math.inf
    for width in range(multiple, 3 * resolution + 1, multiple):
        for height in range(multiple, 3 * resolution + 1, multiple):
            area, ratio = width * height, width / height
            inside = lowest <= area <= highest and 1 / MAXIMUM_ASPECT <= ratio <= MAXIMUM_ASPECT
            cost = abs(math.log(ratio / aspect)) + 0.25 * abs(math.log(area / resolution**2))
            if inside and cost < best_cost - 1e-9:
                best, best_cost = Size(width, height), cost
    return best


def plan_batches(buckets: list[list[int]], step_count: int, batch_size: int, seed: int) -> NDArray[np.int32]:
    """Which images each step sees.

    A batch draws from one bucket. Each bucket gets steps in proportion to its images (the one furthest behind its
    share goes next), and goes through its images in a new random order each time round, so every image is seen
    equally often; where a bucket has fewer images than a batch, the batch repeats them.

    :param buckets: image numbers of each bucket; none is empty.
    :returns: [steps, batch_size], image numbers.
    """
    generator = np.random.default_rng([seed, 0xDA7A])
    shares = np.array([len(bucket) for bucket in buckets], dtype=np.float64)
    shares /= shares.sum()
    served = np.zeros(len(buckets))
    waiting: list[list[int]] = [[] for _ in buckets]
    plan = np.empty((step_count, batch_size), dtype=np.int32)
    for step in range(step_count):
        chosen = int(np.argmax(shares * (step + 1) - served))
        served[chosen] += 1
        while len(waiting[chosen]) < batch_size:
            waiting[chosen].extend(generator.permutation(buckets[chosen]).tolist())
        plan[step] = waiting[chosen][:batch_size]
        del waiting[chosen][:batch_size]
    return plan


def step_generator(seed: int, step: int) -> np.random.Generator:
    """The source of all that is random in one step (timesteps, noise, caption dropout), always on the CPU."""
    return np.random.default_rng([seed, 1, step])
