"""A batch gives each sample the bits that it gets alone: what is found to differ, and what is done about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from likeness_worker.engine import Engine
from likeness_worker.invariance import Call, Operand, differing, in_parts, layers_of, recorded
from likeness_worker.serve import ServeOptions
from likeness_worker.spec import InvokeRequest, read

WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "art" / "weights"


class SumsInParts:
    """A linear operation that adds the two halves of its sum for many rows, and all at once for few."""

    overloadpacket = torch.ops.aten.linear

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        terms = x.float()[:, None] * weight.float()
        half = x.shape[-1] // 2 + 8
        if len(x) < 4:
            return terms.sum(-1).to(x.dtype)
        return (terms[..., half:].sum(-1) + terms[..., :half].sum(-1)).to(x.dtype)


def call(operation: Any, *tensors: Tensor) -> Call:
    operands = tuple(Operand(tuple(t.shape), t.stride(), t.dtype, t.device) for t in tensors)
    return Call(operation, operands, tensors[1].data_ptr())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_another_order_of_summing_is_found_where_rounding_hides_it(dtype: torch.dtype) -> None:
    operation = SumsInParts()
    weight = torch.randn(64, 1024, generator=torch.Generator().manual_seed(1)).to(dtype)
    x = torch.randn(4, 1024, generator=torch.Generator().manual_seed(2)).to(dtype)
    if dtype == torch.bfloat16:
        each = torch.cat([operation(row, weight) for row in x.split(1)])
        assert (operation(x, weight) != each).float().mean() < 0.02, "hardly a result shows it"
    alone, together = call(operation, x[:1], weight), call(operation, x, weight)
    assert differing([alone], [together]) == [(alone, together)]
    assert differing([alone], [call(operation, x[:2], weight)]) == []


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Conv1d(32, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.second(x.transpose(1, 2)) if len(x) < 3 else self.first(x[..., :16]).sum(-1)


def test_other_operations_than_alone_are_never_the_same() -> None:
    module = TwoLayers().eval()
    with torch.inference_mode():
        with recorded() as alone:
            module(torch.randn(1, 5, 16))
        with recorded() as two:
            module(torch.randn(2, 5, 16))
        with recorded() as three:
            module(torch.randn(3, 5, 16))
    assert [len(calls) for calls in (alone, two, three)] == [2, 2, 2]
    assert differing(alone, two) is not None
    assert differing(alone, three) is None


class ThreeLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.plane, self.linear, self.line = nn.Conv2d(3, 4, 3), nn.Linear(6, 16), nn.Conv1d(24, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.line(self.linear(self.plane(x)).flatten(1, 2))


def test_linear_layers_and_convolutions_compute_in_parts_and_only_within() -> None:
    module = ThreeLayers().eval()
    x = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        with recorded() as calls:
            whole = module(x)
        plane, linear, line = [(one, one) for one in calls]
        layers = layers_of(module, [linear, plane])
        assert layers == {module.linear, module.plane}
        assert layers_of(module, [linear, line]) is None
        with in_parts(layers, 2), recorded() as parted:
            assert torch.allclose(module(x), whole, atol=1e-6)
        assert len(parted) == len(calls) + 2
        with recorded() as after:
            module(x)
        assert after == calls


def test_attention_is_compared_too() -> None:
    query = torch.randn(3, 2, 8, 16)
    attend = torch.nn.functional.scaled_dot_product_attention
    with torch.inference_mode():
        with recorded() as alone:
            attend(query[:1], query[:1], query[:1])
        with recorded() as together:
            attend(query, query, query)
    assert len(alone) == len(together) == 1
    assert differing(alone, together) == []


def test_pictures_of_the_embedded_model_are_the_same_alone_and_in_batches() -> None:
    """Through all steps, in this machine's own precision: in bfloat16 two of a batch once differed from each alone."""
    engine = Engine(ServeOptions(WEIGHTS, Path("unused.sock"), {}, None, None, 1, "cpu", "auto"))
    drawings = []
    for seed, text in enumerate(("a red fox in the snow", "a cat", "a dog wearing a hat", "a house at night")):
        request = read(
            InvokeRequest,
            {
                "v": 1, "requestId": "r", "adapterId": None, "task": "TEXT_IMAGE", "text": text, "negativeText": None,
                "images": [], "similarityStrength": None, "mask": None, "outPaintingMode": None, "colors": [],
                "control": None, "numberOfImages": 1, "width": 512, "height": 512, "cfgScale": 8.0, "seed": seed,
                "quality": "standard",
            },
            "request",
        )  # fmt: skip
        drawings += engine.plan(request, engine.read(request)).drawings
    alone = [engine.draw(None, [drawing])[0] for drawing in drawings]
    assert engine.proven_sizes()[-1] > 1
    for size in (2, 4):
        together = engine.draw(None, drawings[:size])
        assert [(a == b).all() for a, b in zip(alone[:size], together, strict=True)] == [True] * size
