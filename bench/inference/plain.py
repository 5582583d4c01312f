"""The plain pipeline: what diffusers' documentation describes of a text-to-image pipeline, called in a loop.

Each call reads the prompt and the empty text with the text encoder, goes down the scheduler's timesteps with both halves
of the guidance in one batch, decodes, and saves a PNG of the size asked for. It reads lines of JSON from its input,
{"text", "seed"}, and answers each with a line: processor seconds so far.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "worker")]

import torch  # noqa: E402
from diffusers import AutoencoderDC, DDIMScheduler, UNet2DConditionModel  # noqa: E402
from diffusers.image_processor import VaeImageProcessor  # noqa: E402
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg  # noqa: E402
from likeness_worker.base_model import read_base_model  # noqa: E402
from PIL import Image  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import BertModel  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dtype = getattr(torch, options.precision)
    base = read_base_model(options.base)
    vae = AutoencoderDC.from_pretrained(base.part("vae"), torch_dtype=dtype).eval()
    text_encoder = BertModel.from_pretrained(base.part("text_encoder"), dtype=dtype).eval()
    unet = UNet2DConditionModel.from_pretrained(base.part("unet"), torch_dtype=dtype).eval()
    scheduler = DDIMScheduler.from_pretrained(base.path / "scheduler", timestep_spacing="trailing")
    tokenizer = Tokenizer.from_file(str(base.part("tokenizer") / "tokenizer.json"))
    window = int(base.settings["textWindow"])
    tokenizer.enable_truncation(window)
    tokenizer.enable_padding(length=window)
    mean, std = (torch.tensor(base.settings[name]).view(1, -1, 1, 1) for name in ("latentsMean", "latentsStd"))
    side = base.resolution // vae.spatial_compression_ratio
    sampling = base.sampling

    @torch.no_grad()
    def draw(text: str, seed: int) -> bytes:
        encoded = [tokenizer.encode(one) for one in ("", text)]
        states = text_encoder(
            input_ids=torch.tensor([one.ids for one in encoded]),
            attention_mask=torch.tensor([one.attention_mask for one in encoded]),
        ).last_hidden_state
        scheduler.set_timesteps(options.steps)
        shape = (1, vae.config.latent_channels, side, side)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            both = scheduler.scale_model_input(torch.cat([latents] * 2), timestep).to(dtype)
            unconditional, conditional = unet(both, timestep, states, return_dict=False)[0].float().chunk(2)
            guided = unconditional + sampling.guidance_scale * (conditional - unconditional)
            guided = rescale_noise_cfg(guided, conditional, sampling.guidance_rescale)
            latents = scheduler.step(guided, timestep, latents, return_dict=False)[0]
        pixels = vae.decode((latents * std + mean).to(dtype), return_dict=False)[0].float()
        (picture,) = VaeImageProcessor().numpy_to_pil(VaeImageProcessor().pt_to_numpy(pixels / 2 + 0.5).clip(0, 1))
        file = io.BytesIO()
        picture.resize((options.size, options.size), Image.Resampling.LANCZOS).save(file, "PNG")
        return file.getvalue()

    for line in sys.stdin:
        draw(**json.loads(line))
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    main()
