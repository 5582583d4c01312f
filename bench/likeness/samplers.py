"""Score the same prompts and noise by several samplers and numbers of steps: which draws as well in fewer?

  .venv/bin/python bench/likeness/samplers.py [--judge FILE] [--seeds 2] [--samplers ddim:25,dpm++:15]

The base model draws the benchmark's prompts (bench/likeness) by each sampler from the same noise. Three numbers a sampler:
the share of pictures in which the judge sees all that was asked, the cosine of text and picture by the model's own
encoder, and of each picture with that of the first sampler from the same noise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from judge import load_or_train, verdicts  # noqa: E402
from likeness_worker import drawing, families  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.encoders import load_encoder  # noqa: E402
from prompts import BOTH, SIX, Prompt, counts, more, pairs  # noqa: E402
from run import shows_what_was_asked  # noqa: E402

DEFAULT = "ddim:25,ddim:15,dpm++:15,dpm++:12,dpm++:10"


def pictures_of(family: families.Family, prompts: list[Prompt], seeds: int, sampler: str, steps: int) -> np.ndarray:
    """Draw each prompt with each seed; uint8 [prompts * seeds, H, W, 3], a prompt's seeds one after the other."""
    sampling = dataclasses.replace(family.base.sampling, sampler=sampler, steps=steps)
    family.base = dataclasses.replace(family.base, sampling=sampling)
    empty = family.encode_text("")
    states = [family.encode_text(p.text) for p in prompts for _ in range(seeds)]
    order = [100 + seed for _ in prompts for seed in range(seeds)]
    latents = drawing.draw_latents(family, states, empty, order, family.base.resolution, steps)
    return np.stack(drawing.to_pixels(family, latents))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights")
    parser.add_argument("--judge", type=Path, help="keep the judge in this file, and reuse it if it is there")
    parser.add_argument("--judge-steps", type=int, default=3600)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--samplers", default=DEFAULT, help="name:steps, separated by commas; the first is the measure")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    prompts = [*SIX, *more("Ron"), *more("Smila"), *BOTH, *pairs(), *counts()]
    family = families.load(read_base_model(options.base), families.choose_placement())
    family.denoiser.eval()
    encoder = load_encoder(options.base / "encoder", family.placement.device)
    texts = encoder.encode_texts([p.text for p in prompts for _ in range(options.seeds)])
    assert texts is not None
    judge, accuracy = load_or_train(options.judge, options.judge_steps)
    print(f"judge on held-out truth: {json.dumps({name: round(value, 3) for name, value in accuracy.items()})}")
    print(f"{len(prompts)} prompts, {options.seeds} seeds each, {family.placement.precision}")
    print(f"{'':12}{'as asked':>10}{'text-image':>12}{'as the first':>14}{'seconds a picture':>20}", flush=True)
    first: torch.Tensor | None = None
    for name, steps in (one.split(":") for one in options.samplers.split(",")):
        began = time.process_time()
        pictures = pictures_of(family, prompts, options.seeds, name, int(steps))
        seconds = (time.process_time() - began) / len(pictures)
        seen = verdicts(judge, pictures)
        asked = np.mean([shows_what_was_asked(prompts[i // options.seeds], v) for i, v in enumerate(seen)])
        points, _ = encoder.encode_pictures(list(pictures))
        first = points if first is None else first
        near, same = (texts * points).sum(1).mean(), (first * points).sum(1).mean()
        print(f"{name + ' ' + steps:12}{asked:10.3f}{near:12.4f}{same:14.3f}{seconds:20.2f}", flush=True)


if __name__ == "__main__":
    main()
