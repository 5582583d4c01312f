"""Tiny base models with random weights in the layouts that diffusers saves: Stable Diffusion 1.5 and 2.x, SDXL, Stable
Diffusion 3 and FLUX.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import write_clip_tokenizer


def stable_diffusion_1(base: Path) -> None:
    _stable_diffusion(base, "epsilon", 32, attention_head_dim=8)


def stable_diffusion_2(base: Path) -> None:
    """As 2.1 at 768 px: v-prediction, linear projections, heads of one size at every width, a wider text encoder."""
    _stable_diffusion(base, "v_prediction", 64, attention_head_dim=(2, 4), use_linear_projection=True)


def _stable_diffusion(base: Path, prediction_type: str, width: int, **unet: Any) -> None:
    from diffusers import DDIMScheduler, UNet2DConditionModel

    UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width, norm_num_groups=8, **unet,
    ).save_pretrained(base / "unet")  # fmt: skip
    DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=prediction_type
    ).save_pretrained(base / "scheduler")
    _vae(base, 4)
    _clip(base, "", projected=False, width=width)
    _index(base, "StableDiffusionPipeline", "unet", "vae", "scheduler", "text_encoder")


def stable_diffusion_xl(base: Path) -> None:
    from diffusers import EulerDiscreteScheduler, UNet2DConditionModel

    UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 32), layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64, attention_head_dim=8, norm_num_groups=8, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32,
    ).save_pretrained(base / "unet")  # fmt: skip
    EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").save_pretrained(
        base / "scheduler"
    )
    _vae(base, 4)
    _clip(base, "", projected=False)
    _clip(base, "_2", projected=True)
    _index(base, "StableDiffusionXLPipeline", "unet", "vae", "scheduler", "text_encoder", "text_encoder_2")


def stable_diffusion_3(base: Path) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

    SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, out_channels=4, num_layers=2, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=32, pooled_projection_dim=64,
        pos_embed_max_size=16, dual_attention_layers=(0,), qk_norm="rms_norm",
    ).save_pretrained(base / "transformer")  # fmt: skip
    FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(base / "scheduler")
    _vae(base, 4)
    _clip(base, "", projected=True)
    _clip(base, "_2", projected=True)
    _t5(base, "_3", width=64)
    parts = ("transformer", "vae", "scheduler", "text_encoder", "text_encoder_2", "text_encoder_3")
    _index(base, "StableDiffusion3Pipeline", *parts)


def flux(base: Path) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel

    FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, guidance_embeds=True, axes_dims_rope=(4, 4, 8),
    ).save_pretrained(base / "transformer")  # fmt: skip
    FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True).save_pretrained(base / "scheduler")
    _vae(base, 4)
    _clip(base, "", projected=False)
    _t5(base, "_2", width=32)
    _index(base, "FluxPipeline", "transformer", "vae", "scheduler", "text_encoder", "text_encoder_2")


BUILDERS = {
    "stable-diffusion-1": stable_diffusion_1,
    "stable-diffusion-2": stable_diffusion_2,
    "stable-diffusion-xl": stable_diffusion_xl,
    "stable-diffusion-3": stable_diffusion_3,
    "flux": flux,
}


def _vae(base: Path, channels: int) -> None:
    from diffusers import AutoencoderKL

    AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=channels, norm_num_groups=4, scaling_factor=0.3611,
        shift_factor=0.1159,
    ).save_pretrained(base / "vae")  # fmt: skip


def _clip(base: Path, suffix: str, projected: bool, width: int = 32) -> None:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=514, hidden_size=width, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=77, bos_token_id=512, eos_token_id=513, pad_token_id=513, projection_dim=32,
    )  # fmt: skip
    model: Any = CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)
    model.save_pretrained(base / f"text_encoder{suffix}")
    write_clip_tokenizer(base / f"tokenizer{suffix}")


def _t5(base: Path, suffix: str, width: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    T5EncoderModel(T5Config(vocab_size=64, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=4)).save_pretrained(
        base / f"text_encoder{suffix}"
    )
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -1.0), *((c, -2.0) for c in letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])  # pyright: ignore[reportAttributeAccessIssue]
    T5TokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", extra_ids=0
    ).save_pretrained(base / f"tokenizer{suffix}")


def _index(base: Path, pipeline: str, *parts: str) -> None:
    """model_index.json as diffusers writes it: each part's class, by its own configuration."""
    index: dict[str, Any] = {"_class_name": pipeline}
    for part in parts:
        file = base / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        config = json.loads(file.read_text())
        is_diffusers = "_class_name" in config
        index[part] = (
            ["diffusers", config["_class_name"]] if is_diffusers else ["transformers", config["architectures"][0]]
        )
        if part.startswith("text_encoder"):
            tokenizer = part.replace("text_encoder", "tokenizer")
            settings = json.loads((base / tokenizer / "tokenizer_config.json").read_text())
            index[tokenizer] = ["transformers", settings["tokenizer_class"]]
    if pipeline == "StableDiffusionPipeline":
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None]}
    (base / "model_index.json").write_text(json.dumps(index))
    (base / "likeness.json").write_text(
        json.dumps(
            {"resolution": 64, "sizeMultiple": 16, "sampling": {"steps": 3, "guidanceScale": 3.0, "sampler": "ddim"}}
        )
    )
