"""Looking at a training: validation loss, pictures and scores, every few steps, without touching the training.

Nothing here reads or moves a random generator that the training reads, so a training with evaluations takes the same
steps as one without. What an evaluation leaves is a folder (evaluations/step-000350/: metrics.json and pictures; the
weights beside it) and an event; both are complete before the next step.

The scores are cosines of an encoder's points (encoders.py), means over the pictures:
  subjectFidelity  a sample and the three training pictures nearest to it, of the subject that its prompt names
                   (CLIP-I of Ruiz et al. 2023, with the nearest in the place of all: a data set shows many scenes)
  promptFidelity   a sample and its prompt (CLIP-T)
  priorDrift       1 - a picture of a class prompt ("a dog …") and the untouched base's of the same prompt and seed
  diversity        1 - two seeds of one prompt
  nearestTraining  a sample and the one training picture that it is nearest to, pictures of the very caption that it
                   was asked by left out: to be near those is what was asked. Beside trainingNearest, the same of the
                   user's own pictures of these captions (or of all, where a prompt is no caption), it says whether
                   samples are copies
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from likeness_worker import spec as contract
from likeness_worker.attempt import Attempt, Stopped
from likeness_worker.cache import Examples
from likeness_worker.data import Sample, Size, fit_image, open_image
from likeness_worker.drawing import draw_latents, to_pixels
from likeness_worker.encoders import Encoder, load_encoder
from likeness_worker.families import Family
from likeness_worker.prompts import class_prompts, sample_prompts
from likeness_worker.references import References
from likeness_worker.rundir import write_folder, write_json
from likeness_worker.validation import Validation, validation_loss

SEEDS = (42, 43)  # 42 is the seed of a request that names none
STEPS = 10
MOST_REFERENCES = 256
KEPT_WEIGHTS = 8
LEAST_GAIN = 0.005
METRICS = "metrics.json"

Pixels = NDArray[np.uint8]


class BlackSample(Exception):
    """The model draws nothing any more."""


class Evaluation:
    """Made while the base is still untouched and its encoders are there; `run` then measures what became of it."""

    def __init__(
        self, attempt: Attempt, family: Family, examples: Examples, pictures: list[Sample], validation: Validation
    ):
        """:param pictures: the training's own records, then those that were given for the validation.

        :raises RunError: the encoder does not load. :raises Stopped: someone asked for it meanwhile."""
        assert attempt.spec.evaluation is not None
        self._attempt, self._family, self._examples = attempt, family, examples
        self._spec, self._settings = attempt.spec, attempt.spec.evaluation
        self._validation = validation
        self._folder = attempt.run.path / "evaluations"
        self._steps = min(STEPS, family.base.sampling.steps)
        trained, kept_out = validation.parted(pictures)
        captions = [sample.caption for sample in trained]
        unseen = [sample.caption for sample in kept_out]
        self._prompts = list(self._settings.sample_prompts) or sample_prompts(captions, unseen)
        classes = class_prompts([*self._prompts, *captions])
        self._empty = family.encode_text("").cpu()
        self._states, self._class_states = (
            [family.encode_text(text).cpu() for text in texts for _ in SEEDS] for texts in (self._prompts, classes)
        )
        self._encoder = self._load_encoder()
        self._base_classes: Tensor | None = None
        self._references: References | None = None
        self._nearest_of_pictures: float | None = None
        self._prompt_points: Tensor | None = None
        if self._encoder is not None:
            self._prompt_points = self._encoder.encode_texts(self._prompts)
            self._references = self._encode_references(self._encoder, trained, kept_out)
            self._nearest_of_pictures = _mean([self._references.nearest_of_pictures(text) for text in self._prompts])
            self._base_classes = self._encoder.encode_pictures(self._draw(self._class_states))[0]
        self.history = self._read_history()

    def _load_encoder(self) -> Encoder | None:
        path = self._settings.encoder_path
        folder = self._attempt.run.resolve(path) if path is not None else self._family.base.path / "encoder"
        if path is None and not (folder / "config.json").is_file():
            return None
        return load_encoder(folder, self._family.placement.device)

    def _encode_references(self, encoder: Encoder, trained: list[Sample], kept_out: list[Sample]) -> References:
        chosen = trained[:: max(1, -(-len(trained) // MOST_REFERENCES))]
        side = Size(self._spec.resolution, self._spec.resolution)
        pictures: list[Pixels] = []
        for sample in (*chosen, *kept_out):
            with open_image(self._attempt.run.resolve(sample.path)) as image:
                pictures.append(fit_image(image, side))
        scenes, whom = encoder.encode_pictures(pictures)
        return References([sample.caption for sample in (*chosen, *kept_out)], scenes, whom, len(chosen))

    def is_due(self, steps_done: int) -> bool:
        on_time = steps_done % self._settings.interval_steps == 0 or steps_done == self._spec.step_count
        return on_time and all(event.step != steps_done for event in self.history)

    def run(self, steps_done: int, save_weights: Callable[[Path], None]) -> float:
        """Measures, draws and keeps.

        :returns: the seconds that it took, which are none of the training's.
        :raises Stopped: someone asked for it meanwhile; the evaluation is made again by who goes on.
        :raises BlackSample: the model draws nothing any more.
        """
        start = time.monotonic()
        log = self._attempt.log
        log.append(contract.PhaseEvent(phase="evaluating", done=0, total=1))
        loss = validation_loss(
            self._family, self._examples, self._validation.images, self._spec.unmasked_weight, self._check
        )
        pictures = self._draw(self._states)
        if steps_done > 0 and any(_is_black(picture) for picture in pictures):
            raise BlackSample
        scores = self._scores(pictures)
        event = self._judged(
            contract.EvaluationEvent(
                step=steps_done,
                path=f"evaluations/step-{steps_done:06d}",
                validation_loss=loss,
                validation_source=self._validation.source,
                score=total_score(scores, loss),
                is_best=False,
                encoder=self._encoder.name if self._encoder is not None else None,
                seconds=round(time.monotonic() - start, 3),
                **scores,  # type: ignore[arg-type]
            )
        )
        folder = self._attempt.run.path / event.path

        def write(target: Path) -> None:
            for number, picture in enumerate(pictures):
                prompt, seed = divmod(number, len(SEEDS))
                Image.fromarray(picture).save(target / f"sample-{prompt:02d}-{seed:02d}.png")
            write_json(target / METRICS, {**contract.write(event), "prompts": self._prompts, "seeds": SEEDS})

        if steps_done > 0:
            write_folder(folder.with_name(f"{folder.name}-weights"), save_weights)
        write_folder(folder, write)
        self.history.append(event)
        log.append(event)
        log.append(contract.PhaseEvent(phase="evaluating", done=1, total=1))
        self._forget_weights()
        return time.monotonic() - start

    def is_over(self) -> bool:
        """Whether nothing has got better for `patience` evaluations."""
        patience, best = self._settings.patience, self.best()
        if patience is None or best is None:
            return False
        since = [event for event in self.history if event.step > best.step]
        return len(since) >= patience

    def best(self) -> contract.EvaluationEvent | None:
        """The last that was better than all such before it by at least LEAST_GAIN. Never the base itself (step 0); in a
        training that ends of its own accord none before leastSteps: scores settle before the pictures do."""
        return next((event for event in reversed(self.history) if event.is_best), None)

    def chosen(self) -> Path | None:
        """Folder of the weights that become the model, where the best checkpoint shall; None: the last step's."""
        best = self.best()
        return self.weights_of(best) if self._settings.patience is not None and best is not None else None

    def weights_of(self, event: contract.EvaluationEvent) -> Path:
        folder = self._attempt.run.path / event.path
        return folder.with_name(f"{folder.name}-weights")

    def _judged(self, event: contract.EvaluationEvent) -> contract.EvaluationEvent:
        best = self.best()
        first = 1 if self._settings.patience is None else self._settings.least_steps
        better = best is None or event.score > best.score + LEAST_GAIN
        return replace(event, is_best=event.step >= first and better)

    def _scores(self, pictures: Sequence[Pixels]) -> dict[str, float | None]:
        names = ("subject_fidelity", "prompt_fidelity", "prior_drift", "diversity", "nearest_training")
        scores: dict[str, float | None] = dict.fromkeys((*names, "training_nearest"))
        if self._encoder is None or self._references is None or self._base_classes is None:
            return scores
        scenes, whom = self._encoder.encode_pictures(pictures)
        classes = self._encoder.encode_pictures(self._draw(self._class_states))[0]
        references, drawn = self._references, [prompt for prompt in self._prompts for _ in SEEDS]
        pairs = scenes.view(len(self._prompts), len(SEEDS), -1)
        scores |= {
            "subject_fidelity": _mean([references.fidelity(*pair) for pair in zip(drawn, whom, strict=True)]),
            "prior_drift": 1 - float((classes * self._base_classes).sum(-1).mean()),
            "diversity": 1 - float((pairs[:, 0] * pairs[:, 1]).sum(-1).mean()),
            "nearest_training": _mean([references.nearest(*pair) for pair in zip(drawn, scenes, strict=True)]),
            "training_nearest": self._nearest_of_pictures,
        }
        if self._prompt_points is not None:
            texts = self._prompt_points.repeat_interleave(len(SEEDS), dim=0)
            scores["prompt_fidelity"] = float((scenes * texts).sum(-1).mean())
        return scores

    def _draw(self, states: list[Tensor]) -> list[Pixels]:
        seeds = [SEEDS[i % len(SEEDS)] for i in range(len(states))]
        latents = draw_latents(
            self._family, states, self._empty, seeds, self._spec.resolution, self._steps, self._check
        )
        return to_pixels(self._family, latents)

    def _check(self) -> None:
        wish = self._attempt.stop_wish()
        if wish is not None:
            raise Stopped(wish)

    def forget_after(self, steps_done: int) -> None:
        """What was measured of steps that are taken again."""
        self.history = [event for event in self.history if event.step <= steps_done]
        for folder in self._folder.glob("step-*"):
            if int(folder.name.removeprefix("step-").removesuffix("-weights").removesuffix(".tmp")) > steps_done:
                shutil.rmtree(folder, ignore_errors=True)

    def _forget_weights(self) -> None:
        """Keeps the weights of the best, the newest and the best-scored: the others can no longer be chosen."""
        kept = {event.step for event in sorted(self.history, key=lambda e: -e.score)[:KEPT_WEIGHTS]}
        kept |= {event.step for event in (self.best(), self.history[-1]) if event is not None}
        for event in self.history:
            if event.step not in kept:
                shutil.rmtree(self.weights_of(event), ignore_errors=True)

    def _read_history(self) -> list[contract.EvaluationEvent]:
        """What an earlier attempt measured; the server moved its folder here."""
        found: list[contract.EvaluationEvent] = []
        for file in sorted(self._folder.glob(f"step-*/{METRICS}")):
            members = {k: v for k, v in json.loads(file.read_bytes()).items() if k not in ("prompts", "seeds")}
            found.append(contract.read(contract.EvaluationEvent, {**members, "seq": 1}, METRICS))
        return found


def total_score(scores: dict[str, float | None], loss: float) -> float:
    """What the best checkpoint is the best by: whom it shows, plus what it shows, less half of what the base forgot,
    less what of a sample's nearness to one training picture goes beyond what a likeness has: half of the way from the
    training pictures' own nearness to each other to a copy's, which is 1. Without an encoder, the validation loss
    alone decides."""
    subject, drift = scores["subject_fidelity"], scores["prior_drift"]
    if subject is None or drift is None:
        return -loss
    nearest, among = scores["nearest_training"], scores["training_nearest"]
    copied = max(0.0, nearest - (among + 1) / 2) if nearest is not None and among is not None else 0.0
    return subject + (scores["prompt_fidelity"] or 0.0) - 0.5 * drift - copied


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _is_black(picture: Pixels) -> bool:
    return float(picture.mean()) < 4 and float(picture.std()) < 2
