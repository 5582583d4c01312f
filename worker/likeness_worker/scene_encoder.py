"""The network of the embedded encoder: pictures and MiniLM's sentences to points of one sphere, and pictures to points
of another on which the same subject lies together whatever surrounds it. Trained by models/art/encoder.py.

Layout: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", with a frozen text
side; the subject's head is supervised contrastive (Khosla et al. 2020).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PIXELS = 64  # side of the square that a picture is scaled to
WIDTHS = (32, 64, 96, 128, 160, 192)
STRIDES = (2, 2, 2, 1, 2, 1)
SENTENCE = 384
SPACE = 256
FEATURES = 2 * WIDTHS[-1]


class SceneEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, stride in zip(WIDTHS, STRIDES, strict=True):
            layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.GroupNorm(8, width), nn.SiLU()]
            channels = width
        self.trunk = nn.Sequential(*layers)
        self.scene = nn.Linear(FEATURES, SPACE)
        self.subject = nn.Linear(FEATURES, SPACE)
        self.sentence = nn.Linear(SENTENCE, SPACE)
        self.log_scale = nn.Parameter(torch.tensor([2.7, 2.7]))

    def features(self, pictures: Tensor) -> Tensor:
        """[B, 3, 64, 64], float32, -1 to 1 -> [B, FEATURES]: what both points are made of."""
        maps = self.trunk(pictures)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)

    def encode_pictures(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, 64, 64], float32, -1 to 1 -> (scene [B, 256], subject [B, 256]), both of length 1."""
        pooled = self.features(pictures)
        scene, subject = self.scene(pooled), self.subject(pooled)
        return functional.normalize(scene, dim=-1), functional.normalize(subject, dim=-1)

    def encode_sentences(self, sentences: Tensor) -> Tensor:
        """MiniLM's sentence vectors [B, 384], of length 1 -> [B, 256], of length 1."""
        return functional.normalize(self.sentence(sentences), dim=-1)


def mean_states(states: Tensor, mask: Tensor) -> Tensor:
    """MiniLM's sentence vector: the mean over real tokens, of length 1. states [B, L, 384], mask [B, L]."""
    weights = mask.unsqueeze(-1).float()
    mean = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
    return cast(Tensor, functional.normalize(mean, dim=-1))
