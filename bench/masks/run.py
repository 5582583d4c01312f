"""Measure how well subjects are found: IoU of found and true masks over composed scenes.

python bench/masks/run.py                 40 scenes of the base model's world, none of them in its training
python bench/masks/run.py --sheet FILE    and a sheet of what was found, for a person to look at
"""

import argparse
import io
import random
import sys
from pathlib import Path

import numpy as np
import resvg_py
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker")]

from likeness_worker.engine import Engine  # noqa: E402
from likeness_worker.preparing import words_of  # noqa: E402
from likeness_worker.serve import ServeOptions  # noqa: E402
from likeness_worker.subjects import prompted_mask, without_background  # noqa: E402

from models.art import scenes  # noqa: E402

PIXELS = 512
GOAL = 0.6


def recipes(count: int) -> list[scenes.Recipe]:
    """Draw scenes of one subject that nothing hides: no pool, no companion, no style."""
    rng, found = random.Random("masks"), []
    while len(found) < count:
        recipe = scenes.random_recipe(rng)
        if recipe.style is None and recipe.companion is None and recipe.place != "in a swimming pool":
            found.append(recipe)
    return found


def true_mask(recipe: scenes.Recipe) -> np.ndarray:
    """Draw the subject alone, bool [PIXELS, PIXELS]."""
    layers = scenes.layers

    def nothing_around(*arguments: object) -> tuple[str, str]:
        layers(*arguments)  # type: ignore[arg-type]  # its random numbers come before the subject's
        return "", ""

    scenes.layers = nothing_around
    try:
        png = resvg_py.svg_to_bytes(svg_string=scenes.svg(recipe), width=2 * PIXELS, height=2 * PIXELS)
    finally:
        scenes.layers = layers
    image = Image.open(io.BytesIO(bytes(png))).convert("RGBA").resize((PIXELS, PIXELS), Image.Resampling.BOX)
    return np.asarray(image)[..., 3] > 127


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights", help="base model folder")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--sheet", type=Path, help="PNG to write: pictures, masks by a prompt, cut-outs")
    arguments = parser.parse_args()
    engine = Engine(ServeOptions(arguments.base, Path("unused.sock"), {}, None, None, None, "auto", "auto"))
    family, words = engine.family, words_of(arguments.base)
    drawn = recipes(arguments.scenes)
    ious: dict[str, list[float]] = {"maskPrompt, the subject's word": [], "BACKGROUND_REMOVAL": []}
    rows = []
    for recipe in drawn:
        pixels, truth = np.asarray(scenes.compose(recipe, PIXELS)), true_mask(recipe)
        with torch.inference_mode():
            prompted = prompted_mask(pixels, recipe.subject, family)
            cut = without_background(pixels, words.subject(pixels) if words else None, family)[..., 3] > 127
        for name, mask in zip(ious, (prompted, cut), strict=True):
            ious[name].append(float((mask & truth).sum() / max(1, (mask | truth).sum())))
        shown = [pixels, *(np.where(mask[..., None], pixels, (255, 0, 255)) for mask in (prompted, cut))]
        rows.append(np.concatenate([image.astype(np.uint8)[::4, ::4] for image in shown], axis=1))
    for name, values in ious.items():
        below = sum(value < GOAL for value in values)
        print(
            f"{name:32} mean IoU {np.mean(values):.3f}, median {np.median(values):.3f}, least {min(values):.2f}, "
            f"below {GOAL}: {below} of {len(values)}"
        )
    if arguments.sheet:
        columns = [np.concatenate(rows[i::4]) for i in range(4)]
        height = max(len(column) for column in columns)
        Image.fromarray(
            np.concatenate([np.pad(c, ((0, height - len(c)), (0, 0), (0, 0))) for c in columns], axis=1)
        ).save(arguments.sheet)


if __name__ == "__main__":
    main()
