"""Latents and text states of every training image, computed once, in files of the run directory.

Both are raw numbers in one file each, mapped into memory: 10,000 captions' states at Stable Diffusion's size are
more than 2 GB. They are written by plain writes, since a full disk under a mapped file is SIGBUS and not an error
that result.json could tell of.
"""

from __future__ import annotations

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
from likeness_worker.data import (
    ImageError,
    Sample,
    Size,
    bucket_for,
    fit_image,
    is_turned,
    open_image,
    upright_size,
)
from likeness_worker.families import Family
from likeness_worker.rundir import RunError
from likeness_worker.windows import join_windows

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

    def __len__(self) -> int:
        return len(self._latent_shapes)

    def latents(self, images: NDArray[np.int32]) -> Tensor:
        """[B, C, H/8, W/8], float32, of images of one bucket."""
        rows: list[Tensor] = []
        for image in images.tolist():
            shape, offset = self._latent_shapes[image], self._latent_offsets[image]
            rows.append(self._latents[offset : offset + int(np.prod(shape))].view(shape))
        return torch.stack(rows)

    def text_states(self, images: NDArray[np.int32], dropped: NDArray[np.bool_]) -> Tensor:
        """[B, S, D]; where dropped, the empty text's."""
        rows: list[Tensor] = []
        for image, drop in zip(images.tolist(), dropped.tolist(), strict=True):
            first, count = self._captions[image]
            rows.append(self.empty if drop else self._states[first : first + count])
        return join_windows(rows, self.empty)


def build_cache(attempt: Attempt, family: Family, samples: list[Sample]) -> Examples:
    """Encodes every caption and image.

    :raises RunError: images that do not decode, by line and path.
    :raises Stopped: someone asked for it meanwhile.
    """
    folder = attempt.run.cache
    folder.mkdir(parents=True, exist_ok=True)
    report = _Report(attempt, len(samples))
    with (folder / "text.bin").open("wb") as text_file, (folder / "latents.bin").open("wb") as latents_file:
        texts = _TextStates(text_file, family)
        captions: list[tuple[int, int]] = []

        def encode_caption(sample: Sample) -> None:
            captions.append(texts.place(sample))

        sizes, shapes, turned = _write_latents(latents_file, attempt, family, samples, encode_caption, report)
    report.done(len(samples))
    if turned:
        images = "1 image was" if turned == 1 else f"{turned} images were"
        attempt.log.warn(f"{images} turned upright by {'its' if turned == 1 else 'their'} EXIF orientation.")
    by_size: dict[Size, list[int]] = {}
    for image, size in enumerate(sizes):
        by_size.setdefault(size, []).append(image)
    empty = family.encode_text("").cpu()
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes]).tolist()
    return Examples(
        buckets=sorted(by_size.values(), key=lambda bucket: (-len(bucket), bucket[0])),
        empty=empty,
        _latents=_map(folder / "latents.bin", torch.float32),
        _latent_shapes=shapes,
        _latent_offsets=[0, *ends[:-1]],
        _states=_map(folder / "text.bin", empty.dtype).view(-1, *empty.shape[1:]),
        _captions=captions,
    )


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
    """Writes the states of each different caption, one after the other."""

    def __init__(self, file: BinaryIO, family: Family):
        self._file = file
        self._family = family
        self._places: dict[str, tuple[int, int]] = {}
        self._written = 0

    def place(self, sample: Sample) -> tuple[int, int]:
        """(first window, windows) of the sample's caption. :raises RunError: it cannot be encoded."""
        if sample.caption not in self._places:
            try:
                states = self._family.encode_text(sample.caption).cpu().contiguous()
            except Exception as error:
                # Only the kind of error: its text could quote the caption.
                kind = type(error).__name__
                raise RunError(f"The caption of line {sample.line} cannot be encoded: {kind}.") from None
            self._file.write(states.view(torch.uint8).numpy().tobytes())
            self._places[sample.caption] = (self._written, len(states))
            self._written += len(states)
        return self._places[sample.caption]


def _write_latents(
    file: BinaryIO,
    attempt: Attempt,
    family: Family,
    samples: list[Sample],
    encode_caption: Callable[[Sample], None],
    report: _Report,
) -> tuple[list[Size], list[tuple[int, ...]], int]:
    """Writes each image's latents, and has its caption encoded beside it (so that progress is of whole examples);
    returns sizes, latent shapes, and how many images EXIF turned."""
    base = family.base
    sizes: list[Size] = []
    shapes: list[tuple[int, ...]] = []
    failures: list[str] = []
    turned = 0

    def decode(sample: Sample) -> tuple[Size, NDArray[np.uint8], bool]:
        with open_image(attempt.run.resolve(sample.path)) as image:
            whole = upright_size(image)
            size = bucket_for(whole.width / whole.height, attempt.spec.resolution, base.size_multiple)
            return size, fit_image(image, size), is_turned(image)

    threads = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[Sample, Future[tuple[Size, NDArray[np.uint8], bool]]]] = deque()
        ahead = iter(samples)
        try:
            for number in range(len(samples)):
                while len(waiting) < DECODED_AHEAD and (sample := next(ahead, None)) is not None:
                    waiting.append((sample, pool.submit(decode, sample)))
                sample, future = waiting.popleft()
                try:
                    size, pixels, was_turned = future.result()
                except ImageError as error:
                    failures.append(f"line {sample.line} ({sample.path}) {error}")
                    continue
                # One image a call: its latents must not depend on its neighbours in the manifest.
                latents = family.encode_images(to_unit_range(pixels))[0].cpu().contiguous()
                if not bool(torch.isfinite(latents).all()):
                    failures.append(f"line {sample.line} ({sample.path}) has no finite latents")
                    continue
                file.write(latents.numpy().tobytes())
                encode_caption(sample)
                sizes.append(size)
                shapes.append(tuple(latents.shape))
                turned += was_turned
                report.at(number + 1)
        finally:
            for _, future in waiting:
                future.cancel()
    if failures:
        named = "; ".join(failures[:NAMED_ERRORS])
        more = f"; and {len(failures) - NAMED_ERRORS} more" if len(failures) > NAMED_ERRORS else ""
        count = f"{len(failures)} of {len(samples)} images cannot be used"
        raise RunError(f"{count}: {named}{more}.", user_error=True)
    return sizes, shapes, turned


def to_unit_range(pixels: NDArray[np.uint8]) -> Tensor:
    """[H, W, 3], uint8 -> [1, 3, H, W], float32, -1 to 1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float().div(127.5).sub(1)


def _map(path: Path, dtype: torch.dtype) -> Tensor:
    """The file as one flat tensor, read from the disk when it is touched."""
    count = path.stat().st_size // dtype.itemsize
    return torch.from_file(str(path), shared=False, size=count, dtype=dtype)
