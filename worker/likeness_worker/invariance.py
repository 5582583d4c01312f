"""Which products of a denoiser give a sample of a batch other bits than it gets alone.

A kernel may sum in another order for another number of rows. In float32 that shows in almost every result; in bfloat16
the rounding hides it in all but one of some ten thousand, so that comparing a few results proves nothing, and yet it
is enough to change a picture after fifteen steps. So each product that a denoiser makes is repeated here with operands
whose terms cancel in pairs: exactly summed the result is nought, and what is left is the order of the sum, bare.

Operations are taken from PyTorch's dispatcher, whatever the model. What is not a product (norms, softmaxes) sums within
one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True)
class Operand:
    """A tensor that an operation was given: how it lies in memory, which is what kernels are chosen by."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def filled(self, values: Tensor) -> Tensor:
        """[1 or more of the first dimension, ...] -> the tensor, with the values repeated along the first dimension."""
        tensor = torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=self.device)
        repeats = self.shape[0] // len(values)
        return tensor.copy_(values.repeat(repeats, *[1] * (len(self.shape) - 1)))


@dataclass(frozen=True)
class Call:
    """An operation with what it was given; Operands in the place of tensors.

    :param weight: the address of the second tensor, which tells the layer whose weight it is.
    """

    operation: Any
    arguments: tuple[Any, ...]
    weight: int

    @property
    def key(self) -> str:
        return f"{self.operation} {self.arguments}"


# The place of the two factors among the arguments, and the dimension of each that the sum runs over.
_PRODUCTS: dict[Any, tuple[tuple[int, int], tuple[int, int]]] = {
    aten.linear: ((0, -1), (1, 1)),
    aten.mm: ((0, 1), (1, 0)),
    aten.addmm: ((1, 1), (2, 0)),
    aten.bmm: ((0, 2), (1, 1)),
    aten.baddbmm: ((1, 2), (2, 1)),
    aten.matmul: ((0, -1), (1, -2)),
    **dict.fromkeys((aten.convolution, aten.conv1d, aten.conv2d, aten.conv3d), ((0, 1), (1, 1))),
}
_LAYERS = (aten.linear, aten.convolution, aten.conv2d)
_ATTENTIONS = (
    aten.scaled_dot_product_attention,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_flash_attention,
    aten._scaled_dot_product_efficient_attention,
    aten._scaled_dot_product_cudnn_attention,
)


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.overloadpacket in _PRODUCTS or func.overloadpacket in _ATTENTIONS:
            given = tuple(
                Operand(tuple(a.shape), a.stride(), a.dtype, a.device) if isinstance(a, Tensor) else a for a in args
            )
            self.calls.append(Call(func, given, args[1].data_ptr()))
        return func(*args, **(kwargs or {}))


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """The products and attentions within it, in their order."""
    recorder = _Recorder()
    with recorder:
        yield recorder.calls


def differing(alone: Sequence[Call], together: Sequence[Call]) -> list[tuple[Call, Call]] | None:
    """The pairs of calls, one of each list, whose rows come out otherwise together than alone.

    :param alone: of one pass with one sample.
    :param together: of one with several.
    :returns: None if the two do not make the same operations.
    """
    if [call.operation for call in alone] != [call.operation for call in together]:
        return None
    sums_alike: dict[tuple[str, str], bool] = {}
    pairs = list(zip(alone, together, strict=True))
    for one, several in pairs:
        key = (one.key, several.key)
        if key not in sums_alike:
            sums_alike[key] = one.key == several.key or _sums_alike(one, several)
    return [(one, several) for one, several in pairs if not sums_alike[one.key, several.key]]


def layers_of(denoiser: nn.Module, pairs: Sequence[tuple[Call, Call]]) -> frozenset[Layer] | None:
    """The linear layers and convolutions that made these calls; None if others than such layers are among them."""
    layers = {layer.weight.data_ptr(): layer for layer in denoiser.modules() if isinstance(layer, Layer)}
    found = [layers.get(call.weight) if call.operation.overloadpacket in _LAYERS else None for _, call in pairs]
    return None if None in found else frozenset(layer for layer in found if layer is not None)


@contextmanager
def in_parts(layers: Collection[Layer], parts: int) -> Iterator[None]:
    """Within it these layers compute their input in parts of equal numbers of rows, one after the other."""
    whole = {layer: layer.forward for layer in layers}
    for layer, forward in whole.items():
        layer.forward = _InParts(forward, parts)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer, forward in whole.items():
            layer.forward = forward  # type: ignore[method-assign]


class _InParts:
    def __init__(self, forward: Callable[[Tensor], Tensor], parts: int):
        self._forward = forward
        self._parts = parts

    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([self._forward(part) for part in x.chunk(self._parts)])


def _sums_alike(one: Call, several: Call) -> bool:
    """Whether each sample of the second call gets the bits that the first gives it, with terms that cancel."""
    generator = torch.Generator().manual_seed(0)
    arguments: tuple[list[Any], list[Any]] = (list(one.arguments), list(several.arguments))
    if one.operation.overloadpacket in _ATTENTIONS:
        tokens = -2
        places = ((0, None, 1), (1, tokens, 1), (2, tokens, -1))
    else:
        (left, along), (right, across) = _PRODUCTS[one.operation.overloadpacket]
        places = ((left, along, 1), (right, across, -1))
    for place, dimension, sign in places:
        smaller, larger = one.arguments[place], several.arguments[place]
        if larger.shape[0] % smaller.shape[0] or larger.shape[1:] != smaller.shape[1:]:
            return False
        values = _cancelling(smaller.shape, dimension, sign, generator)
        arguments[0][place], arguments[1][place] = smaller.filled(values), larger.filled(values)
    for given in arguments:
        # Biases are nought, and masks let everything through.
        given[:] = [a.filled(torch.full((1,), a.dtype == torch.bool)) if isinstance(a, Operand) else a for a in given]
    expected, found = one.operation(*arguments[0]), several.operation(*arguments[1])
    if isinstance(expected, tuple):
        expected, found = expected[0], found[0]
    return torch.equal(expected.repeat(len(found) // len(expected), *[1] * (expected.dim() - 1)), found)


def _cancelling(shape: tuple[int, ...], dimension: int | None, sign: int, generator: torch.Generator) -> Tensor:
    """Random values whose second half along a dimension is the first, or its negative."""
    values = torch.randn(shape, generator=generator)
    if dimension is None:
        return values
    half = shape[dimension] // 2
    values.narrow(dimension, shape[dimension] - half, half).copy_(sign * values.narrow(dimension, 0, half))
    if shape[dimension] % 2:
        values.narrow(dimension, half, 1).zero_()
    return values
