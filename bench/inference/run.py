"""Images a second and latency of one model unit beside a plain diffusers pipeline called in a loop, and what several
custom models on one base cost.

  .venv/bin/python bench/inference/run.py [--images 16] [--size 512]

The same base, size and precision; one thread of arithmetic each; one after the other in one run, the plain pipeline
first and last. It is drawn with the 25 DDIM steps that the base was trained to be judged by, and with as many as the unit
takes. Besides images a second, the processor seconds of an image are told: other work on the machine takes none of them.
Memory is what is resident beyond a process that has imported the same libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "worker"), str(HERE)]
os.environ.update({"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"})

import torch  # noqa: E402
from likeness_worker import families  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.lora import add_lora, save_adapter  # noqa: E402
from unit import Unit, resident_mebibytes  # noqa: E402

MODELS = 8
PLAIN_STEPS = 25
IMPORTS = "import torch, diffusers, transformers, peft; from diffusers import AutoencoderDC, UNet2DConditionModel; from transformers import BertModel"
TEXTS = (
    "a dog on the beach",
    "a red cat in space",
    "a castle at sunset",
    "two robots in the city",
    "a fox in a forest",
)


@dataclass(frozen=True)
class Measured:
    images_a_second: float
    processor_seconds: float
    p50_seconds: float
    p95_seconds: float


def measure(
    clients: int, images: int, draw: Callable[[int, str, int], None], processor: Callable[[], float]
) -> Measured:
    """Clients that ask again as soon as they are answered, until `images` are drawn."""
    left = list(range(images))
    lock = threading.Lock()
    latencies: list[float] = []

    def client(number: int) -> None:
        while True:
            with lock:
                if not left:
                    return
                index = left.pop()
            began = time.monotonic()
            draw(number, TEXTS[index % len(TEXTS)], 1000 + index)
            latencies.append(time.monotonic() - began)

    used, began = processor(), time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    wall = time.monotonic() - began
    latencies.sort()
    p50, p95 = (latencies[min(images - 1, int(share * images))] for share in (0.5, 0.95))
    return Measured(images / wall, (processor() - used) / images, p50, p95)


def measure_plain(options: argparse.Namespace, steps: int, precision: str) -> Measured:
    command = [sys.executable, str(HERE / "plain.py"), "--base", str(options.base), "--steps", str(steps)]
    command += ["--size", str(options.size), "--precision", precision]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    used = 0.0

    def draw(_: int, text: str, seed: int) -> None:
        nonlocal used
        print(json.dumps({"text": text, "seed": seed}), file=process.stdin, flush=True)
        used = float(process.stdout.readline())  # type: ignore[union-attr]

    draw(0, "warm up", 0)
    measured = measure(1, max(4, options.images // 2), draw, lambda: used)
    process.stdin.close()
    process.wait()
    return measured


def write_adapters(base_folder: Path, folder: Path) -> dict[str, Path]:
    """LoRAs of the base's own rank and layers, with random numbers."""
    base = read_base_model(base_folder)
    placement = families.choose_placement("cpu", "float32")
    adapters: dict[str, Path] = {}
    for number in range(MODELS):
        denoiser = families.load(base, placement).denoiser
        add_lora(denoiser, base.lora.rank, base.lora.alpha, base.lora.target_modules, number)
        for name, parameter in denoiser.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=1e-3)
        adapters[f"model{number}"] = folder / f"model{number}"
        adapters[f"model{number}"].mkdir()
        save_adapter(denoiser, adapters[f"model{number}"], base.lora.rank, base.lora.alpha, base.lora.target_modules)
    return adapters


def import_mebibytes() -> float:
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTS + "; print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    resident = resident_mebibytes(process.pid)
    process.communicate(b"\n")
    return resident


def line(name: str, m: Measured) -> str:
    return f"{name:40}{m.images_a_second:10.2f}{m.processor_seconds:12.2f}{m.p50_seconds:9.2f}{m.p95_seconds:9.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights")
    parser.add_argument("--images", type=int, default=16, help="of a row; at least two for each client")
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    base = read_base_model(options.base)
    precision = families.choose_placement().precision
    sampling = base.sampling
    print(f"{precision}, {options.size} x {options.size}; the unit takes {sampling.steps} steps of {sampling.sampler}")
    print(f"{'':40}{'images/s':>10}{'CPU s/image':>12}{'p50 s':>9}{'p95 s':>9}", flush=True)

    def tell(name: str, m: Measured) -> Measured:
        print(line(name, m), flush=True)
        return m

    plain = [tell(f"plain pipeline, {PLAIN_STEPS} steps", measure_plain(options, PLAIN_STEPS, precision))]
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        adapters = write_adapters(options.base, Path(folder))
        first = dict([*adapters.items()][:1])
        unit_rows: dict[int, Measured] = {}
        with Unit(options.base, first, precision) as unit:
            for clients in (1, 4, 16):
                images = max(options.images, 2 * clients)
                unit_rows[clients] = tell(
                    f"unit, {clients} client{'s' if clients > 1 else ''}",
                    measure(
                        clients,
                        images,
                        lambda _, text, seed: unit.invoke("model0", text, seed, options.size),
                        unit.processor_seconds,
                    ),
                )
            one_resident = unit.resident_mebibytes()
        with Unit(options.base, adapters, precision) as unit:
            several = tell(
                f"unit, 16 clients, {MODELS} models",
                measure(
                    16,
                    max(options.images, 32),
                    lambda client, text, seed: unit.invoke(f"model{client % MODELS}", text, seed, options.size),
                    unit.processor_seconds,
                ),
            )
            several_resident = unit.resident_mebibytes()
    same = tell(f"plain pipeline, {sampling.steps} steps", measure_plain(options, sampling.steps, precision))
    plain.append(tell(f"plain pipeline, {PLAIN_STEPS} steps", measure_plain(options, PLAIN_STEPS, precision)))

    best = max(m.images_a_second for m in plain)
    least = min(m.processor_seconds for m in plain)
    for clients, m in unit_rows.items():
        goal = " (goal 2)" if clients == 4 else ""
        print(
            f"{clients} clients / plain: {m.images_a_second / best:.2f} by images a second{goal}, "
            f"{least / m.processor_seconds:.2f} by processor time; "
            f"{same.processor_seconds / m.processor_seconds:.2f} at the same number of steps"
        )
    one = unit_rows[16]
    print(
        f"{MODELS} models / one: {several.images_a_second / one.images_a_second:.2f} by images a second (goal 0.7), "
        f"{one.processor_seconds / several.processor_seconds:.2f} by processor time"
    )
    imported = import_mebibytes()
    print(
        f"memory above the imports' {imported:.0f} MiB: one model {one_resident - imported:.0f}, "
        f"{MODELS} models {several_resident - imported:.0f} MiB, "
        f"{(several_resident - imported) / (one_resident - imported):.2f} times (goal 1.20)"
    )


if __name__ == "__main__":
    main()
