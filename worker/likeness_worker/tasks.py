"""What each task asks of the model: a request in the contract's terms becomes latents to start from, text states,
guidance and a path through the noise schedule; what comes out becomes PNGs of exactly the size asked for.

How the seed system's parameters map:

- width, height: drawn at the size of about the base's resolution² pixels whose aspect is nearest
  (data.bucket_for, as in training), then enlarged by the base's upsampler if it has one, scaled (Lanczos) to cover the
  size asked for, and its middle cut out.
- cfgScale: 1 + (cfgScale - 1) (guidanceScale - 1) / 7, so that the seed system's default of 8 gives the family's
  good value and 1 would be no guidance.
- quality: "premium" takes twice the steps of "standard".
- seed: image i of a request draws its noise from (seed, i) alone, so image 0 is the same whether 1 or 5 are asked
  for.
- similarityStrength s: the input is noised to 1 - 0.9 s of the schedule and denoised from there: 1.0 changes
  little but texture, 0.2 keeps the rough layout and colours.
- several input images: image i of the answer starts from input i mod n. (Their mean would be a blur of all.)
- IMAGE_VARIATION without text: no guidance; the empty text's states.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from likeness_worker.cache import to_unit_range
from likeness_worker.data import ImageError, Size, bucket_for, fit_image, open_image
from likeness_worker.diffusion import trailing_path
from likeness_worker.families import Family
from likeness_worker.spec import InvokeRequest
from likeness_worker.windows import join_windows

# Deflate at level 1: a third of the time of level 6 for files a tenth larger, on drawings scaled up.
PNG_LEVEL = 1


class InvalidRequest(ValueError):
    """The request is at fault; the text says what to change, and never quotes a prompt."""


@dataclass(frozen=True)
class Shape:
    """What must be equal for images to go through the denoiser together."""

    size: Size
    text_length: int  # of the text states, after filling up with empty windows
    guided: bool
    path: tuple[int, ...]


@dataclass(frozen=True)
class Drawing:
    """One image to draw.

    :param start: [C, H/8, W/8], float32, at the noise level of shape.path[0].
    :param conditional: [S, D], text states.
    :param unconditional: [S, D], states of the negative text (or the empty one).
    :param guidance: scale of classifier-free guidance.
    """

    shape: Shape
    start: Tensor
    conditional: Tensor
    unconditional: Tensor
    guidance: float


def drawn_size(family_resolution: int, size_multiple: int, request: InvokeRequest) -> Size:
    """The size at which the request is drawn, before scaling up."""
    return bucket_for(request.width / request.height, family_resolution, size_multiple)


def check_request(request: InvokeRequest, adapter_ids: tuple[str, ...], distilled_guidance: bool) -> None:
    """What the schema cannot say. :raises InvalidRequest:"""
    if request.adapter_id is not None and request.adapter_id not in adapter_ids:
        raise InvalidRequest(f"adapterId {request.adapter_id} is not loaded here")
    if distilled_guidance and request.negative_text:
        raise InvalidRequest("negativeText has no effect on this base model, whose guidance is distilled: leave it out")
    if request.task == "TEXT_IMAGE" and request.text is None:
        raise InvalidRequest("text is required for TEXT_IMAGE")
    if request.task == "IMAGE_VARIATION":
        if not request.images:
            raise InvalidRequest("images must have 1 to 5 images for IMAGE_VARIATION")
        if request.similarity_strength is None:
            raise InvalidRequest("similarityStrength is required for IMAGE_VARIATION")


def decode_inputs(request: InvokeRequest, size: Size) -> list[NDArray[np.uint8]]:
    """The input images at the drawn size, each [H, W, 3]. :raises InvalidRequest: naming images[i]."""
    pixels: list[NDArray[np.uint8]] = []
    for i, encoded in enumerate(request.images):
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequest(f"images[{i}] is not base64") from None
        try:
            with open_image(io.BytesIO(data)) as image:
                pixels.append(fit_image(image, size))
        except ImageError as error:
            raise InvalidRequest(f"images[{i}] {error}") from None
    return pixels


def plan_drawings(request: InvokeRequest, family: Family, inputs: list[NDArray[np.uint8]]) -> list[Drawing]:
    """The request's images, ready for the denoiser. Runs the text encoder and the autoencoder."""
    sampling = family.base.sampling
    size = drawn_size(family.base.resolution, family.base.size_multiple, request)
    steps = sampling.steps * (2 if request.quality == "premium" else 1)
    process = family.process
    shape_latents = (
        family.latent_channels,
        size.height // family.latent_scale,
        size.width // family.latent_scale,
    )

    empty = family.encode_text("")
    conditional = family.encode_text(request.text) if request.text else empty
    unconditional = family.encode_text(request.negative_text) if request.negative_text else empty
    conditional, unconditional = join_windows([conditional, unconditional], empty)
    guided = bool(request.text or request.negative_text)

    strength = 1.0
    latents: list[Tensor] = []
    if request.task == "IMAGE_VARIATION":
        assert request.similarity_strength is not None
        strength = 1 - 0.9 * request.similarity_strength
        latents = [family.encode_images(to_unit_range(pixels))[0] for pixels in inputs]
    path = tuple(trailing_path(process, steps, shape_latents[1] * shape_latents[2], strength))
    alpha, sigma = float(process.alpha[path[0]]), float(process.sigma[path[0]])
    shape = Shape(size, conditional.shape[0], guided, path)

    drawings: list[Drawing] = []
    for i in range(request.number_of_images):
        generator = np.random.default_rng([request.seed, i])
        noise = torch.from_numpy(generator.standard_normal(shape_latents, dtype=np.float32))
        start = noise.to(family.placement.device)
        if latents:
            start = alpha * latents[i % len(latents)] + sigma * start
        drawings.append(
            Drawing(shape, start, conditional, unconditional, guidance_scale(request, sampling.guidance_scale))
        )
    return drawings


def guidance_scale(request: InvokeRequest, family_scale: float) -> float:
    return 1 + (request.cfg_scale - 1) * (family_scale - 1) / 7


def encode_png(pixels: NDArray[np.uint8], width: int, height: int) -> str:
    """[H, W, 3] -> base64 of a PNG of exactly width x height; the same pixels give the same bytes (no time, no
    text chunk)."""
    image = Image.fromarray(pixels)
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=PNG_LEVEL)
    return base64.b64encode(file.getvalue()).decode()
