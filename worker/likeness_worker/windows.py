"""Prompts longer than the text encoder's window: several windows, their states one after the other.

A text encoder reads a fixed number of tokens (32 of the embedded model's, 77 of CLIP's) and would drop the rest.
Here a longer text becomes several windows, each with its own begin and end tokens, and the denoiser attends to
the states of all of them. In a batch the shorter texts are filled up with the empty text's states.
"""

from __future__ import annotations

import torch
from torch import Tensor


def split_tokens(tokens: list[int], size: int) -> list[list[int]]:
    """Token ids without special ones, in windows of at most `size`; one empty window for an empty text."""
    return [tokens[i : i + size] for i in range(0, len(tokens), size)] or [[]]


def positions_of(tokens: list[int], window: int) -> list[int]:
    """Where a text's own tokens stand among its states, which have a begin and an end token in each window."""
    size = window - 2
    return [i // size * window + 1 + i % size for i in range(len(tokens))]


def join_windows(states: list[Tensor], empty: Tensor) -> Tensor:
    """The states of a batch's texts, each filled up with empty windows to the most that one of them has.

    :param states: each [windows, L, D].
    :param empty: [1, L, D], the empty text's.
    :returns: [B, windows * L, D].
    """
    most = max(len(windows) for windows in states)
    filled = [torch.cat([windows, empty.expand(most - len(windows), -1, -1)]) for windows in states]
    return torch.stack([windows.flatten(0, 1) for windows in filled])
