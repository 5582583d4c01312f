"""Subject scores of the plain recipe's adapters, by the evaluation that a training of the worker makes of itself.

It prints one JSON line: subjectFidelity by folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "worker")]

import torch  # noqa: E402
from likeness_worker import families  # noqa: E402
from likeness_worker.attempt import Attempt  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.cache import build_cache  # noqa: E402
from likeness_worker.data import read_manifest  # noqa: E402
from likeness_worker.evaluate import Evaluation  # noqa: E402
from likeness_worker.lora import AdapterSwitch, read_adapter  # noqa: E402
from likeness_worker.rundir import EventLog, RunDirectory  # noqa: E402
from likeness_worker.validation import choose_validation  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run directory whose spec has the evaluation")
    parser.add_argument("adapters", type=Path, help="its folders are scored, in the order of their names")
    options = parser.parse_args()
    run = RunDirectory(options.run)
    attempt = Attempt(run, run.read_spec(), EventLog(run.path / "events.jsonl"))
    torch.set_num_threads(attempt.spec.threads or 1)
    base = read_base_model(run.resolve(attempt.spec.base_model_path))
    family = families.load(base, families.choose_placement("cpu"))
    samples = read_manifest(run.resolve(attempt.spec.manifest_path))
    validation = choose_validation(run, attempt.spec, samples)
    pictures = [*samples, *validation.extra]
    examples = build_cache(attempt, family, pictures)
    evaluation = Evaluation(attempt, family, examples, pictures, validation)
    folders = sorted(options.adapters.iterdir())
    switch = AdapterSwitch(
        family.denoiser, {folder.name: read_adapter(folder, family.denoiser, folder.name) for folder in folders}
    )
    scores: dict[str, float | None] = {}
    for number, folder in enumerate(folders, start=1):
        switch.activate(folder.name)
        evaluation.run(number, lambda _: None)
        scores[folder.name] = evaluation.history[-1].subject_fidelity
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
