"""The pictures that a training learns from, as points of an encoder: whom samples resemble, whether they repeat one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from likeness_worker.prompts import PROMPT_LENGTH, subject_of

NEAREST = 3


@dataclass(frozen=True)
class References:
    """The pictures that are trained on, then those that are kept out of the training.

    :param scenes: [N, D], unit length: what each shows. :param whom: the same of its subject.
    :param trained_count: how many of the N are trained on.
    """

    captions: Sequence[str]
    scenes: Tensor
    whom: Tensor
    trained_count: int

    def fidelity(self, prompt: str, whom: Tensor) -> float:
        """Mean cosine of a sample and the NEAREST trained pictures of the subject that its prompt names."""
        subject = subject_of(prompt)
        same = self.whom[self._trained_or_all(subject_of(caption) == subject for caption in self.captions)]
        return float((same @ whom).topk(min(NEAREST, len(same))).values.mean())

    def nearest(self, prompt: str, scene: Tensor) -> float:
        """Cosine of a sample and the trained picture nearest to it, those of the very prompt left out: to be near them
        is what was asked."""
        others = self.scenes[self._trained_or_all(caption[:PROMPT_LENGTH] != prompt for caption in self.captions)]
        return float((others @ scene).amax())

    def nearest_of_pictures(self, prompt: str) -> float:
        """What `nearest` says of the user's own pictures of this caption; where none has it, of all trained ones."""
        rows = [row for row, caption in enumerate(self.captions) if caption[:PROMPT_LENGTH] == prompt]
        rows = rows or list(range(self.trained_count))
        cosines = [self.nearest(self.captions[row][:PROMPT_LENGTH], self.scenes[row]) for row in rows]
        return sum(cosines) / len(cosines)

    def _trained_or_all(self, wanted: Iterable[bool]) -> list[int]:
        """The trained rows that are wanted; all trained ones where none is."""
        flags = list(wanted)[: self.trained_count]
        return [row for row, is_wanted in enumerate(flags) if is_wanted] or list(range(self.trained_count))
