"""Photographs as the art model would draw them, which is what it learns in their place.

That model's world is flat drawings. Trained on photographs it forgets those and has no room for these: after 75 steps
every prompt gives the same patches of colour. So the base first draws each photograph itself: noised, and denoised
towards its caption (Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential
Equations"), with "a brown dog" in the place of "Ron the dog". The colour is the one that the subject has more of than
what is around it, over all of its photographs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness_worker import spec as contract
from likeness_worker.attempt import Attempt, Stopped
from likeness_worker.cache import cache_folder, encoding_identity
from likeness_worker.data import ImageError, Sample, bucket_for, fit_image, open_image, upright_size
from likeness_worker.drawing import draw_latents, to_pixels
from likeness_worker.families import Family, to_unit_range
from likeness_worker.photographs import FLAT_SHARE, by_content, flat_shares, photographs_warning
from likeness_worker.prompts import subject_of, without_name
from likeness_worker.rundir import sha256_of
from likeness_worker.segmentation import WorkingCopy, opponent, refined, saliency, working_copy

# How far a photograph is noised: with less its shapes stay in pieces of a photograph, with more its colours go.
STRENGTH = 0.6
COATS, DRAWINGS = "coats.json", "drawings"
COATS_LOOKED_AT = 16  # photographs of one subject
# What the embedded model's captions call colours (models/art/colours.py).
COLOURS = {
    "red": "#e5484d", "orange": "#f5923e", "yellow": "#fad43d", "green": "#4caf50", "teal": "#16a39a",
    "blue": "#5b9cec", "navy": "#27345f", "purple": "#8e57c4", "pink": "#f284b6", "white": "#f8f6f1",
    "cream": "#f6e6c8", "black": "#35353b", "gray": "#9a9aa3", "brown": "#8a5a3a",
}  # fmt: skip

Subject = tuple[str, str]


def illustrated(attempt: Attempt, family: Family, samples: list[Sample]) -> list[Sample]:
    """The samples with a drawing in the place of each photograph, and without its mask, which has another outline; as
    they are where most of them are drawings. Kept by content in the cache folder.

    :raises Stopped: someone asked for it meanwhile.
    """
    folder = cache_folder(attempt)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [attempt.run.resolve(sample.path) for sample in samples]
    try:
        warning = photographs_warning(paths, folder)
        if warning is None:
            return samples
        shares = flat_shares(paths, folder)
    except ImageError:
        # The cache names every picture that does not decode, with its line.
        return samples
    photographs = [sample for sample, share in zip(samples, shares, strict=True) if share < FLAT_SHARE]
    coats = coats_of(attempt, photographs, folder)
    told = "; ".join(f"{name} the {kind} as a {coat} {kind}" for (name, kind), coat in coats.items())
    attempt.log.warn(f"{warning} Drawn are: {told}." if told else warning)
    identity = encoding_identity(attempt, family)
    drawn: dict[Sample, Sample] = {}
    for number, sample in enumerate(photographs):
        attempt.log.append(contract.PhaseEvent(phase="caching", done=number, total=len(photographs)))
        wish = attempt.stop_wish()
        if wish is not None:
            raise Stopped(wish)
        prompt = without_name(sample.caption, coats)
        drawing = _drawing(attempt, family, attempt.run.resolve(sample.path), prompt, identity)
        drawn[sample] = replace(sample, path=str(drawing.resolve()), mask=None)
    return [drawn.get(sample, sample) for sample in samples]


def coats_of(attempt: Attempt, photographs: Sequence[Sample], folder: Path) -> dict[Subject, str]:
    """The colour of each named subject, by its photographs (16 at most, evenly spaced)."""
    by_subject: dict[Subject, list[Path]] = {}
    for sample in photographs:
        subject = subject_of(sample.caption)
        if subject is not None:
            by_subject.setdefault(subject, []).append(attempt.run.resolve(sample.path))
    coats: dict[Subject, str] = {}
    chosen = {subject: paths[:: -(-len(paths) // COATS_LOOKED_AT)] for subject, paths in by_subject.items()}
    leads = by_content(folder / COATS, [path for paths in chosen.values() for path in paths], colour_leads)
    for subject, paths in chosen.items():
        lead = np.sum([leads[path] for path in paths], axis=0)
        if lead.max() > 0:
            coats[subject] = list(COLOURS)[int(lead.argmax())]
    return coats


def colour_leads(path: Path) -> list[float]:
    """How much more of each of COLOURS what stands out in a picture has than what is around it, -1 to 1."""
    with open_image(path) as image:
        whole = upright_size(image)
        scale = 512 / max(whole.width, whole.height)
        small = replace(whole, width=max(1, round(whole.width * scale)), height=max(1, round(whole.height * scale)))
        copy = working_copy(fit_image(image, small))
    likely = refined(saliency(copy), copy).ravel()
    nearest = _nearest_colours(copy)
    inside, outside = (
        np.bincount(nearest, weights=weights, minlength=len(COLOURS)) / max(float(weights.sum()), 1e-6)
        for weights in (likely, 1 - likely)
    )
    return (inside - outside).tolist()


def _nearest_colours(copy: WorkingCopy) -> NDArray[np.int64]:
    """The number of the colour in COLOURS nearest to each pixel, [h x w]."""
    named = [[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in COLOURS.values()]
    difference = opponent(copy.pixels.reshape(-1, 1, 3)) - opponent(np.array(named, dtype=np.float32))
    return (difference**2).sum(-1).argmin(-1)


def _drawing(attempt: Attempt, family: Family, photograph: Path, prompt: str, identity: str) -> Path:
    """The drawing of one photograph, drawn where it is not there from an earlier training."""
    facts = (STRENGTH, identity, sha256_of(photograph), prompt)
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()
    path = cache_folder(attempt) / DRAWINGS / f"{digest}.png"
    if path.exists():
        return path
    resolution, multiple = attempt.spec.resolution, family.base.size_multiple
    with open_image(photograph) as image:
        whole = upright_size(image)
        pixels = fit_image(image, bucket_for(whole.width / whole.height, resolution, multiple))
    # Of its own noise, or every drawing of a subject would have one pose.
    latents = draw_latents(
        family,
        [family.encode_text(prompt)],
        family.encode_text(""),
        [int(digest[:8], 16)],
        resolution,
        family.base.sampling.steps,
        start=(family.encode_images(to_unit_range(pixels)), STRENGTH),
    )
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    Image.fromarray(to_pixels(family, latents)[0]).save(temporary, "PNG")
    temporary.rename(path)
    return path
