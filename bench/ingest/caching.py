"""The worker's data processing of a folder of pictures, with its own encoders; it prints one JSON line."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "worker"), str(ROOT / "bench/training"), str(ROOT / "bench/likeness")]

import torch  # noqa: E402
from likeness_worker import families  # noqa: E402
from likeness_worker.attempt import Attempt  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.cache import build_cache  # noqa: E402
from likeness_worker.data import Sample  # noqa: E402
from likeness_worker.rundir import EventLog, RunDirectory  # noqa: E402
from memory import memory_bytes  # noqa: E402

from worker import Settings, write_run  # noqa: E402

CAPTIONS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    images = sorted(parser.parse_args().images.iterdir())
    torch.set_num_threads(1)
    samples = [Sample(i, str(path), f"a picture of thing {i % CAPTIONS}") for i, path in enumerate(images, start=1)]
    with tempfile.TemporaryDirectory(prefix="likeness-ingest-") as folder:
        path = Path(folder) / "run"
        write_run(path, ROOT / "models/art/weights", ROOT / "models/art/sample", Settings(10, 8, 1e-5, threads=1))
        run = RunDirectory(path)
        attempt = Attempt(run, run.read_spec(), EventLog(path / "events.jsonl"))
        family = families.load(read_base_model(Path(attempt.spec.base_model_path)), families.choose_placement("cpu"))
        held: list[tuple[int, int]] = []
        done = threading.Event()
        watching = threading.Thread(target=watch, args=(path / "events.jsonl", held, done))
        watching.start()
        began = time.monotonic()
        build_cache(attempt, family, samples)
        seconds = time.monotonic() - began
        done.set()
        watching.join()
    early = max((held_bytes for count, held_bytes in held if count <= len(samples) / 10), default=held[0][1])
    peak = max(held_bytes for _, held_bytes in held)
    print(json.dumps({"seconds": seconds, "peakBytes": peak, "grownBytes": peak - early}))


def watch(events: Path, held: list[tuple[int, int]], done: threading.Event) -> None:
    """Notes how many pictures are done and what memory is held, several times a second."""
    while not done.wait(0.2):
        last = json.loads(events.read_text().rstrip("\n").splitlines()[-1])
        held.append((last["done"], memory_bytes()))


if __name__ == "__main__":
    main()
