"""The layers that training swaps in compute what peft's and PyTorch's own do."""

from __future__ import annotations

import copy

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import nn

from likeness_worker.group_norm import speed_up_group_norms
from likeness_worker.lora import add_lora, without_lora
from likeness_worker.pointwise import speed_up_pointwise

LAYERS = {
    "linear": (lambda: nn.Linear(12, 20), (3, 5, 12)),
    "linear without bias": (lambda: nn.Linear(12, 20, bias=False), (3, 12)),
    "convolution": (lambda: nn.Conv2d(12, 20, 3, padding=1), (2, 12, 6, 8)),
    "convolution with a stride": (lambda: nn.Conv2d(12, 20, 3, stride=2, padding=1), (2, 12, 6, 8)),
    "convolution of one pixel": (lambda: nn.Conv2d(12, 20, 1), (2, 12, 6, 8)),
}


class Layered(nn.Module):
    def __init__(self, layer: nn.Module):
        super().__init__()
        self.wanted = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.wanted(x)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_lora_layer_gives_pefts_output_and_gradients(kind: str) -> None:
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    pefts = Layered(make())
    ours = copy.deepcopy(pefts)
    inject_adapter_in_model(LoraConfig(r=4, lora_alpha=6, target_modules=["wanted"]), pefts, adapter_name="default")
    add_lora(ours, 4, 6.0, ("wanted",), 0)
    trained = {name: parameter for name, parameter in pefts.named_parameters() if "lora_" in name}
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.normal_(std=0.3)
            ours.get_parameter(name).copy_(parameter)
    x = torch.randn(shape)
    answers = []
    for module in (pefts, ours):
        seen = x.clone().requires_grad_()
        y = module(seen)
        (y * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum().backward()
        assert seen.grad is not None
        answers.append([y, seen.grad, *(module.get_parameter(name).grad for name in trained)])
    for expected, found in zip(*answers, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert [n for n, p in ours.named_parameters() if p.requires_grad] == list(trained)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_lora_layer_of_rounded_weights_stays_near_float32(kind: str) -> None:
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    exact = Layered(make())
    rounded = copy.deepcopy(exact).to(torch.bfloat16)
    for module in (exact, rounded):
        add_lora(module, 4, 4.0, ("wanted",), 0)
    trained = [name for name, parameter in exact.named_parameters() if parameter.requires_grad]
    x = torch.randn(shape)
    for module in (exact, rounded):
        with torch.no_grad():
            module.get_parameter(trained[1]).fill_(0.1)
        with torch.autocast("cpu", torch.bfloat16, enabled=module is rounded):
            module(x).float().square().mean().backward()
    for name in trained:
        expected, found = exact.get_parameter(name).grad, rounded.get_parameter(name).grad
        assert expected is not None
        assert found is not None
        assert found.dtype == torch.float32
        assert float((found - expected).norm() / expected.norm()) < 0.03


def test_a_group_norm_of_channels_last_bfloat16_is_that_of_float32() -> None:
    torch.manual_seed(0)
    layer = nn.Sequential(nn.GroupNorm(4, 16))
    with torch.no_grad():
        layer[0].weight.normal_()
        layer[0].bias.normal_()
    exact = copy.deepcopy(layer)
    speed_up_group_norms(layer)
    x = (3 + torch.randn(2, 16, 6, 6)).to(torch.bfloat16).to(memory_format=torch.channels_last)
    grads = []
    for module, seen in ((exact, x.float()), (layer, x.clone())):
        seen.requires_grad_()
        y = module(seen)
        assert y.dtype == seen.dtype
        (y.float() * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum().backward()
        grads.append([y.float(), seen.grad.float(), module[0].weight.grad, module[0].bias.grad])  # type: ignore[union-attr]
    for expected, found in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.03)
    frozen = layer.requires_grad_(False)(x)
    assert torch.equal(frozen, layer(x))


@pytest.mark.parametrize("kind", LAYERS)
def test_without_its_lora_a_denoiser_is_its_base_and_has_it_back_afterwards(kind: str) -> None:
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    denoiser = Layered(make())
    x = torch.randn(shape)
    base_output = denoiser(x)
    add_lora(denoiser, 4, 6.0, ("wanted",), 0)
    for name, parameter in denoiser.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    trained_output = denoiser(x)
    with without_lora(denoiser):
        assert torch.equal(denoiser(x), base_output)
    assert torch.equal(denoiser(x), trained_output)
    assert not torch.allclose(trained_output, base_output)


def test_a_convolution_of_one_pixel_is_multiplied_out() -> None:
    torch.manual_seed(0)
    exact = nn.Sequential(nn.Conv2d(12, 20, 1), nn.Conv2d(20, 8, 3, padding=1))
    ours = copy.deepcopy(exact)
    speed_up_pointwise(ours)
    x = torch.randn(2, 12, 6, 8).to(memory_format=torch.channels_last)
    answers = []
    for module in (exact, ours):
        seen = x.clone().requires_grad_()
        y = module(seen)
        y.square().mean().backward()
        assert seen.grad is not None
        answers.append([y, seen.grad, *(parameter.grad for parameter in module.parameters())])
    for expected, found in zip(*answers, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
