"""Latents and text states of every training image, computed once, in files of the run directory.

What is where is found by content (cache_index.py): where the server keeps the folder, a later training on the same
pictures and captions computes nothing. Both are raw numbers in one file each, mapped into memory: 10,000 captions'
states at Stable Diffusion's size are more than 2 GB. They are written by plain writes, since a full disk under a
mapped file is SIGBUS and not an error that result.json could tell of.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness_worker import spec as contract
from likeness_worker.attempt import Attempt, Stopped
from likeness_worker.cache_index import LATENTS, TEXT, CachedImage, CachedMask, CacheIndex
from likeness_worker.data import (
    ImageError,
    Sample,
    Size,
    bucket_for,
    fit_image,
    open_image,
    orientation_of,
    upright_size,
)
from likeness_worker.families import Family, to_unit_range
from likeness_worker.masks import found_weights, latent_weights, read_mask
from likeness_worker.rundir import RunError, sha256_of
from likeness_worker.windows import join_windows

ENCODING = 1  # to be raised when pictures are cut, scaled or encoded in another way: what was kept is then no use
NAMED_ERRORS = 20
DECODED_AHEAD = 16  # images decoded and waiting: bounds the memory, not the number of images
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Examples:
    """What the loop draws from.

    :param buckets: image numbers by size, the largest bucket first.
    :param empty: [1, L, D], states of the empty text.
    """

    buckets: list[list[int]]
    empty: Tensor
    _latents: Tensor  # flat, float32
    _latent_shapes: list[tuple[int, ...]]
    _latent_offsets: list[int]
    _states: Tensor  # [windows, L, D]
    _captions: list[tuple[int, int]]  # of each image: first window, number of windows
    _masks: list[CachedMask | None]  # of each image

    def __len__(self) -> int:
        return len(self._latent_shapes)

    def latents(self, images: NDArray[np.int32]) -> Tensor:
        """[B, C, H/8, W/8], float32, of images of one bucket."""
        rows: list[Tensor] = []
        for image in images.tolist():
            shape, offset = self._latent_shapes[image], self._latent_offsets[image]
            rows.append(self._latents[offset : offset + int(np.prod(shape))].view(shape))
        return torch.stack(rows)

    def loss_weights(self, images: NDArray[np.int32], unmasked_weight: float) -> Tensor | None:
        """[B, 1, H/8, W/8], float32: 1 inside each image's mask, `unmasked_weight` outside, 1 all over where it has
        none; None where none of them has one."""
        masks = [self._masks[image] for image in images.tolist()]
        if not any(masks):
            return None
        height, width = self._latent_shapes[int(images[0])][1:]
        rows = [
            torch.ones(height, width)
            if mask is None
            else self._latents[mask.offset : mask.offset + height * width].view(height, width)
            for mask in masks
        ]
        return torch.lerp(torch.tensor(unmasked_weight), torch.tensor(1.0), torch.stack(rows)).unsqueeze(1)

    def text_states(self, images: NDArray[np.int32], dropped: NDArray[np.bool_]) -> Tensor:
        """[B, S, D]; where dropped, the empty text's."""
        rows: list[Tensor] = []
        for image, drop in zip(images.tolist(), dropped.tolist(), strict=True):
            first, count = self._captions[image]
            rows.append(self.empty if drop else self._states[first : first + count])
        return join_windows(rows, self.empty)


def build_cache(attempt: Attempt, family: Family, samples: list[Sample]) -> Examples:
    """Encodes every caption and image that an earlier training did not leave in the kept folder.

    :raises RunError: images that do not decode, masks that are none, by line and path; no mask can be found by words.
    :raises Stopped: someone asked for it meanwhile.
    """
    if attempt.spec.mask_prompt is not None and family.text_positions("") is None:
        raise RunError(
            "This base model cannot find in a picture what maskedLoss names: leave it out, and give masks by mask-ref.",
            user_error=True,
        )
    kept, folder = attempt.spec.kept_cache_path, cache_folder(attempt)
    folder.mkdir(parents=True, exist_ok=True)
    report = _Report(attempt, len(samples))
    dtype = family.placement.dtype
    index = CacheIndex(folder, encoding_identity(attempt, family), dtype.itemsize)
    captions: list[tuple[int, int]] = []
    try:
        with index.open_text() as text_file, index.open_latents() as latents_file:
            texts = _TextStates(text_file, family, index)
            first, count = texts.place("", 0)

            def encode_caption(sample: Sample) -> None:
                captions.append(texts.place(sample.caption, sample.line))

            images, masks = _write_latents(latents_file, attempt, family, samples, index, encode_caption, report)
    finally:
        # What an interrupted attempt encoded, the next one need not.
        if kept is not None:
            index.write()
    report.done(len(samples))
    turned = sum(image.is_turned for image in images)
    if turned:
        were = "1 image was" if turned == 1 else f"{turned} images were"
        attempt.log.warn(f"{were} turned upright by {'its' if turned == 1 else 'their'} EXIF orientation.")
    by_size: dict[Size, list[int]] = {}
    for number, image in enumerate(images):
        by_size.setdefault(image.size, []).append(number)
    states = _map(folder / TEXT, dtype).view(-1, *index.window)
    return Examples(
        buckets=sorted(by_size.values(), key=lambda bucket: (-len(bucket), bucket[0])),
        empty=states[first : first + count].clone(),
        _latents=_map(folder / LATENTS, torch.float32),
        _latent_shapes=[image.shape for image in images],
        _latent_offsets=[image.offset for image in images],
        _states=states,
        _captions=captions,
        _masks=masks,
    )


def cache_folder(attempt: Attempt) -> Path:
    """The folder that the server keeps for trainings on these pictures, else the attempt's own."""
    kept = attempt.spec.kept_cache_path
    return attempt.run.cache if kept is None else attempt.run.resolve(kept)


def encoding_identity(attempt: Attempt, family: Family) -> str:
    """Of what decides how a picture and a caption are encoded: its sha256. The weights by name and size; whoever hands
    a kept folder over sees to it that they are the same."""
    base, placement = family.base, family.placement
    digest = hashlib.sha256()
    facts = (
        ENCODING,
        base.family,
        base.size_multiple,
        attempt.spec.resolution,
        placement.precision,
        placement.device.type,
    )
    digest.update(json.dumps(facts).encode())
    for path in sorted(base.path.rglob("*")):
        if path.suffix == ".json":
            digest.update(f"{path.relative_to(base.path)} {sha256_of(path)}\n".encode())
        elif path.suffix == ".safetensors":
            digest.update(f"{path.relative_to(base.path)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


class _Report:
    """Progress of caching as events, a few a second, and the look at the stop file beside each."""

    def __init__(self, attempt: Attempt, total: int):
        self._attempt = attempt
        self._total = total
        self._last = 0.0
        self.done(0)

    def done(self, count: int) -> None:
        self._attempt.log.append(contract.PhaseEvent(phase="caching", done=count, total=self._total))
        self._last = time.monotonic()

    def at(self, count: int) -> None:
        if time.monotonic() - self._last >= PROGRESS_SECONDS:
            self.done(count)
        wish = self._attempt.stop_wish()
        if wish is not None:
            raise Stopped(wish)


class _TextStates:
    """Writes the states of each caption that is not there yet, one after the other."""

    def __init__(self, file: BinaryIO, family: Family, index: CacheIndex):
        self._file, self._family, self._index = file, family, index

    def place(self, caption: str, line: int) -> tuple[int, int]:
        """(first window, windows) of a caption. :raises RunError: it cannot be encoded; by the manifest's line."""
        digest = hashlib.sha256(caption.encode()).hexdigest()
        if digest not in self._index.captions:
            try:
                states = self._family.encode_text(caption).cpu().contiguous()
            except Exception as error:
                # Only the kind of error: its text could quote the caption.
                kind = type(error).__name__
                raise RunError(f"The caption of line {line} cannot be encoded: {kind}.") from None
            self._file.write(states.view(torch.uint8).numpy().tobytes())
            self._index.add_caption(digest, tuple(states.shape))
        return self._index.captions[digest]


@dataclass(frozen=True)
class _Decoded:
    """A picture as it comes from the threads that read.

    :param pixels: None where its latents, and a mask that would be found in it, are there already.
    :param mask: None where there is none in a file, or it is there already.
    :param mask_key: None where it has none.
    """

    digest: str
    size: Size
    is_turned: bool
    pixels: NDArray[np.uint8] | None
    mask_key: str | None
    mask: NDArray[np.float32] | None


def _finder(attempt: Attempt) -> str:
    """What finds masks by words beside the base's own denoiser: nothing, or the weights of a fully trained parent."""
    spec = attempt.spec
    if spec.mask_prompt is None or spec.method != "full" or spec.start_from_path is None:
        return ""
    return " ".join(map(sha256_of, sorted(attempt.run.resolve(spec.start_from_path).glob("*.safetensors"))))


def _decode(sample: Sample, attempt: Attempt, family: Family, index: CacheIndex, finder: str) -> _Decoded:
    """:raises ImageError: the picture or its mask cannot be used."""
    path, prompt = attempt.run.resolve(sample.path), attempt.spec.mask_prompt
    with open_image(path) as image:
        whole = upright_size(image)
        size = bucket_for(whole.width / whole.height, attempt.spec.resolution, family.base.size_multiple)
        digest = sha256_of(path)
        mask_key, mask = None, None
        if sample.mask is not None:
            mask_path = attempt.run.resolve(sample.mask)
            mask_key = f"{digest} {sha256_of(mask_path)}"
            if mask_key not in index.masks:
                try:
                    mask = latent_weights(read_mask(mask_path, whole), size, family.latent_scale)
                except ImageError as error:
                    raise ImageError(f"has a mask (mask-ref) that {error}") from None
        elif prompt is not None:
            mask_key = f"{digest} found {hashlib.sha256((prompt + finder).encode()).hexdigest()}"
        is_found_later = sample.mask is None and mask_key is not None and mask_key not in index.masks
        is_needed = digest not in index.images or is_found_later
        return _Decoded(
            digest, size, orientation_of(image) != 1, fit_image(image, size) if is_needed else None, mask_key, mask
        )


def _write_latents(
    file: BinaryIO,
    attempt: Attempt,
    family: Family,
    samples: list[Sample],
    index: CacheIndex,
    encode_caption: Callable[[Sample], None],
    report: _Report,
) -> tuple[list[CachedImage], list[CachedMask | None]]:
    """Writes the latents and the mask of each image that are not there yet, and has its caption encoded beside them (so
    that progress is of whole examples); returns where each image's are."""
    images: list[CachedImage] = []
    masks: list[CachedMask | None] = []
    failures: list[str] = []
    prompt, finder = attempt.spec.mask_prompt, _finder(attempt)
    threads = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Sample, Future[_Decoded]]] = deque()
        ahead = iter(samples)
        try:
            for number in range(len(samples)):
                while len(waiting) < DECODED_AHEAD and (sample := next(ahead, None)) is not None:
                    waiting.append((sample, pool.submit(_decode, sample, attempt, family, index, finder)))
                sample, future = waiting.popleft()
                try:
                    decoded = future.result()
                except ImageError as error:
                    failures.append(f"line {sample.line} ({sample.path}) {error}")
                    continue
                digest, pixels, key, mask = decoded.digest, decoded.pixels, decoded.mask_key, decoded.mask
                if pixels is not None and digest not in index.images:
                    # One image a call: its latents must not depend on its neighbours in the manifest.
                    latents = family.encode_images(to_unit_range(pixels))[0].cpu().contiguous()
                    if not bool(torch.isfinite(latents).all()):
                        failures.append(f"line {sample.line} ({sample.path}) has no finite latents")
                        continue
                    file.write(latents.numpy().tobytes())
                    index.add_image(digest, decoded.size, tuple(latents.shape), decoded.is_turned)
                if key is not None and key not in index.masks:
                    if mask is None:
                        assert pixels is not None
                        assert prompt is not None
                        with torch.no_grad():
                            mask = found_weights(pixels, prompt, family)
                    file.write(np.ascontiguousarray(mask).tobytes())
                    index.add_mask(key, (mask.shape[0], mask.shape[1]))
                encode_caption(sample)
                images.append(index.images[digest])
                masks.append(None if key is None else index.masks[key])
                report.at(number + 1)
        finally:
            for _, future in waiting:
                future.cancel()
    if failures:
        named = "; ".join(failures[:NAMED_ERRORS])
        more = f"; and {len(failures) - NAMED_ERRORS} more" if len(failures) > NAMED_ERRORS else ""
        count = f"{len(failures)} of {len(samples)} images cannot be used"
        raise RunError(f"{count}: {named}{more}.", user_error=True)
    return images, masks


def _map(path: Path, dtype: torch.dtype) -> Tensor:
    """The file as one flat tensor, read from the disk when it is touched."""
    count = path.stat().st_size // dtype.itemsize
    return torch.from_file(str(path), shared=False, size=count, dtype=dtype)
