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
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker"), str(Path(__file__).resolve().parent)]

import campaign  # noqa: E402
from judge import Judge, Verdict, campaign_scene, load_or_train, truth_scene, verdicts  # noqa: E402
from near_copies import CopyTest, calibrate, distances  # noqa: E402
from prompts import BOTH, SIX, Prompt, counts, more, pairs  # noqa: E402

from models.art.scenes import CHARACTERS, Recipe, compose  # noqa: E402
from worker import Settings, draw, serving, train, write_run  # noqa: E402

PIXELS = 128


def shows_what_was_asked(prompt: Prompt, verdict: Verdict) -> bool:
    """Say whether scene, accessories, style, subjects and their count are all those that the prompt names."""
    return (
        (prompt.scene is None or verdict.place == prompt.scene)
        and set(prompt.accessories) <= verdict.accessories
        and (prompt.style is None or verdict.style == prompt.style)
        and set(prompt.subjects) <= verdict.subjects
        and prompt.count in (None, verdict.count)
    )


def counts_of(
    judge: Judge, copies: CopyTest, training: np.ndarray, prompt: Prompt, pictures: np.ndarray
) -> dict[str, int]:
    """Count, over the pictures of one prompt, those that show what they should; `campaign` is the held-out style's."""
    seen = verdicts(judge, pictures)
    return {
        "character": sum(set(prompt.names) <= v.characters for v in seen),
        "asked": sum(shows_what_was_asked(prompt, v) for v in seen),
        "campaign": sum(v.campaign for v in seen),
        "nearCopies": int((distances(pictures, training) <= copies.threshold).sum()),
        "pictures": len(seen),
    }


def shares(counted: list[dict[str, int]]) -> dict[str, float]:
    """Return the shares over all pictures of some prompts, and the number of pictures."""
    total = {name: sum(of_prompt[name] for of_prompt in counted) for name in counted[0]}
    pictures = total.pop("pictures")
    return {**{name: value / pictures for name, value in total.items()}, "pictures": pictures}


def truth_of(prompt: Prompt, count: int) -> np.ndarray:
    """Compose what a prompt asks for, uint8 [count, 128, 128, 3]: the truth that the copy test is calibrated on."""
    subject, look = CHARACTERS[prompt.names[0]]
    place = prompt.scene or "on a teal background"
    recipes = [
        Recipe(subject, place, 5000 + i, look=look, accessories=prompt.accessories, style=prompt.style)
        for i in range(count)
    ]
    return np.stack([np.asarray(compose(r, PIXELS)) for r in recipes])


def pictures_of(folder: Path) -> np.ndarray:
    """Read a training set's pictures at the model's size, uint8 [n, 128, 128, 3]."""
    files = sorted(f for f in folder.iterdir() if f.suffix in (".jpg", ".png"))
    size = (PIXELS, PIXELS)
    return np.stack([np.asarray(Image.open(f).convert("RGB").resize(size, Image.Resampling.BOX)) for f in files])


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


Drawn = dict[str, list[tuple[Prompt, np.ndarray]]]


def customised(
    arguments: argparse.Namespace,
    workspace: Path,
    sample: Path,
    adapter: Path | None,
    settings: Settings,
    prompts: dict[str, list[Prompt]],
) -> tuple[dict[str, Drawn], dict[str, float]]:
    """Train on a sample set (unless an adapter is given), draw the prompts by base and custom model; and the minutes."""
    minutes = {"training": 0.0}
    if adapter is None:
        run = workspace / f"run-{sample.name}"
        write_run(run, arguments.base, sample, settings)
        minutes["training"] = train(run)
        adapter = run / "output"
    began = time.monotonic()
    with serving(arguments.base, adapter, arguments.threads) as socket:
        drawn = {
            model: {
                part: draw_all(socket, model == "custom", texts, 8 if part == "six" else arguments.seeds)
                for part, texts in prompts.items()
            }
            for model in ("base", "custom")
        }
    minutes["drawing"] = (time.monotonic() - began) / 60
    return drawn, minutes


# Each judge learns from scenes as its pictures could be: one of all sees too few of the campaign to know it.
SCENES_OF = {"characters": truth_scene, "style": campaign_scene}


def kept_as(file: Path | None, name: str) -> Path | None:
    return file if file is None or name == "characters" else file.with_stem(f"{file.stem}-{name}")


def measure(arguments: argparse.Namespace, workspace: Path) -> dict:
    """Train, draw and judge; return the report."""
    settings = Settings(arguments.steps, arguments.batch, arguments.learning_rate, arguments.threads)
    further = [p for name in CHARACTERS for p in more(name)]
    asked = {"six": list(SIX), "more": further, "both": list(BOTH), "pairs": pairs(), "counts": counts()}
    parts = {"characters": customised(arguments, workspace, arguments.sample, arguments.adapter, settings, asked)}
    training = {"characters": pictures_of(arguments.sample)}
    if not arguments.no_style:
        sample = workspace / "campaign-sample"
        campaign.write_set(sample)
        styled = replace(settings, steps=arguments.style_steps, concept="style")
        parts["style"] = customised(arguments, workspace, sample, None, styled, {"style": campaign.prompts()})
        training["style"] = pictures_of(sample)
    trained = vars(settings) if arguments.adapter is None else {"adapter": str(arguments.adapter)}

    began = time.monotonic()
    judges = {
        name: load_or_train(kept_as(arguments.judge, name), arguments.judge_steps, SCENES_OF[name]) for name in parts
    }
    copies = calibrate(training["characters"], np.concatenate([truth_of(p, 4) for p in (*SIX, *further)]))
    minutes = {f"{name} {step}": value for name, (_, spent) in parts.items() for step, value in spent.items()}
    minutes["judging"] = (time.monotonic() - began) / 60

    arguments.out.mkdir(parents=True, exist_ok=True)
    scores: dict[str, dict] = {"base": {}, "custom": {}}
    by_prompt: dict[str, dict] = {"base": {}, "custom": {}}
    for name, (drawn, _) in parts.items():
        for part in drawn["base"]:
            contact_sheet(drawn["base"][part], drawn["custom"][part], arguments.out / f"{part}.png")
        for model, pictures_by_part in drawn.items():
            for part, pictures in pictures_by_part.items():
                counted = [
                    counts_of(judges[name][0], copies, training[name], prompt, shown) for prompt, shown in pictures
                ]
                scores[model][part] = shares(counted)
                for (prompt, _), of_prompt in zip(pictures, counted, strict=True):
                    by_prompt[model][prompt.text] = shares([of_prompt])
    return {
        "settings": {**trained, "styleSteps": None if arguments.no_style else arguments.style_steps},
        "judges": {name: accuracy for name, (_, accuracy) in judges.items()},
        "copyTest": vars(copies),
        "minutes": {name: round(value, 1) for name, value in minutes.items()},
        "scores": scores,
        "prompts": by_prompt,
    }


TITLES = {
    "six": "the six prompts", "more": "more held-out prompts", "both": "both characters", "pairs": "two animals",
    "counts": "one, two, three", "style": "held-out style",
}  # fmt: skip


def table(report: dict) -> str:
    """The lines that a person reads."""
    lines = [f"{'':30}{'character':>11}{'as asked':>10}{'style':>8}{'near copies':>13}{'pictures':>10}"]
    for part, title in TITLES.items():
        for model in ("base", "custom"):
            if part not in report["scores"][model]:
                continue
            s = report["scores"][model][part]
            character = f"{s['character']:.2f}" if part in ("six", "more", "both") else "-"
            style = f"{s['campaign']:.2f}" if part == "style" else "-"
            lines.append(
                f"{title + ', ' + model:30}{character:>11}{s['asked']:10.2f}{style:>8}{s['nearCopies']:13.2f}{s['pictures']:10d}"
            )
    judges = [
        f"judge of the {name} on held-out truth: "
        + ", ".join(f"{what} {value:.3f}" for what, value in accuracy.items() if value == value)
        for name, accuracy in report["judges"].items()
    ]
    copy = report["copyTest"]
    lines += [
        *judges,
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
    parser.add_argument("--steps", type=int, default=350, help="of the characters (default 350, the demo's)")
    parser.add_argument("--style-steps", type=int, default=500, help="of the held-out style (default 500)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-5, help="on the seed system's scale (default 1e-5)")
    parser.add_argument("--threads", type=int, help="CPU threads of training and drawing (default: PyTorch's choice)")
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each further prompt (the six get 8)")
    parser.add_argument(
        "--no-style", action="store_true", help="leave the held-out style out: half of the training time"
    )
    parser.add_argument("--judge-steps", type=int, default=3600)
    parser.add_argument(
        "--judge", type=Path, help="keep the judge in this file (the style's beside it), and reuse it if it is there"
    )
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
