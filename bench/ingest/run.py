"""How fast pictures of one megapixel become training data, and whether memory stays flat.

  .venv/bin/python bench/ingest/run.py [--count 10000]     the default is 300, which takes minutes

Three things on the same JPEG files of 1024 x 1024: the server's validation (each picture fetched through S3 with the role's
credentials and checked), the worker's data processing (decoded, turned upright, cut to its bucket, encoded to latents,
written), and a plain loop of one thread with Pillow that opens, converts and resizes each and does no more. By wall time,
which grows with what else the machine does. "grown" is memory from a tenth of the pictures to the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SIDE = 1024


def make_picture(path: Path, seed: int) -> None:
    """Blurred spots with a little grain: about 150 KB as a JPEG, as a photograph of that size."""
    generator = np.random.default_rng(seed)
    spots = Image.fromarray(generator.integers(0, 255, (12, 12, 3), dtype=np.uint8))
    smooth = np.asarray(spots.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = generator.integers(-6, 7, (SIDE, SIDE, 1), dtype=np.int16)
    Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(path, quality=85)


def make_pictures(folder: Path, count: int) -> None:
    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: make_picture(folder / f"{number:05d}.jpg", number), range(count)))


def pillow_loop(folder: Path, size: tuple[int, int]) -> float:
    began = time.monotonic()
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            np.asarray(ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS))
    return time.monotonic() - began


def answer_of(*command: object) -> dict:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="pictures, 5 to 10,000")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(prefix="likeness-ingest-") as workspace:
        images = Path(workspace) / "images"
        make_pictures(images, count)
        size_bytes = sum(path.stat().st_size for path in images.iterdir())
        resolution = json.loads((ROOT / "models/art/weights/likeness.json").read_text())["resolution"]
        rows = {
            "server: validation": answer_of("node", "--no-warnings", HERE / "validation.ts", images),
            "worker: cache": answer_of(sys.executable, HERE / "caching.py", images),
            "Pillow, one thread": {"seconds": pillow_loop(images, (resolution, resolution))},
        }
    plain = rows["Pillow, one thread"]["seconds"]
    print(f"{count} pictures of {SIDE} x {SIDE}, {size_bytes / count / 1000:.0f} kB each")
    print(f"{'':24}{'images/s':>10}{'of Pillow':>11}{'peak MiB':>10}{'grown MiB':>11}")
    for name, row in rows.items():
        held = f"{row['peakBytes'] / 2**20:10.0f}{row['grownBytes'] / 2**20:11.0f}" if "peakBytes" in row else ""
        print(f"{name:24}{count / row['seconds']:10.1f}{plain / row['seconds']:11.2f}{held}")


if __name__ == "__main__":
    main()
