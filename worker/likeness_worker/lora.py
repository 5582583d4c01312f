"""LoRA (Hu et al. 2021, "Low-Rank Adaptation of Large Language Models"): W x + (alpha / rank) B A x.

Training puts its layers (lora_layers.py) into the denoiser. The result is a folder in PEFT's own layout
(adapter_config.json, adapter_model.safetensors), which `PeftModel.from_pretrained` loads. Serving needs no layers: it
adds (alpha / rank) B A to W itself, so a custom model draws as fast as its base, and switching to another adapter
starts from the base's untouched W each time, so nothing drifts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from likeness_worker.lora_layers import ADAPTER, LoraLayer
from likeness_worker.rundir import RunError, write_json

PREFIX = "base_model.model."
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
# Variants whose effect is not W + (alpha / rank) B A.
UNSUPPORTED = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "lora_bias", "modules_to_save")


def target_layers(denoiser: nn.Module, target_modules: tuple[str, ...]) -> list[str]:
    """Names of a denoiser's layers that target_modules mean: whole names, or the ends of some."""
    ends = tuple(f".{name}" for name in target_modules)
    return [name for name, _ in denoiser.named_modules() if f".{name}".endswith(ends)]


def add_lora(denoiser: nn.Module, rank: int, alpha: float, target_modules: tuple[str, ...], seed: int) -> None:
    """Freezes the denoiser and gives each target layer trainable A (random) and B (zero), in float32.

    :param target_modules: of linear layers and convolutions.
    :raises RunError: no layer has such a name.
    """
    torch.manual_seed(seed)
    denoiser.requires_grad_(False)
    wanted = target_layers(denoiser, target_modules)
    for name in wanted:
        layer = denoiser.get_submodule(name)
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            kind = type(layer).__name__
            raise RunError(f"The LoRA fits linear layers and convolutions; {name} is a {kind}.", user_error=True)
        parent, _, own = name.rpartition(".")
        setattr(denoiser.get_submodule(parent), own, LoraLayer(layer, rank, alpha / rank))
    if not wanted:
        named = ", ".join(target_modules)
        raise RunError(f"The LoRA fits no layer of the denoiser: none is named {named}.", user_error=True)


def continue_lora(denoiser: nn.Module, folder: Path, rank: int, alpha: float) -> tuple[str, ...]:
    """add_lora on the layers of an adapter that is there already, with its A and B: the denoiser then predicts what
    the adapter's does.

    :param folder: in PEFT's layout.
    :returns: its target modules.
    :raises RunError: it is no adapter for this denoiser, or of another rank or alpha than the training's.
    """
    adapter = read_adapter(folder, denoiser, "to start from")
    found = next(iter(adapter.factors.values()), None)
    if found is None or any(len(a) != rank for a, _ in adapter.factors.values()):
        found_rank = 0 if found is None else len(found[0])
        raise RunError(
            f"The custom model to start from has rank {found_rank}; rank must be it, and is {rank}.", user_error=True
        )
    if not math.isclose(adapter.scale * rank, alpha, rel_tol=1e-6):
        has = f"{adapter.scale * rank:g}"
        raise RunError(
            f"The custom model to start from has alpha {has}; alpha must be it, and is {alpha:g}.", user_error=True
        )
    add_lora(denoiser, rank, alpha, adapter.target_modules, seed=0)
    trained = dict(trainable_parameters(denoiser))
    with torch.no_grad():
        for name, (a, b) in adapter.factors.items():
            for part, value in (("A", a), ("B", b)):
                parameter = trained.pop(f"{name}.lora_{part}.{ADAPTER}.weight", None)
                if parameter is None:
                    raise RunError(
                        f"The custom model to start from does not name its layer {name} as a target.", user_error=True
                    )
                parameter.copy_(value)
    if trained:
        layer = next(iter(trained)).partition(".lora_")[0]
        raise RunError(f"The custom model to start from has no weights for its target {layer}.", user_error=True)
    return adapter.target_modules


@contextmanager
def without_lora(denoiser: nn.Module) -> Iterator[None]:
    """Within it a denoiser that add_lora changed predicts what its base does."""
    layers = [layer for layer in denoiser.modules() if isinstance(layer, LoraLayer)]
    for layer in layers:
        layer.is_on = False
    try:
        yield
    finally:
        for layer in layers:
            layer.is_on = True


def save_adapter(denoiser: nn.Module, folder: Path, rank: int, alpha: float, target_modules: tuple[str, ...]) -> None:
    """Writes the trained layers in PEFT's layout into an existing folder, float32."""
    weights = {
        PREFIX + name.replace(f".{ADAPTER}.", "."): parameter.detach().float().cpu().contiguous()
        for name, parameter in denoiser.named_parameters()
        if parameter.requires_grad
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": None,
        "base_model_name_or_path": None,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": sorted(target_modules),
    }
    write_json(folder / CONFIG, config)


@dataclass(frozen=True)
class Adapter:
    """One adapter, read and checked against the denoiser.

    :param factors: layer's name -> (A, B); float32 as they are read.
    :param target_modules: the layers as its configuration names them: whole names, or the ends of some.
    """

    scale: float
    factors: dict[str, tuple[Tensor, Tensor]]
    target_modules: tuple[str, ...] = ()


def read_adapter(folder: Path, denoiser: nn.Module, adapter_id: str) -> Adapter:
    """:raises RunError: the folder is no adapter, of an unsupported kind, or made for another base."""
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
        weights = load_file(folder / WEIGHTS)
        scale = float(config["lora_alpha"]) / int(config["r"])
        named = config.get("target_modules")
        targets = tuple(map(str, named)) if isinstance(named, list) else ()
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"The adapter {adapter_id} cannot be read: {type(error).__name__}: {error}") from None
    for option in UNSUPPORTED:
        if config.get(option):
            raise RunError(f"The adapter {adapter_id} has {option}, which is not supported.", user_error=True)
    layers = dict(denoiser.named_modules())
    factors: dict[str, tuple[Tensor, Tensor]] = {}
    for name in weights:
        if not name.endswith(".lora_A.weight"):
            continue
        layer_name = name.removeprefix(PREFIX).removesuffix(".lora_A.weight")
        a, b = weights[name].float(), weights.get(name.replace(".lora_A.", ".lora_B."))
        layer = layers.get(layer_name)
        if b is None or layer is None or not _fits(layer.weight, a, b):  # type: ignore[arg-type]
            raise RunError(
                f"The adapter {adapter_id} was made for another base model: its {layer_name} does not fit.",
                user_error=True,
            )
        factors[layer_name] = (a, b.float())
    if len(weights) != 2 * len(factors):
        raise RunError(f"The adapter {adapter_id} holds weights that are no LoRA of a layer.", user_error=True)
    return Adapter(scale, factors, targets)


class AdapterSwitch:
    """Lets one denoiser be its base or any of several adapters, one at a time.

    Each change copies the base's W of the layers that the adapters touch, and adds the new adapter's B A to it in
    float32, before it is rounded to W's own dtype: the same bits whatever was active before.
    """

    def __init__(self, denoiser: nn.Module, adapters: dict[str, Adapter]):
        self._adapters: dict[str, Adapter] = {}
        self._layers: dict[str, Any] = dict(denoiser.named_modules())
        self._originals: dict[str, Tensor] = {}
        self.active: str | None = None
        for adapter_id, adapter in adapters.items():
            self.add(adapter_id, adapter)

    def add(self, adapter_id: str, adapter: Adapter) -> None:
        """Keeps the adapter's factors in the dtype of the weights that they change."""
        self._keep(adapter.factors)
        factors = {
            name: (a.to(self._originals[name].dtype), b.to(self._originals[name].dtype))
            for name, (a, b) in adapter.factors.items()
        }
        self._adapters[adapter_id] = replace(adapter, factors=factors)

    def remove(self, adapter_id: str) -> None:
        """Lets go of an adapter; the base is active afterwards if it was. Nothing, where there is no such adapter."""
        if self.active == adapter_id:
            self.activate(None)
        self._adapters.pop(adapter_id, None)

    def _keep(self, layers: Iterable[str]) -> None:
        for name in layers:
            # A layer that no adapter touched so far still has the base's W.
            if name not in self._originals:
                self._originals[name] = self._layers[name].weight.detach().clone()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._adapters)

    @torch.no_grad()
    def activate(self, adapter_id: str | None) -> None:
        """:raises KeyError: no such adapter."""
        if adapter_id == self.active:
            return
        adapter = self._adapters[adapter_id] if adapter_id is not None else Adapter(0.0, {})
        for name, original in self._originals.items():
            weight: Tensor = self._layers[name].weight
            factors = adapter.factors.get(name)
            if factors is None:
                weight.copy_(original)
            else:
                a, b = (factor.to(original.device).float() for factor in factors)
                # In place: what passes through here and stays with the allocator is most of a switch's memory.
                weight.copy_(_product(a, b).mul_(adapter.scale).add_(original))
        self.active = adapter_id


def _product(a: Tensor, b: Tensor) -> Tensor:
    """B A as the layer's weight: of a linear layer [out, in]; of a convolution, whose A convolves to `rank`
    channels and whose B is 1 x 1, [out, in, kh, kw]."""
    if a.dim() == 2:
        return b @ a
    return torch.einsum("or,rikl->oikl", b.flatten(1), a)


def _fits(weight: Tensor, a: Tensor, b: Tensor) -> bool:
    return (
        a.dim() == b.dim() == weight.dim()
        and a.shape[1:] == weight.shape[1:]
        and b.shape[0] == weight.shape[0]
        and b.shape[1] == a.shape[0]
    )


def trainable_parameters(denoiser: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in denoiser.named_parameters() if parameter.requires_grad)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
