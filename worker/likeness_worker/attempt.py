"""One training attempt from start to result.json, whatever happens in between (no torch in this file: the first
event must be there before the second that importing it takes)."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from likeness_worker import spec as contract
from likeness_worker.imports import without_collection
from likeness_worker.rundir import EventLog, RunDirectory, RunError, StopWish, now


class Stopped(Exception):
    """The training ends early because someone asked; where "pause" was asked, its checkpoint is written."""

    def __init__(self, wish: StopWish):
        super().__init__(wish)
        self.wish: StopWish = wish


@dataclass
class Progress:
    """What result.json will say; the training keeps it up to date. Counts are of the whole training."""

    steps_done: int = 0
    images_seen: int = 0
    training_seconds: float = 0.0
    training_loss: float | None = None
    weights: tuple[contract.WeightFile, ...] = ()
    device: str = "cpu"
    precision: contract.Precision = "float32"


@dataclass
class Attempt:
    """What a training works with."""

    run: RunDirectory
    spec: contract.TrainSpec
    log: EventLog
    progress: Progress = field(default_factory=Progress)
    terminated: bool = False

    def stop_wish(self) -> StopWish | None:
        """Looked at once a step: the stop file, or SIGTERM, which means pause (design §3.20)."""
        return self.run.stop_wish() or ("pause" if self.terminated else None)

    def terminate(self, signal_number: int, frame: object) -> None:
        self.terminated = True


def run_attempt(
    path: Path, device: str = "auto", precision: str = "auto", import_libraries: Callable[[], None] = lambda: None
) -> int:
    """Runs the attempt that path/spec.json describes and writes path/result.json.

    :param import_libraries: called after the first event, for a process of its own (imports.import_models).
    :returns: the exit status: 0 unless the attempt failed.
    """
    run = RunDirectory(path)
    if run.has_result():
        print(
            f"{path} has a result.json: this attempt has ended; start a new one in its own directory.",
            file=sys.stderr,
        )
        return 2
    progress = Progress()
    error: contract.ResultError | None = None
    status: contract.ResultStatus
    try:
        attempt = Attempt(run, run.read_spec(), EventLog(run.path / "events.jsonl"), progress)
        signal.signal(signal.SIGTERM, attempt.terminate)
        # Ctrl-C in a terminal reaches the whole group: the same wish.
        signal.signal(signal.SIGINT, attempt.terminate)
        attempt.log.append(contract.PhaseEvent(phase="loading", done=0, total=1))
        with without_collection():
            import_libraries()
            from likeness_worker.train import train

        train(attempt, device, precision)
        status = "completed"
    except Stopped as stopped:
        status = "stopped" if stopped.wish == "stop" else "interrupted"
    except Exception as caught:
        if not isinstance(caught, RunError):
            traceback.print_exc()
        error = explain(caught)
        print(f"failed: {error.message}", file=sys.stderr)
        status = "failed"
    run.write_result(
        contract.Result(
            status=status,
            steps_done=progress.steps_done,
            training_loss=progress.training_loss,
            weights=progress.weights,
            error=error,
            ended_at=now(),
            training_seconds=round(progress.training_seconds, 3),
            images_seen=progress.images_seen,
            peak_memory_bytes=peak_memory_bytes(),
            device=progress.device,
            precision=progress.precision,
        )
    )
    return 1 if status == "failed" else 0


def peak_memory_bytes() -> int | None:
    """The most memory this attempt held at once: the GPU's where it used one, else the process's own."""
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_reserved())
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(kibibytes) * 1024 for _, kibibytes, *_ in lines), None)


def full_disk(error: Exception) -> int | None:
    """The errno of a disk, or of a quota, that is full."""
    for number in (errno.ENOSPC, errno.EDQUOT):
        # safetensors writes from Rust and reports the same errno inside another exception's text.
        if (isinstance(error, OSError) and error.errno == number) or f"os error {number})" in str(error):
            return number
    return None


def explain(error: Exception) -> contract.ResultError:
    """An exception as a message for the user: what happened, and what to do about it."""
    text = str(error)
    user_error = False
    if isinstance(error, RunError):
        user_error = error.user_error
    elif (full := full_disk(error)) is not None:
        text = f"The disk is full ({os.strerror(full)}): free some space and start the job again."
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in text:
        text, user_error = "The training does not fit into memory: lower resolution or take a smaller base model.", True
    else:
        text = f"{type(error).__name__}: {text}"
    return contract.ResultError(message=contract.shorten(text), user_error=user_error)
