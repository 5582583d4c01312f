"""Images a second of one core that training costs: the worker's step, and the plain recipe of diffusers' example.

  .venv/bin/python bench/training/run.py [--steps 12]

Both train the same LoRA on the same base at batch 8 with one thread. What is counted is processor time, of which other
programs take nothing; the least of the steps is told. The worker's caches make its step one of the denoiser alone; the
plain recipe runs autoencoder and text encoder in every step, in the faster of float32 and bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BATCH = 8


def best_seconds(script: str, *options: str) -> float:
    done = subprocess.run(
        [sys.executable, str(HERE / script), "--batch", str(BATCH), *options],
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return min(json.loads(done.stdout.splitlines()[-1])["secondsAStep"][1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12, help="the first of them does not count")
    steps = ("--steps", str(parser.parse_args().steps))
    worker = best_seconds("worker_step.py", *steps)
    plain = {precision: best_seconds("plain.py", "--precision", precision, *steps) for precision in PRECISIONS}
    fastest = min(plain.values())
    print(f"{'':24}{'ms a step':>10}{'images/s':>10}")
    print(f"{'worker':24}{1000 * worker:10.0f}{BATCH / worker:10.1f}")
    for precision, seconds in plain.items():
        print(f"{'plain, ' + precision:24}{1000 * seconds:10.0f}{BATCH / seconds:10.1f}")
    print(f"worker / plain: {fastest / worker:.2f} (goal 4)")


PRECISIONS = ("bfloat16", "float32")


if __name__ == "__main__":
    main()
