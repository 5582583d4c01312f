"""A whole training of the worker in this process, on a run directory: its memory above the import baseline.

It prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "worker"), str(Path(__file__).resolve().parent)]

from likeness_worker.attempt import run_attempt  # noqa: E402
from memory import import_libraries, memory_bytes  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    import_bytes = import_libraries()
    if run_attempt(run) != 0:
        raise SystemExit(f"the training failed: see {run / 'result.json'}")
    print(json.dumps({"importBytes": import_bytes, "peakBytes": memory_bytes(peak=True)}))


if __name__ == "__main__":
    main()
