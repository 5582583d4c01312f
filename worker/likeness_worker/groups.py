"""Several subjects in one picture: each is drawn again by itself, in its own frame, with a prompt of its own.

A small model blends what a prompt names together: of "a cat and a rabbit" both become half of each, and three dogs are
each a fifth of the picture, too few latents for a face. What it does draw well is the layout. So the picture is drawn
whole first, then every subject once more at the model's full size ("Ron the dog on a couch"), from the first picture
half noised, and laid back into its place. The denoiser's estimate is overwritten outside the subject with what is
there, as in editing.py. (After MultiDiffusion, Bar-Tal et al. 2023, §4.2, which fuses the paths of regions; here the
regions follow one after the other, and each is an ordinary drawing.)

Only for base models whose likeness.json says how they lay groups out (base_model.Groups), and for prompts whose parts
can be told for certain: all others are drawn as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from likeness_worker.data import bucket_for
from likeness_worker.editing import Box, Hole, HoleLatents, edge_radius, lay_in, resized_share
from likeness_worker.enlarging import enlarged
from likeness_worker.families import Family, to_unit_range
from likeness_worker.model_settings import Groups
from likeness_worker.prompts import NOT_NAMES, without_name
from likeness_worker.raster import Mask

COUNTS = {"two": 2, "2": 2, "three": 3, "3": 3}
MOST = max(COUNTS.values())
ARTICLES = frozenset(["a", "an", "one"])
# What ends the naming of a subject, and begins what it wears, does, or where it is.
TAILS = frozenset(
    [
        *("wearing", "with", "holding", "in", "on", "at", "under", "by", "near", "behind", "beside", "before", "over"),
        *("inside", "outside", "next", "from", "during", "while", "as", "drawn", "painted"),
        *("sitting", "standing", "playing", "lying", "running", "sleeping", "looking", "staring"),
    ]
)
_SINGULARS = {
    **{"mice": "mouse", "wolves": "wolf", "children": "child", "people": "person", "men": "man", "women": "woman"},
    **{"sheep": "sheep", "fish": "fish", "deer": "deer", "leaves": "leaf", "knives": "knife"},
}
_PLURALS = {one: several for several, one in _SINGULARS.items()}
# Share of a latent position's pixels that may lie in the mask before the denoiser draws there.
HOLE_SHARE = 0.3
_WORN = re.compile(r"\s+(?:wearing|with|holding)\s.*?(?=\s(?:in|on|at|under)\s|$)")
_BREAK = re.compile(r"\s*,\s+(?:and\s+)?|\s+and\s+")
_NAMED = re.compile(r"[A-Z][\w'-]* the [a-z][\w-]*")


@dataclass(frozen=True)
class Group:
    """What a text of two or three subjects says.

    :param layout: what the whole is drawn from, in the wording that a base's own data has for groups: kinds for names,
        since a custom model learnt its subjects one a picture; at most two kinds; and nothing that is worn, for the
        hat of a subject that is drawn anew would stay in the air above it.
    :param parts: a prompt for each subject, from the left.
    """

    layout: str
    parts: tuple[str, ...]


def group_of(text: str) -> Group | None:
    """The group that a text names, or None where it names one subject, more than three, or cannot be told.

    "Ron the dog and Smila the cat on a couch" -> "a dog and a cat on a couch" of "Ron the dog on a couch" and "Smila
    the cat on a couch"; "three cats on the beach" -> itself of thrice "a cat on the beach". What stands after the last
    subject belongs to all.
    """
    heads, tail = _split(text.strip())
    named = [_subjects(head) for head in heads]
    subjects = [subject for of_head in named for subject in of_head]
    if not all(named) or not 2 <= len(subjects) <= MOST:
        return None
    kinds = [without_name(_cut_tail(subject)[0]) for subject in subjects]
    around = _WORN.sub("", tail)
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        layout = f"{kinds[0]} and {kinds[1]}{around}"
    else:
        layout = f"{'two' if len(kinds) == 2 else 'three'} {_several(kinds[0])}{around}"
    return Group(layout, tuple(f"{subject}{tail}" for subject in subjects))


def _several(kind: str) -> str:
    """ "a blue dog" -> "blue dogs"."""
    words = kind.split()[1:]
    return " ".join([*words[:-1], plural(words[-1])])


def _split(text: str) -> tuple[list[str], str]:
    """(what names subjects, what follows the last of them); no heads where the text is not so made."""
    heads: list[str] = []
    rest = text
    while True:
        head, tail = _cut_tail(rest)
        pieces = _BREAK.split(head)
        # "Ron the dog wearing a hat and Smila the cat on a couch": a name begins the next subject behind a tail too.
        following = next((m for m in re.finditer(r"\s+and\s+", tail) if _NAMED.match(tail, m.end())), None)
        if following is None:
            return [*heads, *pieces], tail
        if len(pieces) != 1 and heads:
            return [], ""
        heads += [*pieces[:-1], f"{pieces[-1]}{tail[: following.start()]}"]
        rest = tail[following.end() :]


def _cut_tail(text: str) -> tuple[str, str]:
    """A text in two before the first word that ends the naming; the second begins with its space, or is empty."""
    for match in re.finditer(r"(\s+)([\w'-]+)", text):
        if match.group(2).lower() in TAILS:
            return text[: match.start()], text[match.start() :]
    return text, ""


def _subjects(head: str) -> list[str]:
    """One subject, or a counted one several times; none where the words are neither."""
    naming, own_tail = _cut_tail(head)
    words = naming.split()
    if len(words) < 2:
        return []
    named = _NAMED.fullmatch(naming)
    if named and words[0] not in NOT_NAMES:
        return [head]
    first = words[0].lower()
    if first in ARTICLES:
        return [head]
    if first not in COUNTS:
        return []
    one = " ".join([*words[1:-1], singular(words[-1])])
    article = "an" if one[0].lower() in "aeiou" else "a"
    return [f"{article} {one}{own_tail}"] * COUNTS[first]


def singular(noun: str) -> str:
    """ "foxes" -> "fox", "strawberries" -> "strawberry", "mice" -> "mouse"."""
    if noun in _SINGULARS:
        return _SINGULARS[noun]
    if noun.endswith("ies") and len(noun) > 4:
        return f"{noun[:-3]}y"
    if re.search(r"(?:x|ss|sh|ch)es$", noun):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def plural(noun: str) -> str:
    """ "fox" -> "foxes", "strawberry" -> "strawberries", "mouse" -> "mice"."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(?:x|s|sh|ch)$", noun) else f"{noun}s"


@dataclass(frozen=True)
class Row:
    """The places of two or three subjects, from the left, in a picture whose edges are continued by a margin.

    :param margin: in pixels on each side, as far as a frame reaches over the picture's edge.
    :param frames: what is drawn again, squares.
    :param masks: each [H + 2 margin, W + 2 margin], True where what is drawn is laid in.
    """

    margin: int
    frames: tuple[Box, ...]
    masks: tuple[Mask, ...]


def row_of(layout: Groups, count: int, width: int, height: int) -> Row:
    """The row that a base lays out in a picture of that size, in pixels."""
    pitch = width * layout.pitches[count - 2]
    size = min(pitch, layout.height * height)
    side = max(1, round(size * layout.frame))
    middles = [width / 2 + (i - (count - 1) / 2) * pitch for i in range(count)]
    top = round(layout.middle * height - side / 2)
    lefts = [round(middle - side / 2) for middle in middles]
    margin = max(0, -min(lefts), -top, max(lefts) + side - width, top + side - height)
    y, x = np.ogrid[: height + 2 * margin, : width + 2 * margin]
    high, low = layout.reach
    down = ((y + 0.5 - margin - layout.middle * height) / size - (high + low) / 2) / ((low - high) / 2)
    # A rounded box from ears to paws: a superellipse of the fourth order.
    masks = [
        (((x + 0.5 - margin - middle) / size / layout.half_width) ** 4 + down**4 < 1).astype(np.bool_)
        for middle in middles
    ]
    frames = [Box(left + margin, top + margin, left + margin + side, top + margin + side) for left in lefts]
    return Row(margin, tuple(frames), tuple(masks))


def widened(pixels: NDArray[np.uint8], row: Row) -> NDArray[np.uint8]:
    """The picture with its edges continued by the row's margin."""
    return np.pad(pixels, ((row.margin, row.margin), (row.margin, row.margin), (0, 0)), mode="edge")


def encode_subject(pixels: NDArray[np.uint8], frame: Box, mask: Mask, family: Family) -> HoleLatents:
    """What a subject is drawn again from: its frame as it is, and where the denoiser draws."""
    size = bucket_for(frame.width / frame.height, family.base.resolution, family.base.size_multiple)
    cut = Image.fromarray(np.ascontiguousarray(frame.cut(pixels)))
    small = np.asarray(cut.resize((size.width, size.height), Image.Resampling.LANCZOS))
    latents = family.encode_images(to_unit_range(small))[0]
    scale = family.latent_scale
    cells = resized_share(frame.cut(mask), size.width // scale, size.height // scale)
    inside = torch.from_numpy((cells > HOLE_SHARE).astype(np.float32))[None].to(family.placement.device)
    return HoleLatents(frame, size, latents, inside)


def laid_in(
    pixels: NDArray[np.uint8], row: Row, drawn: Sequence[NDArray[np.uint8]], is_crisp: bool
) -> NDArray[np.uint8]:
    """The picture with each subject laid into its place.

    :param pixels: [H + 2 margin, W + 2 margin, 3].
    :param drawn: a picture for each of the row's frames, as the decoder gave it.
    :param is_crisp: see enlarging.enlarged.
    :returns: [H, W, 3].
    """
    height, width = pixels.shape[:2]
    for frame, mask, one in zip(row.frames, row.masks, drawn, strict=True):
        new = enlarged(one, frame.width, frame.height, is_crisp)
        pixels, _ = lay_in(Hole(pixels, mask, edge_radius(width, height)), frame, new)
    return pixels[row.margin : height - row.margin, row.margin : width - row.margin]
