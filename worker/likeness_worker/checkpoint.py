"""What a checkpoint holds: the trained weights, AdamW's state, and a few numbers. Safetensors and JSON, no pickle.

There is no state of a random generator or of a data loader in it: the order of the images is a function of the
seed, and what is random in a step is a function of (seed, step), so the number of finished steps is the state of
both (data.plan_batches, data.step_generator).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from likeness_worker import spec as contract
from likeness_worker.lora import read_tensors
from likeness_worker.optimizer import AdamW
from likeness_worker.rundir import RunError, verify_checkpoint, write_json

TRAINABLE = "trainable.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
# What must be as it was for the losses to go on as if nothing had happened. (The learning-rate schedule needs
# stepCount; threads may differ, at the price of the last bits.)
PINNED = (
    "method", "rank", "alpha", "step_count", "batch_size", "learning_rate", "learning_rate_schedule",
    "warmup_steps", "caption_dropout", "unconditional_prior", "min_snr_gamma", "prior_preservation", "resolution",
    "seed",
)  # fmt: skip


@dataclass(frozen=True)
class TrainingState:
    """The numbers of state.json.

    :param recent_losses: of the last 5 % of the steps, for result.json's trainingLoss.
    :param rate_share: what is left of the learning rate after going back from broken steps (guards.Rollback).
    """

    step: int
    training_seconds: float
    recent_losses: list[float]
    learning_rate: float
    image_count: int
    rate_share: float = 1.0


def save_state(
    folder: Path,
    spec: contract.TrainSpec,
    parameters: dict[str, nn.Parameter],
    optimizer: AdamW,
    state: TrainingState,
) -> None:
    """Writes the three files into an existing folder."""
    save_file(_on_cpu({name: parameter.detach() for name, parameter in parameters.items()}), folder / TRAINABLE)
    moments: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        for key, value in optimizer.state[parameter].items():
            moments[f"{name}/{key}"] = value
    save_file(_on_cpu(moments), folder / OPTIMIZER)
    pinned = {name: getattr(spec, name) for name in PINNED}
    write_json(folder / STATE, {"v": 1, **asdict(state), "pinned": pinned})


def layers_of(folder: Path) -> list[str]:
    """The layers whose LoRA a checkpoint holds, by their names in the denoiser.

    :raises RunError: it is damaged.
    """
    verify_checkpoint(folder)
    # The file's header alone has the names: load_state reads the tensors.
    with safe_open(folder / TRAINABLE, framework="pt") as file:
        return sorted({name.partition(".lora_")[0] for name in file.keys()})  # noqa: SIM118 (no dict)


def load_state(
    folder: Path,
    spec: contract.TrainSpec,
    image_count: int,
    parameters: dict[str, nn.Parameter],
    optimizer: AdamW,
) -> TrainingState:
    """Reads a checkpoint into the parameters and the optimizer.

    :raises RunError: it is damaged, or of a training with other settings.
    """
    verify_checkpoint(folder)
    data = json.loads((folder / STATE).read_bytes())
    for name, value in data.pop("pinned").items():
        if value != getattr(spec, name):
            raise RunError(f"The checkpoint {folder.name} was made with {name} {value}, not {getattr(spec, name)}.")
    data.pop("v")
    state = TrainingState(**data)
    if state.image_count != image_count:
        raise RunError(f"The checkpoint {folder.name} was made on {state.image_count} images, not {image_count}.")
    weights, moments = read_tensors(folder / TRAINABLE), read_tensors(folder / OPTIMIZER)
    if weights.keys() != parameters.keys():
        raise RunError(f"The checkpoint {folder.name} was made for another base model: other layers are trained.")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
            optimizer.state[parameter] = {
                "step": moments[f"{name}/step"].to(parameter.device),
                # In the parameter's own memory layout: the fused kernel walks both by address.
                "exp_avg": torch.zeros_like(parameter).copy_(moments[f"{name}/exp_avg"]),
                "exp_avg_sq": torch.zeros_like(parameter).copy_(moments[f"{name}/exp_avg_sq"]),
            }
    return state


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
