"""What contract/lora holds as a training's and as exports is one LoRA.

The server's golden.test.ts has it write these very bytes. Here diffusers loads both exports with its own reader,
kohya's names included, and the pipeline draws what our own serving of the adapter draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from likeness_worker.lora import AdapterSwitch, read_adapter
from tests.conftest import CONTRACT

LORA = CONTRACT / "lora"


@pytest.fixture(scope="module")
def pipeline(sd_base: Path) -> Any:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipe: Any = StableDiffusionPipeline.from_pretrained(sd_base, local_files_only=True, use_safetensors=True)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: Any) -> np.ndarray:
    answer = pipe(
        "a dog", height=64, width=64, num_inference_steps=3, guidance_scale=2.0, output_type="np",
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    return answer.images[0]


def test_diffusers_draws_from_both_exports_what_serving_draws(pipeline: Any) -> None:
    plain = draw(pipeline)
    switch = AdapterSwitch(pipeline.unet, {"ron": read_adapter(LORA, pipeline.unet, "ron")})
    switch.activate("ron")
    served = draw(pipeline)
    switch.activate(None)
    assert np.abs(served - plain).max() > 0.01
    for export in ("diffusers", "kohya"):
        pipeline.load_lora_weights(LORA, weight_name=f"{export}.safetensors")
        drawn = draw(pipeline)
        pipeline.unload_lora_weights()
        # Float32 arithmetic in another order; half a step of an 8-bit pixel is 0.002.
        assert np.abs(drawn - served).max() < 1e-3, export
    assert np.abs(draw(pipeline) - plain).max() < 1e-6
