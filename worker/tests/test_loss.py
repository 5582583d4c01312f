"""A batch is learnt in parts where the memory does not hold it at once, and learns the same."""

from __future__ import annotations

import pytest
import torch

from likeness_worker.attempt import run_attempt
from likeness_worker.families import art
from likeness_worker.loss import MOST_TOGETHER
from tests.conftest import losses, read_events, read_result

pytestmark = pytest.mark.train


def rows_seen(monkeypatch: pytest.MonkeyPatch, holds: int) -> list[int]:
    """How many samples each pass with gradients has, of a device that holds so many and then raises as CUDA does."""
    honest, seen = art.Art.predict, list[int]()

    def predict(family: art.Art, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            seen.append(len(x))
            if len(x) > holds:
                raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(family, x, *others)

    monkeypatch.setattr(art.Art, "predict", predict)
    return seen


def test_a_large_batch_takes_no_more_memory_than_a_part_of_it_and_learns_the_same(make_run, monkeypatch) -> None:
    members = {"stepCount": 3, "batchSize": 24, "priorPreservation": 0.5}
    monkeypatch.setitem(MOST_TOGETHER, "cpu", 24)
    whole = make_run("whole", **members)
    run_attempt(whole, "cpu", "float32")
    monkeypatch.setitem(MOST_TOGETHER, "cpu", 3)
    seen = rows_seen(monkeypatch, holds=3)
    parts = make_run("parts", **members)
    run_attempt(parts, "cpu", "float32")
    assert max(seen[:6]) == 3, seen
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-4)


def test_a_device_that_does_not_hold_a_batch_takes_it_in_halves_and_says_so(make_run, monkeypatch) -> None:
    plain = make_run("plain", stepCount=3)
    run_attempt(plain, "cpu", "float32")
    seen = rows_seen(monkeypatch, holds=1)
    run = make_run("run", stepCount=3)
    run_attempt(run, "cpu", "float32")
    assert read_result(run)["status"] == "completed"
    assert losses(run) == pytest.approx(losses(plain), rel=1e-4)
    assert seen[:3] == [4, 2, 1], "two tries, and not again at the next step"
    assert set(seen[3:]) == {1}
    said = [str(event["message"]) for event in read_events(run) if event["type"] == "warning"]
    assert ["4 images of a batch" in said[0], "2 images of a batch" in said[1], len(said)] == [True, True, 2], said


def test_where_not_even_one_image_fits_the_job_says_what_to_do(make_run, monkeypatch) -> None:
    rows_seen(monkeypatch, holds=0)
    run = make_run("run", stepCount=3)
    run_attempt(run, "cpu", "float32")
    error = read_result(run)["error"]
    assert isinstance(error, dict)
    assert error["message"] == "The training does not fit into memory: lower resolution or take a smaller base model."
    assert error["userError"] is True
