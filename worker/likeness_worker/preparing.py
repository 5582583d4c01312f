"""The port by which pictures are prepared for a training: a captioner says what one shows, a finder where it shows what
some words name. Behind it are a BLIP folder, a CLIPSeg folder, the embedded encoder's own words and a base model's
attention.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from likeness_worker.encoders import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, pixel_statistics
from likeness_worker.families import Family
from likeness_worker.preparer_folder import PreparerFolder
from likeness_worker.raster import Mask
from likeness_worker.rundir import RunError
from likeness_worker.scene_encoder import PIXELS, SceneEncoder
from likeness_worker.segmentation import at_full_size, subject_mask, working_copy
from likeness_worker.subjects import prompted_mask

VOCABULARY = "vocabulary"
CAPTION_TOKENS = 40
BEAMS = 3  # as BLIP's authors caption
# What ends the description of one thing and begins another's: "a cat next to a dog" has one dog, and it is "a dog".
BETWEEN_THINGS = "an?|the|and|or|of|with|in|on|at|by|to|from|under|over|near|is|are"


class Captioner(Protocol):
    def caption(self, pixels: NDArray[np.uint8], subject: str | None) -> str:
        """One line about a picture [H, W, 3].

        :param subject: what it is known to show ("Ron the dog"): the caption names it so.
        """
        ...


class Finder(Protocol):
    def find(self, pixels: NDArray[np.uint8], words: str) -> Mask:
        """[H, W], True where the picture [H, W, 3] shows what the words name."""
        ...


class EmbeddedWords:
    """The embedded encoder's own vocabulary: a linear layer on its features (models/art/vocabulary.py)."""

    def __init__(self, encoder: Path):
        said = json.loads((encoder / f"{VOCABULARY}.json").read_bytes())
        self._groups: dict[str, list[str]] = said["groups"]
        layer = load_file(encoder / f"{VOCABULARY}.safetensors")
        self._weight, self._bias = layer["weight"].float(), layer["bias"].float()
        self._model = SceneEncoder().eval().requires_grad_(False)
        weights = load_file(encoder / "model.safetensors")
        self._model.load_state_dict({key: value.float() for key, value in weights.items()})

    def subject(self, pixels: NDArray[np.uint8]) -> str:
        """The one thing that a picture [H, W, 3] most likely shows: "a cat"."""
        return _with_article(max(self._scored(pixels)["subjects"])[1])

    def caption(self, pixels: NDArray[np.uint8], subject: str | None) -> str:
        scored = self._scored(pixels)
        best = {group: max(words)[1] for group, words in scored.items()}
        worn, beside = ([word for score, word in scored[group] if score > 0] for group in ("accessories", "companions"))
        parts = [subject or _with_article(best["subjects"]), best["places"]]
        if worn:
            parts.append(f"wearing {' and '.join(worn)}")
        if beside:
            parts.append(f"next to {' and '.join(map(_with_article, beside))}")
        return " ".join([*parts, best["styles"]]).strip()

    @torch.no_grad()
    def _scored(self, pixels: NDArray[np.uint8]) -> dict[str, list[tuple[float, str]]]:
        """Of each group of words their scores: above 0 for one that is more likely there than not."""
        square = np.asarray(Image.fromarray(pixels).resize((PIXELS, PIXELS), Image.Resampling.BOX))
        x = torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float().div(127.5).sub(1)
        scores = iter((self._model.features(x) @ self._weight.T + self._bias)[0].tolist())
        return {group: [(next(scores), word) for word in words] for group, words in self._groups.items()}


class Attention:
    """What a base model's own attention finds; only of families whose denoiser reads a text beside the picture."""

    def __init__(self, family: Family):
        self._family = family

    def find(self, pixels: NDArray[np.uint8], words: str) -> Mask:
        return prompted_mask(pixels, words, self._family)


class Blip:
    """:raises RunError: the folder does not load."""

    def __init__(self, folder: PreparerFolder, device: torch.device):
        from transformers import BertTokenizer, BlipForConditionalGeneration

        self._model: Any = _loaded(BlipForConditionalGeneration, folder, device)
        self._tokenizer: Any = _loaded_tokenizer(BertTokenizer, folder)
        self._side, self._device = folder.side, device
        self._mean, self._std = pixel_statistics(folder.path, CLIP_MEAN, CLIP_STD)

    @torch.no_grad()
    def caption(self, pixels: NDArray[np.uint8], subject: str | None) -> str:
        x = _square(pixels, self._side, self._mean, self._std).to(self._device)
        tokens = self._model.generate(pixel_values=x, max_new_tokens=CAPTION_TOKENS, num_beams=BEAMS, do_sample=False)
        text = " ".join(self._tokenizer.decode(tokens[0], skip_special_tokens=True).split())
        return text if subject is None else with_subject(text, subject)


class ClipSeg:
    """:raises RunError: the folder does not load."""

    def __init__(self, folder: PreparerFolder, device: torch.device):
        from transformers import CLIPSegForImageSegmentation, CLIPTokenizer

        self._model: Any = _loaded(CLIPSegForImageSegmentation, folder, device)
        self._tokenizer: Any = _loaded_tokenizer(CLIPTokenizer, folder)
        self._side, self._device = folder.side, device
        self._mean, self._std = pixel_statistics(folder.path, IMAGENET_MEAN, IMAGENET_STD)

    @torch.no_grad()
    def find(self, pixels: NDArray[np.uint8], words: str) -> Mask:
        x = _square(pixels, self._side, self._mean, self._std).to(self._device)
        tokens = self._tokenizer([words], truncation=True, return_tensors="pt").to(self._device)
        logits = self._model(pixel_values=x, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).logits
        likely = logits.reshape(logits.shape[-2:]).sigmoid().float().cpu().numpy()
        height, width = working_copy(pixels).pixels.shape[:2]
        small = Image.fromarray(likely).resize((width, height), Image.Resampling.BILINEAR)
        return at_full_size(subject_mask(np.asarray(small)), pixels) > 0.5


@functools.lru_cache(1)
def words_of(base: Path) -> EmbeddedWords | None:
    """A base model's own captioner, where its encoder has a vocabulary."""
    encoder = base / "encoder"
    return EmbeddedWords(encoder) if (encoder / f"{VOCABULARY}.json").is_file() else None


def attention_of(family: Family) -> Finder | None:
    return None if family.text_positions("") is None else Attention(family)


def load_preparer(folder: PreparerFolder, device: torch.device) -> tuple[Captioner | None, Finder | None]:
    """:raises RunError: the folder does not load."""
    if folder.task == "CAPTION":
        return Blip(folder, device), None
    return None, ClipSeg(folder, device)


def with_subject(caption: str, subject: str) -> str:
    """A caption with the subject's name in the place of what it calls it by its last word ("a small brown dog" for "Ron
    the dog"), or in front where it does not call it so."""
    if subject.lower() in caption.lower():
        return caption
    kind = re.escape(subject.split()[-1])
    described = rf"(?:an?|the)\s+(?:(?!(?:{BETWEEN_THINGS})\b)[\w'-]+\s+){{0,3}}{kind}"
    named, count = re.subn(rf"\b(?:{described}|{kind})\b", lambda _: subject, caption, count=1, flags=re.IGNORECASE)
    return named if count else f"{subject}, {caption}".removesuffix(", ")


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _square(pixels: NDArray[np.uint8], side: int, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """[H, W, 3] -> [1, 3, side, side]: squeezed to a square, as both models' own processors do."""
    square = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))
    return (torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float().div(255) - mean) / deviation


def _loaded(model_class: Any, folder: PreparerFolder, device: torch.device) -> Any:
    try:
        return model_class.from_pretrained(folder.path, local_files_only=True, use_safetensors=True).eval().to(device)
    except Exception as error:
        raise RunError(f"The {folder.family} folder does not load: {type(error).__name__}: {error}") from error


def _loaded_tokenizer(tokenizer_class: Any, folder: PreparerFolder) -> Any:
    try:
        return tokenizer_class.from_pretrained(folder.path, local_files_only=True)
    except Exception as error:
        raise RunError(f"The {folder.family} folder's tokenizer does not load: {type(error).__name__}") from error
