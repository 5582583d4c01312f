"""A custom model as the base of a training: it goes on from the other's weights, and is a model of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from likeness_worker import families
from likeness_worker.base_model import read_base_model
from likeness_worker.lora import AdapterSwitch, continue_lora, read_adapter
from tests.conftest import losses, read_result
from tests.test_train import checkpoints, train

pytestmark = pytest.mark.train

WEIGHTS = {"lora": "adapter_model.safetensors", "full": "diffusion_pytorch_model.safetensors"}


@pytest.fixture
def make_parent(make_run):
    """make_parent(method) -> the folder of a custom model that ten steps have moved far from its base."""

    def make(method: str = "lora", **members: object) -> Path:
        run = make_run(f"parent-{method}", method=method, learningRate=1e-2, alpha=8, **members)
        assert train(run)["status"] == "completed"
        return run / "output"

    return make


def predict(base: Path, method: str, parent: Path | None, is_training: bool) -> Tensor:
    """What the denoiser says of one fixed batch: as a training begins with it, or as it is served."""
    placement = families.choose_placement("cpu", "float32")
    family = families.load(read_base_model(base), placement, parent if method == "full" else None)
    if method == "lora" and parent is not None:
        if is_training:
            continue_lora(family.denoiser, parent, 4, 8.0)
        else:
            AdapterSwitch(family.denoiser, {"own": read_adapter(parent, family.denoiser, "own")}).activate("own")
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, family.latent_channels, 4, 4, generator=generator)
    with torch.no_grad():
        return family.predict(x, torch.tensor([100.0, 700.0]), torch.randn(2, 32, 384, generator=generator))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_first_step_predicts_what_the_parent_does(make_parent, art_base: Path, method: str) -> None:
    parent = make_parent(method)
    served = predict(art_base, method, parent, is_training=False)
    begun = predict(art_base, method, parent, is_training=True)
    assert (begun - served).abs().max() < 1e-5
    assert (begun - predict(art_base, method, None, is_training=False)).abs().max() > 1e-2


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_training_goes_on_from_the_parents_weights(make_run, make_parent, method: str) -> None:
    parent = make_parent(method)
    still = make_run("still", method=method, alpha=8, startFromPath=str(parent), stepCount=2, learningRate=1e-12)
    assert train(still)["status"] == "completed"
    before, after = (load_file(folder / WEIGHTS[method]) for folder in (parent, still / "output"))
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], atol=1e-7) for name in before)


def test_a_resume_of_such_a_training_equals_the_uninterrupted_one(make_run, make_parent) -> None:
    members = {"alpha": 8, "startFromPath": str(make_parent()), "stepCount": 6, "checkpointIntervalSteps": 3}
    whole = make_run("whole", **members)
    train(whole)
    second = make_run("second", **members, attempt=2, resumeFromPath=str(checkpoints(whole)[0]))
    train(second)
    assert losses(second) == {step: loss for step, loss in losses(whole).items() if step >= 3}
    for weight in read_result(whole)["weights"]:
        assert (second / weight["path"]).read_bytes() == (whole / weight["path"]).read_bytes()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"rank": 8}, "The custom model to start from has rank 4; rank must be it, and is 8."),
        ({"alpha": 4}, "The custom model to start from has alpha 8; alpha must be it, and is 4."),
    ],
)
def test_another_rank_or_alpha_is_refused_by_name(make_run, make_parent, members, message: str) -> None:
    error = train(make_run("other", **{"alpha": 8, "startFromPath": str(make_parent()), **members}))["error"]
    assert error == {"message": message, "userError": True}


def test_weights_that_fit_no_target_are_refused(make_run, make_parent) -> None:
    parent = make_parent()
    weights = load_file(parent / WEIGHTS["lora"])
    layer = next(iter(weights)).partition(".lora_")[0]
    save_file({name: value for name, value in weights.items() if not name.startswith(layer)}, parent / WEIGHTS["lora"])
    error = train(make_run("fewer", alpha=8, startFromPath=str(parent)))["error"]
    assert error["userError"] is True
    assert f"has no weights for its target {layer.removeprefix('base_model.model.')}" in error["message"]
    config = json.loads((parent / "adapter_config.json").read_text())
    (parent / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["to_v"]}))
    error = train(make_run("unnamed", alpha=8, startFromPath=str(parent)))["error"]
    assert "does not name its layer" in error["message"]
