"""The drawings: Fluent Emoji (flat), read as SVG from the npm package @iconify-json/fluent-emoji-flat (MIT)."""

import json
import re
from functools import cache
from pathlib import Path

PACKAGE = "@iconify-json/fluent-emoji-flat"
BOX = 32  # every drawing of the set lies in a box of 32 by 32 units


def icons_file() -> Path:
    """Find the package's icons.json in a node_modules folder of this folder, its .build, or any folder above."""
    here = Path(__file__).resolve().parent
    for folder in (here / ".build", here, *here.parents):
        path = folder / "node_modules" / PACKAGE / "icons.json"
        if path.exists():
            return path
    raise FileNotFoundError(f"{PACKAGE} is not installed: run `npm install --prefix models/art/.build {PACKAGE}`")


@cache
def _icons() -> dict[str, dict]:
    return json.loads(icons_file().read_text())["icons"]


@cache
def drawing(name: str) -> str:
    """Return the SVG elements of one drawing, in a box of 32 by 32 units, without the outer group."""
    body = _icons()[name]["body"]
    inner = re.fullmatch(r'<g fill="none">(.*)</g>', body, re.DOTALL)
    return inner[1] if inner else body


def elements(name: str) -> list[str]:
    """Return the drawing's elements one by one, in painting order, so that markings can go between them."""
    return re.findall(r"<[^>]+/>", drawing(name))


def refill(element: str, colour: str) -> str:
    """Paint one element in another colour ("#rrggbb")."""
    return re.sub(r'fill="#[0-9a-f]{3,6}"', f'fill="{colour}"', element, count=1)


def placed(svg: str, x: float, y: float, scale: float, degrees: float = 0.0, mirrored: bool = False) -> str:
    """Put a drawing's box with its centre at (x, y), scaled and turned about that centre."""
    flip = -scale if mirrored else scale
    turn = f" rotate({degrees:.2f})" if degrees else ""
    half = BOX / 2
    return (
        f'<g transform="translate({x:.2f} {y:.2f}){turn} scale({flip:.4f} {scale:.4f}) translate(-{half} -{half})">'
        f"{svg}</g>"
    )
