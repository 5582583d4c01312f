"""Measure whether a model learns Ron and Smila, and not their pictures.

Trains on the sample set with the real worker, draws held-out prompts with the base and the custom model, and lets a
judge trained on rendered truth say what each picture shows.

  python bench/likeness/run.py                              the demo's settings
  python bench/likeness/run.py --steps 5000 --learning-rate 1e-5
  python bench/likeness/run.py --adapter runs/x/output      judge a custom model that is already trained
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker"), str(Path(__file__).resolve().parent)]

from judge import Judge, Verdict, load_or_train, verdicts  # noqa: E402
from near_copies import CopyTest, calibrate, distances  # noqa: E402
from prompts import SIX, Prompt, more  # noqa: E402

from models.art.scenes import CHARACTERS, Recipe, compose  # noqa: E402
from worker import Settings, draw, serving, train, write_run  # noqa: E402

PIXELS = 128


def shows_what_was_asked(prompt: Prompt, verdict: Verdict) -> bool:
    """Say whether scene, accessories and style are all those that the prompt names."""
    return (
        (prompt.scene is None or verdict.place == prompt.scene)
        and set(prompt.accessories) <= verdict.accessories
        and (prompt.style is None or verdict.style == prompt.style)
    )


def score(
    judge: Judge, copies: CopyTest, training: np.ndarray, drawn: list[tuple[Prompt, np.ndarray]]
) -> dict[str, float]:
    """Return the three shares over all pictures of some prompts."""
    character, asked, copied, count = 0, 0, 0, 0
    for prompt, pictures in drawn:
        seen = verdicts(judge, pictures)
        character += sum(v.character == prompt.name for v in seen)
        asked += sum(shows_what_was_asked(prompt, v) for v in seen)
        copied += int((distances(pictures, training) <= copies.threshold).sum())
        count += len(seen)
    return {"character": character / count, "asked": asked / count, "nearCopies": copied / count, "pictures": count}


def truth_of(prompt: Prompt, count: int) -> np.ndarray:
    """Compose what a prompt asks for, uint8 [count, 128, 128, 3]: the truth that the copy test is calibrated on."""
    subject, look = CHARACTERS[prompt.name]
    place = prompt.scene or "on a teal background"
    recipes = [
        Recipe(subject, place, 5000 + i, look=look, accessories=prompt.accessories, style=prompt.style)
        for i in range(count)
    ]
    return np.stack([np.asarray(compose(r, PIXELS)) for r in recipes])


def contact_sheet(base: list[tuple[Prompt, np.ndarray]], custom: list[tuple[Prompt, np.ndarray]], path: Path) -> None:
    """One row a prompt: four pictures of the base model, then eight of the custom one."""
    rows = [
        np.concatenate([*b[:4], np.full((PIXELS, 8, 3), 255, np.uint8), *c[:8]], axis=1)
        for (_, b), (_, c) in zip(base, custom, strict=True)
    ]
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 2), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Image.fromarray(np.concatenate(rows)).save(path)


def draw_all(socket: str, adapter: bool, prompts: list[Prompt], count: int) -> list[tuple[Prompt, np.ndarray]]:
    return [(p, np.stack(draw(socket, adapter, p.text, count, seed=100, pixels=PIXELS))) for p in prompts]


def measure(arguments: argparse.Namespace, workspace: Path) -> dict:
    """Train, draw and judge; return the report."""
    settings = Settings(arguments.steps, arguments.batch, arguments.learning_rate, arguments.threads)
    minutes: dict[str, float] = {}
    adapter = arguments.adapter
    if adapter is None:
        write_run(workspace / "run", arguments.base, arguments.sample, settings)
        minutes["training"] = train(workspace / "run")
        adapter = workspace / "run" / "output"

    began = time.monotonic()
    further = [p for name in CHARACTERS for p in more(name)]
    with serving(arguments.base, adapter, arguments.threads) as socket:
        drawn = {
            model: {
                "six": draw_all(socket, model == "custom", list(SIX), 8),
                "more": draw_all(socket, model == "custom", further, arguments.seeds),
            }
            for model in ("base", "custom")
        }
    minutes["drawing"] = (time.monotonic() - began) / 60

    began = time.monotonic()
    judge, accuracy = load_or_train(arguments.judge, arguments.judge_steps)
    training = np.stack(
        [
            np.asarray(Image.open(f).convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BOX))
            for f in sorted(arguments.sample.glob("*.jpg"))
        ]
    )
    originals = np.concatenate([truth_of(p, 4) for p in (*SIX, *further)])
    copies = calibrate(training, originals)
    minutes["judging"] = (time.monotonic() - began) / 60

    arguments.out.mkdir(parents=True, exist_ok=True)
    for part in ("six", "more"):
        contact_sheet(drawn["base"][part], drawn["custom"][part], arguments.out / f"{part}.png")
    return {
        "settings": vars(settings) if arguments.adapter is None else {"adapter": str(arguments.adapter)},
        "judge": accuracy,
        "copyTest": vars(copies),
        "minutes": {name: round(value, 1) for name, value in minutes.items()},
        "scores": {
            model: {part: score(judge, copies, training, pictures) for part, pictures in parts.items()}
            for model, parts in drawn.items()
        },
        "prompts": {
            model: {
                p.text: score(judge, copies, training, [(p, pictures)])
                for part in parts.values()
                for p, pictures in part
            }
            for model, parts in drawn.items()
        },
    }


def table(report: dict) -> str:
    """The lines that a person reads."""
    lines = [f"{'':24}{'character':>11}{'as asked':>10}{'near copies':>13}{'pictures':>10}"]
    for part, title in (("six", "the six prompts"), ("more", "more held-out prompts")):
        for model in ("base", "custom"):
            s = report["scores"][model][part]
            lines.append(
                f"{title + ', ' + model:30}{s['character']:5.2f}{s['asked']:10.2f}{s['nearCopies']:13.2f}{s['pictures']:10d}"
            )
    judge = ", ".join(f"{name} {value:.3f}" for name, value in report["judge"].items())
    copy = report["copyTest"]
    lines += [
        f"judge on held-out truth: {judge}",
        f"copy test on truth: finds {copy['copies_found']:.2f} of copies, calls {copy['false_alarms']:.3f} of originals copies",
        "minutes: " + ", ".join(f"{name} {value}" for name, value in report["minutes"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights", help="base model folder")
    parser.add_argument(
        "--sample", type=Path, default=ROOT / "models/art/sample", help="folder of pictures with captions.jsonl"
    )
    parser.add_argument("--adapter", type=Path, help="judge this trained adapter instead of training one")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-5, help="on the seed system's scale (default 1e-5)")
    parser.add_argument("--threads", type=int, help="CPU threads of training and drawing (default: PyTorch's choice)")
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each further prompt (the six get 8)")
    parser.add_argument("--judge-steps", type=int, default=1500)
    parser.add_argument("--judge", type=Path, help="keep the judge in this file, and reuse it if it is there")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parent / "results", help="report.json and contact sheets"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as workspace:
        report = measure(arguments, Path(workspace))
    (arguments.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))


if __name__ == "__main__":
    main()
