"""Colours by name, and the small arithmetic on them that the drawings need."""

import random

NAMED: dict[str, str] = {
    "red": "#e5484d",
    "orange": "#f5923e",
    "yellow": "#fad43d",
    "green": "#4caf50",
    "teal": "#16a39a",
    "blue": "#5b9cec",
    "navy": "#27345f",
    "purple": "#8e57c4",
    "pink": "#f284b6",
    "white": "#f8f6f1",
    "cream": "#f6e6c8",
    "black": "#35353b",
    "gray": "#9a9aa3",
    "brown": "#8a5a3a",
}

Rgb = tuple[int, int, int]


def rgb(colour: str) -> Rgb:
    """Split "#rgb" or "#rrggbb" into 0..255 integers."""
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(d * 2 for d in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def hexa(channels: tuple[float, float, float]) -> str:
    """Join three channels, clipped to 0..255, into "#rrggbb"."""
    return "#" + "".join(f"{max(0, min(255, round(c))):02x}" for c in channels)


def mix(a: str, b: str, share: float) -> str:
    """Blend `share` of b into a."""
    pairs = zip(rgb(a), rgb(b), strict=True)
    red, green, blue = (x + (y - x) * share for x, y in pairs)
    return hexa((red, green, blue))


def darker(colour: str, share: float = 0.2) -> str:
    return mix(colour, "#000000", share)


def lighter(colour: str, share: float = 0.4) -> str:
    return mix(colour, "#ffffff", share)


def jittered(colour: str, rng: random.Random, amount: int = 9) -> str:
    """Move each channel a little, so that a colour's name covers a neighbourhood and not one point."""
    red, green, blue = (c + rng.randint(-amount, amount) for c in rgb(colour))
    return hexa((red, green, blue))


def luminance(colour: str) -> float:
    """Rec. 601 luma, 0..1."""
    red, green, blue = rgb(colour)
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def tinted(original: str, colour: str) -> str:
    """Repaint `original` in the hue of `colour`, keeping its light and shade; near-black outlines stay."""
    light = luminance(original)
    if light < 0.2:
        return original
    # 0.72 is the lightness at which Fluent paints most furs: there the named colour appears as it is.
    return (
        mix(colour, "#ffffff", min(0.75, (light - 0.72) * 2))
        if light > 0.72
        else mix(colour, "#000000", (0.72 - light) * 0.7)
    )
