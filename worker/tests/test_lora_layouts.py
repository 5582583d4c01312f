"""What contract/lora holds as a training's and as exports is one LoRA, for each model family.

The server's golden.test.ts has it write these very bytes, and read them again as the same numbers. Here diffusers loads
both exports with its own readers, kohya's names included, and the pipeline draws what our own serving of the adapter
draws.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from likeness_worker.lora import AdapterSwitch, read_adapter
from tests.conftest import CONTRACT

LORA = CONTRACT / "lora"
# Float32 arithmetic in another order; half a step of an 8-bit pixel is 0.002, and any layer's rows in another order
# change a pixel by 0.0003 and more.
ROUNDING = 1e-4


@pytest.fixture(scope="module", params=sorted(folder.name for folder in LORA.iterdir()))
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def pipeline(family: str, tiny_base: Callable[[str], Path]) -> Any:
    import diffusers

    pipe: Any = diffusers.DiffusionPipeline.from_pretrained(
        tiny_base(family), local_files_only=True, use_safetensors=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def denoiser_of(pipe: Any) -> Any:
    return pipe.unet if hasattr(pipe, "unet") else pipe.transformer


def draw(pipe: Any) -> np.ndarray:
    answer = pipe(
        "a dog", height=64, width=64, num_inference_steps=2, guidance_scale=2.0, output_type="np",
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    return answer.images[0]


def test_the_layers_that_the_server_fits_a_lora_to_are_those_of_the_model(family: str, pipeline: Any) -> None:
    weights = denoiser_of(pipeline).state_dict()
    shapes = {
        name.removesuffix(".weight"): list(value.shape)
        for name, value in weights.items()
        if name.endswith(".weight") and value.dim() > 1
    }
    assert json.loads((LORA / family / "layers.json").read_text()) == shapes


def test_diffusers_draws_from_both_exports_what_serving_draws(family: str, pipeline: Any) -> None:
    denoiser = denoiser_of(pipeline)
    untouched = {name: value.clone() for name, value in denoiser.state_dict().items()}
    plain = draw(pipeline)
    adapter = read_adapter(LORA / family, denoiser, "ron")
    assert all(b.abs().max() > 0 for _, b in adapter.factors.values())
    switch = AdapterSwitch(denoiser, {"ron": adapter})
    switch.activate("ron")
    served = draw(pipeline)
    switch.activate(None)
    assert np.abs(served - plain).max() > 0.01

    pipeline.load_lora_weights(LORA / family, weight_name="diffusers.safetensors")
    assert np.abs(draw(pipeline) - served).max() < ROUNDING
    pipeline.unload_lora_weights()

    kohya = load_file(LORA / family / "kohya.safetensors")
    READERS.get(family, read_by_pipeline)(pipeline, kohya)
    assert np.abs(draw(pipeline) - served).max() < ROUNDING
    pipeline.unload_lora_weights()
    denoiser.load_state_dict(untouched)
    assert np.abs(draw(pipeline) - plain).max() < 1e-6


def read_by_pipeline(pipe: Any, kohya: dict[str, Tensor]) -> None:
    pipe.load_lora_weights(kohya)


def read_flux(pipe: Any, kohya: dict[str, Tensor]) -> None:
    """diffusers' converter splits the single blocks' first layer at FLUX.1's own widths and nowhere else: it gets
    our tiny rows at those places, zeros between them, and what it makes of them is cut back."""
    width, wide = 32, 3072
    mlp = denoiser_of(pipe).single_transformer_blocks[0].proj_mlp.out_features
    sizes = (width, width, width, mlp)
    widened = dict(kohya)
    for name, value in kohya.items():
        if "_linear1.lora_up" in name:
            parts = zip(value.split(sizes), (wide, wide, wide, 4 * wide), strict=True)
            widened[name] = torch.cat([F.pad(part, (0, 0, 0, rows - len(part))) for part, rows in parts])
    converted: Any = pipe.lora_state_dict(widened)
    layers = dict(denoiser_of(pipe).named_modules())
    for name, value in converted.items():
        layer = name.removeprefix("transformer.").partition(".lora_")[0]
        if ".lora_B." in name:
            assert not value[layers[layer].out_features :].any(), name
            converted[name] = value[: layers[layer].out_features].contiguous()
    pipe.load_lora_weights(converted)


def read_stable_diffusion_3(pipe: Any, kohya: dict[str, Tensor]) -> None:
    """diffusers reads no LoRA of Stable Diffusion 3 in this layout, but whole checkpoints under the same names: a
    checkpoint of nothing but the LoRA's differences is converted, and added to the weights."""
    from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers

    denoiser = denoiser_of(pipe)
    checkpoint = stability_shapes(denoiser)
    names = {name.replace(".", "_"): name for name in checkpoint}
    for key in kohya:
        if key.endswith(".lora_down.weight"):
            name = key.removesuffix(".lora_down.weight")
            down, up, alpha = kohya[key], kohya[f"{name}.lora_up.weight"], kohya[f"{name}.alpha"]
            difference = (up.flatten(1) @ down.flatten(1)) * (alpha / len(down))
            place = names[name.removeprefix("lora_unet_") + "_weight"]
            checkpoint[place] = difference.view_as(checkpoint[place])
    converted = convert_sd3_transformer_checkpoint_to_diffusers(checkpoint)
    weights = denoiser.state_dict()
    assert set(weights) == set(converted)
    for name, difference in converted.items():
        weights[name] += difference


def stability_shapes(denoiser: Any) -> dict[str, Tensor]:
    """A checkpoint of zeros under the names of Stability's own code."""
    weights = {name: torch.zeros_like(value) for name, value in denoiser.state_dict().items()}
    inner = len(weights["context_embedder.bias"])
    checkpoint = {"pos_embed": weights["pos_embed.pos_embed"]}

    def linear(name: str, *shape: int) -> None:
        checkpoint[f"{name}.weight"] = torch.zeros(shape)
        checkpoint[f"{name}.bias"] = torch.zeros(shape[0])

    def like(name: str, module: str) -> None:
        linear(name, *weights[f"{module}.weight"].shape)

    like("x_embedder.proj", "pos_embed.proj")
    like("context_embedder", "context_embedder")
    for name, module in (("t_embedder", "timestep_embedder"), ("y_embedder", "text_embedder")):
        like(f"{name}.mlp.0", f"time_text_embed.{module}.linear_1")
        like(f"{name}.mlp.2", f"time_text_embed.{module}.linear_2")
    like("final_layer.linear", "proj_out")
    like("final_layer.adaLN_modulation.1", "norm_out.linear")
    last = len(denoiser.transformer_blocks) - 1
    for index in range(last + 1):
        for stream, context in (("x", ""), ("context", "_context")):
            block = f"joint_blocks.{index}.{stream}_block"
            attentions = ["attn", "attn2"] if stream == "x" and index == 0 else ["attn"]
            for attention in attentions:
                linear(f"{block}.{attention}.qkv", 3 * inner, inner)
                for norm in ("ln_q", "ln_k"):
                    checkpoint[f"{block}.{attention}.{norm}.weight"] = torch.zeros(denoiser.config.attention_head_dim)
            like(f"{block}.adaLN_modulation.1", f"transformer_blocks.{index}.norm1{context}.linear")
            if stream == "x" or index < last:
                for attention in attentions:
                    linear(f"{block}.{attention}.proj", inner, inner)
                linear(f"{block}.mlp.fc1", 4 * inner, inner)
                linear(f"{block}.mlp.fc2", inner, 4 * inner)
    return checkpoint


READERS: dict[str, Callable[[Any, dict[str, Tensor]], None]] = {
    "flux": read_flux,
    "stable-diffusion-3": read_stable_diffusion_3,
}
