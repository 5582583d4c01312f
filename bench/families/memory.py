"""Prints, for each published base model, its parameters and the memory that its weights take while they load.

    .venv/bin/python bench/families/memory.py

Nothing is downloaded: the published shapes are built on PyTorch's meta device, which holds no numbers. Where bfloat16 is
fast (GPUs, newer CPUs) the worker reads what multiplies in it, 2 bytes a parameter; norms, embeddings and CLIP's encoders
are float32, as all is on other CPUs.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

FLOAT32_BYTES, BFLOAT16_BYTES = 4, 2


def loaded_bytes(part: Any) -> int:
    """What a part takes in bfloat16, as likeness_worker.families.load_rounded_part reads it."""
    is_whole = isinstance(part, CLIPTextModel | CLIPTextModelWithProjection)
    total = 0
    for layer in part.modules():
        rounded = not is_whole and isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
        count = sum(p.numel() for p in layer.parameters(recurse=False))
        total += count * (BFLOAT16_BYTES if rounded else FLOAT32_BYTES)
    return total


def clip(width: int, layers: int, heads: int, projected: bool = False) -> Any:
    config = CLIPTextConfig(
        vocab_size=49408, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=heads, projection_dim=width,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def vae(latent_channels: int = 4, quantised: bool = True) -> Any:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=latent_channels,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        use_quant_conv=quantised, use_post_quant_conv=quantised,
    )  # fmt: skip


def stable_diffusion_xl() -> list[Any]:
    unet = UNet2DConditionModel(
        block_out_channels=(320, 640, 1280), attention_head_dim=(5, 10, 20), cross_attention_dim=2048,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
    )  # fmt: skip
    return [unet, vae(), clip(768, 12, 12), clip(1280, 32, 20, projected=True)]


def t5() -> Any:
    return T5EncoderModel(
        T5Config(
            vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
            feed_forward_proj="gated-gelu",
        )
    )  # fmt: skip


def stable_diffusion_3() -> list[Any]:
    transformer = SD3Transformer2DModel(
        sample_size=128, patch_size=2, in_channels=16, out_channels=16, num_layers=24, attention_head_dim=64,
        num_attention_heads=24, joint_attention_dim=4096, caption_projection_dim=1536, pooled_projection_dim=2048,
        pos_embed_max_size=192,
    )  # fmt: skip
    encoders = [clip(768, 12, 12, projected=True), clip(1280, 32, 20, projected=True), t5()]
    return [transformer, vae(16, quantised=False), *encoders]


def flux() -> list[Any]:
    return [FluxTransformer2DModel(guidance_embeds=True), vae(16, quantised=False), clip(768, 12, 12), t5()]


MODELS = {
    "Stable Diffusion 1.5": lambda: [UNet2DConditionModel(cross_attention_dim=768), vae(), clip(768, 12, 12)],
    "Stable Diffusion 2.1": lambda: [
        UNet2DConditionModel(
            cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True
        ),
        vae(),
        clip(1024, 23, 16),
    ],
    "Stable Diffusion XL 1.0": stable_diffusion_xl,
    "Stable Diffusion 3 medium": stable_diffusion_3,
    "FLUX.1 dev": flux,
}  # fmt: skip


def main() -> None:
    for name, build in MODELS.items():
        with torch.device("meta"):
            parts = build()
        parameters = sum(p.numel() for part in parts for p in part.parameters())
        rounded, whole = sum(map(loaded_bytes, parts)) / 1024**3, parameters * FLOAT32_BYTES / 1024**3
        print(
            f"{name:26} {parameters / 1e6:8.0f} million parameters  {rounded:6.1f} GiB in bfloat16  {whole:6.1f} in float32"
        )


if __name__ == "__main__":
    main()
