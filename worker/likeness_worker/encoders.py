"""The encoder port: what turns pictures (and texts) into points whose cosines the scores are.

Three kinds of folder, told apart by config.json's model_type: "likeness-scene" (the embedded one, scene_encoder.py),
"clip" and "dinov2" in transformers' layout. Safetensors only, nothing from a network. A score is worth something beside
another of the same encoder alone, so every score carries the encoder's name.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from likeness_worker.rundir import RunError
from likeness_worker.scene_encoder import PIXELS, SceneEncoder, mean_states

Pixels = NDArray[np.uint8]
BATCH = 16
# Of OpenAI's CLIP and of ImageNet, for a folder without preprocessor_config.json.
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Encoder(Protocol):
    name: str

    def encode_pictures(self, pictures: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
        """Each [H, W, 3] -> (what the picture shows [N, D], whom it shows [N, E]), float32, of length 1."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Tensor | None:
        """[N, D] in the space of the pictures' first points, or None of an encoder that reads no text."""
        ...


def load_encoder(folder: Path, device: torch.device) -> Encoder:
    """:raises RunError: the folder is no encoder, or one of another kind."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
        kind = str(config.get("model_type"))
        if kind == "likeness-scene":
            return _Scene(folder, config, device)
        if kind in ("clip", "dinov2"):
            return _Transformers(folder, kind, config, device)
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"The encoder {folder.name} does not load: {type(error).__name__}: {error}") from None
    raise RunError(f"The encoder's model_type {kind} is not supported: likeness-scene, clip and dinov2 are.")


class _Scene:
    def __init__(self, folder: Path, config: dict[str, Any], device: torch.device):
        self.name = str(config["name"])
        self._device = device
        self._text_folder = _package_folder(str(config["textEncoder"]))
        self._model = SceneEncoder().eval().requires_grad_(False)
        self._model.load_state_dict(
            {key: value.float() for key, value in load_file(folder / "model.safetensors").items()}
        )
        self._model.to(device)

    @torch.no_grad()
    def encode_pictures(self, pictures: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
        parts = [
            self._model.encode_pictures(batch.mul(2).sub(1).to(self._device))
            for batch in _batches(pictures, PIXELS, PIXELS)
        ]
        return torch.cat([scene for scene, _ in parts]).cpu(), torch.cat([subject for _, subject in parts]).cpu()

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        from tokenizers import Tokenizer
        from transformers import BertModel

        # Read for these few texts and let go of: 90 MB that a training has better uses for.
        tokenizer: Any = Tokenizer.from_file(str(self._text_folder / "tokenizer.json"))
        tokenizer.no_padding()
        model = BertModel.from_pretrained(self._text_folder, local_files_only=True, use_safetensors=True).eval()
        rows: list[Tensor] = []
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            mask = torch.ones_like(ids)
            rows.append(mean_states(model(input_ids=ids, attention_mask=mask).last_hidden_state, mask))
        return self._model.encode_sentences(torch.cat(rows).to(self._device)).cpu()


class _Transformers:
    def __init__(self, folder: Path, kind: str, config: dict[str, Any], device: torch.device):
        from transformers import CLIPModel, Dinov2Model

        loader: Any = CLIPModel if kind == "clip" else Dinov2Model
        named = str(config.get("_name_or_path") or "").strip("/").rsplit("/", 1)[-1]
        self.name = f"{kind}:{named or folder.name}"
        self._kind, self._folder, self._device = kind, folder, device
        self._model = loader.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval().to(device)
        vision = config.get("vision_config", {}) if kind == "clip" else config
        self._side = int(vision.get("image_size", 224))
        if kind == "dinov2":
            # Its checkpoints name the size of their last training (518); 224 is what its benchmarks are measured at.
            self._side = min(self._side, 224)
        usual = (CLIP_MEAN, CLIP_STD) if kind == "clip" else (IMAGENET_MEAN, IMAGENET_STD)
        self._mean, self._std = pixel_statistics(folder, *usual)

    @torch.no_grad()
    def encode_pictures(self, pictures: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
        rows: list[Tensor] = []
        for batch in _batches(pictures, self._side, self._side):
            pixels = ((batch - self._mean) / self._std).to(self._device)
            if self._kind == "clip":
                features = self._model.visual_projection(self._model.vision_model(pixel_values=pixels).pooler_output)
            else:
                features = self._model(pixel_values=pixels).pooler_output
            rows.append(functional.normalize(features.float(), dim=-1).cpu())
        points = torch.cat(rows)
        return points, points

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> Tensor | None:
        if self._kind != "clip":
            return None
        from transformers import CLIPTokenizer

        tokenizer: Any = CLIPTokenizer.from_pretrained(self._folder, local_files_only=True)
        tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(self._device)
        features = self._model.text_projection(self._model.text_model(**tokens).pooler_output)
        return functional.normalize(features.float(), dim=-1).cpu()


def _batches(pictures: Sequence[Pixels], width: int, height: int) -> list[Tensor]:
    """[B, 3, H, W], 0 to 1: scaled to cover, the middle cut out."""
    fitted = [
        np.asarray(ImageOps.fit(Image.fromarray(picture), (width, height), Image.Resampling.BICUBIC))
        for picture in pictures
    ]
    return [
        torch.from_numpy(np.stack(fitted[i : i + BATCH])).permute(0, 3, 1, 2).float().div(255)
        for i in range(0, len(fitted), BATCH)
    ]


def pixel_statistics(folder: Path, mean: tuple[float, ...], deviation: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """What a folder's preprocessor_config.json has pixels (0 to 1) shifted and divided by, each [1, 3, 1, 1]; else the
    values given."""
    said = _read_json(folder / "preprocessor_config.json")
    both = (said.get("image_mean", mean), said.get("image_std", deviation))
    return torch.tensor(both[0]).view(1, 3, 1, 1), torch.tensor(both[1]).view(1, 3, 1, 1)


def _package_folder(reference: str) -> Path:
    package, _, inside = reference.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise RunError(f"The encoder needs the Python package {package} for its texts: install it.")
    return Path(found.submodule_search_locations[0]) / inside


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
