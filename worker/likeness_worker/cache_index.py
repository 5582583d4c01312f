"""What a cache folder holds, by content: latents by the sha256 of the image's file, text states by their caption's,
masks (among the latents) by that of the image and of what made the mask: its file, or the words that it was found by.

The folder may be one that an earlier training left (spec.json's keptCachePath). Then what is there stays where it is
and what is new is written behind it. index.json is written last: what it does not name is cut off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from likeness_worker.data import Size
from likeness_worker.rundir import write_json

INDEX, LATENTS, TEXT = "index.json", "latents.bin", "text.bin"
FLOAT_BYTES = 4


@dataclass(frozen=True)
class CachedImage:
    """:param shape: of its latents. :param offset: of the first of them, in numbers. :param size: its bucket's."""

    size: Size
    shape: tuple[int, ...]
    offset: int
    is_turned: bool


@dataclass(frozen=True)
class CachedMask:
    """:param shape: [H/8, W/8] of its picture's latents. :param offset: of its first number, among the latents."""

    shape: tuple[int, int]
    offset: int


class CacheIndex:
    """One folder's index. What an index of another identity names is gone.

    :param identity: of what decides how pictures and captions are encoded.
    :param number_bytes: of one number of the text states.
    """

    def __init__(self, folder: Path, identity: str, number_bytes: int):
        self._folder, self._identity, self._number_bytes = folder, identity, number_bytes
        self.window: tuple[int, ...] = (0, 0)  # [L, D], shape of one window's text states
        self.images: dict[str, CachedImage] = {}
        self.masks: dict[str, CachedMask] = {}
        self.captions: dict[str, tuple[int, int]] = {}
        self._latents_end = 0  # in numbers
        self._windows = 0
        self._read()

    def _read(self) -> None:
        try:
            data: dict[str, Any] = json.loads((self._folder / INDEX).read_bytes())
        except (OSError, ValueError):
            return
        if data.get("identity") != self._identity or "window" not in data:
            return
        for digest, (width, height, offset, is_turned, *shape) in data["images"].items():
            self.images[digest] = CachedImage(Size(width, height), tuple(shape), offset, bool(is_turned))
        self.captions = {digest: (first, count) for digest, (first, count) in data["captions"].items()}
        self.window = tuple(data["window"])
        for key, (offset, height, width) in data.get("masks", {}).items():
            self.masks[key] = CachedMask((height, width), offset)
        stored = (*self.images.values(), *self.masks.values())
        self._latents_end = max((entry.offset + prod(entry.shape) for entry in stored), default=0)
        self._windows = max((first + count for first, count in self.captions.values()), default=0)
        has_all = self._reaches(LATENTS, self._latents_end * FLOAT_BYTES)
        if not (has_all and self._reaches(TEXT, self._text_bytes)):
            self.images, self.masks, self.captions, self._latents_end, self._windows = {}, {}, {}, 0, 0

    def _reaches(self, name: str, end: int) -> bool:
        path = self._folder / name
        return path.is_file() and path.stat().st_size >= end

    def open_latents(self) -> BinaryIO:
        """For writing behind what is there."""
        return _open_at(self._folder / LATENTS, self._latents_end * FLOAT_BYTES)

    def open_text(self) -> BinaryIO:
        return _open_at(self._folder / TEXT, self._text_bytes)

    @property
    def _text_bytes(self) -> int:
        return self._windows * prod(self.window) * self._number_bytes

    def add_image(self, digest: str, size: Size, shape: tuple[int, ...], is_turned: bool) -> None:
        """Its latents were written behind the others."""
        self.images[digest] = CachedImage(size, shape, self._latents_end, is_turned)
        self._latents_end += prod(shape)

    def add_mask(self, key: str, shape: tuple[int, int]) -> None:
        """Its weights were written behind the latents."""
        self.masks[key] = CachedMask(shape, self._latents_end)
        self._latents_end += prod(shape)

    def add_caption(self, digest: str, shape: tuple[int, ...]) -> None:
        """Its states, [windows, L, D], were written behind the others."""
        self.captions[digest] = (self._windows, shape[0])
        self._windows += shape[0]
        self.window = shape[1:]

    def write(self) -> None:
        images = {
            digest: (image.size.width, image.size.height, image.offset, image.is_turned, *image.shape)
            for digest, image in self.images.items()
        }
        masks = {key: (mask.offset, *mask.shape) for key, mask in self.masks.items()}
        content = {
            "identity": self._identity,
            "window": self.window,
            "images": images,
            "masks": masks,
            "captions": self.captions,
        }
        write_json(self._folder / INDEX, content)


def _open_at(path: Path, end: int) -> BinaryIO:
    if end == 0:
        return path.open("wb")
    file = path.open("r+b")
    file.truncate(end)
    file.seek(end)
    return file
