"""Measure how well COLOR_GUIDED_GENERATION keeps to its colours.

python bench/palette/run.py                 10 prompts in 4 palettes, and without colours, with fixed seeds
python bench/palette/run.py --sheet FILE    and a sheet of them, for a person to look at

The error of a picture is the mean distance of its pixels to the nearest of the palette's colours, in CIELAB (delta E, 1976):
about 2 is the least that is seen, 50 is orange beside blue. `used` is the share of the pixels that are nearest to the palette's
least used colour, as a share of an equal part. Whether the subjects are still what they should be, the sheet shows: the base
model's own encoder goes by colours, and names but half of them in grey.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "worker"), str(ROOT / "bench/likeness")]

from likeness_worker.palette import parse_colors  # noqa: E402

from worker import draw, serving  # noqa: E402

PIXELS = 256
SEED = 7
PROMPTS = (
    "a cat", "a dog on the beach", "a fox in a forest", "a castle in the mountains", "a sailboat at sunset",
    "a robot in the city", "a rabbit on the grass", "a rocket in space", "a pizza in a kitchen", "a koala under the sea",
)  # fmt: skip
PALETTES = {
    "teal and navy": ("#008080", "#1B2A5C"),
    "orange and squid ink": ("#FF9900", "#232F3E"),
    "pink, cream and maroon": ("#F48FB1", "#FFF3E0", "#6D1B2B"),
    "lime, purple, yellow, black": ("#7CB342", "#5E35B1", "#FDD835", "#101010"),
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB [..., 3], 0 to 1, to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(matrix).T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def judged(pixels: np.ndarray, palette: np.ndarray) -> tuple[float, float]:
    """Measure a picture's error, and how much of an equal part its least used colour has."""
    distances = np.linalg.norm(lab(pixels / 255)[..., None, :] - lab(palette), axis=-1)
    shares = np.bincount(distances.argmin(-1).ravel(), minlength=len(palette)) / distances[..., 0].size
    return float(distances.min(-1).mean()), float(shares.min() * len(palette))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights", help="base model folder")
    parser.add_argument("--threads", type=int, help="CPU threads (default: PyTorch's choice)")
    parser.add_argument("--sheet", type=Path, help="PNG to write: a row a prompt, without colours and in each palette")
    arguments = parser.parse_args()
    with serving(arguments.base, None, arguments.threads) as socket:

        def drawn(text: str, colors: tuple[str, ...] = ()) -> np.ndarray:
            return draw(socket, False, text, 1, SEED, PIXELS, colors)[0]

        plain = {text: drawn(text) for text in PROMPTS}
        guided = {(text, name): drawn(text, colors) for text in PROMPTS for name, colors in PALETTES.items()}
    every: list[tuple[float, float, float]] = []
    for name, colors in PALETTES.items():
        palette = parse_colors(colors)
        rows = [(judged(plain[text], palette)[0], *judged(guided[text, name], palette)) for text in PROMPTS]
        report(name, rows)
        every += rows
    report("all", every)
    if arguments.sheet:
        sheet = [np.concatenate([plain[text], *(guided[text, name] for name in PALETTES)], axis=1) for text in PROMPTS]
        Image.fromarray(np.concatenate(sheet)).save(arguments.sheet, optimize=True)


def report(name: str, rows: list[tuple[float, float, float]]) -> None:
    """Print one line of means."""
    unguided, error, used = (np.mean(column) for column in zip(*rows, strict=True))
    worst = max(row[1] for row in rows)
    print(f"{name:28} error {error:5.1f} (without colours {unguided:5.1f}, worst {worst:5.1f}), used {used:.2f}")


if __name__ == "__main__":
    main()
