"""Which part of a training picture teaches: a mask beside it, or one found by what the subject is called.

A mask is a JPEG or PNG of the picture's aspect. With transparency its opacity counts, else its grey: white is the
subject, black what is around it. Nothing flips or turns pictures at random here, so a mask goes the picture's own way:
upright, scaled to cover its bucket, the middle cut out, then averaged over each latent position.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from likeness_worker.data import ImageError, Size, open_image, to_rgb, upright, upright_size
from likeness_worker.families import Family
from likeness_worker.subjects import prompted_mask

# A mask that was scaled by another tool is a pixel off; what is further off belongs to another picture.
ASPECT_TOLERANCE = 0.01
# JPEG's chroma makes grey pixels a little coloured.
COLOUR_TOLERANCE = 24
# Share of the picture below which a mask teaches nothing.
LEAST_SHARE = 0.001


def read_mask(path: Path, picture: Size) -> Image.Image:
    """A mask's weights as an image of mode L, upright, at its own size.

    :param picture: the size of the picture that it belongs to, upright.
    :raises ImageError: it is no mask, belongs to another picture, or marks nothing; reads after the mask's name.
    """
    with open_image(path) as image:
        size = upright_size(image)
        ratio = size.width * picture.height / (size.height * picture.width)
        if abs(ratio - 1) > ASPECT_TOLERANCE:
            raise ImageError(
                f"is {size.width} x {size.height} pixels, the picture {picture.width} x {picture.height}: "
                "both must have the same aspect"
            )
        try:
            shown = upright(image)
            rgb = np.asarray(to_rgb(shown)).astype(np.int16)
            alpha = np.asarray(shown.convert("RGBA"))[..., 3] if shown.has_transparency_data else None
        except Exception:
            raise ImageError("does not decode") from None
    if alpha is not None and bool((alpha < 255).any()):
        weights = alpha
    else:
        if float((rgb.max(-1) - rgb.min(-1) > COLOUR_TOLERANCE).mean()) > LEAST_SHARE:
            raise ImageError("is in colour: a mask is grey, or transparent around its subject")
        weights = rgb.mean(-1).round().astype(np.uint8)
    if float(weights.mean()) / 255 < LEAST_SHARE:
        raise ImageError("marks nothing: white, or what is opaque, is the subject")
    return Image.fromarray(weights)


def latent_weights(mask: Image.Image, size: Size, scale: int) -> NDArray[np.float32]:
    """The mask as cut and scaled with its picture.

    :param size: of the picture's bucket, pixels. :param scale: pixels a side of one latent position.
    :returns: [H / scale, W / scale], float32, 0 to 1.
    """
    cut = ImageOps.fit(mask, (size.width, size.height), Image.Resampling.BOX)
    small = cut.resize((size.width // scale, size.height // scale), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def found_weights(pixels: NDArray[np.uint8], prompt: str, family: Family) -> NDArray[np.float32]:
    """The same, of what the base model finds by the subject's words in a picture of its bucket's size [H, W, 3]."""
    mask = np.where(prompted_mask(pixels, prompt, family), np.uint8(255), np.uint8(0))
    return latent_weights(Image.fromarray(mask), Size(pixels.shape[1], pixels.shape[0]), family.latent_scale)
