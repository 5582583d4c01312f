"""Pictures brought to the size asked for; flat illustrations with their edges as narrow as before.

Lanczos' filter makes a step of one pixel a ramp of four in a picture four times as large. Where a base draws flat
areas, each pixel then takes its colour from a little further away from the middle of the ramp (Arad & Gotsman 1999,
"Enhancement by Image-Dependent Warping"): the ramp narrows, nothing is brightened or darkened beside it, and flat areas
stay as they are. Each picture is enlarged by itself, so none depends on what is drawn beside it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

Pixels = NDArray[np.uint8]

# Edges are looked for at so many times the drawn size.
ANALYSIS_SCALE = 2
# Below so many times the drawn size a ramp is narrow enough.
LEAST_SCALE = 1.5
# How much is taken from further away, in squares of a drawn pixel: a ramp of deviation sigma becomes 1 + PULL / sigma²
# times as steep in its middle. Above 2.2 sigma², the colours on both sides of it would change their order.
PULL = 1.5
# Change of colour from one pixel to the next, of 1, that is an edge's; below it, grain.
LEAST_EDGE = 0.008


def enlarged(pixels: Pixels, width: int, height: int, is_crisp: bool) -> Pixels:
    """[h, w, 3] -> [height, width, 3]; what an unlike shape has too much is cut off at both sides alike.

    :param is_crisp: whether a picture's edges are kept narrow: for flat illustrations.
    """
    if not is_crisp or min(width / pixels.shape[1], height / pixels.shape[0]) < LEAST_SCALE:
        return np.asarray(ImageOps.fit(Image.fromarray(pixels), (width, height), Image.Resampling.LANCZOS))
    drawn_width, drawn_height = pixels.shape[1], pixels.shape[0]
    scale = max(width / drawn_width, height / drawn_height)
    shape = (min(drawn_width, round(width / scale)), min(drawn_height, round(height / scale)))
    image = ImageOps.fit(Image.fromarray(pixels), shape)
    finer = image.resize((image.width * ANALYSIS_SCALE, image.height * ANALYSIS_SCALE), Image.Resampling.BICUBIC)
    pull = functional.interpolate(_pulls(_planes(finer)), (height, width), mode="bilinear")[0]
    smooth = _planes(image.resize((width, height), Image.Resampling.LANCZOS))
    # grid_sample's places: -1 and 1 are the outer edges of the first and the last pixel.
    across = (2 * torch.arange(width) + 1) / width - 1 - pull[0] * (2 / image.width)
    down = ((2 * torch.arange(height) + 1) / height - 1)[:, None] - pull[1] * (2 / image.height)
    taken = functional.grid_sample(
        smooth, torch.stack([across, down], -1)[None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return (taken[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()


def _pulls(picture: Tensor) -> Tensor:
    """[1, 3, H, W] at ANALYSIS_SCALE -> [1, 2, H, W]: where the middle of the nearest edge lies, as drawn pixels across
    and down, times how much further away a pixel's colour is taken from."""
    across, down = _slopes(_softened(picture))
    edge = _softened((across.square() + down.square()).sum(1, keepdim=True).sqrt())
    reach = 2 * ANALYSIS_SCALE
    strongest = functional.max_pool2d(edge, 2 * reach + 1, 1, reach)
    return torch.cat(_slopes(edge), 1) * (PULL * ANALYSIS_SCALE / (strongest + LEAST_EDGE))


def _softened(planes: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.pad(planes, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _slopes(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Change a pixel across and down."""
    padded = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return across / 2, down / 2


def _planes(image: Image.Image) -> Tensor:
    """-> float32 [1, 3, H, W] in 0..1."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
