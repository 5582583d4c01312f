"""Where a picture happens: a background behind the subject and, for a pool or a sea, what lies before it.

Coordinates are frame units: a square frame is 128 by 128 whatever the pixels. Every place has one layout; only
shades and small offsets vary, because a small model learns what stays put.
"""

import random
from collections.abc import Callable

from models.art.colours import NAMED, darker, jittered, lighter
from models.art.fluent import drawing, placed

HORIZON = 0.66  # share of the frame's height at which the ground begins

Layers = tuple[str, str]  # SVG behind the subject, SVG before it


def rect(x: float, y: float, w: float, h: float, fill: str, radius: float = 0) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius}" fill="{fill}"/>'


def sky(w: float, h: float, top: str, bottom: str) -> str:
    return (
        f'<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{top}"/>'
        f'<stop offset="1" stop-color="{bottom}"/></linearGradient></defs>' + rect(0, 0, w, h, "url(#sky)")
    )


def _stars(w: float, h: float, count: int, rng: random.Random) -> str:
    return "".join(
        f'<circle cx="{rng.uniform(0, w):.1f}" cy="{rng.uniform(0, h):.1f}" r="{rng.choice((0.7, 1.0))}" fill="#fff6d8"/>'
        for _ in range(count)
    )


def _corner(icon: str, w: float, size: float, rng: random.Random) -> str:
    """A sun, planet or cloud in one of the upper corners."""
    x = size * 0.65 if rng.random() < 0.5 else w - size * 0.65
    return placed(drawing(icon), x + rng.uniform(-2, 2), size * 0.62 + rng.uniform(-1, 2), size / 32)


def _beside(icon: str, w: float, ground: float, size: float) -> str:
    """The same drawing standing on the ground at both edges of the frame."""
    y = ground - size * 0.36
    return placed(drawing(icon), size * 0.2, y, size / 32) + placed(drawing(icon), w - size * 0.2, y, size / 32)


def _moon(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    craters = "".join(
        f'<ellipse cx="{w * x + rng.uniform(-4, 4):.1f}" cy="{y + (h - y) * dy:.1f}" rx="{r}" ry="{r * 0.36:.1f}" fill="#8f8f99"/>'
        for x, dy, r in ((0.1, 0.3, 11), (0.9, 0.28, 10), (0.16, 0.78, 13), (0.86, 0.76, 12))
    )
    return (
        rect(0, 0, w, h, jittered("#12122a", rng, 4))
        + _stars(w, y, 22, rng)
        + _corner("globe-showing-americas", w, 27, rng)
        + rect(0, y, w, h - y, jittered("#b4b4bc", rng, 5))
        + craters,
        "",
    )


def _space(w: float, h: float, rng: random.Random) -> Layers:
    return rect(0, 0, w, h, jittered("#1f1746", rng, 4)) + _stars(w, h, 34, rng) + _corner(
        "ringed-planet", w, 34, rng
    ), ""


def _snow(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    flakes = "".join(
        f'<circle cx="{rng.uniform(0, w):.1f}" cy="{rng.uniform(0, y):.1f}" r="1.5" fill="#ffffff"/>' for _ in range(18)
    )
    trees = _beside("evergreen-tree", w, y + 3, 44)
    return sky(w, h, "#9cc3e6", "#dcebf7") + trees + rect(0, y, w, h - y, jittered("#f8fafd", rng, 2)) + flakes, ""


def _beach(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    return (
        sky(w, h, "#78bef5", "#cfe8fb")
        + rect(0, y - 14, w, 16, jittered("#2f9bd8", rng))
        + rect(0, y, w, h - y, jittered("#f2d79b", rng))
        + placed(drawing("palm-tree"), w - 15 if rng.random() < 0.5 else 15, y - 17, 1.5),
        "",
    )


def _pool(w: float, h: float, rng: random.Random) -> Layers:
    y = h * 0.5
    water = jittered("#35b6e6", rng, 6)
    tiles = "".join(
        rect(x, y - 6, 9, 6, "#f4f7f8" if i % 2 else "#c9dfe8") for i, x in enumerate(range(0, int(w) + 9, 9))
    )
    surface = h * 0.74
    waves = "".join(
        f'<path d="M{x} {yy:.1f}q5 -4 10 0t10 0" fill="none" stroke="#ffffff" stroke-width="1.8" stroke-opacity="0.9"/>'
        for x, yy in (
            (w * 0.06, surface + 9),
            (w * 0.78, surface + 8),
            (w * 0.42, surface + 18),
            (w * 0.1, surface + 26),
            (w * 0.72, surface + 25),
        )
    )
    before = (
        f'<path d="M0 {surface:.1f}q{w / 8:.1f} -5 {w / 4:.1f} 0t{w / 4:.1f} 0t{w / 4:.1f} 0t{w / 4:.1f} 0V{h}H0z" fill="{water}"/>'
        + waves
    )
    back = rect(0, 0, w, y, jittered("#bfe6c6", rng)) + tiles + rect(0, y, w, h - y, lighter(water, 0.25))
    return back, before


def _grass(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    return sky(w, h, "#78bef5", "#cfe8fb") + _corner("sun", w, 30, rng) + rect(
        0, y, w, h - y, jittered("#63b553", rng)
    ), ""


def _forest(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    trees = "".join(placed(drawing("deciduous-tree"), w * x, y - 22, 2.0) for x in (0.04, 0.34, 0.66, 0.96))
    return rect(0, 0, w, h, jittered("#bfe3c0", rng)) + trees + rect(0, y, w, h - y, jittered("#4a8c46", rng)), ""


def _desert(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    return sky(w, h, "#f9c878", "#fde4b4") + rect(0, y, w, h - y, jittered("#dda862", rng)) + _beside(
        "cactus", w, y + 3, 38
    ), ""


def _undersea(w: float, h: float, rng: random.Random) -> Layers:
    y = h * 0.86
    bubbles = "".join(
        f'<circle cx="{w * x + rng.uniform(-4, 4):.1f}" cy="{h * yy + rng.uniform(-4, 4):.1f}" r="{r}" fill="none" stroke="#bfe9fb" stroke-width="1.3"/>'
        for x, yy, r in ((0.1, 0.2, 4), (0.14, 0.5, 3), (0.9, 0.15, 3.4), (0.88, 0.45, 4.4), (0.2, 0.08, 2.4))
    )
    return sky(w, h, "#2f9fd6", "#0f4a94") + bubbles + rect(0, y, w, h - y, "#d9c188") + _beside(
        "coral", w, y + 2, 36
    ), ""


def _city(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    houses = ""
    for i in range(int(w // 26) + 1):
        x, top = i * 26 - 2, y - (58, 40, 50, 66, 44, 56, 48)[i % 7]
        houses += rect(x, top, 24, y - top, ("#8d9cc0", "#b08f9a", "#9aa7a3")[i % 3])
        houses += "".join(
            rect(x + dx, top + 6 + 12 * k, 6, 6, "#fbe6a2") for dx in (4, 14) for k in range(int((y - top) // 12) - 1)
        )
    return sky(w, h, "#8fc7f2", "#d7ebf9") + houses + rect(0, y, w, h - y, jittered("#77777f", rng)), ""


def _night(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    return (
        sky(w, h, "#101b4a", "#33427e")
        + _stars(w, y, 18, rng)
        + _corner("crescent-moon", w, 28, rng)
        + rect(0, y, w, h - y, jittered("#26483c", rng, 6)),
        "",
    )


def _sunset(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    x = w * (0.16 if rng.random() < 0.5 else 0.84)
    return (
        sky(w, h, "#e8604f", "#ffc973")
        + f'<circle cx="{x:.1f}" cy="{y:.1f}" r="17" fill="#ffef9f"/>'
        + rect(0, y, w, h - y, jittered("#6b3650", rng)),
        "",
    )


def _mountains(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    peaks = ""
    for x, top in ((w * 0.1, y - 56), (w * 0.92, y - 50), (w * 0.5, y - 40)):
        peaks += f'<path fill="#7c86a0" d="M{x - 42:.1f} {y:.1f}L{x:.1f} {top:.1f}L{x + 42:.1f} {y:.1f}z"/>'
        peaks += (
            f'<path fill="#ffffff" d="M{x - 12:.1f} {top + 16:.1f}L{x:.1f} {top:.1f}L{x + 12:.1f} {top + 16:.1f}z"/>'
        )
    return sky(w, h, "#9fd0f5", "#e2f1fb") + peaks + rect(0, y, w, h - y, jittered("#86bf63", rng)), ""


def _tile_floor(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    lines = "".join(
        f'<path d="M{w / 2 + dx * 0.55:.1f} {y:.1f}L{w / 2 + dx * 1.6:.1f} {h}" stroke="#93806f" stroke-width="1.6"/>'
        for dx in range(-120, 121, 24)
    )
    lines += "".join(f'<path d="M0 {y + dy}H{w}" stroke="#93806f" stroke-width="1.6"/>' for dy in (0, 9, 22, 38))
    return rect(0, 0, w, h, jittered("#f0e3cb", rng)) + rect(0, y, w, h - y, jittered("#d4bfa2", rng)) + lines, ""


def _couch(w: float, h: float, rng: random.Random) -> Layers:
    colour = jittered(rng.choice(("#b9484c", "#3f6fae", "#5e9157")), rng, 6)
    dark = darker(colour, 0.25)
    return (
        rect(0, 0, w, h, jittered("#f1e6cd", rng))
        + rect(8, h * 0.36, w - 16, h * 0.5, colour, 12)
        + rect(14, h * 0.74, w - 28, h * 0.2, dark, 5)
        + rect(0, h * 0.56, 22, h * 0.4, dark, 9)
        + rect(w - 22, h * 0.56, 22, h * 0.4, dark, 9),
        "",
    )


def _bed(w: float, h: float, rng: random.Random) -> Layers:
    quilt = jittered(rng.choice(("#6f9fe0", "#e08a9c")), rng, 6)
    return (
        rect(0, 0, w, h, jittered("#cfdcea", rng))
        + rect(4, h * 0.28, w - 8, h * 0.4, "#8a5a3a", 8)
        + rect(8, h * 0.46, w * 0.4, 22, "#ffffff", 8)
        + rect(w - 8 - w * 0.4, h * 0.46, w * 0.4, 22, "#ffffff", 8)
        + rect(0, h * 0.6, w, h * 0.4, quilt)
        + rect(0, h * 0.6, w, 7, "#ffffff"),
        "",
    )


def _kitchen(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    window = rect(10, 12, 36, 32, "#ffffff") + rect(13, 15, 30, 26, "#a9dcf7") + rect(27, 15, 2, 26, "#ffffff")
    shelf = rect(w - 44, 34, 38, 4, "#8a5a3a") + placed(drawing("pot-of-food"), w - 25, 23, 0.8)
    return rect(0, 0, w, h, jittered("#fbe9b7", rng)) + window + shelf + rect(
        0, y, w, h - y, jittered("#b5763f", rng)
    ) + rect(0, y, w, 5, "#7d4d27"), ""


def _rain(w: float, h: float, rng: random.Random) -> Layers:
    y = h * HORIZON
    drops = "".join(
        f'<path d="M{rng.uniform(0, w):.1f} {rng.uniform(18, h - 8):.1f}l-2.4 8" stroke="#cfe2f7" stroke-width="1.5"/>'
        for _ in range(26)
    )
    clouds = placed(drawing("cloud"), w * 0.16, 12, 1.3) + placed(drawing("cloud"), w * 0.86, 13, 1.3)
    return sky(w, h, "#6d7c93", "#a3b0c0") + rect(0, y, w, h - y, jittered("#5f6b62", rng)) + drops + clouds, ""


def _plain(colour: str) -> Callable[[float, float, random.Random], Layers]:
    return lambda w, h, rng: (rect(0, 0, w, h, jittered(NAMED[colour], rng)), "")


# The first wording names the place in records and recipes; the others only vary captions.
WORDINGS: dict[str, tuple[str, ...]] = {
    "on the moon": ("on the moon",),
    "in space": ("in space", "in outer space"),
    "on the snow": ("on the snow", "in the snow"),
    "on the beach": ("on the beach", "at the beach"),
    "in a swimming pool": ("in a swimming pool", "in a pool"),
    "on the grass": ("on the grass", "in a meadow", "in the garden"),
    "in a forest": ("in a forest", "in the woods"),
    "in the desert": ("in the desert",),
    "under the sea": ("under the sea", "under water"),
    "in the city": ("in the city", "on a city street"),
    "at night": ("at night", "under the night sky"),
    "at sunset": ("at sunset",),
    "in the mountains": ("in the mountains", "in front of mountains"),
    "on a tile floor": ("on a tile floor", "on a tiled floor"),
    "on a couch": ("on a couch", "on the couch", "on a sofa"),
    "on a bed": ("on a bed", "on the bed"),
    "in a kitchen": ("in a kitchen", "in the kitchen"),
    "in the rain": ("in the rain",),
}
_DRAWERS: dict[str, Callable[[float, float, random.Random], Layers]] = {
    "on the moon": _moon,
    "in space": _space,
    "on the snow": _snow,
    "on the beach": _beach,
    "in a swimming pool": _pool,
    "on the grass": _grass,
    "in a forest": _forest,
    "in the desert": _desert,
    "under the sea": _undersea,
    "in the city": _city,
    "at night": _night,
    "at sunset": _sunset,
    "in the mountains": _mountains,
    "on a tile floor": _tile_floor,
    "on a couch": _couch,
    "on a bed": _bed,
    "in a kitchen": _kitchen,
    "in the rain": _rain,
}
SCENES = tuple(_DRAWERS)
BACKDROPS = tuple(
    f"on a {colour} background"
    for colour in ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white", "gray")
)
_DRAWERS.update({place: _plain(place.split()[2]) for place in BACKDROPS})


def layers(place: str, w: float, h: float, rng: random.Random) -> Layers:
    """Draw one place in a frame of w by h units: what lies behind the subject, and what lies before it."""
    return _DRAWERS[place](w, h, rng)
