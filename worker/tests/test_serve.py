"""Serving over a Unix socket: the same request gives the same bytes, alone and beside others, and errors name
what is wrong. The server runs in this process on tiny models; one test starts the command itself."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness_worker.attempt import run_attempt
from likeness_worker.serve import Model, ServeOptions, Server
from tests.conftest import read_result, write_images
from tests.test_contract import validate

pytestmark = pytest.mark.train


class Client:
    def __init__(self, path: Path):
        self.path = path

    def send(self, method: str, route: str, body: bytes | None = None) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("worker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.path))
        connection.request(method, route, body)
        return connection

    def call(self, method: str, route: str, body: bytes | None = None) -> tuple[int, dict[str, object]]:
        connection = self.send(method, route, body)
        answer = connection.getresponse()
        data = json.loads(answer.read())
        connection.close()
        return answer.status, data

    def health(self) -> dict[str, object]:
        status, data = self.call("GET", "/health")
        assert status == 200
        validate("health", data)
        return data

    def invoke(self, **members: object) -> tuple[int, dict[str, object]]:
        body = request(**members)
        status, data = self.call("POST", "/invoke", json.dumps(body).encode())
        validate("invoke-response" if status == 200 else "invoke-error", data)
        return status, data

    def images(self, **members: object) -> list[bytes]:
        status, data = self.invoke(**members)
        assert status == 200, data
        return [base64.b64decode(image) for image in data["images"]]


def request(**members: object) -> dict[str, object]:
    return {
        "v": 1, "requestId": "r", "adapterId": None, "task": "TEXT_IMAGE", "text": "a dog on the moon",
        "negativeText": None, "images": [], "similarityStrength": None, "mask": None, "outPaintingMode": None,
        "colors": [], "control": None, "numberOfImages": 1, "width": 64, "height": 64, "cfgScale": 8, "seed": 42,
        "quality": "standard", **members,
    }  # fmt: skip


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)), dtype=np.float32)


def start(
    base: Path,
    adapters: dict[str, Path] | None = None,
    full: Path | None = None,
    adapters_folder: Path | None = None,
    precision: str = "float32",
) -> tuple[Client, Server]:
    path = Path(tempfile.mkdtemp(prefix="lw")) / "s"
    model = Model(ServeOptions(base, path, adapters or {}, adapters_folder, full, 1, "cpu", precision))
    server = Server(path, model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(path)
    assert client.health()["status"] == "loading"
    assert client.invoke()[0] == 409
    model.start()
    while client.health()["status"] == "loading":
        time.sleep(0.05)
    return client, server


def trained(base: Path, folder: Path, method: str) -> Path:
    """Trains a few steps at a rate that changes the drawings; returns the output folder."""
    folder.mkdir(exist_ok=True)
    images = write_images(folder / "images")
    lines = [json.dumps({"path": str(path), "caption": "a thing"}) for path in sorted(images.iterdir())]
    (folder / "manifest.jsonl").write_text("\n".join(lines))
    spec = {
        "v": 1, "jobId": "a1b2c3d4e5f6", "attempt": 1, "baseModelPath": str(base), "startFromPath": None,
        "manifestPath": "manifest.jsonl", "outputPath": "output", "method": method, "rank": 4, "alpha": 8,
        "stepCount": 8, "batchSize": 4,
        "requestedLearningRate": 1e-5, "learningRate": 1e-2, "learningRateSchedule": "constant", "warmupSteps": 0,
        "captionDropout": 0.1, "unconditionalPrior": 0.5, "minSnrGamma": None, "priorPreservation": 0,
        "maskPrompt": None, "unmaskedWeight": 0.1, "resolution": 32, "seed": 1,
        "checkpointIntervalSteps": 100, "resumeFromPath": None, "keptCachePath": None, "threads": 1,
        "evaluation": None,
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    run_attempt(folder, "cpu", "float32")
    result = read_result(folder)
    assert result["status"] == "completed", result["error"]
    return folder / "output"


@pytest.fixture(scope="module")
def adapter(art_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(art_base, tmp_path_factory.mktemp("adapter"), "lora")


@pytest.fixture(scope="module")
def client(art_base: Path, adapter: Path) -> Iterator[Client]:
    client, server = start(art_base, {"q7w8e9r0t1y2": adapter})
    yield client
    server.shutdown()


def test_health(client: Client) -> None:
    assert client.health() == {
        "v": 1, "status": "ready", "adapterIds": ["q7w8e9r0t1y2"], "family": "art", "device": "cpu", "message": None,
    }  # fmt: skip


@pytest.mark.parametrize(("width", "height"), [(64, 64), (1024, 1024), (384, 576), (1173, 640), (320, 704)])
def test_the_size_asked_for(client: Client, width: int, height: int) -> None:
    (image,) = client.images(width=width, height=height)
    opened = Image.open(io.BytesIO(image))
    assert (opened.format, opened.mode, opened.size) == ("PNG", "RGB", (width, height))
    assert opened.info == {}


def test_image_0_of_one_is_image_0_of_three(client: Client) -> None:
    one, three = client.images(), client.images(numberOfImages=3)
    assert one[0] == three[0]
    assert len({*three}) == 3


def test_the_same_request_gives_the_same_bytes_beside_others(client: Client) -> None:
    requests: list[dict[str, object]] = [
        {"text": f"thing number {i % 4}", "seed": i % 3, "numberOfImages": 1 + i % 3, "cfgScale": 3 + i % 5}
        for i in range(10)
    ]
    requests += [{"text": "a long one " * 30}, {"width": 64, "height": 96}, {"adapterId": "q7w8e9r0t1y2"}]
    alone = [client.images(**members) for members in requests]
    with ThreadPoolExecutor(len(requests)) as pool:
        together = list(pool.map(lambda members: client.images(**members), requests))
    assert together == alone


def test_under_load_every_answer_is_the_quiet_one(art_base: Path, adapter: Path, tmp_path: Path) -> None:
    """Design §3.17: 16 clients with unlike requests for three models, in another order each round."""
    from safetensors.numpy import load_file, save_file

    other = Path(shutil.copytree(adapter, tmp_path / "smila"))
    weights = {name: -tensor for name, tensor in load_file(adapter / "adapter_model.safetensors").items()}
    # B A of the other sign.
    save_file({**weights, **{k: -v for k, v in weights.items() if "lora_A" in k}}, other / "adapter_model.safetensors")
    client, server = start(art_base, {"ron": adapter, "smila": other})
    shapes: list[dict[str, object]] = [
        {},
        {"text": "a cat on the snow", "cfgScale": 5},
        {"seed": 7, "numberOfImages": 3},
        {"text": "a long one " * 30},
        {"negativeText": "snow", "width": 64, "height": 96},
        {"quality": "premium"},
        {"task": "IMAGE_VARIATION", "text": None, "similarityStrength": 0.7, "images": [encoded((9, 99, 9))]},
        {"task": "COLOR_GUIDED_GENERATION", "colors": ["#ff0000", "#00ff00"]},
    ]
    requests = [{**shape, "adapterId": model} for shape in shapes for model in (None, "ron", "smila")]
    try:
        quiet = [client.images(**members) for members in requests]
        assert len({*map(tuple, quiet)}) == len(requests)
        order = np.random.default_rng(1)
        with ThreadPoolExecutor(16) as pool:
            for _ in range(2):
                indices = order.permutation(2 * len(requests)) % len(requests)
                loaded = list(pool.map(lambda i: client.images(**requests[i]), indices))
                assert [i for i, images in zip(indices, loaded, strict=True) if images != quiet[i]] == []
    finally:
        server.shutdown()


def test_what_changes_the_picture(client: Client) -> None:
    first = client.images()
    for members in (
        {"seed": 43},
        {"text": "a cat on the snow"},
        {"negativeText": "moon"},
        {"cfgScale": 3},
        {"quality": "premium"},
        {"adapterId": "q7w8e9r0t1y2"},
    ):
        assert client.images(**members) != first, members
    assert client.images() == first, "the base is as it was after an adapter drew"


def test_the_last_words_of_a_512_character_prompt_count(client: Client) -> None:
    filler = "a dog and a cat and a bird sit " * 20
    moon, snow = (filler[: 512 - len(end)] + end for end in ("on the bright moon", "in the white snow."))
    assert len(moon) == len(snow) == 512
    assert client.images(text=moon) != client.images(text=snow)


def encoded(colour: tuple[int, int, int], form: str = "PNG") -> str:
    file = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(file, form)
    return base64.b64encode(file.getvalue()).decode()


def test_variations(client: Client) -> None:
    red, blue = encoded((255, 0, 0)), encoded((0, 0, 255), "JPEG")
    common: dict[str, object] = {"task": "IMAGE_VARIATION", "text": None, "similarityStrength": 0.7}
    (of_red,) = client.images(**common, images=[red])
    several = client.images(**common, images=[red, blue], numberOfImages=3)
    assert several[0] == of_red
    assert several[1] == client.images(**common, images=[blue, blue], numberOfImages=2)[1]
    guided = client.images(**{**common, "text": "a red thing"}, images=[red])
    assert guided != [of_red]
    near, far = (client.images(**{**common, "similarityStrength": s}, images=[red])[0] for s in (1.0, 0.2))
    assert near != far


def test_a_variation_of_a_picture_of_4096_pixels_a_side_takes_the_memory_of_one_decoding() -> None:
    """Two of them, in each of eight requests at a time. In a process of its own, whose peak is looked at."""
    script = """
import base64, io, resource, threading, types
from PIL import Image
from likeness_worker import tasks
from likeness_worker.data import Size
file = io.BytesIO()
Image.new("RGBA", (4096, 4096), (200, 30, 30, 128)).save(file, "PNG")
picture = base64.b64encode(file.getvalue()).decode()
request = types.SimpleNamespace(task="IMAGE_VARIATION", images=[picture, picture])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [threading.Thread(target=tasks.decode_inputs, args=(request, Size(64, 64))) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    ).stdout
    before, peak = map(int, out.split())
    assert (peak - before) / 1024 < 640, "MiB"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"text": None}, "text is required for TEXT_IMAGE"),
        ({"adapterId": "nobody"}, "adapterId nobody is not loaded here"),
        ({"cfgScale": 11}, "request: cfgScale must be at most 10; got 11.0"),
        ({"task": "IMAGE_VARIATION"}, "images must have 1 to 5 images for IMAGE_VARIATION"),
        (
            {"task": "IMAGE_VARIATION", "similarityStrength": 0.7, "images": [encoded((0, 0, 0)), "bm8gaW1hZ2U="]},
            "images[1] is not a JPEG or PNG",
        ),
        ({"task": "IMAGE_VARIATION", "similarityStrength": 0.7, "images": ["§"]}, "images[0] is not base64"),
    ],
)
def test_a_refusal_says_what_is_wrong(client: Client, members: dict[str, object], message: str) -> None:
    status, data = client.invoke(**members)
    assert status == 400
    assert data["error"] == {"kind": "invalid", "message": message}


def test_what_is_no_request_is_refused(client: Client) -> None:
    assert client.call("POST", "/invoke", b"{")[0] == 400
    assert client.call("GET", "/other")[0] == 404
    assert client.health()["status"] == "ready"


def test_a_folder_shaped_like_stable_diffusion_trains_and_serves(sd_base: Path, tmp_path: Path) -> None:
    adapter = trained(sd_base, tmp_path / "lora", "lora")
    client, server = start(sd_base, {"ron": adapter})
    assert client.health()["family"] == "stable-diffusion"
    base, custom = client.images(), client.images(adapterId="ron")
    assert base != custom
    assert client.images() == base
    filler = "w" * 500
    assert client.images(text=filler + " moon") != client.images(text=filler + " snow")
    variation = {"task": "IMAGE_VARIATION", "text": None, "similarityStrength": 0.7}
    assert client.images(**variation, images=[encoded((9, 9, 9))])
    server.shutdown()

    full = trained(sd_base, tmp_path / "full", "full")
    client, server = start(sd_base, full=full)
    assert client.images() not in (base, custom)
    server.shutdown()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_adapters_come_and_go_and_draw_as_if_they_had_been_there_from_the_start(
    art_base: Path, adapter: Path, sd_base: Path, tmp_path: Path, precision: str
) -> None:
    fixed, fixed_server = start(art_base, {"ron": adapter}, precision=precision)
    expected = fixed.images(adapterId="ron")
    fixed_server.shutdown()

    client, server = start(art_base, adapters_folder=adapter.parent, precision=precision)

    def post(route: str, **members: object) -> tuple[int, dict[str, object]]:
        return client.call("POST", route, json.dumps({"v": 1, **members}).encode())

    base = client.images()
    assert client.invoke(adapterId="ron")[0] == 400
    status, health = post("/load", adapterId="ron", folder=str(adapter))
    assert (status, health["adapterIds"]) == (200, ["ron"])
    assert client.images(adapterId="ron") == expected
    assert client.images() == base
    assert post("/load", adapterId="ron", folder=str(adapter))[0] == 200, "again is no fault"
    assert client.images(adapterId="ron") == expected
    status, health = post("/unload", adapterId="ron")
    assert (status, health["adapterIds"]) == (200, [])
    assert client.invoke(adapterId="ron")[0] == 400
    assert client.images() == base
    assert post("/load", adapterId="ron", folder=str(adapter))[0] == 200
    assert client.images(adapterId="ron") == expected

    status, refusal = post("/load", adapterId="smila", folder="/etc")
    assert (status, refusal["error"]["message"]) == (400, "folder must lie below the worker's adapters folder")
    assert post("/load", adapterId="../x", folder=str(adapter))[0] == 400
    assert post("/unload", folder="x")[0] == 400
    server.shutdown()

    other, other_server = start(sd_base, adapters_folder=adapter.parent)
    body = json.dumps({"v": 1, "adapterId": "ron", "folder": str(adapter)}).encode()
    status, refusal = other.call("POST", "/load", body)
    assert status == 400
    assert "was made for another base model" in refusal["error"]["message"]
    assert other.health()["status"] == "ready"
    other_server.shutdown()


def test_an_adapter_is_pefts_own(art_base: Path, adapter: Path) -> None:
    """peft loads the folder, and its layers draw what the merged weights draw."""
    import torch
    from diffusers import UNet2DConditionModel
    from peft import PeftModel

    from likeness_worker.lora import AdapterSwitch, read_adapter

    merged = UNet2DConditionModel.from_pretrained(art_base / "unet")
    untouched = {name: value.clone() for name, value in merged.state_dict().items()}
    switch = AdapterSwitch(merged, {"a": read_adapter(adapter, merged, "a")})
    switch.activate("a")
    layered = PeftModel.from_pretrained(UNet2DConditionModel.from_pretrained(art_base / "unet"), adapter)
    torch.manual_seed(0)
    x, states, t = torch.randn(2, 4, 8, 8), torch.randn(2, 32, 384), torch.tensor([10, 900])
    with torch.no_grad():
        expected = layered(x, t, encoder_hidden_states=states).sample
        assert torch.allclose(merged(x, t, encoder_hidden_states=states).sample, expected, atol=1e-4)
    switch.activate(None)
    assert all(torch.equal(value, untouched[name]) for name, value in merged.state_dict().items())


def test_an_adapter_of_another_base_is_refused(sd_base: Path, adapter: Path) -> None:
    client, server = start(sd_base, {"ron": adapter})
    health = client.health()
    assert health["status"] == "failed"
    assert "The adapter ron was made for another base model" in str(health["message"])
    assert client.invoke()[0] == 409
    server.shutdown()


def test_the_command_draws_the_same_in_another_process_and_ends_on_sigterm(
    art_base: Path, adapter: Path, client: Client
) -> None:
    path = Path(tempfile.mkdtemp(prefix="lw")) / "s"
    command = [sys.executable, "-m", "likeness_worker", "serve", "--base", str(art_base), "--socket", str(path)]
    options = ["--adapter", f"q7w8e9r0t1y2={adapter}", "--threads", "1", "--precision", "float32", "--device", "cpu"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=Path(__file__).parents[1],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    other = Client(path)
    deadline = time.monotonic() + 60
    while not path.exists() or other.health()["status"] == "loading":
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert other.images(adapterId="q7w8e9r0t1y2") == client.images(adapterId="q7w8e9r0t1y2")
    drawing = request(quality="premium", numberOfImages=5, text="a secret thing")
    connection = other.send("POST", "/invoke", json.dumps(drawing).encode())
    other.health()  # connections are accepted in turn, so the request is in the worker's hands once this is answered
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert len(json.loads(connection.getresponse().read())["images"]) == 5
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not path.exists()
    assert "secret" not in output
