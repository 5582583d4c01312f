"""Stable Diffusion 1.5 and 2.x, SDXL, Stable Diffusion 3 and FLUX.1, each as a tiny folder of random weights: it trains
a LoRA, which changes what it draws and edits; the same request gives the same bytes; a folder that lacks a part is
refused by the part's name."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from likeness_worker import families
from likeness_worker.base_model import read_base_model
from likeness_worker.families import choose_placement
from likeness_worker.families.kl import pack, unpack
from likeness_worker.rundir import RunError
from tests.test_serve import Client, start, trained
from tests.tiny_families import BUILDERS

pytestmark = pytest.mark.train


@pytest.fixture(scope="module", params=list(BUILDERS))
def base(request: pytest.FixtureRequest, tiny_base: Callable[[str], Path]) -> Path:
    return tiny_base(request.param)


def test_it_trains_and_serves(base: Path, tmp_path: Path) -> None:
    adapter = trained(base, tmp_path / "lora", "lora")
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    client, server = start(base, {"ron": adapter})
    try:
        assert client.health()["family"] == read_base_model(base).family
        (plain,) = client.images(width=96, height=64)
        assert Image.open(io.BytesIO(plain)).size == (96, 64)
        assert client.images(width=96, height=64) == [plain]
        (custom,) = client.images(adapterId="ron", width=96, height=64)
        assert custom != plain
        long = "a dog " * 80
        assert client.images(text=long) != client.images(text=long + "on the moon")
        inputs = [_png(np.full((64, 64, 3), 90, np.uint8))]
        variation = client.images(task="IMAGE_VARIATION", images=inputs, similarityStrength=0.7)
        assert Image.open(io.BytesIO(variation[0])).size == (64, 64)
        edits(client)
        refused_negative_text_where_guidance_is_distilled(client)
    finally:
        server.shutdown()


def edits(client: Client) -> None:
    """Replaces, removes, and paints around, with a LoRA: not one pixel beside the hole changes."""
    y, x = np.mgrid[:64, :96]
    scene = np.stack([x * 2, y * 3, 200 - x], -1).astype(np.uint8)
    hole = np.zeros((64, 96), bool)
    hole[16:48, 24:72] = True
    mask = {"image": _png(np.repeat(np.where(hole, 0, 255).astype(np.uint8)[..., None], 3, 2)), "prompt": None}
    common = {"images": [_png(scene)], "mask": {**mask, "isReturned": False}, "width": 96, "height": 64}
    for members, drawn in (
        ({"task": "INPAINTING", "text": "a cat"}, hole),
        ({"task": "INPAINTING", "text": None}, hole),
        ({"task": "OUTPAINTING", "text": "the snow", "outPaintingMode": "PRECISE"}, ~hole),
    ):
        (png,) = client.images(**common, **members, adapterId="ron")
        edited = np.asarray(Image.open(io.BytesIO(png)))
        assert np.array_equal(edited[~drawn], scene[~drawn]), members
        assert not np.array_equal(edited[drawn], scene[drawn]), members
    prompted = {**common, "mask": {"image": None, "prompt": "the cat", "isReturned": False}}
    status, answer = client.invoke(**prompted, task="INPAINTING", text="a dog")
    if client.health()["family"] == "stable-diffusion":
        assert status == 200
    else:
        assert (status, "use a mask image" in answer["error"]["message"]) == (400, True)


def refused_negative_text_where_guidance_is_distilled(client: Client) -> None:
    status, answer = client.invoke(negativeText="a cat")
    if client.health()["family"] == "flux":
        assert (status, answer["error"]["kind"]) == (400, "invalid")
        assert "negativeText" in answer["error"]["message"]
    else:
        assert status == 200


def test_one_image_alone_and_beside_others_predicts_alike(base: Path) -> None:
    family = families.load(read_base_model(base), choose_placement("cpu", "float32"))
    states = torch.stack([family.encode_text(text).flatten(0, 1) for text in ("a dog", "a cat")])
    x = torch.randn(2, family.latent_channels, 8, 8, generator=torch.Generator().manual_seed(0))
    timesteps = torch.tensor([700.0, 300.0])
    with torch.no_grad():
        both = family.predict(x, timesteps, states)
        alone = family.predict(x[1:], timesteps[1:], states[1:])
    assert both.shape == x.shape
    assert torch.allclose(both[1:], alone, atol=1e-5)
    with torch.no_grad():
        other_text = family.predict(x, timesteps, states.flip(0))
    assert not torch.allclose(both, other_text, atol=1e-5)


def test_a_folder_that_lacks_a_part_is_refused_by_its_name(base: Path, tmp_path: Path) -> None:
    suffix = "_2" if (base / "text_encoder_2").exists() else ""
    for part in (f"text_encoder{suffix}", "vae", f"tokenizer{suffix}"):
        copy = tmp_path / part
        shutil.copytree(base, copy)
        shutil.rmtree(copy / part)
        with pytest.raises(RunError, match=f"part {part} is missing"):
            read_base_model(copy)


def test_what_was_packed_comes_out_of_joined_windows() -> None:
    states, pooled = torch.randn(2, 3, 4), torch.randn(6)
    packed = pack(states, pooled, 6)
    assert packed.shape == (2, 4, 6)
    unpacked_states, unpacked_pooled = unpack(packed.flatten(0, 1).unsqueeze(0), 3, 4, 6)
    assert torch.equal(unpacked_states[0], states.flatten(0, 1))
    assert torch.equal(unpacked_pooled[0], pooled)


def _png(pixels: np.ndarray) -> str:
    import base64

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("name", ["art", "stable-diffusion", *BUILDERS])
def test_weights_are_rounded_as_they_are_read_and_norms_are_not(
    name: str, art_base: Path, sd_base: Path, tiny_base: Callable[[str], Path]
) -> None:
    path = tiny_base(name) if name in BUILDERS else {"art": art_base, "stable-diffusion": sd_base}[name]
    whole = families.load(read_base_model(path), choose_placement("cpu", "float32")).denoiser
    rounded = families.load(read_base_model(path), choose_placement("cpu", "bfloat16")).denoiser
    layers = dict(rounded.named_modules())
    tensors = {**dict(rounded.named_parameters()), **dict(rounded.named_buffers())}
    for key, tensor in {**dict(whole.named_parameters()), **dict(whole.named_buffers())}.items():
        multiplies = isinstance(layers[key.rpartition(".")[0]], torch.nn.Linear | torch.nn.Conv2d)
        assert tensors[key].dtype == (torch.bfloat16 if multiplies else torch.float32), key
        assert torch.equal(tensors[key], tensor.bfloat16() if multiplies else tensor), key
    trained = families.load(
        read_base_model(path), choose_placement("cpu", "bfloat16"), is_denoiser_trained=True
    ).denoiser
    assert {parameter.dtype for parameter in trained.parameters()} == {torch.float32}


def test_a_cpu_multiplies_in_the_precision_that_is_faster_on_it() -> None:
    def seconds(dtype: torch.dtype) -> float:
        x, weight = (torch.randn(shape).to(dtype) for shape in ((512, 1024), (1024, 1024)))
        times = []
        for _ in range(6):
            began = time.process_time()
            torch.nn.functional.linear(x, weight)
            times.append(time.process_time() - began)
        return min(times)

    chosen = choose_placement("cpu").dtype
    other = torch.float32 if chosen == torch.bfloat16 else torch.bfloat16
    assert seconds(chosen) < 1.4 * seconds(other)


def test_a_part_takes_no_more_memory_while_it_loads_than_its_rounded_weights(tmp_path: Path) -> None:
    from diffusers import FluxTransformer2DModel

    FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=2, num_single_layers=6, attention_head_dim=64, num_attention_heads=12,
        joint_attention_dim=64, pooled_projection_dim=64, guidance_embeds=True, axes_dims_rope=(16, 24, 24),
    ).to(torch.bfloat16).save_pretrained(tmp_path, max_shard_size="50MB")  # fmt: skip
    weights_bytes = sum(file.stat().st_size for file in tmp_path.glob("*.safetensors"))
    assert weights_bytes > 1e8
    peak, before, is_loaded = 0, _anonymous_bytes(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_loaded.wait(0.001):
            peak = max(peak, _anonymous_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        part = families.load_rounded_part(
            FluxTransformer2DModel.from_pretrained, tmp_path, "transformer", choose_placement("cpu", "bfloat16")
        )
    finally:
        is_loaded.set()
        watcher.join()
    assert part.config.num_layers == 2
    assert (peak - before) / weights_bytes < 1.5, "float32 first would be 2 and more"


def _anonymous_bytes() -> int:
    """Of this process, without the pages of files that are mapped."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024
