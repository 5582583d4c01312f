"""What a base model's likeness.json may set: the LoRA of a job, its training, the drawing of a request, and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lora:
    rank: int
    alpha: float
    target_modules: tuple[str, ...]


@dataclass(frozen=True)
class Training:
    """Defaults of a job; the server resolves them into spec.json, but for the last.

    :param first_rate_of_b: how many times faster than its A a LoRA's B learns at first (train.rate_of_b).
    """

    caption_dropout: float = 0.1
    unconditional_prior: float = 0.0
    warmup_steps: int = 20
    min_snr_gamma: float | None = None
    learning_rate_schedule: str = "constant"
    first_rate_of_b: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """Defaults of a request.

    :param steps: denoiser steps at quality "standard"; "premium" takes twice as many.
    :param guidance_scale: classifier-free guidance that cfgScale 8.0 (the seed system's default) stands for.
    :param guidance_rescale: phi of Lin et al. 2023, "Common Diffusion Noise Schedules…", §3.4; 0 is off.
    :param guidance_stop: how far down the schedule guidance goes (Kynkäänniemi et al. 2024, "Applying Guidance in a
        Limited Interval…"): 1 to its end; 0.6 leaves it out of the last four tenths.
    :param sampler: "ddim" or "dpm++" (see diffusion.py).
    :param crisp_edges: whether edges stay narrow where a picture is enlarged (enlarging.py): for flat illustrations.
    """

    steps: int = 25
    guidance_scale: float = 7.5
    guidance_rescale: float = 0.0
    guidance_stop: float = 1.0
    sampler: str = "dpm++"
    crisp_edges: bool = False


@dataclass(frozen=True)
class Groups:
    """How a base lays out two or three subjects in a row (groups.py). Lengths without another unit are shares of a
    subject's size, which is the pitch or `height` of the picture's height, whichever is less.

    :param pitches: from one subject to the next, shares of the picture's width: of two, of three.
    :param height: the most that a subject may take of the picture's height.
    :param middle: of the row, a share of the picture's height.
    :param frame: side of the square in which a subject is drawn again, as a picture of it alone would show it.
    :param half_width: of what is laid in.
    :param reach: its top and bottom from the middle, upwards negative.
    :param strength: how far up the schedule a subject is noised before it is drawn again, above 0 to 1.
    """

    pitches: tuple[float, float]
    height: float
    middle: float
    frame: float
    half_width: float
    reach: tuple[float, float]
    strength: float


def read_lora(said: Mapping[str, Any], default: Lora) -> Lora:
    """:param said: the member `lora`; what it leaves out is the default's."""
    return Lora(
        rank=int(said.get("rank", default.rank)),
        alpha=float(said.get("alpha", default.alpha)),
        target_modules=tuple(str(name) for name in said.get("targetModules", default.target_modules)),
    )


def read_training(said: Mapping[str, Any]) -> Training:
    """:raises ValueError: a value is out of its bounds."""
    default = Training()
    gamma = said.get("minSnrGamma", default.min_snr_gamma)
    schedule = str(said.get("learningRateSchedule", default.learning_rate_schedule))
    if schedule not in ("constant", "cosine"):
        raise ValueError("training.learningRateSchedule must be constant or cosine")
    unconditional_prior = float(said.get("unconditionalPrior", default.unconditional_prior))
    if not 0 <= unconditional_prior <= 1:
        raise ValueError("training.unconditionalPrior must be 0 to 1")
    first_rate_of_b = float(said.get("firstRateOfB", default.first_rate_of_b))
    if not 1 <= first_rate_of_b <= 16:
        raise ValueError("training.firstRateOfB must be 1 to 16")
    return Training(
        caption_dropout=float(said.get("captionDropout", default.caption_dropout)),
        unconditional_prior=unconditional_prior,
        warmup_steps=int(said.get("warmupSteps", default.warmup_steps)),
        min_snr_gamma=None if gamma is None else float(gamma),
        learning_rate_schedule=schedule,
        first_rate_of_b=first_rate_of_b,
    )


def read_sampling(said: Mapping[str, Any], default: Sampling) -> Sampling:
    """:raises ValueError: a value is out of its bounds."""
    sampler = str(said.get("sampler", default.sampler))
    if sampler not in ("ddim", "dpm++"):
        raise ValueError("sampling.sampler must be ddim or dpm++")
    crisp_edges = said.get("crispEdges", default.crisp_edges)
    if not isinstance(crisp_edges, bool):
        raise ValueError(f"sampling.crispEdges must be true or false, and is {crisp_edges!r}")
    guidance_stop = float(said.get("guidanceStop", default.guidance_stop))
    if not 0 < guidance_stop <= 1:
        raise ValueError(f"sampling.guidanceStop must be above 0 and at most 1, and is {guidance_stop}")
    return Sampling(
        steps=int(said.get("steps", default.steps)),
        guidance_scale=float(said.get("guidanceScale", default.guidance_scale)),
        guidance_rescale=float(said.get("guidanceRescale", default.guidance_rescale)),
        guidance_stop=guidance_stop,
        sampler=sampler,
        crisp_edges=crisp_edges,
    )


def read_groups(said: Mapping[str, Any] | None) -> Groups | None:
    """None for a base that draws several subjects as one. :raises ValueError: one is missing or out of bounds."""
    if said is None:
        return None

    def number(name: str) -> float:
        value = said.get(name)
        if not isinstance(value, int | float) or value <= 0:
            raise ValueError(f"groups.{name} must be a number above 0, and is {value}")
        return float(value)

    def two(name: str) -> tuple[float, float]:
        values = said.get(name)
        if not isinstance(values, list) or [type(value) in (int, float) for value in values] != [True, True]:
            raise ValueError(f"groups.{name} must be two numbers, and is {values}")
        return float(values[0]), float(values[1])

    if number("strength") > 1:
        raise ValueError(f"groups.strength must be at most 1, and is {said['strength']}")
    return Groups(
        pitches=two("pitches"),
        height=number("height"),
        middle=number("middle"),
        frame=number("frame"),
        half_width=number("halfWidth"),
        reach=two("reach"),
        strength=number("strength"),
    )
