"""Measure whether "a dog" still draws any dog after a model has learned Ron, with and without priorPreservation.

Both trainings are the sample set's with the same seed; the judge says what pictures of class prompts show, and whom.

  python bench/likeness/drift.py [--steps 300] [--prior-preservation 1] [--judge judge.pt]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker"), str(Path(__file__).resolve().parent)]

from judge import Judge, load_or_train, verdicts  # noqa: E402
from prompts import SIX, Prompt  # noqa: E402

from models.art.scenes import CHARACTERS  # noqa: E402
from worker import Settings, draw, serving, train, write_run  # noqa: E402

PIXELS = 128
SCENES = ("on the grass", "on the moon", "on a couch", "on the beach")


def class_prompts() -> list[Prompt]:
    """Each character's kind of animal, unnamed, in some scenes."""
    kinds = [subject for subject, _ in CHARACTERS.values()]
    return [Prompt(f"a {kind} {scene}", scene=scene, subjects=(kind,)) for kind in kinds for scene in SCENES]


def shares(judge: Judge, socket: str, is_custom: bool, count: int) -> dict[str, float]:
    """Of the class prompts' pictures: those that show the animal asked for, those that show a character instead of any
    such animal; of the characters' own six prompts: those that show the character."""
    shown = taken = own = 0
    classes = class_prompts()
    for prompt in classes:
        for seen in verdicts(judge, np.stack(draw(socket, is_custom, prompt.text, count, 300, PIXELS))):
            shown += set(prompt.subjects) <= seen.subjects
            taken += bool(seen.characters)
    for prompt in SIX:
        for seen in verdicts(judge, np.stack(draw(socket, is_custom, prompt.text, count, 300, PIXELS))):
            own += set(prompt.names) <= seen.characters
    return {"shown": shown / (len(classes) * count), "taken": taken / (len(classes) * count), "own": own / (6 * count)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights")
    parser.add_argument("--sample", type=Path, default=ROOT / "models/art/sample")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=1e-5, help="on the seed system's scale (default 1e-5)")
    parser.add_argument("--prior-preservation", type=float, default=1, help="of the second training; the first has 0")
    parser.add_argument("--seeds", type=int, default=5, help="pictures of each prompt")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--judge-steps", type=int, default=3600)
    parser.add_argument("--judge", type=Path, help="keep the judge in this file, and reuse it if it is there")
    options = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    judge, _ = load_or_train(options.judge, options.judge_steps)
    with tempfile.TemporaryDirectory(prefix="likeness-drift-") as workspace:
        for weight in (0.0, options.prior_preservation):
            run = Path(workspace) / f"run-{weight:g}"
            settings = Settings(options.steps, 8, options.learning_rate, options.threads, prior_preservation=weight)
            write_run(run, options.base, options.sample, settings)
            minutes = train(run)
            with serving(options.base, run / "output", options.threads) as socket:
                if not rows:
                    rows["base"] = shares(judge, socket, False, options.seeds)
                rows[f"priorPreservation {weight:g}"] = shares(judge, socket, True, options.seeds) | {"min": minutes}
    print(f"{'':24}{'animal asked for':>18}{'a character':>14}{'own prompts':>14}{'minutes':>10}")
    for name, row in rows.items():
        minutes = f"{row['min']:10.1f}" if "min" in row else f"{'-':>10}"
        print(f"{name:24}{row['shown']:18.2f}{row['taken']:14.2f}{row['own']:14.2f}{minutes}")


if __name__ == "__main__":
    main()
