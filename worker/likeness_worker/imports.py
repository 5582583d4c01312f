"""Importing diffusers' models in a fraction of the time: what they do not need is not found while they are imported.

With everything beside it, diffusers takes 3.6 s of processor time to import, on top of PyTorch's 1.4: it looks into
transformers and peft (for pipelines, quantizers and its own LoRA) and into PyTorch's compiler (only for decorators that
keep it away from a function). Without them it takes 0.6. What imports one of them later finds it.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any

OPTIONAL = ("transformers", "peft", "bitsandbytes", "torchao", "onnxruntime", "torchvision", "scipy")
COMPILER = "torch._dynamo"


@contextmanager
def without_collection() -> Iterator[None]:
    """Within it no garbage is looked for: there is none while libraries are imported, and looking through all of their
    objects again and again takes a quarter of the time. What is there at the end is left out of later looks."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_models() -> None:
    """Imports PyTorch and the parts of diffusers that the embedded model is made of, once for a process that draws
    or trains and does nothing else: diffusers then takes transformers for missing until the process ends, and refuses
    its pipelines."""
    with _without_optional():
        from diffusers import AutoencoderDC, UNet2DConditionModel  # noqa: F401


@contextmanager
def _without_optional() -> Iterator[None]:
    import torch

    hidden = [name for name in (*OPTIONAL, COMPILER) if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not found
    if COMPILER in hidden:
        stand_in: Any = types.ModuleType(COMPILER)
        stand_in.__spec__ = ModuleSpec(COMPILER, None)
        stand_in.allow_in_graph = lambda function: function
        stand_in.disable = _leave_as_it_is
        sys.modules[COMPILER] = torch._dynamo = stand_in  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if COMPILER in hidden:
            del torch._dynamo  # type: ignore[attr-defined]


def _leave_as_it_is(function: Callable[..., Any] | None = None, *_: object, **__: object) -> Any:
    """torch._dynamo.disable, used as a decorator with arguments or without."""
    return function if function is not None else _leave_as_it_is
