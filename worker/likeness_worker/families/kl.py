"""What the families over diffusers' AutoencoderKL share: pixels to latents and back, and CLIP's windows of text.

Latents are (encoded - shift_factor) * scaling_factor, both from vae/config.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from likeness_worker.base_model import BaseModel
from likeness_worker.diffusion import Process
from likeness_worker.families import Placement, load_part, load_rounded_part, to_bytes
from likeness_worker.rundir import RunError
from likeness_worker.windows import positions_of, split_tokens


class KlFamily:
    """The members of families.Family but for text and prediction, which each file beside this one adds."""

    distilled_guidance = False

    def __init__(self, base: BaseModel, placement: Placement, process: Process, denoiser: Any):
        from diffusers import AutoencoderKL

        vae: Any = load_rounded_part(AutoencoderKL.from_pretrained, base.part("vae"), "vae", placement)
        self.base = base
        self.placement = placement
        self.process = process
        self.denoiser: nn.Module = denoiser.to(placement.device, memory_format=torch.channels_last)
        self.latent_channels = int(vae.config.latent_channels)
        self.latent_scale = 2 ** (len(vae.config.block_out_channels) - 1)
        self._scaling_factor = float(vae.config.scaling_factor)
        self._shift = float(vae.config.shift_factor or 0.0)
        self._vae: Any = vae.to(placement.device, memory_format=torch.channels_last)

    @torch.no_grad()
    def encode_images(self, pixels: Tensor) -> Tensor:
        """The mean of the autoencoder's distribution: a cached latent must be one value, and its deviation is a
        thousandth of the latents' own."""
        pixels = pixels.to(self.placement.device, memory_format=torch.channels_last)
        with self.placement.autocast():
            latents = self._vae.encode(pixels).latent_dist.mode()
        return (latents.float() - self._shift) * self._scaling_factor

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        with self.placement.autocast():
            pixels = self._vae.decode(latents / self._scaling_factor + self._shift).sample
        return to_bytes(pixels)

    def text_positions(self, text: str) -> list[int] | None:
        return None

    def free_encoders(self, keep_decoder: bool) -> None:
        if not keep_decoder:
            self._vae = None


class Clip:
    """A CLIP text encoder with its tokenizer, whose windows hold what 77 tokens leave beside begin and end.

    :param name: "text_encoder" or "text_encoder_2"; "tokenizer" and "tokenizer_2" belong to them.
    """

    def __init__(self, base: BaseModel, placement: Placement, name: str, with_projection: bool):
        from transformers import CLIPTextModel, CLIPTextModelWithProjection

        model = CLIPTextModelWithProjection if with_projection else CLIPTextModel
        encoder: Any = load_part(model.from_pretrained, base.part(name), name, torch.float32)
        self._encoder = encoder.to(placement.device)
        self._tokenizer = load_tokenizer(base, name.replace("text_encoder", "tokenizer"), "CLIPTokenizer")
        self._device = placement.device
        self._window = int(encoder.config.max_position_embeddings)

    def windows(self, text: str) -> Iterator[Any]:
        """The encoder's output for each window, with all hidden states; at least one.

        One window a call: a text's states must not depend on how many windows it has (design §3.17)."""
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        begin, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        for window in split_tokens(tokens, self._window - 2):
            ids = [begin, *window, end]
            ids += [self._tokenizer.pad_token_id] * (self._window - len(ids))
            yield self._encoder(input_ids=torch.tensor([ids], device=self._device), output_hidden_states=True)

    def positions(self, text: str) -> list[int]:
        """Where the text's own tokens stand among the windows' states, one after the other."""
        return positions_of(self._tokenizer(text, add_special_tokens=False).input_ids, self._window)


class T5:
    """A T5 encoder over one window of a fixed length; what is longer is cut, as its models were trained."""

    def __init__(self, base: BaseModel, placement: Placement, name: str, length: int):
        from transformers import T5EncoderModel

        encoder: Any = load_rounded_part(T5EncoderModel.from_pretrained, base.part(name), name, placement)
        self._encoder = encoder.to(placement.device)
        self._tokenizer = load_tokenizer(base, name.replace("text_encoder", "tokenizer"), "T5TokenizerFast")
        self._placement = placement
        self.length = length
        self.width = int(encoder.config.d_model)

    def states(self, text: str) -> Tensor:
        """[1, length, width], float32; padding is attended to, as in the denoisers' training."""
        ids = self._tokenizer(
            text, padding="max_length", max_length=self.length, truncation=True, return_tensors="pt"
        ).input_ids
        with self._placement.autocast():
            return self._encoder(input_ids=ids.to(self._placement.device))[0].float()


def load_tokenizer(base: BaseModel, name: str, class_name: str) -> Any:
    """:raises RunError: the folder is missing or holds no such tokenizer."""
    import transformers

    folder: Path = base.path / name
    if not folder.is_dir():
        raise RunError(f"The base model's part {name} is missing.", user_error=True)
    try:
        return getattr(transformers, class_name).from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise RunError(
            f"The base model's part {name} does not load: {type(error).__name__}", user_error=True
        ) from error


def pack(states: Tensor, pooled: Tensor, width: int) -> Tensor:
    """Token states and the text's pooled vector as one tensor, so that caches, windows and dropout need to know of
    one only: row 0 of each window is the pooled vector, the others the states, all filled up with zeros to `width`.

    :param states: [W, L, D]; pooled: [P]; D and P at most `width`.
    :returns: [W, 1 + L, width].
    """
    packed = states.new_zeros(states.shape[0], 1 + states.shape[1], width)
    packed[:, 0, : pooled.shape[-1]] = pooled
    packed[:, 1:, : states.shape[-1]] = states
    return packed


def unpack(packed: Tensor, length: int, state_width: int, pooled_width: int) -> tuple[Tensor, Tensor]:
    """The reverse, after windows.join_windows: [B, W * (1 + L), width] -> states [B, W * L, D] and, of the first
    window, the pooled vector [B, P]."""
    windows = packed.unflatten(1, (-1, 1 + length))
    return windows[:, :, 1:, :state_width].flatten(1, 2), windows[:, 0, 0, :pooled_width]
