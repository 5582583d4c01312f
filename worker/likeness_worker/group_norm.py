"""Group normalisation (Wu & He 2018) of channels-last bfloat16 on a CPU, where PyTorch's own kernel walks the memory
badly: 1.9 ms for [8, 128, 16, 16] on one core, 0.35 ms through float32 and back, casts included.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def speed_up_group_norms(module: nn.Module) -> None:
    """Lets each group norm below the module compute in float32; parameters and their names stay as they are."""
    for layer in module.modules():
        if isinstance(layer, nn.GroupNorm):
            layer.forward = _Forward(layer)  # type: ignore[method-assign]


class _Forward:
    def __init__(self, layer: nn.GroupNorm):
        self._layer = layer

    def __call__(self, x: Tensor) -> Tensor:
        layer = self._layer
        if x.dtype == torch.float32:
            return nn.functional.group_norm(x, layer.num_groups, layer.weight, layer.bias, layer.eps)
        return _GroupNorm.apply(x, layer.weight, layer.bias, layer.num_groups, layer.eps)


class _GroupNorm(torch.autograd.Function):
    """Keeps the input as it came, in half of float32's memory, and widens it again on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float) -> Tensor:  # type: ignore[override]
        positions = x[0, 0].numel()
        y, mean, rstd = torch.ops.aten.native_group_norm(
            x.float(), weight, bias, x.shape[0], x.shape[1], positions, groups, eps
        )
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.groups = groups
        return y.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, mean, rstd = ctx.saved_tensors
        grads = torch.ops.aten.native_group_norm_backward(
            dy.float().contiguous(memory_format=torch.channels_last),
            x.float(),
            mean,
            rstd,
            weight,
            x.shape[0],
            x.shape[1],
            x[0, 0].numel(),
            ctx.groups,
            ctx.needs_input_grad[:3],
        )
        dx = grads[0].to(x.dtype) if grads[0] is not None else None
        return dx, grads[1], grads[2], None, None
