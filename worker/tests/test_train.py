"""Training on a tiny model in float32: the loss falls, a resume changes nothing, and every end is an honest one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness_worker.attempt import explain, run_attempt
from tests.conftest import losses, read_events, read_result
from tests.test_contract import validate

pytestmark = pytest.mark.train


def train(run: Path) -> dict[str, object]:
    """Runs the attempt in this process; every message that it wrote is checked against its schema."""
    run_attempt(run, "cpu", "float32")
    return check_messages(run)


def check_messages(run: Path) -> dict[str, object]:
    for number, event in enumerate(read_events(run), start=1):
        assert event["seq"] == number
        validate("event", event)
    result = read_result(run)
    validate("result", result)
    assert not (run / "cache").exists()
    assert not list(run.rglob("*.tmp"))
    return result


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_loss_falls(make_run, method: str) -> None:
    # At a LoRA's rate a full fine-tuning jumps about, so that the last bits of a sum decide where it ends.
    rate = 1e-2 if method == "lora" else 1e-3
    run = make_run(method=method, stepCount=60, batchSize=8, learningRate=rate, captionDropout=0)
    result = train(run)
    assert result["status"] == "completed"
    values = list(losses(run).values())
    assert len(values) == 60
    assert np.mean(values[-15:]) < 0.85 * np.mean(values[:15])
    assert result["trainingLoss"] == pytest.approx(np.mean(values[-3:]))
    assert result["imagesSeen"] == 480
    assert isinstance(result["peakMemoryBytes"], int)
    assert result["peakMemoryBytes"] > 50_000_000
    names = {Path(str(weight["path"])).name for weight in result["weights"]}
    assert names == (
        {"adapter_model.safetensors", "adapter_config.json"}
        if method == "lora"
        else {"config.json", "diffusion_pytorch_model.safetensors"}
    )
    phases = [event["phase"] for event in read_events(run) if event["type"] == "phase"]
    assert list(dict.fromkeys(phases)) == ["loading", "caching", "training", "saving"]


def test_what_a_lora_learns_without_a_caption_is_the_bases_own_as_far_as_asked(make_run) -> None:
    def without_captions(unconditional_prior: float) -> list[float]:
        name = f"prior-{unconditional_prior}"
        run = make_run(name, captionDropout=1, unconditionalPrior=unconditional_prior, stepCount=4)
        train(run)
        return list(losses(run).values())

    pictures, half, base = without_captions(0), without_captions(0.5), without_captions(1)
    assert max(base) < 1e-6  # an untrained LoRA already predicts what its base does
    # The error is linear in the target, so half of the base's own leaves a quarter of its square.
    assert half[0] == pytest.approx(pictures[0] / 4, rel=1e-3)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_resume_equals_the_uninterrupted_training(make_run, method: str) -> None:
    members = {"method": method, "stepCount": 12, "learningRateSchedule": "cosine", "minSnrGamma": 5}
    whole = make_run("whole", **members)
    train(whole)
    first = make_run("first", **members, checkpointIntervalSteps=3)
    train(first)
    assert [path.name for path in sorted((first / "checkpoints").iterdir())] == ["step-000006", "step-000009"]
    second = make_run("second", **members, attempt=2, resumeFromPath=str(first / "checkpoints" / "step-000006"))
    result = train(second)
    assert losses(second) == {step: loss for step, loss in losses(whole).items() if step >= 6}
    assert result["trainingLoss"] == read_result(whole)["trainingLoss"]
    for weight in read_result(whole)["weights"]:
        assert (second / weight["path"]).read_bytes() == (whole / weight["path"]).read_bytes()


def test_a_resume_keeps_to_the_layers_that_the_training_began_with(make_run, art_base: Path, tmp_path: Path) -> None:
    """A newer version of the base may train others."""
    first = make_run("first", checkpointIntervalSteps=4)
    train(first)
    newer = shutil.copytree(art_base, tmp_path / "newer")
    likeness = json.loads((newer / "likeness.json").read_text())
    (newer / "likeness.json").write_text(json.dumps({**likeness, "lora": {"targetModules": ["to_q", "conv_in"]}}))
    second = make_run("second", base=newer, attempt=2, resumeFromPath=str(checkpoints(first)[-1]))
    assert train(second)["status"] == "completed"
    assert losses(second) == {step: loss for step, loss in losses(first).items() if step in losses(second)}
    weights = "output/adapter_model.safetensors"
    assert (second / weights).read_bytes() == (first / weights).read_bytes()
    begun = make_run("begun", base=newer, stepCount=2)
    train(begun)
    assert (begun / weights).stat().st_size < (first / weights).stat().st_size


def test_sigkill_leaves_a_directory_to_resume_from_in_a_new_process(make_run) -> None:
    members = {"stepCount": 2000, "checkpointIntervalSteps": 2}
    killed = make_run("killed", **members)
    process = start(killed)
    wait_for(lambda: len(checkpoints(killed)) >= 2, process)
    process.kill()
    process.wait()
    assert not (killed / "result.json").exists()
    newest = checkpoints(killed)[-1]
    step = int(newest.name.removeprefix("step-"))

    terminated = make_run("terminated", **members, attempt=2, resumeFromPath=str(newest))
    process = start(terminated)
    wait_for(lambda: len(losses(terminated)) >= 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    result = check_messages(terminated)
    assert result["status"] == "interrupted"
    assert checkpoints(terminated)[-1].name == f"step-{result['stepsDone']:06d}"

    uninterrupted = make_run("uninterrupted", **members)
    (uninterrupted / "stop").touch()
    stop_after(uninterrupted, step + 3)
    expected = losses(uninterrupted)
    assert {s: loss for s, loss in losses(terminated).items() if s < step + 3} == {
        s: loss for s, loss in expected.items() if step <= s < step + 3
    }


def stop_after(run: Path, steps: int) -> None:
    """Trains in this process until so many steps are done."""
    (run / "stop").unlink(missing_ok=True)
    thread = threading.Thread(target=lambda: (_until(lambda: len(losses_of(run)) >= steps), (run / "stop").touch()))
    thread.start()
    train(run)
    thread.join()


def losses_of(run: Path) -> dict[int, float]:
    try:
        return losses(run)
    except (OSError, ValueError):
        return {}


def _until(condition, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def start(run: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "likeness_worker", "train", "--run-dir", str(run), "--precision", "float32"]
    return subprocess.Popen([*command, "--device", "cpu"], cwd=Path(__file__).parents[1], env=dict(os.environ))


def checkpoints(run: Path) -> list[Path]:
    return sorted(path.parent for path in run.glob("checkpoints/step-*/manifest.json") if ".tmp" not in str(path))


def wait_for(condition, process: subprocess.Popen[bytes]) -> None:
    _until(lambda: losses_or_false(condition) or process.poll() is not None)
    assert process.poll() is None, "the trainer ended too early"


def losses_or_false(condition) -> bool:
    try:
        return condition()
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize(("wish", "status"), [("stop", "stopped"), ("", "stopped"), ("pause", "interrupted")])
def test_the_stop_file(make_run, wish: str, status: str) -> None:
    run = make_run(stepCount=30_000)

    def ask() -> None:
        _until(lambda: len(losses_of(run)) >= 2)
        (run / "stop").write_text(wish)

    thread = threading.Thread(target=ask)
    thread.start()
    result = train(run)
    thread.join()
    assert result["status"] == status
    assert result["weights"] == []
    assert not (run / "output").exists()
    assert bool(checkpoints(run)) == (wish == "pause")


def test_a_stop_before_the_first_step(make_run) -> None:
    run = make_run()
    (run / "stop").write_text("pause")
    result = train(run)
    assert result.pop("peakMemoryBytes") > 0
    assert result | {"endedAt": None} == {
        "v": 1, "status": "interrupted", "stepsDone": 0, "trainingLoss": None, "weights": [], "error": None,
        "endedAt": None, "trainingSeconds": 0.0, "imagesSeen": 0, "device": "cpu", "precision": "float32",
    }  # fmt: skip


def test_a_batch_larger_than_the_data_set_and_few_steps(make_run) -> None:
    run = make_run(stepCount=1, batchSize=16)
    assert train(run)["status"] == "completed"


def test_exif_is_counted_and_bad_images_are_named(make_run, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(5):
        Image.new("RGB", (64, 96), (i * 40, 0, 0)).save(folder / f"{i}.jpg", exif=exif if i < 2 else Image.Exif())
    run = make_run("turned", images=folder, stepCount=1)
    assert train(run)["status"] == "completed"
    warnings = [event["message"] for event in read_events(run) if event["type"] == "warning"]
    assert warnings == ["2 images were turned upright by their EXIF orientation."]

    (folder / "1.jpg").write_bytes(b"no image")
    (folder / "3.jpg").write_bytes((folder / "3.jpg").read_bytes()[:-20])
    run = make_run("bad", images=folder, stepCount=1)
    error = train(run)["error"]
    assert error["userError"] is True
    assert error["message"] == (
        f"2 of 5 images cannot be used: line 2 ({folder}/1.jpg) is not a JPEG or PNG; "
        f"line 4 ({folder}/3.jpg) does not decode."
    )


def test_a_loss_that_is_not_finite_fails_with_advice(make_run) -> None:
    result = train(make_run(learningRate=1e30, requestedLearningRate=1, warmupSteps=0, stepCount=50))
    assert result["status"] == "failed"
    assert "lower learningRate (it was 1)" in result["error"]["message"]
    assert result["error"]["userError"] is True


def test_a_damaged_or_foreign_checkpoint_is_refused(make_run) -> None:
    first = make_run("first", stepCount=4, checkpointIntervalSteps=2)
    train(first)
    checkpoint = checkpoints(first)[-1]
    other = make_run("other", stepCount=4, batchSize=2, resumeFromPath=str(checkpoint))
    assert "was made with batch_size 4, not 2" in train(other)["error"]["message"]
    with (checkpoint / "optimizer.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\1\2\3\4")
    damaged = make_run("damaged", stepCount=4, resumeFromPath=str(checkpoint))
    assert "optimizer.safetensors is not as its manifest says" in train(damaged)["error"]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_said(make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(stepCount=3)
    (run / "cache").mkdir()
    (run / "cache" / "latents.bin").symlink_to("/dev/full")
    result = train(run)
    assert result["status"] == "failed"
    assert result["error"]["message"].startswith("The disk is full")
    assert result["error"]["userError"] is False


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EDQUOT, "Disk quota exceeded"), RuntimeError(f"I/O error: quota (os error {errno.EDQUOT})")],
)
def test_a_full_quota_is_said_as_a_full_disk(error: Exception) -> None:
    message = explain(error).message
    assert message == "The disk is full (Disk quota exceeded): free some space and start the job again."


def test_captions_reach_no_file_but_the_manifest(make_run, capfd: pytest.CaptureFixture[str]) -> None:
    run = make_run(stepCount=2)
    train(run)
    for path in run.rglob("*"):
        if path.is_file() and path.name != "manifest.jsonl":
            assert b"a picture of thing" not in path.read_bytes()
    output = capfd.readouterr()
    assert "a picture of thing" not in output.out + output.err


def test_an_ended_attempt_is_not_run_again(make_run) -> None:
    run = make_run(stepCount=1)
    train(run)
    before = (run / "events.jsonl").read_bytes()
    assert run_attempt(run, "cpu", "float32") == 2
    assert (run / "events.jsonl").read_bytes() == before


def test_a_torn_event_line_is_cut_off(make_run) -> None:
    run = make_run(stepCount=1)
    (run / "events.jsonl").write_text(
        '{"v":1,"seq":1,"at":"2026-11-23T01:00:00.123Z","type":"phase","phase":"loading","done":0,"total":1}\n{"v":1,"se'
    )
    train(run)
    assert read_events(run)[1]["seq"] == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda base: (base / "model_index.json").unlink(), "is no base model: it has no model_index.json"),
        (lambda base: (base / "vae" / "config.json").unlink(), "part vae is missing"),
        (lambda base: _pickle(base), "unet/diffusion_pytorch_model.bin is a pickle"),
        (lambda base: _cut(base), "unet/diffusion_pytorch_model.safetensors of the base model is damaged"),
        (lambda base: _rename(base), "class WanPipeline is not supported. Supported: LikenessArtPipeline, "),
    ],
)
def test_a_base_model_that_cannot_be_used_is_said(make_run, art_base: Path, tmp_path: Path, damage, message) -> None:
    base = tmp_path / "base"
    subprocess.run(["cp", "-r", str(art_base), str(base)], check=True)
    damage(base)
    error = train(make_run(base=base))["error"]
    assert message in error["message"]
    assert error["userError"] is True


def _pickle(base: Path) -> None:
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))


def _cut(base: Path) -> None:
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])


def _rename(base: Path) -> None:
    index = json.loads((base / "model_index.json").read_text())
    (base / "model_index.json").write_text(json.dumps({**index, "_class_name": "WanPipeline"}))
