"""Draw the gallery: 64 prompts with fixed seeds on one sheet, for a person to look at before a release.

python bench/gallery/run.py                       the committed base model, into docs/images/gallery.png
python bench/gallery/run.py --base FOLDER --out FILE
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bench/likeness")]

from worker import draw, serving  # noqa: E402

PIXELS = 128
COLUMNS = 8
PROMPTS = (
    # plain pets and their places
    "a dog on the grass", "a cat on a couch", "a dog on the beach", "a cat in space",
    "a dog at night", "a cat in a kitchen", "a dog in a swimming pool", "a cat on the moon",
    # fur and markings
    "a green dog with purple ears", "a red cat with a white mask", "a yellow dog with a black eye patch", "a pink cat with a teal chin",
    "a black dog with a white blaze", "a blue cat with yellow ears", "a white dog with red ears", "a gray cat with an orange eye patch",
    # clothes
    "a dog wearing a superhero cape", "a cat wearing a Christmas hat", "a dog wearing sunglasses on the beach", "a cat wearing a crown",
    "a dog wearing a top hat", "a cat wearing headphones in the city", "a dog wearing a scarf on the snow", "a cat wearing glasses on a bed",
    # other animals
    "a fox in a forest", "a panda in the rain", "a lion in the desert", "a rabbit on the grass",
    "a koala under the sea", "a frog in a swimming pool", "a tiger at sunset", "a polar bear on the snow",
    # things
    "a rocket in space", "a sailboat at sunset", "a castle in the mountains", "a pizza in a kitchen",
    "a robot in the city", "a cactus in the desert", "a snowman on the snow", "a teddy bear on a bed",
    # one, two, three
    "two cats on the grass", "three dogs on the beach", "two balloons on a blue background", "three apples in a kitchen",
    "three ghosts at night", "two mushrooms in a forest", "three yellow cats", "two robots in the city",
    # two different animals
    "a dog and a cat on a couch", "a fox and a panda on the snow", "a blue dog and a pink cat", "Bella the dog and Max the cat on the beach",
    "a cat and a rabbit in a forest", "a lion and a monkey in the desert", "a dog and a frog on the moon", "a pig and a cow on the grass",
    # styles
    "a cat in black and white", "a dog on the beach in sepia", "a fox in blue tones", "a cat with bold outlines",
    "a bear with a striped texture", "a dog in pastel colours", "a castle in purple tones with bold outlines", "a cat in the city in vivid colours",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights", help="base model folder")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/gallery.png", help="PNG to write")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    arguments = parser.parse_args()
    with serving(arguments.base, None, arguments.threads) as socket:
        pictures = []
        for number, text in enumerate(PROMPTS, start=1):
            pictures += draw(socket, False, text, 1, seed=7, pixels=PIXELS)
            print(f"\r{number} of {len(PROMPTS)}", end="", flush=True)
    rows = [np.concatenate(pictures[i : i + COLUMNS], axis=1) for i in range(0, len(pictures), COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(arguments.out, optimize=True)
    print(f"\n{arguments.out}")


if __name__ == "__main__":
    main()
