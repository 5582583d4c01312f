"""Animals and how they look: fur, ears, markings, and the two characters that the base model must never see.

A look is a combination of drawable parts. The base model learns the parts from random combinations; a LoRA on
30 pictures then has to bind one unseen combination to one name.
"""

import random
import re
from dataclasses import dataclass, replace
from functools import cache

from models.art.colours import NAMED, darker, jittered, lighter, mix, tinted
from models.art.fluent import elements, refill


@dataclass(frozen=True)
class Face:
    """One animal's head in its 32-unit box: where its eyes and the top of its head are, and its body's colours."""

    icon: str
    eye_y: float
    top_y: float
    fur: str
    chest: str


FACES: dict[str, Face] = {
    "dog": Face("dog-face", 13.5, 6.0, "#f3c07b", "#ffdea7"),
    "cat": Face("cat-face", 18.5, 10.5, "#ffb02e", "#ffd58a"),
    "wolf": Face("wolf", 17.0, 9.0, "#9b9b9b", "#e6e6e6"),
    "fox": Face("fox", 18.5, 9.0, "#ff822d", "#ffdea7"),
    "lion": Face("lion", 13.0, 5.0, "#ffb02e", "#f3ad61"),
    "tiger": Face("tiger-face", 14.0, 5.0, "#ff822d", "#f4f4f4"),
    "rabbit": Face("rabbit-face", 18.5, 12.0, "#cdc4d6", "#f3eef8"),
    "bear": Face("bear", 16.0, 7.0, "#a56953", "#f3ad61"),
    "panda": Face("panda", 14.5, 6.0, "#f4f4f4", "#533566"),
    "koala": Face("koala", 14.0, 7.0, "#9b9b9b", "#e6e6e6"),
    "polar bear": Face("polar-bear", 15.5, 7.0, "#f4f4f4", "#ffffff"),
    "raccoon": Face("raccoon", 18.0, 9.0, "#9b9b9b", "#e6e6e6"),
    "monkey": Face("monkey-face", 13.0, 5.0, "#7d4533", "#e39d89"),
    "mouse": Face("mouse-face", 18.0, 10.0, "#cdc4d6", "#f3eef8"),
    "hamster": Face("hamster", 17.0, 8.0, "#f3ad61", "#ffdea7"),
    "pig": Face("pig-face", 14.0, 6.0, "#ff8687", "#ffb3b3"),
    "cow": Face("cow-face", 15.0, 9.0, "#e6e6e6", "#ffffff"),
    "frog": Face("frog", 8.0, 6.0, "#00d26a", "#fcd53f"),
}


@dataclass(frozen=True)
class Look:
    """What is painted over an animal's own colours; None leaves a part as the drawing has it.

    Values are colour names (colours.NAMED) or "#rrggbb". `patch` surrounds one eye, `mask` is a band across both,
    `chin` colours the lower face, `blaze` is a stripe down the forehead.
    """

    fur: str | None = None
    ears: str | None = None
    muzzle: str | None = None
    patch: str | None = None
    mask: str | None = None
    chin: str | None = None
    blaze: str | None = None

    def parts(self) -> dict[str, str]:
        return {part: colour for part, colour in vars(self).items() if colour is not None}


PLAIN = Look()
RON = Look(fur="#78aef0", ears="#25315c", muzzle="#fbf1df", patch="#f58a2c")
SMILA = Look(fur="#f7ead2", ears="#8a4fc7", mask="#8a4fc7", chin="#cf5a2a")

NATURAL = ("brown", "gray", "white", "black", "cream", "orange")
BLUES = ("blue", "navy", "teal")


def is_character_like(animal: str, look: Look) -> bool:
    """Say whether a look comes near Ron's or Smila's, whatever its exact shades.

    Ron is a dog of blue fur with a patch round one eye, Smila a cat with both a mask and a coloured chin. The rule
    is by structure where it can be, so that it holds in black and white too.
    """
    if animal == "dog":
        return look.patch is not None and (look.fur in BLUES or look.fur == RON.fur)
    if animal == "cat":
        return look.mask is not None and look.chin is not None
    return False


def random_look(animal: str, rng: random.Random) -> Look:
    """Draw a look that is neither Ron's nor Smila's nor near them."""
    while True:
        look = _any_look(animal, rng)
        if not is_character_like(animal, look):
            return look


def _any_look(animal: str, rng: random.Random) -> Look:
    names = [n for n in NAMED if n != "navy"]
    fur = rng.choice(NATURAL) if rng.random() < 0.35 else rng.choice(names)
    if animal not in ("dog", "cat"):
        return Look(fur=fur)
    look = Look(fur=fur if rng.random() < 0.8 else None)
    if animal == "dog":
        # A pale muzzle on most recoloured dogs: the drawing's own tan one looks dirty on green or purple fur.
        look = replace(look, muzzle=rng.choice(("cream", "white", "cream", fur)) if look.fur else None)
        parts = ("ears", "patch", "blaze", "chin")
    else:
        parts = ("ears", "patch", "mask", "chin", "blaze")
    for part in rng.sample(parts, rng.choice((0, 1, 1, 2, 2))):
        others = [n for n in NAMED if n != look.fur]
        look = replace(look, **{part: rng.choice(others)})
    if look.mask and look.patch:
        look = replace(look, patch=None)
    return look


def _shade(colour: str, rng: random.Random | None) -> str:
    if colour in NAMED:
        return jittered(NAMED[colour], rng) if rng else NAMED[colour]
    return colour


def painted(look: Look, rng: random.Random | None) -> Look:
    """Turn colour names into shades, jittered where a random source is given; a given "#rrggbb" stays as it is."""
    return Look(**{part: _shade(colour, rng) for part, colour in look.parts().items()})


@cache
def head(animal: str, look: Look) -> str:
    """Draw the head in its 32-unit box. `look` holds shades, not names (see painted)."""
    if animal == "dog":
        return _dog(look)
    if animal == "cat":
        return _cat(look)
    parts = elements(FACES[animal].icon)
    if look.fur is None:
        return "".join(parts)
    return "".join(_retint(part, look.fur) for part in parts)


def _retint(element: str, fur: str) -> str:
    fill = re.search(r'fill="(#[0-9a-f]{3,6})"', element)
    return refill(element, tinted(fill[1], fur)) if fill else element


def _dog(look: Look) -> str:
    face, muzzle, tongue, ears, features = elements("dog-face")
    fur = look.fur
    svg = [refill(face, fur) if fur else face]
    if look.chin:
        svg.append(f'<path fill="{look.chin}" d="M4 21h24v2a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4z"/>')
    if look.blaze:
        svg.append(f'<path fill="{look.blaze}" d="M14.2 5h3.6v13h-3.6z"/>')
    if look.patch:
        svg.append(f'<ellipse fill="{look.patch}" cx="20.3" cy="13.2" rx="4.4" ry="5"/>')
    svg.append(refill(muzzle, look.muzzle or lighter(fur, 0.6)) if look.muzzle or fur else muzzle)
    svg.append(tongue)
    ear = look.ears or (darker(fur, 0.45) if fur else None)
    svg.append(refill(ears, ear) if ear else ears)
    svg.append(features)
    return "".join(svg)


def _cat(look: Look) -> str:
    face, inner_ears, nose, whiskers, eyes, mouth = elements("cat-face")
    fur = look.fur
    svg = [refill(face, fur) if fur else face]
    if look.chin:
        svg.append(
            f'<path fill="{look.chin}" d="M4 24.2q12 -6 24 0V25.84C28 28.073 26.237 30 24.082 30H7.918C5.763 30 4 28.174 4 25.942z"/>'
        )
    if look.blaze:
        svg.append(f'<path fill="{look.blaze}" d="M13.9 10h4.2v9q-2.1 1.6-4.2 0z"/>')
    if look.mask:
        svg.append(f'<path fill="{look.mask}" d="M4 14.2h24v7.2q-6 1.6-12 -0.8q-6 2.4-12 0.8z"/>')
    if look.patch:
        svg.append(f'<ellipse fill="{look.patch}" cx="20.6" cy="18" rx="4.2" ry="4.4"/>')
    inner = look.ears or (darker(fur, 0.25) if fur else None)
    svg.append(refill(inner_ears, inner) if inner else inner_ears)
    svg.append(nose)
    svg.append(refill(whiskers, darker(fur, 0.35)) if fur else whiskers)
    svg.append(eyes + mouth)
    return "".join(svg)


def body(animal: str, look: Look) -> str:
    """Draw a small sitting body below the head, in the head's coordinates (y from 24 to 40)."""
    face = FACES[animal]
    if animal in ("dog", "cat") or look.fur is None:
        fur = look.fur or face.fur
        chest = look.muzzle or (mix(fur, "#ffffff", 0.45) if look.fur else face.chest)
    else:
        fur, chest = tinted(face.fur, look.fur), tinted(face.chest, look.fur)
    if animal == "panda" and look.fur is None:
        fur, chest = chest, fur
    tail = look.ears if animal == "dog" and look.ears else darker(fur, 0.12)
    return (
        f'<path fill="none" stroke="{tail}" stroke-width="3.2" stroke-linecap="round" d="M22 37q6 0 6-6"/>'
        f'<path fill="{fur}" d="M10 24h12q2 6 2 11q0 5-4 5h-8q-4 0-4-5q0-5 2-11z"/>'
        f'<ellipse fill="{chest}" cx="16" cy="32" rx="3.6" ry="4.6"/>'
        f'<ellipse fill="{darker(fur, 0.12)}" cx="11.8" cy="38.8" rx="3.3" ry="1.9"/>'
        f'<ellipse fill="{darker(fur, 0.12)}" cx="20.2" cy="38.8" rx="3.3" ry="1.9"/>'
    )
