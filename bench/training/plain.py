"""The plain recipe: the loop of diffusers' text-to-image LoRA example, re-created from its documentation.

What its documentation describes (examples/text_to_image, "Training with LoRA"): the frozen autoencoder and text encoder
run in every step, the LoRA sits on the denoiser's attention (to_k, to_q, to_v, to_out.0), AdamW with weight decay 1e-2,
gradients cut at a norm of 1, mean squared error against the scheduler's own target at a uniform timestep, autocast where
mixed precision is asked for.

It prints one JSON line: processor seconds of each step, its memory above the import baseline, and, where adapters are
kept, the wall time since the process began when each was there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

BEGAN = time.monotonic()
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "worker"), str(Path(__file__).resolve().parent)]

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from diffusers import AutoencoderDC, DDPMScheduler, UNet2DConditionModel  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from likeness_worker.lora import save_adapter  # noqa: E402
from memory import import_libraries, memory_bytes  # noqa: E402
from peft import LoraConfig  # noqa: E402
from PIL import Image  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import BertModel  # noqa: E402

ATTENTION = ("to_k", "to_q", "to_v", "to_out.0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/art/weights")
    parser.add_argument("--sample", type=Path, default=ROOT / "models/art/sample")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--targets", choices=("attention", "same"), default="same", help="same: as the worker trains")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep-every", type=int, metavar="STEPS", help="keep the adapter every so many steps")
    parser.add_argument("--out", type=Path, help="where: in folders by their step")
    options = parser.parse_args()
    import_bytes = import_libraries()
    torch.set_num_threads(options.threads)

    base = read_base_model(options.base)
    targets = base.lora.target_modules if options.targets == "same" else ATTENTION
    vae = AutoencoderDC.from_pretrained(base.part("vae")).requires_grad_(False).eval()
    text_encoder = BertModel.from_pretrained(base.part("text_encoder")).requires_grad_(False).eval()
    tokenizer = Tokenizer.from_file(str(base.part("tokenizer") / "tokenizer.json"))
    window = int(base.settings["textWindow"])
    tokenizer.enable_truncation(window)
    tokenizer.enable_padding(length=window)
    unet = UNet2DConditionModel.from_pretrained(base.part("unet")).requires_grad_(False)
    scheduler = DDPMScheduler.from_pretrained(base.path / "scheduler")
    mean, std = (torch.tensor(base.settings[name]).view(1, -1, 1, 1) for name in ("latentsMean", "latentsStd"))
    torch.manual_seed(7)
    unet.add_adapter(
        LoraConfig(
            r=base.lora.rank, lora_alpha=base.lora.alpha, init_lora_weights="gaussian", target_modules=list(targets)
        )
    )
    trained = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=1e-2)
    unet.train()

    lines = [json.loads(line) for line in (options.sample / "captions.jsonl").read_text().splitlines()]
    order = np.random.default_rng(7)
    waiting: list[int] = []
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16")
    seconds: list[float] = []
    kept: dict[str, float] = {}
    for step in range(1, options.steps + 1):
        began = time.process_time()
        while len(waiting) < options.batch:
            waiting.extend(order.permutation(len(lines)).tolist())
        rows, waiting = [lines[i] for i in waiting[: options.batch]], waiting[options.batch :]
        pixels = torch.stack([load(options.sample / row["image-ref"], base.resolution) for row in rows])
        encoded = [tokenizer.encode(row["caption"]) for row in rows]
        ids = torch.tensor([one.ids for one in encoded])
        mask = torch.tensor([one.attention_mask for one in encoded])
        with autocast:
            latents = (vae.encode(pixels).latent.float() - mean) / std
            noise = torch.randn_like(latents)
            timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (len(rows),))
            noisy = scheduler.add_noise(latents, noise, timesteps)
            states = text_encoder(input_ids=ids, attention_mask=mask, return_dict=False)[0]
            target = scheduler.get_velocity(latents, noise, timesteps)
            prediction = unet(noisy, timesteps, states, return_dict=False)[0]
            loss = F.mse_loss(prediction.float(), target.float(), reduction="mean")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.process_time() - began)
        if options.keep_every and step % options.keep_every == 0:
            name = f"step-{step:06d}"
            kept[name] = time.monotonic() - BEGAN
            (options.out / name).mkdir(parents=True)
            save_adapter(unet, options.out / name, base.lora.rank, base.lora.alpha, targets)
    memory = {"importBytes": import_bytes, "peakBytes": memory_bytes(peak=True)}
    print(json.dumps({"precision": options.precision, "secondsAStep": seconds, "keptAfterSeconds": kept, **memory}))


def load(path: Path, side: int) -> torch.Tensor:
    """Resize, centre crop, to -1..1, as the example's torchvision transforms do."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    scale = side / min(rgb.size)
    rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.BILINEAR)
    left, top = (rgb.width - side) // 2, (rgb.height - side) // 2
    pixels = np.asarray(rgb.crop((left, top, left + side, top + side)))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(127.5).sub(1)


if __name__ == "__main__":
    main()
