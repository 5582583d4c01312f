"""Measure how near enlarged pictures come to the scenes that they show: crisp edges beside Lanczos' filter alone.

python bench/enlarging/run.py                 48 held-out scenes through the autoencoder, enlarged to 512 and 1024 pixels
python bench/enlarging/run.py --sheet FILE    and a sheet of six of them: scene, Lanczos, crisp

`dB` is the PSNR against the scene composed at that size. `steepness` is the mean of the steepest hundredth of all changes from
one pixel to the next, as a share of the scene's own. Milliseconds are processor time of one thread.
"""

import argparse
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker")]

from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.drawing import to_pixels  # noqa: E402
from likeness_worker.enlarging import enlarged  # noqa: E402
from likeness_worker.families import choose_placement, load, to_unit_range  # noqa: E402

from models.art.scenes import compose, random_recipe  # noqa: E402

DRAWN_PIXELS = 128
SIZES = (512, 1024)


def steepness(pixels: np.ndarray) -> float:
    """Return the mean of the steepest hundredth of the changes across, in levels of 255."""
    changes = np.abs(np.diff(pixels.astype(np.float32), axis=1)).max(-1).ravel()
    return float(np.partition(changes, -changes.size // 100)[-changes.size // 100 :].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights", help="base model folder")
    parser.add_argument("--scenes", type=int, default=48)
    parser.add_argument("--sheet", type=Path, help="PNG to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    family = load(read_base_model(arguments.base), choose_placement("cpu", "float32"))
    recipes = [random_recipe(random.Random(f"enlarging-{number}")) for number in range(arguments.scenes)]
    scenes = torch.cat([to_unit_range(np.asarray(compose(recipe, DRAWN_PIXELS))) for recipe in recipes])
    with torch.no_grad():
        drawn = to_pixels(family, family.encode_images(scenes))
    rows = []
    for size in SIZES:
        for is_crisp in (False, True):
            errors, shares, began = [], [], time.process_time()
            pictures = [enlarged(picture, size, size, is_crisp) for picture in drawn]
            milliseconds = (time.process_time() - began) * 1000 / len(drawn)
            for recipe, picture in zip(recipes, pictures, strict=True):
                truth = np.asarray(compose(recipe, size))
                errors.append(float(((picture.astype(np.float32) - truth) ** 2).mean()))
                shares.append(steepness(picture) / steepness(truth))
            decibels = 10 * np.log10(255**2 / np.array(errors))
            name = "crisp" if is_crisp else "Lanczos"
            print(
                f"{size} pixels, {name:8} {decibels.mean():6.2f} dB   steepness {np.mean(shares):.2f}   {milliseconds:.0f} ms",
                flush=True,
            )
            if size == SIZES[0]:
                rows.append(pictures[:6])
    if arguments.sheet:
        truths = [np.asarray(compose(recipe, SIZES[0])) for recipe in recipes[:6]]
        Image.fromarray(np.concatenate([np.concatenate(row, axis=1) for row in (truths, *rows)])).save(arguments.sheet)


if __name__ == "__main__":
    main()
