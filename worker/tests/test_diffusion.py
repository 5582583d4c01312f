"""The process agrees with diffusers' schedulers, and the samplers with each other on a known denoiser."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from likeness_worker.diffusion import guide, process_from, sample, trailing_path
from likeness_worker.rundir import RunError

pytestmark = pytest.mark.unit

ZERO_SNR = {
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
}
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.mark.parametrize("config", [ZERO_SNR, SD, {"beta_schedule": "linear"}, {"beta_schedule": "squaredcos_cap_v2"}])
def test_alpha_bar_is_that_of_diffusers(config: dict[str, object]) -> None:
    process = process_from(config)
    expected = DDPMScheduler(**config).alphas_cumprod.double()
    assert torch.allclose(process.alpha**2, expected, atol=2e-4)
    assert process.zero_terminal_snr == ("rescale_betas_zero_snr" in config)


def test_noise_and_target_are_those_of_diffusers() -> None:
    process, scheduler = process_from(ZERO_SNR), DDPMScheduler(**ZERO_SNR)
    torch.manual_seed(0)
    latents, noise, index = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8), torch.tensor([0, 500, 999])
    assert torch.allclose(
        process.add_noise(latents, noise, index), scheduler.add_noise(latents, noise, index), atol=1e-3
    )
    assert torch.allclose(
        process.target(latents, noise, index), scheduler.get_velocity(latents, noise, index), atol=1e-3
    )


@pytest.mark.parametrize("config", [ZERO_SNR, SD, {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}])
def test_split_inverts_add_noise(config: dict[str, object]) -> None:
    process = process_from(config)
    torch.manual_seed(0)
    latents, noise, index = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8), torch.tensor([600])
    x = process.add_noise(latents, noise, index)
    prediction = process.target(latents, noise, index)
    x0, eps = process.split(prediction, x, float(process.alpha[600]), float(process.sigma[600]))
    assert torch.allclose(x0, latents, atol=1e-4)
    assert torch.allclose(eps, noise, atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++"])
def test_samplers_are_those_of_diffusers(sampler: str) -> None:
    """On a denoiser that is some smooth function of x and t."""
    options = {**SD, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    scheduler = (
        DDIMScheduler(**options, clip_sample=False, set_alpha_to_one=True)
        if sampler == "ddim"
        else DPMSolverMultistepScheduler(**options, final_sigmas_type="zero", lower_order_final=True)
    )
    scheduler.set_timesteps(10)
    process = process_from(options)
    path = trailing_path(process, 10, 64)
    assert path == [int(t) for t in scheduler.timesteps]

    def predict(x: torch.Tensor, index: int) -> torch.Tensor:
        return torch.tanh(x) * 0.5 + index / 2000

    torch.manual_seed(0)
    start = torch.randn(2, 4, 8, 8)
    expected = start
    for t in scheduler.timesteps:
        expected = scheduler.step(predict(expected, int(t)), t, expected).prev_sample
    drawn = sample(process, predict, start, path, sampler)
    assert torch.allclose(drawn, expected, atol=2e-2)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++"])
@pytest.mark.parametrize("config", [ZERO_SNR, {"_class_name": "FlowMatchEulerDiscreteScheduler"}])
def test_a_denoiser_that_knows_the_image_draws_it(sampler: str, config: dict[str, object]) -> None:
    process = process_from(config)
    torch.manual_seed(0)
    image, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)

    def predict(x: torch.Tensor, index: int) -> torch.Tensor:
        return process.target(image, noise, torch.tensor([index]))

    drawn = sample(process, predict, noise, trailing_path(process, 8, 64), sampler)
    assert torch.allclose(drawn, image, atol=1e-3)


def test_strength_shortens_the_path() -> None:
    process = process_from(ZERO_SNR)
    assert trailing_path(process, 25, 64)[0] == 999
    weak = trailing_path(process, 25, 64, 0.1)
    assert weak[0] == 99
    assert len(weak) == 4
    assert all(earlier > later for earlier, later in pairwise(weak))


def test_min_snr_weights() -> None:
    """Hang et al. 2023: min(snr, gamma) / snr for epsilon, / (snr + 1) for v."""
    index = torch.tensor([10, 500, 999])
    epsilon = process_from(SD)
    snr = (epsilon.alpha[index] / epsilon.sigma[index]) ** 2
    assert torch.allclose(epsilon.loss_weight(index, 5.0).double(), snr.clamp(max=5) / snr, atol=1e-5)
    v = process_from(ZERO_SNR).loss_weight(index, 5.0)
    assert v[2] == 0
    assert torch.isfinite(v).all()
    assert torch.equal(v.new_ones(3), process_from(SD).loss_weight(index, None))


def test_guidance() -> None:
    unconditional, conditional = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    one = torch.ones(2, 1, 1, 1)
    assert torch.allclose(guide(unconditional, conditional, one, 0.0), conditional, atol=1e-5)
    rescaled = guide(unconditional, conditional, 7 * one, 1.0)
    assert torch.allclose(rescaled.std((1, 2, 3)), conditional.std((1, 2, 3)), atol=1e-4)


def test_unknown_schedules_are_refused_by_name() -> None:
    with pytest.raises(RunError, match="prediction_type sample"):
        process_from({"prediction_type": "sample"})
    with pytest.raises(RunError, match="beta_schedule sigmoid"):
        process_from({"beta_schedule": "sigmoid"})


@pytest.mark.parametrize(("height", "width"), [(8, 8), (32, 16), (128, 128)])
def test_a_dynamic_shift_visits_the_noise_levels_that_diffusers_does(height: int, width: int) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    options = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
    scheduler = FlowMatchEulerDiscreteScheduler(**options)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / 12, 12).tolist(), mu=calculate_shift(height * width // 4))
    process = process_from({"_class_name": "FlowMatchEulerDiscreteScheduler", **options})
    path = trailing_path(process, 12, height * width)
    assert np.allclose([float(process.sigma[i]) for i in path], scheduler.sigmas[:-1].numpy(), atol=1e-3)
