"""The worker's own training step on random latents: what its loop does between two batches, by itself.

It prints one JSON line, as plain.py does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker")]

import torch  # noqa: E402
from likeness_worker import families  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.lora import add_lora, trainable_parameters  # noqa: E402
from likeness_worker.optimizer import AdamW  # noqa: E402
from likeness_worker.pointwise import speed_up_pointwise  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    placement = families.choose_placement("cpu")
    base = read_base_model(options.base)
    family = families.load(base, placement)
    family.free_encoders(keep_decoder=False)
    speed_up_pointwise(family.denoiser)
    add_lora(family.denoiser, base.lora.rank, base.lora.alpha, base.lora.target_modules, 7)
    family.denoiser.train()
    parameters = dict(trainable_parameters(family.denoiser))
    optimizer = AdamW([list(parameters.values())], 0.01)
    side = base.resolution // family.latent_scale
    shape = (options.batch, family.latent_channels, side, side)
    width = int(family.denoiser.config.cross_attention_dim)  # type: ignore[union-attr]
    window = int(base.settings.get("textWindow", 32))
    seconds: list[float] = []
    for _ in range(options.steps):
        x, target = torch.randn(shape), torch.randn(shape)
        states = torch.randn(options.batch, window, width).to(placement.dtype)
        timesteps = torch.randint(0, len(family.process.timesteps), (options.batch,)).float()
        began = time.process_time()
        (family.predict(x, timesteps, states) - target).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimizer.step([1e-4])
        seconds.append(time.process_time() - began)
    print(json.dumps({"precision": placement.precision, "secondsAStep": seconds}))


if __name__ == "__main__":
    main()
