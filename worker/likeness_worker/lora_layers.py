"""A frozen layer with a LoRA beside it as one step of the backward pass: W x + scale B A x.

peft's layers build this of a dozen differentiable operations a layer: a copy of the output for the product with the
scale, another for the sum, and each again on the way back. A small denoiser has a hundred such layers and spends more
time there than on its matrix products. Here the low-rank part is added in place by the matrix product itself, and what
is kept for the way back is the input and A x.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from likeness_worker.pointwise import is_pointwise, rows_of

ADAPTER = "default"


class LoraLayer(nn.Module):
    """A frozen linear layer or convolution with A and B beside it, float32, named as peft names them.

    :param rank: A takes the input to so many numbers, or channels; B, zero at first, takes those to the output.
    """

    def __init__(self, base_layer: nn.Linear | nn.Conv2d, rank: int, scale: float):
        super().__init__()
        self.base_layer = base_layer
        self.scale = scale
        self.is_on = True
        weight = base_layer.weight
        a = torch.empty(rank, *weight.shape[1:], device=weight.device)
        b = torch.zeros(weight.shape[0], rank, *(1 for _ in weight.shape[2:]), device=weight.device)
        nn.init.kaiming_uniform_(a, a=math.sqrt(5))
        self.lora_A, self.lora_B = (nn.ModuleDict({ADAPTER: _Factor(value)}) for value in (a, b))

    def forward(self, x: Tensor) -> Tensor:
        base = self.base_layer
        if not self.is_on:
            return base(x)
        a, b = self.lora_A[ADAPTER].weight, self.lora_B[ADAPTER].weight
        if isinstance(base, nn.Linear):
            return lora_linear(x, base, a, b, self.scale)  # type: ignore[arg-type]
        return lora_conv(x, base, a, b, self.scale)  # type: ignore[arg-type]


class _Factor(nn.Module):
    def __init__(self, weight: Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight)


def lora_linear(x: Tensor, layer: nn.Linear, a: Tensor, b: Tensor, scale: float) -> Tensor:
    """:param x: [..., in]; a: [rank, in]; b: [out, rank]. :returns: [..., out], in the frozen weight's dtype."""
    return _LoraLinear.apply(x, layer.weight, layer.bias, a, b, scale)


def lora_conv(x: Tensor, layer: nn.Conv2d, a: Tensor, b: Tensor, scale: float) -> Tensor:
    """:param x: [B, in, H, W]; a: [rank, in, kh, kw]; b: [out, rank, 1, 1]."""
    if is_pointwise(layer):
        return _LoraLinear.apply(
            rows_of(x), layer.weight.flatten(1), layer.bias, a.flatten(1), b.flatten(1), scale
        ).permute(0, 3, 1, 2)
    return _LoraConv.apply(x, layer.weight, layer.bias, a, b, scale, layer.stride, layer.padding)


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        low_a, low_b = a.to(weight.dtype), (scale * b).to(weight.dtype)
        u = rows @ low_a.T
        y = F.linear(rows, weight, bias).addmm_(u, low_b.T)
        ctx.save_for_backward(rows, weight, low_a, low_b, u)
        ctx.scale, ctx.shape, ctx.dtype = scale, x.shape, x.dtype
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        rows, weight, a, b, u = ctx.saved_tensors
        dy = dy.reshape(-1, dy.shape[-1]).to(weight.dtype)
        v = dy @ b
        dx = None
        if ctx.needs_input_grad[0]:
            dx = (dy @ weight).addmm_(v, a).view(ctx.shape).to(ctx.dtype)
        return dx, None, None, (v.T @ rows).float(), ctx.scale * (dy.T @ u).float(), None


class _LoraConv(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        a: Tensor,
        b: Tensor,
        scale: float,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        x_low, low_a, low_b = x.to(weight.dtype), a.to(weight.dtype), (scale * b).flatten(1).to(weight.dtype)
        u = F.conv2d(x_low, low_a, None, stride, padding)
        y = F.conv2d(x_low, weight, bias, stride, padding).contiguous(memory_format=torch.channels_last)
        _rows(y).addmm_(_rows(u), low_b.T)
        ctx.save_for_backward(x_low, weight, low_a, low_b, u)
        ctx.scale, ctx.stride, ctx.padding, ctx.dtype = scale, stride, padding, x.dtype
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, a, b, u = ctx.saved_tensors
        dy = dy.to(weight.dtype).contiguous(memory_format=torch.channels_last)
        rows = _rows(dy)
        v = (rows @ b).view(dy.shape[0], *dy.shape[2:], -1).permute(0, 3, 1, 2)
        needs_dx = ctx.needs_input_grad[0]
        dx, da = _convolution_backward(ctx, v, x, a, (needs_dx, True))
        if needs_dx:
            dx = _convolution_backward(ctx, dy, x, weight, (True, False))[0].add_(dx).to(ctx.dtype)
        db = ctx.scale * (rows.T @ _rows(u)).float()
        return dx, None, None, da.float(), db[..., None, None], None, None, None


def _rows(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B * H * W, C]; of a tensor in channels-last memory a view."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _convolution_backward(ctx: Any, dy: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool]) -> Any:
    return torch.ops.aten.convolution_backward(
        dy, x, weight, None, ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1, (*wanted, False)
    )[:2]
