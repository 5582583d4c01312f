"""The embedded model's learned upsampler: four times the pixels, with the crisp edges that flat drawings have.

A small residual network in the manner of EDSR (Lim et al. 2017, "Enhanced Deep Residual Networks for Single Image
Super-Resolution"): it works at half the size that it is given, on space-to-depth channels, so that its convolutions
see far for little work, and adds what it found to the picture scaled up bilinearly (Shi et al. 2016 for the sub-pixel
shuffle at its end). It is a part of a base model's folder like any other: config.json and safetensors.
"""

from __future__ import annotations

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

FACTOR = 4
UNSHUFFLE = 2


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(x)))


class Upsampler(ModelMixin, ConfigMixin):
    """x [B, 3, H, W] in -1..1, H and W even -> [B, 3, 4 H, 4 W], not clamped."""

    @register_to_config
    def __init__(self, width: int = 96, depth: int = 5) -> None:
        super().__init__()
        self.begin = nn.Conv2d(3 * UNSHUFFLE**2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.end = nn.Conv2d(width, 3 * (FACTOR * UNSHUFFLE) ** 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.begin(F.pixel_unshuffle(x, UNSHUFFLE))
        detail = F.pixel_shuffle(self.end(features + self.blocks(features)), FACTOR * UNSHUFFLE)
        return F.interpolate(x, scale_factor=FACTOR, mode="bilinear", align_corners=False) + detail
