"""How a finished picture is drawn: its palette, its line and its texture, each a step over the composed colours.

A caption names the steps ("in blue tones with bold outlines"). The base model learns them from random pairings, so that a
LoRA can bind a pairing it has never seen to the name of a campaign.
"""

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Rgb = tuple[int, int, int]
INK: Rgb = (34, 28, 44)


def toned(image: Image.Image, dark: Rgb, light: Rgb, middle: Rgb | None = None) -> Image.Image:
    """Map the greys of an RGB picture onto a palette of two or three colours."""
    return ImageOps.colorize(ImageOps.grayscale(image), dark, light, mid=middle)


def outlined(image: Image.Image, ink: Rgb = INK) -> Image.Image:
    """Draw a line along every edge, about a 64th of a square frame's edge wide, at any size."""
    width = max(1, round(max(image.size) / 128))
    # Edges are found at one size, so that a large picture has the lines of a small one.
    small = image.resize((round(image.width / width), round(image.height / width)), Image.Resampling.BOX)
    x = np.asarray(small).astype(np.int16)
    edges = np.zeros(x.shape[:2], bool)
    edges[:, 1:] |= np.abs(x[:, 1:] - x[:, :-1]).max(-1) > 44
    edges[1:] |= np.abs(x[1:] - x[:-1]).max(-1) > 44
    edges[:-1] |= edges[1:]
    edges[:, :-1] |= edges[:, 1:]
    mask = (
        Image.fromarray(edges.astype(np.uint8) * 255)
        .filter(ImageFilter.GaussianBlur(0.5))
        .resize(image.size, Image.Resampling.BICUBIC)
    )
    return Image.composite(Image.new("RGB", image.size, ink), image, mask)


def striped(image: Image.Image, period: float = 8.0, strength: float = 0.14, slope: int = 1) -> Image.Image:
    """Darken diagonal stripes; `period` in frame units across the picture, `strength` 0..1, `slope` 1 or -1."""
    unit = max(image.size) / 128
    rows, columns = np.mgrid[: image.height, : image.width]
    share = 0.5 + 0.5 * np.sin((columns + slope * rows) * (2 * np.pi / (period * unit)))
    x = np.asarray(image).astype(np.float32) * (1 - strength * (share > 0.5))[..., None]
    return Image.fromarray(x.round().astype(np.uint8))


PALETTES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "in black and white": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "in sepia": lambda image: toned(image, (45, 24, 8), (255, 238, 206)),
    "in blue tones": lambda image: toned(image, (16, 28, 84), (214, 234, 255)),
    "in green tones": lambda image: toned(image, (10, 52, 34), (226, 250, 214)),
    "in red tones": lambda image: toned(image, (78, 8, 22), (255, 222, 206)),
    "in purple tones": lambda image: toned(image, (48, 14, 82), (246, 222, 255)),
    "in pastel colours": lambda image: Image.blend(image, Image.new("RGB", image.size, (255, 250, 242)), 0.5),
    "in vivid colours": lambda image: ImageEnhance.Color(ImageEnhance.Contrast(image).enhance(1.25)).enhance(1.9),
}
LINES: dict[str, Callable[[Image.Image], Image.Image]] = {"with bold outlines": outlined}
TEXTURES: dict[str, Callable[[Image.Image], Image.Image]] = {"with a striped texture": striped}
COLOURLESS = tuple(name for name in PALETTES if not name.endswith("colours"))


def styled(image: Image.Image, style: str | None) -> Image.Image:
    """Apply the steps that a style names, palette first. RGB in and out; None leaves the picture as it is."""
    for steps in (PALETTES, LINES, TEXTURES):
        for name, step in steps.items():
            if style and name in style:
                image = step(image)
    return image


def random_style(rng: random.Random) -> str:
    """Draw one, two or (seldom) three steps, in the order of a caption."""
    while True:
        steps = [
            rng.choice(tuple(names)) for names, share in ((PALETTES, 0.6), (LINES, 0.5), (TEXTURES, 0.35))
            if rng.random() < share
        ]  # fmt: skip
        if steps:
            return " ".join(steps)
