"""How often the watermark is found after each attack, how often where there is none, and how well it hides.

.venv/bin/python -m bench.watermark.run [--images 1000] [--side 384] [--parts]

With --parts: how often it is found in a picture of which only a square part was drawn, by the part's size.

The pictures are the art composer's flat illustrations, drawn at 128 px and scaled up as the model's own are.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "worker"))

from likeness_worker.raster import fade_inside
from likeness_worker.watermark import can_hold, detect, embed

from models.art.scenes import FRAMES, compose, random_recipe

Pixels = NDArray[np.uint8]


def jpeg(pixels: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file).convert("RGB"))


def halved(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    return np.asarray(Image.fromarray(pixels).resize((width // 2, height // 2), Image.Resampling.LANCZOS))


def cropped(pixels: Pixels) -> Pixels:
    """A tenth of each side away, unevenly."""
    height, width = pixels.shape[:2]
    top, left = height // 33, width // 14
    return np.ascontiguousarray(pixels[top : top + height - height // 10, left : left + width - width // 10])


ATTACKS: dict[str, Callable[[Pixels], Pixels]] = {
    "none": lambda pixels: pixels,
    "JPEG 75": jpeg,
    "half size": halved,
    "10 % crop": cropped,
    "half size, JPEG 75": lambda pixels: jpeg(halved(pixels)),
}


PART_SIDES = (96, 128, 160, 192, 224, 256)


def parts(images: int) -> None:
    """Prints how often the mark is found where it lies in a square part of 768² pixels, soft edge included."""
    rng = random.Random(3)
    for side in PART_SIDES:
        found, weights = 0, np.zeros((0, 0), np.float32)
        for _ in range(images):
            small = compose(random_recipe(rng, rng.choice(FRAMES)))
            plain = np.asarray(small.resize((768, 768), Image.Resampling.LANCZOS))
            mask = np.zeros((768, 768), bool)
            top, left = rng.randrange(768 - side), rng.randrange(768 - side)
            mask[top : top + side, left : left + side] = True
            weights = fade_inside(mask, 12)
            found += detect(embed(plain, weights)).is_found
        held = "marked" if can_hold(weights) else "left without"
        print(f"part of {side}², {round(float(weights.sum()) ** 0.5)}² by weight ({held}): found {found} of {images}")


def psnr(before: Pixels, after: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((before.astype(np.float32) - after) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--parts", action="store_true")
    arguments = parser.parse_args()
    if arguments.parts:
        parts(arguments.images)
        return
    rng = random.Random(20)
    found = dict.fromkeys(ATTACKS, 0)
    false, hidden, highest = 0, [], 0.0
    for number in range(arguments.images):
        small = compose(random_recipe(rng, rng.choice(FRAMES)))
        scale = arguments.side / 128
        size = (round(small.width * scale), round(small.height * scale))
        plain = np.asarray(small.resize(size, Image.Resampling.LANCZOS))
        marked = embed(plain)
        hidden.append(psnr(plain, marked))
        for name, attack in ATTACKS.items():
            found[name] += detect(attack(marked)).is_found
        unmarked = detect(jpeg(plain) if number % 2 else plain)
        false += unmarked.is_found
        highest = max(highest, unmarked.score)
        if number % 100 == 99 or number + 1 == arguments.images:
            print(f"{number + 1} pictures", flush=True)
            for name, count in found.items():
                print(f"  found after {name}: {100 * count / (number + 1):.1f} %")
            print(f"  found in unmarked ones: {false}, highest score {highest:.1f}")
            print(f"  PSNR: least {min(hidden):.1f} dB, mean {np.mean(hidden):.1f} dB", flush=True)


if __name__ == "__main__":
    main()
