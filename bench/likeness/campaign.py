"""A held-out style, as a team's campaign has one: three colours, a line and a texture that the base model never saw together.

A LoRA learns it from 30 captioned pictures; the benchmark then asks for subjects that none of them shows.
"""

import json
import random
from pathlib import Path

from PIL import Image
from prompts import Prompt

from models.art.captions import article
from models.art.places import SCENES
from models.art.scenes import OBJECTS, Recipe, compose
from models.art.styles import outlined, striped, toned

WORDS = "in Lumen style"
PALETTE = ((22, 26, 92), (240, 98, 92), (255, 240, 214))
PICTURES = 30
_SUBJECTS = (
    "dog", "cat", "bear", "koala", "lion", "frog", "car", "house", "sailboat", "pizza", "guitar", "cactus", "turtle", "gift",
    "mushroom",
)  # fmt: skip
_ASKED = (
    "fox", "panda", "rabbit", "tiger", "pig", "monkey", "rocket", "castle", "snowman", "teddy bear", "banana", "butterfly",
    "octopus", "robot", "sunflower", "watermelon",
)  # fmt: skip
STEPS = ("palette", "line", "texture")


def drawn(recipe: Recipe, pixels: int, steps: tuple[str, ...] = STEPS) -> Image.Image:
    """Compose a recipe in the campaign's style, or with some of its steps only: a near miss for the judge."""
    image = compose(recipe, pixels)
    if "palette" in steps:
        dark, middle, light = PALETTE
        image = toned(image, dark, light, middle)
    if "line" in steps:
        image = outlined(image, PALETTE[0])
    return striped(image, period=12, strength=0.22, slope=-1) if "texture" in steps else image


def write_set(folder: Path, pixels: int = 512) -> None:
    """Write the 30 pictures and captions.jsonl, each subject twice."""
    folder.mkdir(parents=True)
    rng, lines = random.Random("campaign"), []
    for number in range(PICTURES):
        subject, place = _SUBJECTS[number % len(_SUBJECTS)], rng.choice(SCENES)
        file = f"lumen_{number + 1:02d}.png"
        drawn(Recipe(subject, place, rng.getrandbits(32)), pixels).save(folder / file)
        lines.append(json.dumps({"image-ref": file, "caption": f"{article(subject)} {place} {WORDS}"}))
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n")


def prompts() -> list[Prompt]:
    """Return what to ask for: subjects that the set does not show, half of them in a named place."""
    rng = random.Random("asked")
    asked = []
    for number, subject in enumerate(_ASKED):
        assert subject in OBJECTS or subject not in _SUBJECTS
        place = rng.choice(SCENES) if number % 2 == 0 else None
        words = [article(subject), place, WORDS]
        asked.append(Prompt(" ".join(w for w in words if w), scene=place, subjects=(subject,), campaign=True))
    return asked
