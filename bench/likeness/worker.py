"""Driving the real worker: one training attempt, then pictures from the base and from the custom model.

Nothing of the worker is imported: it is the process that the server starts, with the same files and socket.
"""

import base64
import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ADAPTER = "likeness"
PACKAGE = (
    Path(__file__).resolve().parents[2] / "worker"
)  # where `python -m likeness_worker` is found without installing
MAX_IMAGES = 5  # of one request


@dataclass(frozen=True)
class Settings:
    """What a job's request asks for; the learning rate is on the seed system's scale."""

    steps: int
    batch: int
    learning_rate: float
    threads: int | None = None
    seed: int = 7
    prior_preservation: float = 0
    concept: str = "subject"


def write_run(run: Path, base: Path, sample: Path, settings: Settings) -> None:
    """Write a run directory as the server does: images, manifest and spec.json."""
    run.mkdir(parents=True)
    lines = [json.loads(line) for line in (sample / "captions.jsonl").read_text().splitlines()]
    manifest = [{"path": str((sample / line["image-ref"]).resolve()), "caption": line["caption"]} for line in lines]
    (run / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in manifest))
    model = json.loads((base / "likeness.json").read_text())
    lora, training = model["lora"], dict(model["training"])
    if settings.concept == "style":
        training |= training.get("style", {})
    spec = {
        "v": 1, "jobId": "likenessjob1", "attempt": 1, "baseModelPath": str(base.resolve()), "startFromPath": None,
        "manifestPath": "manifest.jsonl", "outputPath": "output", "method": "lora", "rank": lora["rank"], "alpha": lora["alpha"],
        "stepCount": settings.steps, "batchSize": settings.batch, "requestedLearningRate": settings.learning_rate,
        "learningRate": settings.learning_rate * model["learningRateFactor"],
        "learningRateSchedule": training["learningRateSchedule"], "warmupSteps": training["warmupSteps"],
        "captionDropout": training["captionDropout"], "unconditionalPrior": training["unconditionalPrior"],
        "minSnrGamma": training["minSnrGamma"],
        "priorPreservation": settings.prior_preservation, "maskPrompt": None, "unmaskedWeight": 0.1,
        "resolution": model["resolution"], "seed": settings.seed,
        "checkpointIntervalSteps": 1_000_000, "resumeFromPath": None, "keptCachePath": None, "threads": settings.threads, "evaluation": None,
    }  # fmt: skip
    (run / "spec.json").write_text(json.dumps(spec, indent=2))


def train(run: Path) -> float:
    """Run the worker on a run directory; return the minutes it took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "likeness_worker", "train", "--run-dir", str(run)]
    done = subprocess.run(command, cwd=PACKAGE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the training failed (status {done.returncode}): see {run / 'result.json'}")
    return (time.monotonic() - began) / 60


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("worker", timeout=600)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def _call(path: str, method: str, target: str, body: dict | None = None) -> dict:
    connection = _SocketConnection(path)
    try:
        connection.request(method, target, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@contextmanager
def serving(base: Path, adapter: Path | None, threads: int | None) -> Iterator[str]:
    """Start a serving worker and give its socket once it is ready; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
        path = str(Path(folder) / "worker.sock")
        command = [sys.executable, "-m", "likeness_worker", "serve", "--base", str(base.resolve()), "--socket", path]
        command += ["--threads", str(threads)] if threads else []
        process = subprocess.Popen(
            [*command, "--adapter", f"{ADAPTER}={adapter.resolve()}"] if adapter else command, cwd=PACKAGE
        )
        try:
            _wait_until_ready(path, process)
            yield path
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait_until_ready(path: str, process: subprocess.Popen, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            health = _call(path, "GET", "/health")
        except OSError:
            health = {"status": "loading"}
        if health["status"] == "ready":
            return
        if health["status"] == "failed":
            raise SystemExit(f"the worker failed to load: {health['message']}")
        time.sleep(0.5)
    raise SystemExit("the worker did not become ready")


def draw(
    path: str, adapter: bool, text: str, count: int, seed: int, pixels: int, colors: tuple[str, ...] = ()
) -> list[np.ndarray]:
    """Draw `count` pictures of one prompt, each uint8 [pixels, pixels, 3]; in colours, where some are given."""
    pictures: list[np.ndarray] = []
    while len(pictures) < count:
        request = {
            "v": 1, "requestId": "likeness", "adapterId": ADAPTER if adapter else None, "task": "COLOR_GUIDED_GENERATION" if colors else "TEXT_IMAGE", "text": text,
            "negativeText": None, "images": [], "similarityStrength": None, "mask": None, "outPaintingMode": None, "colors": list(colors),
            "control": None, "numberOfImages": min(MAX_IMAGES, count - len(pictures)),
            "width": pixels, "height": pixels, "cfgScale": 8.0, "seed": seed + len(pictures), "quality": "standard",
        }  # fmt: skip
        answer = _call(path, "POST", "/invoke", request)
        if "error" in answer:
            raise SystemExit(f"the worker refused a prompt: {answer['error']['message']}")
        for image in answer["images"]:
            pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")))
    return pictures
