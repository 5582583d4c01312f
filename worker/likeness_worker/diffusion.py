"""The diffusion process: noising, the training target and its weight, and the samplers.

Everything is written in the form x_t = alpha_t x_0 + sigma_t noise, which covers both kinds of model here:
variance preserving (alpha² + sigma² = 1; Ho et al. 2020, "Denoising Diffusion Probabilistic Models") and rectified
flow (alpha + sigma = 1; Liu et al. 2022, Esser et al. 2024). Tensors are latents [B, C, H/8, W/8], float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from likeness_worker.rundir import RunError

PredictionType = Literal["epsilon", "v_prediction", "flow"]
# prediction = predict(x, index): x [B, C, H/8, W/8] at the noise level of one index into the schedule
Predict = Callable[[Tensor, int], Tensor]
# x0 = steer(x0, step): what a step's estimate of the image, [B, C, H/8, W/8], is to be instead; step counts from 0
Steer = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class DynamicShift:
    """How a flow's sampler spends more of its steps on noise the more tokens a picture has (Esser et al. 2024,
    §5.3.2, as FLUX.1 has it: the logarithm of the shift grows linearly with the number of tokens)."""

    base_shift: float
    max_shift: float
    base_tokens: int
    max_tokens: int

    def shifted(self, sigma: float, tokens: int) -> float:
        slope = (self.max_shift - self.base_shift) / (self.max_tokens - self.base_tokens)
        shift = math.exp(self.base_shift + slope * (tokens - self.base_tokens))
        return shift * sigma / (1 + (shift - 1) * sigma)


@dataclass(frozen=True)
class Process:
    """A noise schedule over T training timesteps, and what the denoiser predicts.

    :param alpha: [T], float64, signal's share at each timestep.
    :param sigma: [T], float64, noise's share.
    :param timesteps: [T], float32, the number that the denoiser is given for each.
    :param dynamic_shift: of a flow whose sampling path depends on the picture's size.
    """

    prediction_type: PredictionType
    alpha: Tensor
    sigma: Tensor
    timesteps: Tensor
    dynamic_shift: DynamicShift | None = None

    @property
    def zero_terminal_snr(self) -> bool:
        """Whether the last timestep is noise alone."""
        return bool(self.alpha[-1] < 1e-6)

    def draw_timesteps(self, generator: np.random.Generator, count: int) -> Tensor:
        """Indices into the schedule for one training batch, [count], int64. Uniform; for a flow logit-normal
        (Esser et al. 2024, "Scaling Rectified Flow Transformers", §3.1)."""
        if self.prediction_type == "flow":
            uniform = 1 / (1 + np.exp(-generator.standard_normal(count)))
            return torch.from_numpy((uniform * len(self.alpha)).astype(np.int64))
        return torch.from_numpy(generator.integers(0, len(self.alpha), count))

    def add_noise(self, latents: Tensor, noise: Tensor, index: Tensor) -> Tensor:
        """x_t = alpha_t x_0 + sigma_t noise, for index [B] into the schedule."""
        return _per_image(self.alpha, index, latents) * latents + _per_image(self.sigma, index, latents) * noise

    def target(self, latents: Tensor, noise: Tensor, index: Tensor) -> Tensor:
        """What the denoiser should predict. v = alpha noise - sigma x_0 is Salimans & Ho 2022, "Progressive
        Distillation", appendix D; a flow's velocity is noise - x_0."""
        if self.prediction_type == "epsilon":
            return noise
        if self.prediction_type == "flow":
            return noise - latents
        return _per_image(self.alpha, index, latents) * noise - _per_image(self.sigma, index, latents) * latents

    def loss_weight(self, index: Tensor, min_snr_gamma: float | None) -> Tensor:
        """[B], float32: Min-SNR weights (Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting
        Strategy", §3.4); all one where gamma is None, and for a flow, for which they are not defined."""
        if min_snr_gamma is None or self.prediction_type == "flow":
            return torch.ones(len(index))
        snr = (self.alpha[index] / self.sigma[index]) ** 2
        clipped = snr.clamp(max=min_snr_gamma)
        weight = clipped / snr if self.prediction_type == "epsilon" else clipped / (snr + 1)
        return weight.float()

    def split(self, prediction: Tensor, x: Tensor, alpha: float, sigma: float) -> tuple[Tensor, Tensor]:
        """(x_0, noise) that a prediction at x = alpha x_0 + sigma noise stands for."""
        if self.prediction_type == "epsilon":
            # A schedule that ends in noise alone cannot be left with an epsilon model: 0 there would divide.
            return (x - sigma * prediction) / max(alpha, 1e-4), prediction
        if self.prediction_type == "flow":
            return x - sigma * prediction, x + alpha * prediction
        return alpha * x - sigma * prediction, sigma * x + alpha * prediction


def read_process(base: Path) -> Process:
    """The process of a base model's folder, from its scheduler/scheduler_config.json."""
    return process_from(json.loads((base / "scheduler" / "scheduler_config.json").read_bytes()))


def process_from(config: Mapping[str, Any]) -> Process:
    """The process that a scheduler_config.json describes, whichever sampler's name stands in it.

    :raises RunError: a schedule or prediction type that this file does not know, by name.
    """
    count = int(config.get("num_train_timesteps", 1000))
    if "FlowMatch" in str(config.get("_class_name")):
        dynamic = None
        if config.get("use_dynamic_shifting"):
            if config.get("time_shift_type", "exponential") != "exponential":
                raise RunError("The scheduler's time_shift_type must be exponential.", user_error=True)
            dynamic = DynamicShift(
                float(config.get("base_shift", 0.5)),
                float(config.get("max_shift", 1.15)),
                int(config.get("base_image_seq_len", 256)),
                int(config.get("max_image_seq_len", 4096)),
            )
        shift = 1.0 if dynamic else float(config.get("shift", 1.0))
        sigma = torch.arange(1, count + 1, dtype=torch.float64) / count
        sigma = shift * sigma / (1 + (shift - 1) * sigma)
        return Process("flow", 1 - sigma, sigma, (sigma * count).float(), dynamic)
    kind = config.get("prediction_type", "epsilon")
    if kind not in ("epsilon", "v_prediction"):
        raise RunError(
            f"The scheduler's prediction_type {kind} is not supported (epsilon, v_prediction).",
            user_error=True,
        )
    alpha_bar = torch.cumprod(1 - _betas(config, count), dim=0)
    if config.get("rescale_betas_zero_snr"):
        alpha_bar = _rescale_to_zero_snr(alpha_bar)
    return Process(kind, alpha_bar.sqrt(), (1 - alpha_bar).sqrt(), torch.arange(count, dtype=torch.float32))


def trailing_path(process: Process, steps: int, positions: int, strength: float = 1.0) -> list[int]:
    """Indices into the schedule that a sampler visits, from the noisiest down: "trailing" spacing, which begins at
    the last timestep (Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed", §3.3).

    :param positions: of one picture's latents; a dynamic shift counts a token for each four of them.
    :param strength: how far up the schedule it begins, above 0 to 1; fewer steps for less.
    """
    length = len(process.alpha)
    start = max(1, round(strength * length))
    count = min(start, max(round(steps * strength), min(steps, 4)))
    levels = [start - i * start / count for i in range(count)]
    if process.dynamic_shift is not None:
        levels = [process.dynamic_shift.shifted(level / length, positions // 4) * length for level in levels]
    return [round(level) - 1 for level in levels]


def sample(
    process: Process,
    predict: Predict,
    x: Tensor,
    path: Sequence[int],
    sampler: str,
    steer: Steer | None = None,
) -> Tensor:
    """Takes x from the noise of path[0] to an image's latents, deterministically.

    "ddim": Song et al. 2021, "Denoising Diffusion Implicit Models", eq. 12 with eta = 0; for a flow it is Euler's
    step. "dpm++": DPM-Solver++(2M), Lu et al. 2022, algorithm 2, with a first-order first and last step.

    :param x: [B, C, H/8, W/8], float32, at the noise level of path[0].
    :param steer: replaces each step's estimate of x_0; the noise is then what x has beside it.
    :returns: the same shape.
    """
    alphas = [float(process.alpha[i]) for i in path] + [1.0]
    sigmas = [float(process.sigma[i]) for i in path] + [0.0]
    previous_x0: Tensor | None = None
    for i, index in enumerate(path):
        alpha, sigma, next_alpha, next_sigma = alphas[i], sigmas[i], alphas[i + 1], sigmas[i + 1]
        x0, noise = process.split(predict(x, index), x, alpha, sigma)
        if steer is not None:
            x0 = steer(x0, i)
            noise = (x - alpha * x0) / sigma
        if sampler == "dpm++":
            h = _log_snr(next_alpha, next_sigma) - _log_snr(alpha, sigma)
            denoised = x0
            if previous_x0 is not None and next_sigma > 0:
                last_h = _log_snr(alpha, sigma) - _log_snr(alphas[i - 1], sigmas[i - 1])
                # From noise alone (log-SNR of minus infinity) the extrapolation has no weight: first order.
                denoised = x0 + (h / (2 * last_h)) * (x0 - previous_x0)
            x = (next_sigma / sigma) * x + next_alpha * (1 - math.exp(-h)) * denoised
            previous_x0 = x0
        else:
            x = next_alpha * x0 + next_sigma * noise
    return x


def guide(unconditional: Tensor, conditional: Tensor, scale: Tensor, rescale: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022), then the rescaling of Lin et al. 2023, §3.4, which keeps a
    zero-terminal-SNR model from over-exposing.

    :param scale: [B, 1, 1, 1].
    """
    guided = unconditional + scale * (conditional - unconditional)
    if rescale <= 0:
        return guided
    dimensions = (1, 2, 3)
    factor = conditional.std(dimensions, keepdim=True) / guided.std(dimensions, keepdim=True)
    return rescale * guided * factor + (1 - rescale) * guided


def _per_image(table: Tensor, index: Tensor, like: Tensor) -> Tensor:
    return table[index].to(device=like.device, dtype=like.dtype).view(-1, 1, 1, 1)


def _log_snr(alpha: float, sigma: float) -> float:
    """lambda of DPM-Solver: log(alpha / sigma)."""
    if sigma == 0:
        return math.inf
    return math.log(alpha / sigma) if alpha > 0 else -math.inf


def _betas(config: Mapping[str, Any], count: int) -> Tensor:
    if config.get("trained_betas") is not None:
        return torch.tensor(config["trained_betas"], dtype=torch.float64)
    start, end = float(config.get("beta_start", 0.0001)), float(config.get("beta_end", 0.02))
    name = config.get("beta_schedule", "linear")
    if name == "linear":
        return torch.linspace(start, end, count, dtype=torch.float64)
    if name == "scaled_linear":
        return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    if name == "squaredcos_cap_v2":  # Nichol & Dhariwal 2021
        t = torch.arange(count + 1, dtype=torch.float64) / count
        alpha_bar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=0.999)
    raise RunError(
        f"The scheduler's beta_schedule {name} is not supported (linear, scaled_linear, squaredcos_cap_v2).",
        user_error=True,
    )


def _rescale_to_zero_snr(alpha_bar: Tensor) -> Tensor:
    """Lin et al. 2023, algorithm 1: shifts and scales sqrt(alpha_bar) so that the last is 0 and the first stays."""
    root = alpha_bar.sqrt()
    root = (root - root[-1]) * root[0] / (root[0] - root[-1])
    return root**2
