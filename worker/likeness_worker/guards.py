"""What watches a training: it goes back where it broke, and says when it slows down.

Users of other trainers complain of black pictures found after hours, and of speed that silently collapsed.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from likeness_worker import spec as contract
from likeness_worker.checkpoint import TrainingState, load_state
from likeness_worker.optimizer import AdamW
from likeness_worker.rundir import MANIFEST, EventLog, RunDirectory, RunError

MOST_ROLLBACKS = 3
RATE_SHARE = 0.5  # the same steps at the same rate would break in the same way

BASELINE_STEPS = 20
WINDOW_STEPS = 20
SLOW_FACTOR = 2.0


class Rollback:
    """Where a training goes back to: its newest checkpoint; before the first one, its start."""

    def __init__(self, run: RunDirectory, spec: contract.TrainSpec, parameters: dict[str, nn.Parameter], images: int):
        self._run, self._spec, self._parameters, self._images = run, spec, parameters, images
        self._count = 0
        # A LoRA is small; of a full fine-tuning, memory has no second copy to spare.
        self._start: dict[str, Tensor] | None = None
        if spec.method == "lora" and spec.resume_from_path is None:
            self._start = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    def go_back(self, optimizer: AdamW, reason: str, step: int, log: EventLog) -> TrainingState:
        """Puts weights and optimiser back; the caller goes on from the state's step at RATE_SHARE of its rate.

        :param reason: a sentence without its full stop: "The loss became not finite".
        :raises RunError: nothing to go back to, or it has broken too often.
        """
        self._count += 1
        folder = self._newest()
        too_often = self._count > MOST_ROLLBACKS
        if too_often or (folder is None and self._start is None):
            after = f" after going back {MOST_ROLLBACKS} times" if too_often else ""
            raise RunError(
                f"{reason} at step {step}{after}; lower learningRate (it was {self._spec.requested_learning_rate:g}).",
                user_error=True,
            )
        if folder is not None:
            state = load_state(folder, self._spec, self._images, self._parameters, optimizer)
        else:
            assert self._start is not None
            with torch.no_grad():
                for name, parameter in self._parameters.items():
                    parameter.copy_(self._start[name])
            optimizer.state.clear()
            state = TrainingState(0, 0.0, [], 0.0, self._images)
        log.warn(
            f"{reason} at step {step}: the training went back to step {state.step} and goes on at half the learning "
            f"rate ({self._count} of at most {MOST_ROLLBACKS} times)."
        )
        return state

    def _newest(self) -> Path | None:
        own = [folder for folder in self._run.checkpoints.glob("step-*") if (folder / MANIFEST).exists()]
        if own:
            return max(own)
        resumed = self._spec.resume_from_path
        return self._run.resolve(resumed) if resumed is not None else None


class StepTimes:
    """Warns once each time that steps take much longer than this attempt's own first ones, with the likely cause."""

    def __init__(self, log: EventLog, device: str):
        self._log, self._device = log, device
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=WINDOW_STEPS)
        self._is_slow = False

    def add(self, seconds: float, step: int) -> None:
        # The first step of all compiles and allocates.
        if len(self._first) <= BASELINE_STEPS:
            self._first.append(seconds)
            return
        self._recent.append(seconds)
        if len(self._recent) < WINDOW_STEPS:
            return
        baseline, now = median(self._first[1:]), median(self._recent)
        if now > SLOW_FACTOR * baseline and not self._is_slow:
            self._is_slow = True
            self._log.warn(
                f"Since about step {step - WINDOW_STEPS} a step takes {now:.2f} s; the first took {baseline:.2f} s."
                f" Likely cause: {likely_cause(self._device)}."
            )
        elif now < (1 + SLOW_FACTOR) / 2 * baseline:
            self._is_slow = False


def likely_cause(device: str) -> str:
    """What this machine shows now."""
    if _swapped_bytes() > 64 * 1024**2:
        return "memory is short and the trainer is partly swapped out; lower batchSize or end other programs"
    try:
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
    except OSError:
        load, cores = 0.0, 1
    if load > 1.5 * cores:
        return f"other programs want the processor (load {load:.1f} on {cores} cores)"
    if device == "cuda":
        return "the GPU is shared with another program, or slows itself down against heat"
    return "the processor slows itself down against heat, or other programs use its memory bandwidth"


def _swapped_bytes() -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmSwap:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 0
