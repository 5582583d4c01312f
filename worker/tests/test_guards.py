"""What watches a training: it goes back from black pictures, and tells of steps that became slow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from likeness_worker import guards
from likeness_worker.guards import BASELINE_STEPS, WINDOW_STEPS, StepTimes
from likeness_worker.rundir import EventLog
from tests.conftest import losses, read_events
from tests.test_train import train

EVALUATION = {
    "intervalSteps": 2, "validationManifestPath": None, "encoderPath": None, "samplePrompts": ["Ron the dog"],
    "patience": None,
    "leastSteps": 500,
}  # fmt: skip


@pytest.fixture
def black_base(art_base: Path, tmp_path: Path) -> Path:
    """The tiny base with a decoder that gives black, whatever its latents say."""
    base = tmp_path / "black-base"
    shutil.copytree(art_base, base)
    file = base / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["decoder.conv_out.weight"] = torch.zeros_like(weights["decoder.conv_out.weight"])
    weights["decoder.conv_out.bias"] = torch.full_like(weights["decoder.conv_out.bias"], -10.0)
    save_file(weights, file, metadata={"format": "pt"})
    return base


def warnings(run: Path) -> list[str]:
    return [str(event["message"]) for event in read_events(run) if event["type"] == "warning"]


@pytest.mark.train
def test_black_pictures_go_back_at_half_the_rate_each_time_and_are_given_up_in_the_end(
    make_run, black_base: Path
) -> None:
    run = make_run(
        "black", base=black_base, stepCount=6, checkpointIntervalSteps=3, warmupSteps=0, evaluation=EVALUATION
    )
    error = train(run)["error"]
    assert error["message"].startswith("The model drew a black picture at step 1 after going back 3 times; lower")
    assert error["userError"] is True
    assert warnings(run) == [
        f"The model drew a black picture at step 1: the training went back to step 0 and goes on at half the learning "
        f"rate ({count} of at most 3 times)."
        for count in (1, 2, 3)
    ]
    steps = [(event["step"], event["learningRate"]) for event in read_events(run) if event["type"] == "step"]
    assert steps == [(step, 1e-3 / 2**count) for count in range(4) for step in (0, 1)]
    # The untouched base is not judged: what it draws is no fault of the training.
    assert [event["step"] for event in read_events(run) if event["type"] == "evaluation"] == [0]


@pytest.mark.train
def test_a_black_sample_keeps_what_was_learned_before_the_newest_checkpoint(make_run, black_base: Path) -> None:
    members = {"stepCount": 6, "checkpointIntervalSteps": 3, "warmupSteps": 0}
    late = {**EVALUATION, "intervalSteps": 5}
    run = make_run("late", base=black_base, **members, evaluation=late)
    train(run)
    whole = make_run("whole", base=black_base, **members)
    train(whole)
    assert [warning.partition(" and goes on")[0] for warning in warnings(run)] == [
        "The model drew a black picture at step 4: the training went back to step 3"
    ] * 3
    # Weights and optimiser are the checkpoint's: the first step taken again sees the very loss of the first time.
    again = [event["loss"] for event in read_events(run) if event["type"] == "step" and event["step"] == 3]
    assert again == [losses(whole)[3]] * 4


def told(folder: Path, seconds: list[float]) -> list[str]:
    """What a training says whose steps take so long."""
    folder.mkdir()
    times = StepTimes(EventLog(folder / "events.jsonl"), "cpu")
    for step, taken in enumerate(seconds):
        times.add(taken, step)
    return warnings(folder) if (folder / "events.jsonl").stat().st_size else []


BASELINE = [9.0] + [1.0] * BASELINE_STEPS  # the first step of all compiles, and is no measure


def test_steps_of_more_than_twice_the_first_ones_time_are_told_once(tmp_path: Path) -> None:
    slow = [2.1] * WINDOW_STEPS
    (warning,) = told(tmp_path / "slow", BASELINE + slow * 3)
    assert warning.startswith(f"Since about step {BASELINE_STEPS} a step takes 2.10 s; the first took 1.00 s. Likely ")
    assert told(tmp_path / "not-quite", BASELINE + [2.0] * 60) == []
    assert told(tmp_path / "a-few", BASELINE + ([5.0] * 9 + [1.0] * 11) * 3) == []
    assert told(tmp_path / "short", BASELINE + slow[1:]) == []


def test_steps_that_were_quick_again_in_between_are_told_again(tmp_path: Path) -> None:
    slow, quick, half_slow = ([seconds] * WINDOW_STEPS for seconds in (3.0, 1.0, 1.8))
    assert len(told(tmp_path / "twice", BASELINE + slow + quick + slow)) == 2
    assert len(told(tmp_path / "once", BASELINE + slow + half_slow + slow)) == 1


@pytest.mark.parametrize(
    ("swapped", "load", "device", "cause"),
    [
        (1 << 30, 0.0, "cpu", "memory is short"),
        (0, 64.0, "cpu", "other programs want the processor (load 64.0 on 2 cores)"),
        (0, 64.0, "cuda", "other programs want the processor"),
        (0, 1.0, "cuda", "the GPU is shared"),
        (0, 1.0, "cpu", "the processor slows itself down"),
    ],
)
def test_the_likely_cause_is_what_the_machine_shows(
    monkeypatch: pytest.MonkeyPatch, swapped: int, load: float, device: str, cause: str
) -> None:
    monkeypatch.setattr(guards, "_swapped_bytes", lambda: swapped)
    monkeypatch.setattr(guards.os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(guards.os, "cpu_count", lambda: 2)
    assert guards.likely_cause(device).startswith(cause)
