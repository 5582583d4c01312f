"""The scene composer: a recipe (who, wearing what, where, how) becomes a picture of any size.

The same recipe drawn at 128 px and at 640 px shows the same scene: the geometry is in frame units and resvg draws it.
"""

import io
import random
from dataclasses import dataclass, replace

import resvg_py
from PIL import Image

from models.art import wardrobe
from models.art.fluent import drawing, placed
from models.art.looks import FACES, PLAIN, RON, SMILA, Look, body, head, painted, random_look
from models.art.places import BACKDROPS, SCENES, layers
from models.art.styles import COLOURLESS, random_style, styled

UNIT = 128  # frame units along a square's edge: one unit is one pixel at the training resolution

STYLES = ("in black and white", "in sepia")
OBJECTS: dict[str, str] = {
    "car": "automobile", "rocket": "rocket", "sailboat": "sailboat", "house": "house", "castle": "castle", "tent": "tent",
    "snowman": "snowman", "teddy bear": "teddy-bear", "gift": "wrapped-gift", "balloon": "balloon", "soccer ball": "soccer-ball",
    "basketball": "basketball", "guitar": "guitar", "pizza": "pizza", "hamburger": "hamburger", "banana": "banana",
    "apple": "red-apple", "strawberry": "strawberry", "watermelon": "watermelon", "doughnut": "doughnut",
    "birthday cake": "birthday-cake", "mushroom": "mushroom", "butterfly": "butterfly", "honeybee": "honeybee", "crab": "crab",
    "octopus": "octopus", "tropical fish": "tropical-fish", "turtle": "turtle", "robot": "robot", "ghost": "ghost",
    "jack-o-lantern": "jack-o-lantern", "sunflower": "sunflower", "tulip": "tulip", "cactus": "cactus", "star": "star",
}  # fmt: skip
COMPANIONS = ("soccer ball", "gift", "balloon", "teddy bear", "mushroom", "apple", "birthday cake", "guitar")
CHARACTERS: dict[str, tuple[str, Look]] = {"Ron": ("dog", RON), "Smila": ("cat", SMILA)}


@dataclass(frozen=True)
class Partner:
    """A second animal beside the first."""

    subject: str
    name: str | None = None
    look: Look = PLAIN


@dataclass(frozen=True)
class Recipe:
    """All that a picture shows. `seed` draws the small variations: shades, offsets, the stars in the sky.

    `count` is how many of the subject there are, 1 to 3. A partner stands to the right; neither goes with a companion.
    """

    subject: str
    place: str
    seed: int
    name: str | None = None
    look: Look = PLAIN
    accessories: tuple[str, ...] = ()
    companion: str | None = None
    style: str | None = None
    frame: tuple[int, int] = (UNIT, UNIT)
    count: int = 1
    partner: Partner | None = None

    @property
    def is_animal(self) -> bool:
        return self.subject in FACES


def svg(recipe: Recipe) -> str:
    """Draw a recipe as one SVG document in frame units."""
    rng = random.Random(recipe.seed)
    w, h = recipe.frame
    behind, before = layers(recipe.place, w, h, rng)
    # A frame narrower or lower than the square holds a proportionally smaller subject.
    fit = min(1.0, 1.12 * min(w, h) / UNIT)
    if recipe.count > 1 or recipe.partner:
        return _document(w, h, behind + _group(recipe, rng) + before)
    x, y = w / 2 + rng.uniform(-4, 4) * fit, h * 0.49 + rng.uniform(-2, 2) * fit
    if recipe.companion:
        x -= 13 * fit
        side = placed(drawing(OBJECTS[recipe.companion]), x + 44 * fit, h * 0.49 + 34 * fit, 1.15 * fit)
    else:
        side = ""
    if recipe.is_animal:
        scale = rng.uniform(77, 82) / 32 * fit
        subject = placed(_animal(recipe.subject, recipe.look, recipe.accessories, rng), x, y, scale, rng.uniform(-4, 4))
    else:
        scale = rng.uniform(80, 88) / 32 * fit
        subject = placed(drawing(OBJECTS[recipe.subject]), x, y + 8 * fit, scale)
    return _document(w, h, behind + subject + side + before)


def _document(w: int, h: int, layers: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">{layers}</svg>'


def _group(recipe: Recipe, rng: random.Random) -> str:
    """Two or three in a row, each its own size: as large as the frame lets them be without hiding one another."""
    w, h = recipe.frame
    count = 2 if recipe.partner else recipe.count
    pitch = w * (0.45, 0.31)[count - 2]
    drawn = []
    for i in range(count):
        x = w / 2 + (i - (count - 1) / 2) * pitch + rng.uniform(-2, 2)
        y = h * 0.54 + rng.uniform(-3, 3)
        size = min(pitch * rng.uniform(0.95, 1.05), 0.55 * h) / 32
        partner = recipe.partner if i else None
        if partner:
            drawn.append(placed(_animal(partner.subject, partner.look, (), rng), x, y, size, rng.uniform(-4, 4)))
        elif recipe.is_animal:
            worn = recipe.accessories
            drawn.append(placed(_animal(recipe.subject, recipe.look, worn, rng), x, y, size, rng.uniform(-4, 4)))
        else:
            drawn.append(placed(drawing(OBJECTS[recipe.subject]), x, y + 6, size))
    return "".join(drawn)


def _animal(subject: str, look: Look, worn: tuple[str, ...], rng: random.Random) -> str:
    face = FACES[subject]
    look = painted(look, rng)
    back = "".join(wardrobe.behind(a, face) for a in worn)
    neck = "".join(wardrobe.in_front(a, face) for a in worn if wardrobe.below_head(a))
    top = "".join(wardrobe.in_front(a, face) for a in worn if not wardrobe.below_head(a))
    return back + body(subject, look) + neck + head(subject, look) + top


def compose(recipe: Recipe, pixels: int = UNIT) -> Image.Image:
    """Draw a recipe; `pixels` is the length of a square frame's edge (other frames scale alike). Returns RGB."""
    w, h = (round(side * pixels / UNIT) for side in recipe.frame)
    # Twice the size and averaged down: resvg's own edges are harder than those of a scaled picture.
    png = resvg_py.svg_to_bytes(svg_string=svg(recipe), width=2 * w, height=2 * h)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGB").resize((w, h), Image.Resampling.BOX)
    return styled(image, recipe.style)


def _accessories(rng: random.Random) -> tuple[str, ...]:
    first = rng.choice(wardrobe.ACCESSORIES)
    if rng.random() < 0.12:
        # Two things at once, from different places on the animal, so that neither hides the other.
        hat, eyes, neck = (rng.choice(g) for g in (wardrobe.HEADWEAR, wardrobe.EYEWEAR, wardrobe.NECKWEAR))
        return tuple(rng.sample((hat, eyes, neck), 2))
    return (first,)


# Frames beside the square have about its area, and sides that the denoiser can halve twice (multiples of 32 px).
FRAMES = ((UNIT, UNIT), (160, 96), (96, 160))


def random_recipe(rng: random.Random, frame: tuple[int, int] = FRAMES[0]) -> Recipe:
    """Draw one recipe of the base model's training distribution; never Ron, Smila or a look near theirs."""
    place = rng.choice(SCENES) if rng.random() < 0.8 else rng.choice(BACKDROPS)
    style = rng.choice(STYLES) if rng.random() < 0.08 else None
    seed = rng.getrandbits(32)
    if rng.random() < 0.1:
        return Recipe(rng.choice(tuple(OBJECTS)), place, seed, style=style, frame=frame)
    others = [a for a in FACES if a not in ("dog", "cat")]
    subject = rng.choices(("dog", "cat", rng.choice(others)), (36, 36, 28))[0]
    changed = rng.random() < (0.7 if subject in ("dog", "cat") else 0.2)
    look = random_look(subject, rng) if changed else PLAIN
    if style and subject == "dog" and look.patch:
        style = None  # without its colours, a dog with a patch could be Ron
    named = subject in ("dog", "cat") and rng.random() < 0.3
    return Recipe(
        subject, place, seed,
        name=rng.choice(NAMES) if named else None,
        look=look,
        accessories=_accessories(rng) if rng.random() < 0.5 else (),
        companion=rng.choice(COMPANIONS) if rng.random() < 0.08 else None,
        style=style, frame=frame,
    )  # fmt: skip


def dressed_recipe(rng: random.Random, frame: tuple[int, int] = FRAMES[0]) -> Recipe:
    """Draw from the same distribution, with more of what is hard: dogs and cats that wear something.

    What hides the eyes or surrounds the body is drawn about twice as often as a hat.
    """
    while True:
        recipe = random_recipe(rng, frame)
        large = {"sunglasses", "a superhero cape", "a Christmas hat"} & set(recipe.accessories)
        pet = recipe.subject in ("dog", "cat")
        if rng.random() < (1.0 if pet and large else 0.4 if pet and recipe.accessories else 0.1):
            return recipe


def styled_recipe(rng: random.Random, frame: tuple[int, int] = FRAMES[0]) -> Recipe:
    """Draw from random_recipe's distribution, in a random style."""
    recipe, style = random_recipe(rng, frame), random_style(rng)
    without_colours = any(name in style for name in COLOURLESS)
    # Without its colours, a dog with a patch could be Ron.
    return recipe if without_colours and recipe.look.patch else replace(recipe, style=style)


def group_recipe(rng: random.Random, frame: tuple[int, int] = FRAMES[0]) -> Recipe:
    """Draw several: two different animals side by side (half of the time), or one to three of one thing."""
    place = rng.choice(SCENES) if rng.random() < 0.75 else rng.choice(BACKDROPS)
    seed = rng.getrandbits(32)
    if rng.random() < 0.5:
        subject, second = rng.sample(("dog", "cat", "dog", "cat", rng.choice(tuple(FACES))), 2)
        first, other = (_pet(s, rng) for s in (subject, second))
        return Recipe(subject, place, seed, name=first.name, look=first.look, partner=other, frame=frame)
    count = rng.choice((1, 2, 2, 3, 3))
    if rng.random() < 0.55:
        return Recipe(rng.choice(tuple(OBJECTS)), place, seed, count=count, frame=frame)
    pet = _pet(rng.choice(("dog", "cat", rng.choice(tuple(FACES)))), rng)
    return Recipe(pet.subject, place, seed, look=pet.look, count=count, frame=frame)


def _pet(subject: str, rng: random.Random) -> Partner:
    named = subject in ("dog", "cat") and rng.random() < 0.35
    look = random_look(subject, rng) if rng.random() < 0.6 else PLAIN
    return Partner(subject, rng.choice(NAMES) if named else None, look)


NAMES = (
    "Bella", "Max", "Luna", "Charlie", "Coco", "Rex", "Milo", "Daisy", "Oscar", "Lola", "Bruno", "Nala", "Felix", "Ruby", "Leo",
    "Molly", "Simba", "Rosie", "Toby", "Misty", "Otto", "Kira", "Rufus", "Maya", "Tom", "Sasha", "Ben", "Sam", "Roxy", "Emil",
)  # fmt: skip
