"""Whether a picture is nearly a copy of a training picture.

The distance of two pictures is the root of their mean squared difference at 32 by 32 pixels. The threshold comes from
rendered truth: copies are training pictures shifted by a pixel of 64, blurred and made noisy, and 99 in 100 of them
lie below it; originals are fresh scenes of the held-out prompts, and the share of them below it (which should be near
0) is printed as the test's false alarms.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def _small(pictures: np.ndarray) -> Tensor:
    """uint8 [n, h, w, 3] to float32 [n, 3072] in 0..1."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    return F.interpolate(x, size=(32, 32), mode="area").flatten(1)


def distances(pictures: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return each picture's distance to the nearest training picture, [n]."""
    a, b = _small(pictures), _small(training)
    return (torch.cdist(a, b) / a.shape[1] ** 0.5).min(1).values.numpy()


def _perturbed(pictures: np.ndarray, seed: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    n, _, h, w = x.shape
    theta = torch.eye(2, 3).repeat(n, 1, 1)
    theta[:, :, 2] = (torch.rand(n, 2, generator=generator) * 2 - 1) * 2 / 64
    x = F.grid_sample(
        x, F.affine_grid(theta, [n, 3, h, w], align_corners=False), padding_mode="border", align_corners=False
    )
    x = F.interpolate(F.interpolate(x, size=(48, 48), mode="area"), size=(h, w), mode="bilinear")
    x = (
        x
        + 0.04 * torch.randn(x.shape, generator=generator)
        + 0.06 * (torch.rand(n, 3, 1, 1, generator=generator) - 0.5)
    )
    return (x.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy()


@dataclass(frozen=True)
class CopyTest:
    """A threshold, and how it does on rendered truth."""

    threshold: float
    copies_found: float
    false_alarms: float


def calibrate(training: np.ndarray, originals: np.ndarray) -> CopyTest:
    """Set the threshold from perturbed training pictures and fresh originals, both uint8 [n, h, w, 3]."""
    copies = np.concatenate([distances(_perturbed(training, seed), training) for seed in range(5)])
    threshold = float(np.quantile(copies, 0.99))
    return CopyTest(
        threshold, float((copies <= threshold).mean()), float((distances(originals, training) <= threshold).mean())
    )
