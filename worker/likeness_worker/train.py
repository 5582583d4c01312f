"""Training: load, cache, one loop, save. LoRA on the denoiser, or all of it ("full").

Read it from `train` down. What may differ between model families is behind families.Family; the noising, the
target and the loss's weight are diffusion.Process; the order of the images is data.plan_batches.
"""

from __future__ import annotations

import math
import shutil
import time
from collections import deque
from pathlib import Path

import torch
from torch import Tensor, nn

from likeness_worker import families
from likeness_worker import spec as contract
from likeness_worker.attempt import Attempt, Stopped
from likeness_worker.base_model import read_base_model
from likeness_worker.cache import build_cache
from likeness_worker.checkpoint import TrainingState, layers_of, load_state, save_state
from likeness_worker.data import plan_batches, read_manifest
from likeness_worker.evaluate import BlackSample, Evaluation
from likeness_worker.guards import RATE_SHARE, Rollback, StepTimes
from likeness_worker.illustrations import illustrated
from likeness_worker.lora import add_lora, continue_lora, save_adapter, target_layers, trainable_parameters
from likeness_worker.loss import Together, batch_losses
from likeness_worker.optimizer import AdamW
from likeness_worker.pointwise import speed_up_pointwise
from likeness_worker.prior import draw_prior, prior_losses
from likeness_worker.rundir import write_checkpoint, write_folder
from likeness_worker.validation import choose_validation

GRADIENT_NORM = 1.0
WEIGHT_DECAY = 0.01
SPEED_WINDOW_STEPS = 20
DRAWING_FAMILY = "art"
FAST_STEPS = 60
LOSS_SHARE = 0.05  # trainingLoss is the mean over the last 5 % of the steps


def train(attempt: Attempt, device: str = "auto", precision: str = "auto") -> None:
    """Runs the attempt to its end; attempt.progress says how far it came.

    :raises Stopped: someone asked; for "pause" a checkpoint is written.
    :raises RunError: with what to do about it.
    """
    spec, run, log, progress = attempt.spec, attempt.run, attempt.log, attempt.progress
    if spec.threads is not None:
        torch.set_num_threads(spec.threads)
    placement = families.choose_placement(device, precision)
    progress.device = placement.device.type
    progress.precision = placement.precision  # type: ignore[assignment]

    base = read_base_model(run.resolve(spec.base_model_path))
    samples = read_manifest(run.resolve(spec.manifest_path))
    parent = run.resolve(spec.start_from_path) if spec.start_from_path is not None else None
    is_full = spec.method == "full"
    family = families.load(base, placement, parent if is_full else None, is_denoiser_trained=is_full)
    log.append(contract.PhaseEvent(phase="loading", done=1, total=1))
    if spec.min_snr_gamma is not None and family.process.prediction_type == "flow":
        log.warn("minSnrGamma has no meaning for a flow-matching model and is ignored.")

    validation = choose_validation(run, spec, samples)
    pictures = [*samples, *validation.extra]
    if base.family == DRAWING_FAMILY:
        pictures = illustrated(attempt, family, pictures)
        samples = pictures[: len(samples)]
    examples = build_cache(attempt, family, pictures)
    buckets = validation.training_buckets(examples.buckets, len(samples))
    image_count = sum(map(len, buckets))
    prior = draw_prior(attempt, family, [sample.caption for sample in samples]) if spec.prior_preservation else None
    evaluation = Evaluation(attempt, family, examples, pictures, validation) if spec.evaluation is not None else None
    family.free_encoders(keep_decoder=evaluation is not None)

    denoiser, targets = family.denoiser, base.lora.target_modules
    if placement.device.type == "cpu":
        speed_up_pointwise(denoiser)
    if spec.method == "lora":
        if parent is None:
            if spec.resume_from_path is not None:
                # A newer version of the base may name other layers than this training began with.
                begun = layers_of(run.resolve(spec.resume_from_path))
                if begun != sorted(target_layers(denoiser, targets)):
                    targets = tuple(begun)
            add_lora(denoiser, spec.rank, spec.alpha, targets, spec.seed)
        else:
            targets = continue_lora(denoiser, parent, spec.rank, spec.alpha)
    else:
        denoiser.requires_grad_(True)
    denoiser.train()
    parameters = dict(trainable_parameters(denoiser))
    others = [parameter for name, parameter in parameters.items() if ".lora_B." not in name]
    factors_b = [parameter for name, parameter in parameters.items() if ".lora_B." in name]
    optimizer = AdamW([others, factors_b], WEIGHT_DECAY)
    first_rate = base.training.first_rate_of_b if parent is None else 1.0
    together = Together(placement.device.type, spec.batch_size)
    plan = plan_batches(buckets, spec.step_count, spec.batch_size, spec.seed)
    recent_losses: deque[float] = deque(maxlen=max(1, math.ceil(LOSS_SHARE * spec.step_count)))
    first_step, earlier_seconds, rate_share = 0, 0.0, 1.0
    rollback = Rollback(run, spec, parameters, image_count)
    if spec.resume_from_path is not None:
        state = load_state(run.resolve(spec.resume_from_path), spec, image_count, parameters, optimizer)
        first_step, earlier_seconds, rate_share = state.step, state.training_seconds, state.rate_share
        recent_losses.extend(state.recent_losses)
        progress.steps_done, progress.images_seen = first_step, first_step * spec.batch_size
        progress.training_seconds = earlier_seconds
        progress.training_loss = _mean(recent_losses)

    def checkpoint(steps_done: int) -> None:
        state = TrainingState(
            steps_done,
            progress.training_seconds,
            list(recent_losses),
            learning_rate(spec, steps_done),
            image_count,
            rate_share,
        )
        path = write_checkpoint(run, steps_done, lambda folder: save_state(folder, spec, parameters, optimizer, state))
        log.append(contract.CheckpointEvent(step=steps_done, path=run.relative(path)))

    def add_gradients(step: int) -> Tensor:
        """The batch's loss, float32, whose gradients the parameters then have."""
        losses: list[Tensor] = []
        for loss in batch_losses(family, examples, plan[step], spec, step, together.images):
            loss.backward()
            losses.append(loss.detach())
        if prior is not None:
            for loss in prior_losses(family, prior, spec, step, together.images):
                loss.backward()
        return torch.stack(losses).sum()

    def save(folder: Path) -> None:
        save_weights(folder, denoiser, spec, targets)

    if evaluation is not None:
        evaluation.forget_after(first_step)
        if evaluation.is_due(first_step):
            evaluation.run(first_step, save)
    log.append(contract.PhaseEvent(phase="training", done=first_step, total=spec.step_count))
    start = time.monotonic()
    finished_at: deque[float] = deque([start], maxlen=SPEED_WINDOW_STEPS + 1)
    step_times = StepTimes(log, placement.device.type)
    step = first_step
    while step < spec.step_count:
        rate = rate_share * learning_rate(spec, step)
        try:
            loss = add_gradients(step)
        except torch.OutOfMemoryError:
            if not together.halve(log):
                raise
            for parameter in parameters.values():
                parameter.grad = None
            continue
        torch.nn.utils.clip_grad_norm_(parameters.values(), GRADIENT_NORM)
        optimizer.step([rate, rate * rate_of_b(first_rate, step)])

        loss_value = loss.item()  # on a GPU the step's one point of waiting: its event needs the number
        broken = None if math.isfinite(loss_value) else "The loss became not finite"
        if broken is None:
            recent_losses.append(loss_value)
            finished_at.append(time.monotonic())
            step_times.add(finished_at[-1] - finished_at[-2], step)
            steps_done = step + 1
            progress.steps_done, progress.images_seen = steps_done, steps_done * spec.batch_size
            progress.training_seconds = earlier_seconds + finished_at[-1] - start
            progress.training_loss = _mean(recent_losses)
            seconds_a_step = (finished_at[-1] - finished_at[0]) / (len(finished_at) - 1)
            log.append(
                contract.StepEvent(
                    step=step,
                    epoch=step * spec.batch_size // image_count,
                    loss=loss_value,
                    learning_rate=rate,
                    images_per_second=round(spec.batch_size / seconds_a_step, 2),
                    seconds_left=round(seconds_a_step * (spec.step_count - steps_done), 1),
                )
            )
            wish = attempt.stop_wish() if steps_done < spec.step_count else None
            if wish is None and evaluation is not None and evaluation.is_due(steps_done):
                try:
                    seconds = evaluation.run(steps_done, save)
                    start += seconds
                    finished_at = deque((at + seconds for at in finished_at), maxlen=SPEED_WINDOW_STEPS + 1)
                except BlackSample:
                    broken = "The model drew a black picture"
                except Stopped as stopped:
                    wish = stopped.wish
        if broken is not None:
            state = rollback.go_back(optimizer, broken, step, log)
            rate_share *= RATE_SHARE
            step = state.step
            recent_losses = deque(state.recent_losses, maxlen=recent_losses.maxlen)
            if evaluation is not None:
                evaluation.forget_after(step)
            continue
        step += 1
        if step == spec.step_count or (evaluation is not None and evaluation.is_over()):
            break
        if wish == "pause" or (wish is None and step % spec.checkpoint_interval_steps == 0):
            checkpoint(step)
        if wish is not None:
            raise Stopped(wish)

    log.append(contract.PhaseEvent(phase="saving", done=0, total=1))
    output = run.resolve(spec.output_path)
    chosen = evaluation.chosen() if evaluation is not None else None
    files = write_folder(output, save if chosen is None else lambda folder: copy_files(chosen, folder))
    progress.weights = tuple(
        contract.WeightFile(path=run.relative(output / file.path), sha256=file.sha256, size_bytes=file.size_bytes)
        for file in files
    )
    log.append(contract.PhaseEvent(phase="saving", done=1, total=1))


def learning_rate(spec: contract.TrainSpec, step: int) -> float:
    """Linear warm-up over warmupSteps, then constant, or a half cosine down to 0 at stepCount."""
    warmup = min(1.0, (step + 1) / spec.warmup_steps) if spec.warmup_steps else 1.0
    if spec.learning_rate_schedule == "constant":
        return spec.learning_rate * warmup
    progress = max(0, step - spec.warmup_steps) / max(1, spec.step_count - spec.warmup_steps)
    return spec.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * progress))


def rate_of_b(first: float, step: int) -> float:
    """How many times faster than its A a LoRA's B learns: falls from `first` to 1 over FAST_STEPS.

    B begins at zero and A does not, so at one rate B holds the LoRA back at first (Hayou et al. 2024, "LoRA+")."""
    return 1 + (first - 1) * max(0.0, 1 - step / FAST_STEPS)


def save_weights(folder: Path, denoiser: nn.Module, spec: contract.TrainSpec, target_modules: tuple[str, ...]) -> None:
    """The result's files: an adapter in PEFT's layout, or the whole denoiser in diffusers' layout."""
    if spec.method == "lora":
        save_adapter(denoiser, folder, spec.rank, spec.alpha, target_modules)
    else:
        denoiser.save_pretrained(folder, safe_serialization=True)  # type: ignore[operator]


def copy_files(source: Path, folder: Path) -> None:
    for file in source.iterdir():
        shutil.copyfile(file, folder / file.name)


def _mean(losses: deque[float]) -> float:
    return sum(losses) / len(losses)
