"""Captions: many wordings of one recipe, so that prompts in a person's own words are in the distribution."""

import random

from models.art.looks import PLAIN, Look
from models.art.places import WORDINGS
from models.art.scenes import Recipe

VERBS = {
    "on": ("sitting on", "standing on", "on"),
    "in": ("sitting in", "standing in", "playing in"),
    "at": ("at", "at", "sitting outside at"),
    "under": ("under",),
}
GAZE = ("staring at the camera", "looking at the camera", "looking at you")
_PARTS = {
    "ears": "{} ears",
    "patch": "{a} eye patch",
    "mask": "{a} mask",
    "chin": "{a} chin",
    "blaze": "{a} blaze",
    "muzzle": "{a} muzzle",
}


def article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def described(subject: str, look: Look, rng: random.Random) -> str:
    """Name an animal with its fur and markings: "a blue dog with orange ears"."""
    words = article(f"{look.fur} {subject}" if look.fur else subject)
    marks = [_PARTS[p].format(c, a=article(c)) for p, c in look.parts().items() if p in _PARTS and p != "muzzle"]
    rng.shuffle(marks)
    return f"{words} with {' and '.join(marks)}" if marks else words


COUNTS = {2: "two", 3: "three"}
_PLURALS = {"mouse": "mice", "wolf": "wolves", "jack-o-lantern": "jack-o-lanterns", "tropical fish": "tropical fish"}


def plural(noun: str) -> str:
    """ "two foxes", "three strawberries": the plural of one of the composer's subjects."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("x", "s", "sh", "ch")) else f"{noun}s"


def _one(subject: str, name: str | None, look: Look, rng: random.Random) -> str:
    if name:
        return f"{name} the {subject}"
    if look == PLAIN:
        return article(subject)
    # A recoloured animal is mostly described; now and then it is only "a dog", which may have any colour.
    return described(subject, look, rng) if rng.random() < 0.92 else article(subject)


def _who(recipe: Recipe, rng: random.Random) -> str:
    if recipe.count > 1:
        fur = f"{recipe.look.fur} " if recipe.look.fur and rng.random() < 0.8 else ""
        return f"{COUNTS[recipe.count]} {fur}{plural(recipe.subject)}"
    first = _one(recipe.subject, recipe.name, recipe.look, rng)
    if recipe.partner is None:
        return first
    return f"{first} and {_one(recipe.partner.subject, recipe.partner.name, recipe.partner.look, rng)}"


def _place(recipe: Recipe, rng: random.Random) -> str:
    words = rng.choice(WORDINGS.get(recipe.place, (recipe.place,)))
    if not recipe.is_animal or recipe.place not in WORDINGS or rng.random() < 0.6:
        return words
    preposition, rest = words.split(" ", 1)
    return f"{rng.choice(VERBS[preposition])} {rest}"


def caption(recipe: Recipe, rng: random.Random) -> str:
    """Word a recipe: name or description first, then what it wears, where it is and how it is drawn, in some order."""
    who, tail = _who(recipe, rng), []
    if recipe.accessories:
        verb = rng.choices(("wearing", "with", "in"), (6, 3, 0))[0]
        tail.append(f"{verb} {' and '.join(recipe.accessories)}")
    if recipe.companion:
        tail.append(f"next to {article(recipe.companion)}")
    # A prompt need not name a place: then a plain background is what comes, most often.
    if rng.random() > (0.05 if recipe.place in WORDINGS else 0.6):
        tail.insert(0 if rng.random() < 0.4 else len(tail), _place(recipe, rng))
    if recipe.style:
        tail.insert(0 if rng.random() < 0.3 else len(tail), recipe.style)
    if recipe.is_animal and rng.random() < 0.12:
        tail.append(rng.choice(GAZE))
    words = " ".join([who, *tail])
    case = rng.random()
    if case < 0.3:
        return words.lower()
    return words[0].upper() + words[1:] if case < 0.5 else words
