"""The training's arithmetic, without training."""

import pytest
import torch

from models.art.denoiser import learning_rate, scheduler, v_target


def test_the_schedule_ends_in_pure_noise() -> None:
    assert scheduler().alphas_cumprod[-1] == 0


def test_v_gives_back_latents_and_noise() -> None:
    latents, noise, alpha_bar = (
        torch.randn(2, 8, 4, 4),
        torch.randn(2, 8, 4, 4),
        torch.tensor([0.9, 0.2]).view(2, 1, 1, 1),
    )
    noisy = alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * noise
    v = v_target(latents, noise, alpha_bar)
    assert torch.allclose(alpha_bar.sqrt() * noisy - (1 - alpha_bar).sqrt() * v, latents, atol=1e-5)


def test_the_learning_rate_warms_up_holds_and_falls() -> None:
    assert learning_rate(1.0, 0, 0.0) == pytest.approx(1 / 200)
    assert learning_rate(1.0, 1000, 0.4) == 1.0
    assert learning_rate(1.0, 1000, 1.0) == pytest.approx(0.02)
