"""What is drawn to look at a training: prompts made from the captions, and the same without the taught name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

# "Ron the dog": the seed system's way to name a subject (its guide's "name + class" phrases).
NAMED = re.compile(r"\b([A-Z][\w'-]*) the ([a-z][\w-]*)")
# "On the moon" at the start of a caption names no one.
NOT_NAMES = frozenset(
    [
        "On",
        "In",
        "At",
        "By",
        "To",
        "Of",
        "Off",
        "From",
        "With",
        "Under",
        "Over",
        "Near",
        "Behind",
        "Beside",
        "Across",
        "Around",
        "Through",
        "Into",
        "And",
    ]
)
PROMPTS_FROM_CAPTIONS = 4
PROMPT_LENGTH = 512
CLASS_PROMPTS = 2
# Where no caption names anyone: what every model of pictures draws.
GENERIC = ("a dog in a park", "a house by the sea")


def subject_of(text: str) -> tuple[str, str] | None:
    """("Ron", "dog"), or None."""
    for name, kind in NAMED.findall(text):
        if name not in NOT_NAMES:
            return name, kind
    return None


def prompts_from(captions: Sequence[str], count: int = PROMPTS_FROM_CAPTIONS) -> list[str]:
    """Different captions, each subject in its turn (the most frequent first), evenly from each one's captions."""
    by_subject: dict[tuple[str, str] | None, list[str]] = {}
    for caption in dict.fromkeys(captions):
        by_subject.setdefault(subject_of(caption), []).append(caption[:PROMPT_LENGTH])
    frequent = Counter(subject_of(caption) for caption in captions)
    groups = [by_subject[subject] for subject, _ in frequent.most_common(count)]
    share = -(-count // len(groups))
    spread = [[group[i * len(group) // share] for i in range(min(share, len(group)))] for group in groups]
    turns = [group[turn] for turn in range(share) for group in spread if turn < len(group)]
    return turns[:count]


def sample_prompts(trained: Sequence[str], unseen: Sequence[str], count: int = PROMPTS_FROM_CAPTIONS) -> list[str]:
    """Captions to draw by: half of them of pictures that are not trained on, where there are such.

    A good likeness of a trained caption looks as its picture does; whether pictures are repeated, the others tell.
    """
    first = prompts_from(unseen, count // 2) if unseen else []
    shown = Counter(subject_of(prompt) for prompt in first)
    rest = [prompt for prompt in prompts_from(trained, count) if prompt not in first]
    return [*first, *sorted(rest, key=lambda prompt: shown[subject_of(prompt)])][:count]


def class_prompts(texts: Sequence[str], count: int = CLASS_PROMPTS) -> list[str]:
    """The texts with "a dog" where they say "Ron the dog": what the base model already knows."""
    classes = [without_name(text) for text in texts if subject_of(text) is not None]
    return list(dict.fromkeys(classes))[:count] or list(GENERIC[:count])


def without_name(text: str, colours: Mapping[tuple[str, str], str] = MappingProxyType({})) -> str:
    """The text with "a dog" where it says "Ron the dog", or "a brown dog".

    :param colours: of subjects, as subject_of gives them.
    """

    def plain(match: re.Match[str]) -> str:
        name, kind = match.groups()
        if name in NOT_NAMES:
            return match.group()
        words = " ".join([*filter(None, [colours.get((name, kind))]), kind])
        return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"

    return NAMED.sub(plain, text)
