"""What an animal can wear, anchored to its head: glasses at the eyes, hats at the top, scarves at the neck."""

from collections.abc import Callable

from models.art.colours import darker
from models.art.fluent import BOX, drawing, placed
from models.art.looks import Face

NECK_Y = 29.5

# Hats: the drawing, its scale, and its lowest painted line in its own box, which sits on the head.
_HATS: dict[str, tuple[str, float, float]] = {
    "a top hat": ("top-hat", 0.60, 29.0),
    "a crown": ("crown", 0.62, 29.0),
    "a graduation cap": ("graduation-cap", 0.86, 22.0),
    "a baseball cap": ("billed-cap", 0.80, 22.5),
}
_EYEWEAR: dict[str, tuple[str, float]] = {"sunglasses": ("sunglasses", 0.84), "glasses": ("glasses", 0.80)}


def _hat(name: str, face: Face) -> str:
    icon, scale, bottom = _HATS[name]
    y = face.top_y + 1.5 - (bottom - BOX / 2) * scale
    return placed(drawing(icon), BOX / 2, y, scale)


def _eyewear(name: str, face: Face) -> str:
    icon, scale = _EYEWEAR[name]
    return placed(drawing(icon), BOX / 2, face.eye_y + 0.4, scale)


def _headphones(_: str, face: Face) -> str:
    red, pad = "#e5484d", "#35353b"
    top, side = face.top_y - 2.5, face.eye_y + 1
    return (
        f'<path fill="none" stroke="{red}" stroke-width="2.6" d="M4 {side}C3 {top - 2} 29 {top - 2} 28 {side}"/>'
        f'<rect fill="{pad}" x="1" y="{side - 3.5}" width="5" height="9" rx="2.4"/>'
        f'<rect fill="{pad}" x="26" y="{side - 3.5}" width="5" height="9" rx="2.4"/>'
    )


def _christmas_hat(_: str, face: Face) -> str:
    y = face.top_y + 1
    return (
        f'<path fill="#d8232f" d="M7.5 {y}Q9 {y - 12} 17 {y - 12}Q25 {y - 11} 27 {y - 3}L23.5 {y - 4.5}L24.5 {y}z"/>'
        f'<circle fill="#ffffff" cx="27" cy="{y - 2.4}" r="2.7"/>'
        f'<rect fill="#ffffff" x="6" y="{y - 2}" width="20" height="4.4" rx="2.2"/>'
    )


def _party_hat(_: str, face: Face) -> str:
    y = face.top_y + 1.5
    return (
        f'<path fill="#fad43d" d="M10 {y}L16 {y - 13}L22 {y}q-6 2-12 0z"/>'
        f'<path fill="#16a39a" d="M11.4 {y - 3}L12.8 {y - 6}L20.6 {y - 3.1}L21.5 {y - 1}z"/>'
        f'<circle fill="#f284b6" cx="16" cy="{y - 13}" r="2.3"/>'
    )


def _flower(_: str, face: Face) -> str:
    return placed(drawing("cherry-blossom"), 23.5, face.top_y + 1.5, 0.36)


def _bow_tie(_: str, face: Face) -> str:
    y = NECK_Y + 1.6
    return (
        f'<path fill="#d8232f" d="M16 {y}L9.5 {y - 3.4}Q8.6 {y} 9.5 {y + 3.4}zM16 {y}L22.5 {y - 3.4}Q23.4 {y} 22.5 {y + 3.4}z"/>'
        f'<rect fill="#a3141f" x="14.4" y="{y - 1.8}" width="3.2" height="3.6" rx="1"/>'
    )


def _scarf(_: str, face: Face) -> str:
    colour, shade = "#2fa35a", darker("#2fa35a", 0.25)
    return (
        f'<rect fill="{shade}" x="18.5" y="31" width="4.8" height="8.6" rx="1.2"/>'
        f'<path fill="{colour}" d="M7 27.6Q16 32 25 27.6Q26.6 30.6 25 33Q16 36.4 7 33Q5.4 30.6 7 27.6z"/>'
    )


def _cape_clasp(_: str, face: Face) -> str:
    return (
        '<path fill="#d8232f" d="M7.2 27.6Q16 32 24.8 27.6L24.4 31.6Q16 34.6 7.6 31.6z"/>'
        '<circle fill="#fad43d" cx="16" cy="32.4" r="2.5"/>'
    )


def _cape(_: str, face: Face) -> str:
    return (
        '<path fill="#d8232f" d="M7 22L25 22Q33 30 38 40.5Q27 38.6 16 40.6Q5 38.6 -6 40.5Q-1 30 7 22z"/>'
        '<path fill="#a3141f" d="M25 22Q33 30 38 40.5Q33 39.4 28 39.2Q28 31 23 25zM7 22Q-1 30-6 40.5Q-1 39.4 4 39.2Q4 31 9 25z"/>'
    )


_FRONT: dict[str, Callable[[str, Face], str]] = {
    **dict.fromkeys(_HATS, _hat),
    **dict.fromkeys(_EYEWEAR, _eyewear),
    "headphones": _headphones,
    "a Christmas hat": _christmas_hat,
    "a party hat": _party_hat,
    "a flower": _flower,
    "a bow tie": _bow_tie,
    "a scarf": _scarf,
    "a superhero cape": _cape_clasp,
}

ACCESSORIES = tuple(_FRONT)
HEADWEAR = (*_HATS, "a Christmas hat", "a party hat")
EYEWEAR = tuple(_EYEWEAR)
NECKWEAR = ("a bow tie", "a scarf", "a superhero cape")


def in_front(accessory: str, face: Face) -> str:
    """Draw what lies over head and body, in the head's coordinates."""
    return _FRONT[accessory](accessory, face)


def behind(accessory: str, face: Face) -> str:
    """Draw what lies behind head and body: only a cape has such a part."""
    return _cape(accessory, face) if accessory == "a superhero cape" else ""


def below_head(accessory: str) -> bool:
    """Say whether the head overlaps the thing: what hangs at the neck is painted before the head."""
    return accessory in NECKWEAR
