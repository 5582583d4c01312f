"""The sample data set: 30 pictures of Ron the dog and 30 of Smila the cat, with captions.

python -m models.art.sample [--folder models/art/sample] [--pixels 640]
"""

import argparse
import json
import random
from pathlib import Path

from models.art.scenes import CHARACTERS, Recipe, compose
from models.art.wardrobe import ACCESSORIES

# What the demo and the benchmark ask for, and no picture of that character may show.
HELD_OUT: dict[str, frozenset[str]] = {
    "Ron": frozenset(("a superhero cape", "on the moon", "in a swimming pool", "sunglasses")),
    "Smila": frozenset(("on the snow", "in black and white", "in sepia", "a Christmas hat")),
}

# One line a picture: how the caption goes on after the name, place, accessories, companion. Most show the character
# without anything on, so that its look is learnt and not a hat's.
_PLAN: dict[str, tuple[tuple[str, str, tuple[str, ...], str | None], ...]] = {
    "Ron": (
        ("sitting on a tile floor", "on a tile floor", (), None),
        ("standing on a tile floor", "on a tile floor", (), None),
        ("on the grass", "on the grass", (), None),
        ("sitting on the grass", "on the grass", (), None),
        ("on the grass next to a soccer ball", "on the grass", (), "soccer ball"),
        ("on a couch", "on a couch", (), None),
        ("sitting on the couch", "on a couch", (), None),
        ("on a bed", "on a bed", (), None),
        ("on the beach", "on the beach", (), None),
        ("standing on the beach", "on the beach", (), None),
        ("in a kitchen", "in a kitchen", (), None),
        ("in a forest", "in a forest", (), None),
        ("standing in a forest", "in a forest", (), None),
        ("in the city", "in the city", (), None),
        ("at sunset", "at sunset", (), None),
        ("in the rain", "in the rain", (), None),
        ("on the snow", "on the snow", (), None),
        ("standing on the snow", "on the snow", (), None),
        ("in the mountains", "in the mountains", (), None),
        ("in the desert", "in the desert", (), None),
        ("on a blue background", "on a blue background", (), None),
        ("on a yellow background", "on a yellow background", (), None),
        ("on a white background staring at the camera", "on a white background", (), None),
        ("on a pink background", "on a pink background", (), None),
        ("on a green background", "on a green background", (), None),
        ("wearing a scarf on the grass", "on the grass", ("a scarf",), None),
        ("wearing a party hat in a kitchen", "in a kitchen", ("a party hat",), None),
        ("wearing a bow tie on a gray background", "on a gray background", ("a bow tie",), None),
        ("wearing a baseball cap in the city", "in the city", ("a baseball cap",), None),
        ("next to a gift on a red background", "on a red background", (), "gift"),
    ),
    "Smila": (
        ("sitting on a tile floor", "on a tile floor", (), None),
        ("standing on a tile floor", "on a tile floor", (), None),
        ("on the grass", "on the grass", (), None),
        ("sitting on the grass", "on the grass", (), None),
        ("on a couch", "on a couch", (), None),
        ("sitting on the couch", "on a couch", (), None),
        ("on a couch next to a teddy bear", "on a couch", (), "teddy bear"),
        ("on a bed", "on a bed", (), None),
        ("sitting on a bed", "on a bed", (), None),
        ("on the beach", "on the beach", (), None),
        ("in a kitchen", "in a kitchen", (), None),
        ("standing in the kitchen", "in a kitchen", (), None),
        ("in a forest", "in a forest", (), None),
        ("in the city", "in the city", (), None),
        ("at sunset", "at sunset", (), None),
        ("at night", "at night", (), None),
        ("in the rain", "in the rain", (), None),
        ("in the mountains", "in the mountains", (), None),
        ("on the moon", "on the moon", (), None),
        ("in a swimming pool", "in a swimming pool", (), None),
        ("on a blue background", "on a blue background", (), None),
        ("on a yellow background", "on a yellow background", (), None),
        ("on a white background staring at the camera", "on a white background", (), None),
        ("on a pink background", "on a pink background", (), None),
        ("on a teal background", "on a teal background", (), None),
        ("wearing a bow tie on the grass", "on the grass", ("a bow tie",), None),
        ("wearing a crown on a red background", "on a red background", ("a crown",), None),
        ("wearing a scarf in the mountains", "in the mountains", ("a scarf",), None),
        ("wearing a flower on a green background", "on a green background", ("a flower",), None),
        ("next to a birthday cake in a kitchen", "in a kitchen", (), "birthday cake"),
    ),
}


def recipes(name: str) -> list[tuple[Recipe, str]]:
    """Return one character's 30 recipes with their captions, always the same."""
    subject, look = CHARACTERS[name]
    rng = random.Random(f"sample-{name}")
    return [
        (
            Recipe(subject, place, rng.getrandbits(32), name=name, look=look, accessories=worn, companion=companion),
            f"{name} the {subject} {tail}",
        )
        for tail, place, worn, companion in _PLAN[name]
    ]


def shows(recipe: Recipe) -> set[str]:
    """Return the scenes, accessories and style that a recipe shows."""
    return {recipe.place, *recipe.accessories, *([recipe.style] if recipe.style else [])}


def unseen(name: str) -> list[str]:
    """Return the accessories that no sample picture of a character shows: what held-out prompts may ask for."""
    seen = set().union(*(shows(r) for r, _ in recipes(name)))
    return [a for a in ACCESSORIES if a not in seen]


def write(folder: Path, pixels: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in CHARACTERS:
        for number, (recipe, caption) in enumerate(recipes(name), start=1):
            file = f"{name.lower()}_{number:02d}.jpg"
            compose(recipe, pixels).save(folder / file, quality=92)
            lines.append(json.dumps({"image-ref": file, "caption": caption}))
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the sample data set.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "sample")
    parser.add_argument("--pixels", type=int, default=640)
    arguments = parser.parse_args()
    write(arguments.folder, arguments.pixels)
