"""What each task asks of the model: a request in the contract's terms becomes latents to start from, text states,
guidance and a path through the noise schedule; what comes out becomes pictures of exactly the size asked for.

How the seed system's parameters map:

- width, height: drawn at the size of about the base's resolution² pixels whose aspect is nearest
  (data.bucket_for, as in training), then scaled up (Lanczos) to cover the size asked for, and its middle cut out.
- cfgScale: 1 + (cfgScale - 1) (guidanceScale - 1) / 7, so that the seed system's default of 8 gives the family's
  good value and 1 would be no guidance.
- quality: "premium" takes twice the steps of "standard".
- seed: image i of a request draws its noise from (seed, i) alone, so image 0 is the same whether 1 or 5 are asked
  for.
- similarityStrength s: the input is noised to 1 - 0.9 s of the schedule and denoised from there: 1.0 changes
  little but texture, 0.2 keeps the rough layout and colours.
- several input images: image i of the answer starts from input i mod n. (Their mean would be a blur of all.)
- without a text: no guidance; the empty text's states.

What is drawn gets the watermark (watermark.py): all of a picture, or in an edited one the part that is new, where it
has room. What is only cut out (BACKGROUND_REMOVAL, SMART_CROP) has nothing drawn in it, and gets none. DETECTION looks
for it.

CAPTION and MASK prepare pictures for a training (preparing.py): text is what the picture is known to show, or what to
find in it. The mask is grey, white where the words are shown.

The other tasks: editing.py (INPAINTING, OUTPAINTING), palette.py (COLOR_GUIDED_GENERATION), conditioning.py
(TEXT_IMAGE with a condition), subjects.py (BACKGROUND_REMOVAL, SMART_CROP, maskPrompt).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from likeness_worker import conditioning, editing, groups, palette, subjects, watermark
from likeness_worker.data import ImageError, Size, bucket_for, fit_image, open_image, to_rgb, upright, upright_size
from likeness_worker.diffusion import trailing_path
from likeness_worker.enlarging import enlarged
from likeness_worker.families import Family, to_unit_range
from likeness_worker.model_settings import Groups
from likeness_worker.preparing import Captioner, Finder, attention_of, words_of
from likeness_worker.raster import Mask
from likeness_worker.spec import CropBox, InvokeRequest, WatermarkFound
from likeness_worker.windows import join_windows

# Deflate at level 1: a third of the time of level 6 for files a tenth larger, on drawings scaled up.
PNG_LEVEL = 1
# A mask is black and white; what compression adds to that lies within this of either.
MASK_TOLERANCE = 64
# Share of a mask's pixels that may lie between: the soft edge of one that was scaled.
MASK_GREY_SHARE = 0.05
# Pictures past this many pixels are decoded one after another: a PNG of 4,096 x 4,096 with transparency takes 320 MiB,
# which the requests in hand would multiply. In one thread: in several, malloc keeps what each of them had.
LARGE_PIXELS = 1408 * 1408
LARGE_DECODER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-pictures")
# Tasks of one image that is used as it is stored.
EDITS = ("INPAINTING", "OUTPAINTING", "BACKGROUND_REMOVAL", "SMART_CROP", "DETECTION", "CAPTION", "MASK")


class InvalidRequest(ValueError):
    """The request is at fault; the text says what to change, and never quotes a prompt."""


@dataclass(frozen=True)
class Shape:
    """What must be equal for images to go through the denoiser together."""

    size: Size
    text_length: int  # of the text states, after filling up with empty windows
    guided: bool
    path: tuple[int, ...]
    steered: bool = False


@dataclass(frozen=True)
class Drawing:
    """One image to draw.

    :param start: [C, H/8, W/8], float32, at the noise level of shape.path[0].
    :param conditional: [S, D], text states.
    :param unconditional: [S, D], states of the negative text (or the empty one).
    :param guidance: scale of classifier-free guidance.
    :param steer: of this image alone, its x0 [C, H/8, W/8] and the step; there exactly where the shape is steered.
    """

    shape: Shape
    start: Tensor
    conditional: Tensor
    unconditional: Tensor
    guidance: float
    steer: Callable[[Tensor, int], Tensor] | None = None


@dataclass(frozen=True)
class Inputs:
    """The request's images, decoded: at the drawn size, or as they are where they are edited.

    :param images: each [H, W, 3], uint8.
    :param mask: [H, W], True where it is black.
    """

    images: list[NDArray[np.uint8]] = field(default_factory=list)
    mask: Mask | None = None


@dataclass(frozen=True)
class Outcome:
    """What the answer holds; pixels are [H, W, 3], [H, W, 4] with transparency, or [H, W] grey."""

    images: list[NDArray[np.uint8]]
    mask: Mask | None = None
    crop_box: CropBox | None = None
    watermark: WatermarkFound | None = None
    is_watermarked: bool = False
    caption: str | None = None


@dataclass(frozen=True)
class Plan:
    """What to draw for a request (nothing, for some), and what the answer makes of it.

    :param then: from what was drawn, the plan that takes this one's place; it runs the autoencoder.
    """

    drawings: list[Drawing]
    finish: Callable[[list[NDArray[np.uint8]]], Outcome]
    then: Callable[[list[NDArray[np.uint8]]], Plan] | None = None


def drawn_size(family_resolution: int, size_multiple: int, request: InvokeRequest) -> Size:
    """The size at which the request is drawn, before scaling up."""
    return bucket_for(request.width / request.height, family_resolution, size_multiple)


def check_request(request: InvokeRequest, adapter_ids: tuple[str, ...], family: Family) -> None:
    """What the schema cannot say. :raises InvalidRequest:"""
    task = request.task
    if request.adapter_id is not None and request.adapter_id not in adapter_ids:
        raise InvalidRequest(f"adapterId {request.adapter_id} is not loaded here")
    check_preparation(request, words_of(family.base.path), attention_of(family))
    if family.distilled_guidance and request.negative_text:
        raise InvalidRequest("negativeText has no effect on this base model, whose guidance is distilled: leave it out")
    if task in ("TEXT_IMAGE", "OUTPAINTING", "COLOR_GUIDED_GENERATION") and request.text is None:
        raise InvalidRequest(f"text is required for {task}")
    if task == "IMAGE_VARIATION":
        if not request.images:
            raise InvalidRequest("images must have 1 to 5 images for IMAGE_VARIATION")
        if request.similarity_strength is None:
            raise InvalidRequest("similarityStrength is required for IMAGE_VARIATION")
    if (task in EDITS or request.control is not None) and len(request.images) != 1:
        raise InvalidRequest(f"images must have one image for {task}")
    if task in ("INPAINTING", "OUTPAINTING") and (
        request.mask is None or (request.mask.image is None) == (request.mask.prompt is None)
    ):
        raise InvalidRequest(f"mask must have either image or prompt for {task}")
    prompted = request.mask is not None and request.mask.prompt is not None
    if (prompted or (task == "SMART_CROP" and request.text)) and family.text_positions("") is None:
        raise InvalidRequest("this base model cannot find what a prompt names in a picture: use a mask image")
    if task == "COLOR_GUIDED_GENERATION" and not request.colors:
        raise InvalidRequest("colors must have 1 to 10 colors for COLOR_GUIDED_GENERATION")


def check_preparation(request: InvokeRequest, captioner: Captioner | None, finder: Finder | None) -> None:
    """Of CAPTION and MASK. :raises InvalidRequest: this model does not do it, or the request lacks something."""
    if request.task == "CAPTION" and captioner is None:
        raise InvalidRequest("this model says nothing about pictures: use a captioning model (BLIP)")
    if request.task == "MASK":
        if finder is None:
            raise InvalidRequest("this model cannot find what words name: use a segmentation model (CLIPSeg)")
        if not request.text:
            raise InvalidRequest("text is required for MASK")
    if request.task in ("CAPTION", "MASK") and len(request.images) != 1:
        raise InvalidRequest(f"images must have one image for {request.task}")


def plan_preparation(
    request: InvokeRequest, captioner: Captioner | None, finder: Finder | None, image: NDArray[np.uint8]
) -> Plan:
    """Of CAPTION and MASK, which check_preparation let pass."""
    if request.task == "CAPTION":
        assert captioner is not None
        caption = captioner.caption(image, request.text)
        return Plan([], lambda _: Outcome([], caption=caption))
    assert finder is not None
    assert request.text is not None
    found = finder.find(image, request.text).astype(np.uint8) * np.uint8(255)
    return Plan([], lambda _: Outcome([found]))


def decode_inputs(request: InvokeRequest, size: Size | None) -> Inputs:
    """Decodes the request's images, at `size` where they are not edited.

    :raises InvalidRequest: naming images[i] or mask.image.
    """
    if request.task not in EDITS:
        assert size is not None
        return Inputs([_decoded(data, f"images[{i}]", size) for i, data in enumerate(request.images)])
    # A watermark lies in the stored pixels, however they are shown.
    image = _decoded(request.images[0], "images[0]", None, is_upright=request.task != "DETECTION")
    mask = request.mask
    if mask is None or mask.image is None:
        return Inputs([image])
    return Inputs([image], decode_mask(mask.image, image.shape[1], image.shape[0]))


def _opened(encoded: str, name: str) -> Image.Image:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"{name} is not base64") from None
    try:
        return open_image(io.BytesIO(data))
    except ImageError as error:
        raise InvalidRequest(f"{name} {error}") from None


def _decoded(encoded: str, name: str, size: Size | None, is_upright: bool = True) -> NDArray[np.uint8]:
    """:param size: None: its own. :param is_upright: as a person sees it, by its EXIF orientation; so is its mask."""
    try:
        with _opened(encoded, name) as image:
            if size and image.width * image.height > LARGE_PIXELS:
                return LARGE_DECODER.submit(fit_image, image, size).result()
            return fit_image(image, size) if size else np.asarray(to_rgb(upright(image) if is_upright else image))
    except ImageError as error:
        raise InvalidRequest(f"{name} {error}") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InvalidRequest):
            raise
        raise InvalidRequest(f"{name} does not decode") from None


def decode_mask(encoded: str, width: int, height: int) -> Mask:
    """[H, W], True where the mask is black. :raises InvalidRequest: it is no mask, or not of that size."""
    name = "mask.image"
    with _opened(encoded, name) as image:
        size = upright_size(image)
        if size != Size(width, height):
            raise InvalidRequest(
                f"{name} must be {width} x {height} pixels, as the image upright; it has {size.width} x {size.height}"
            )
        try:
            shown = upright(image)
            rgb = np.asarray(to_rgb(shown))
            alpha = np.asarray(shown.convert("RGBA"))[..., 3] if shown.has_transparency_data else None
        except (OSError, SyntaxError, ValueError):
            raise InvalidRequest(f"{name} does not decode") from None
    if alpha is not None and bool((alpha < 255).any()):
        raise InvalidRequest(f"{name} must have no transparent pixel")
    low, high = rgb.min(-1), rgb.max(-1)
    between = (high > MASK_TOLERANCE) & (low < 255 - MASK_TOLERANCE)
    if float(between.mean()) > MASK_GREY_SHARE:
        raise InvalidRequest(f"{name} must be black and white; {100 * float(between.mean()):.0f} % of it is neither")
    return high < 128


def plan_request(request: InvokeRequest, family: Family, inputs: Inputs) -> Plan:
    """The request, ready for the denoiser. Runs the text encoder and the autoencoder, for a prompted mask the
    denoiser too."""
    if request.task in ("INPAINTING", "OUTPAINTING"):
        return _plan_hole(request, family, inputs)
    if request.task in ("CAPTION", "MASK"):
        return plan_preparation(request, words_of(family.base.path), attention_of(family), inputs.images[0])
    if request.task == "BACKGROUND_REMOVAL":
        cut_out = subjects.without_background(inputs.images[0], _subject_of(inputs.images[0], family), family)
        return Plan([], lambda _: Outcome([cut_out]))
    if request.task == "SMART_CROP":
        image = inputs.images[0]
        words = request.text or _subject_of(image, family)
        box = subjects.crop_box(image, request.width, request.height, words, family)
        crop = image[box.top : box.top + box.height, box.left : box.left + box.width]
        return Plan([], lambda _: Outcome([crop], crop_box=box))
    if request.task == "DETECTION":
        return Plan([], lambda _: Outcome([], watermark=watermark.detect(inputs.images[0])))
    layout = family.base.groups
    if layout is not None and request.task == "TEXT_IMAGE" and request.control is None:
        group = groups.group_of(request.text or "")
        if group is not None:
            return _plan_group(request, family, layout, group)
    return _whole(request, family, _plan_whole(request, family, inputs))


def _subject_of(image: NDArray[np.uint8], family: Family) -> str | None:
    """What the base itself says that a picture [H, W, 3] shows, where it has words and can find them."""
    words = words_of(family.base.path)
    return None if words is None or attention_of(family) is None else words.subject(image)


def _whole(request: InvokeRequest, family: Family, drawings: list[Drawing]) -> Plan:
    """Each drawing is a picture of the answer."""

    def finish(drawn: list[NDArray[np.uint8]]) -> Outcome:
        if request.task == "COLOR_GUIDED_GENERATION":
            colors = palette.parse_colors(request.colors)
            drawn = [palette.recoloured(pixels, colors, palette.LAST_PULL) for pixels in drawn]
        return Outcome([watermark.embed(_scaled(pixels, request, family)) for pixels in drawn], is_watermarked=True)

    return Plan(drawings, finish)


def _plan_whole(request: InvokeRequest, family: Family, inputs: Inputs) -> list[Drawing]:
    size = drawn_size(family.base.resolution, family.base.size_multiple, request)
    latents = [family.encode_images(to_unit_range(pixels))[0] for pixels in inputs.images]
    if request.task == "IMAGE_VARIATION":
        assert request.similarity_strength is not None
        return _drawings(request, family, size, latents, 1 - 0.9 * request.similarity_strength)
    if request.task == "COLOR_GUIDED_GENERATION":
        colors = palette.parse_colors(request.colors)
        if latents:
            return _drawings(request, family, size, latents, palette.REFERENCE_STRENGTH, palette_steer(colors, family))
        layouts = [palette.layout(colors, size, request.seed + i) for i in range(request.number_of_images)]
        latents = [family.encode_images(to_unit_range(pixels))[0] for pixels in layouts]
        return _drawings(request, family, size, latents, palette.LAYOUT_STRENGTH, palette_steer(colors, family))
    control = request.control
    if control is None:
        return _drawings(request, family, size, [], 1.0)
    if control.mode == "SEGMENTATION":
        flat = family.encode_images(to_unit_range(conditioning.flattened(inputs.images[0])))
        return _drawings(request, family, size, [flat[0]], conditioning.kept_strength(control.strength))
    edge = conditioning.edges(inputs.images[0])
    return _drawings(
        request,
        family,
        size,
        [],
        1.0,
        lambda _, steps: conditioning.EdgeSteer(latents[0], edge, control.strength, steps),
    )


def _plan_group(request: InvokeRequest, family: Family, layout: Groups, group: groups.Group) -> Plan:
    """The whole picture, then each of its subjects again in its place."""
    layout_request = dataclasses.replace(request, text=group.layout)
    whole = _whole(request, family, _plan_whole(layout_request, family, Inputs()))
    row = groups.row_of(layout, len(group.parts), request.width, request.height)

    def again(drawn: list[NDArray[np.uint8]]) -> Plan:
        pictures = [groups.widened(_scaled(pixels, request, family), row) for pixels in drawn]
        drawings: list[Drawing] = []
        for part, text in enumerate(group.parts):
            frame, mask = row.frames[part], row.masks[part]
            subjects = [groups.encode_subject(pixels, frame, mask, family) for pixels in pictures]
            one = dataclasses.replace(request, text=text)
            latents, steers = [subject.latents for subject in subjects], [subject.steer for subject in subjects]
            drawings += _drawings(
                one, family, subjects[0].size, latents, layout.strength, lambda i, _, steers=steers: steers[i], (part,)
            )

        def finish(redrawn: list[NDArray[np.uint8]]) -> Outcome:
            is_crisp = family.base.sampling.crisp_edges
            laid = [
                groups.laid_in(pixels, row, redrawn[i :: len(pictures)], is_crisp) for i, pixels in enumerate(pictures)
            ]
            return Outcome([watermark.embed(pixels) for pixels in laid], is_watermarked=True)

        return Plan(drawings, finish)

    return dataclasses.replace(whole, then=again)


def palette_steer(colors: NDArray[np.float32], family: Family) -> Callable[[int, int], palette.PaletteSteer]:
    return lambda _, steps: palette.PaletteSteer(colors, family, steps)


def _plan_hole(request: InvokeRequest, family: Family, inputs: Inputs) -> Plan:
    image = inputs.images[0]
    black = inputs.mask
    if black is None:
        assert request.mask is not None
        assert request.mask.prompt is not None
        black = subjects.prompted_mask(image, request.mask.prompt, family)
    outside = request.task == "OUTPAINTING"
    radius = editing.edge_radius(image.shape[1], image.shape[0])
    spill = radius if request.out_painting_mode == "DEFAULT" else 0
    mask = ~black if outside else black
    if inputs.mask is None:
        hole = editing.found_hole(image, mask, radius, spill)
    else:
        hole = editing.Hole(image, mask, radius, spill)
    encoded = editing.encode_hole(hole, family)
    # Without a text (INPAINTING alone) it goes on from the smooth filling, half noised.
    strength, latents = (1.0, []) if request.text else (editing.REMOVAL_STRENGTH, [encoded.latents])
    drawings = _drawings(request, family, encoded.size, latents, strength, lambda *_: encoded.steer)
    black = ~hole.mask if outside else hole.mask
    returned = black if request.mask is not None and request.mask.is_returned else None

    def finish(drawn: list[NDArray[np.uint8]]) -> Outcome:
        frame = encoded.frame
        scaled = [enlarged(one, frame.width, frame.height, family.base.sampling.crisp_edges) for one in drawn]
        laid_in = [editing.lay_in(hole, frame, one) for one in scaled]
        is_marked = all(watermark.can_hold(weights) for _, weights in laid_in)
        images = [watermark.embed(pixels, weights) if is_marked else pixels for pixels, weights in laid_in]
        return Outcome(images, returned, is_watermarked=is_marked)

    return Plan(drawings, finish)


def _drawings(
    request: InvokeRequest,
    family: Family,
    size: Size,
    latents: list[Tensor],
    strength: float,
    steer_for: Callable[[int, int], Callable[[Tensor, int], Tensor]] | None = None,
    noise_key: tuple[int, ...] = (),
) -> list[Drawing]:
    """The request's images.

    :param latents: what image i starts from, i mod their number; empty: noise alone.
    :param strength: how far up the schedule they are noised.
    :param steer_for: an image's number and its path's length -> what steers it.
    :param noise_key: makes its noise another than that of the request's other drawings.
    """
    sampling, process = family.base.sampling, family.process
    steps = sampling.steps * (2 if request.quality == "premium" else 1)
    scale = family.latent_scale
    shape_latents = (family.latent_channels, size.height // scale, size.width // scale)

    empty = family.encode_text("")
    conditional = family.encode_text(request.text) if request.text else empty
    unconditional = family.encode_text(request.negative_text) if request.negative_text else empty
    conditional, unconditional = join_windows([conditional, unconditional], empty)
    guided = bool(request.text or request.negative_text)

    path = tuple(trailing_path(process, steps, shape_latents[1] * shape_latents[2], strength))
    alpha, sigma = float(process.alpha[path[0]]), float(process.sigma[path[0]])
    shape = Shape(size, conditional.shape[0], guided, path, steer_for is not None)
    guidance = guidance_scale(request, sampling.guidance_scale)

    drawings: list[Drawing] = []
    for i in range(request.number_of_images):
        generator = np.random.default_rng([request.seed, i, *noise_key])
        noise = torch.from_numpy(generator.standard_normal(shape_latents, dtype=np.float32))
        start = noise.to(family.placement.device)
        if latents:
            start = alpha * latents[i % len(latents)] + sigma * start
        steer = None if steer_for is None else steer_for(i, len(path))
        drawings.append(Drawing(shape, start, conditional, unconditional, guidance, steer))
    return drawings


def guidance_scale(request: InvokeRequest, family_scale: float) -> float:
    return 1 + (request.cfg_scale - 1) * (family_scale - 1) / 7


def _scaled(pixels: NDArray[np.uint8], request: InvokeRequest, family: Family) -> NDArray[np.uint8]:
    """[H, W, 3] of exactly the size asked for."""
    return enlarged(pixels, request.width, request.height, family.base.sampling.crisp_edges)


def encode_png(pixels: NDArray[np.uint8]) -> str:
    """[H, W, 3 or 4], or [H, W] -> base64 of a PNG; the same pixels give the same bytes (no time, no text chunk)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=PNG_LEVEL)
    return base64.b64encode(file.getvalue()).decode()


def encode_mask(black: Mask) -> str:
    """Black and white, RGB, as a request's masks are."""
    grey = np.where(black, np.uint8(0), np.uint8(255))
    return encode_png(np.repeat(grey[..., None], 3, axis=2))
