"""Convolutions of one pixel as the matrix products that they are.

PyTorch cannot tell from a 1 x 1 kernel which memory layout is meant, takes the older one, and turns the whole of a
channels-last input around and its gradient back: most of such a layer's time on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def is_pointwise(layer: nn.Conv2d) -> bool:
    return (layer.kernel_size, layer.stride, layer.padding, layer.groups) == ((1, 1), (1, 1), (0, 0), 1)


def rows_of(x: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, H, W, C]; of a tensor in channels-last memory a view."""
    return x.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)


def speed_up_pointwise(module: nn.Module) -> None:
    """Lets each convolution of one pixel below the module multiply; parameters and their names stay as they are."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d) and is_pointwise(layer):
            layer.forward = _Forward(layer)  # type: ignore[method-assign]


class _Forward:
    def __init__(self, layer: nn.Conv2d):
        self._layer: Any = layer

    def __call__(self, x: Tensor) -> Tensor:
        layer = self._layer
        return F.linear(rows_of(x), layer.weight.flatten(1), layer.bias).permute(0, 3, 1, 2)
