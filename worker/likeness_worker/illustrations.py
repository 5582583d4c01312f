"""Photographs as the art model would draw them, which is what it learns in their place.

That model's world is flat drawings. Trained on photographs it forgets those and has no room for these: after 75 steps
every prompt gives the same patches of colour. So the base first draws each photograph itself: noised, and denoised
towards its caption (Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential
Equations"), with "a brown dog" in the place of "Ron the dog". The colour is the one that the subject has more of than
what is around it, over all of its photographs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
from likeness_worker.photographs import FLAT_SHARE, by_content, digests_of, flat_shares, photographs_warning
from likeness_worker.prompts import subject_of, without_name
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
        digests = digests_of(paths)
        shares = flat_shares(digests, folder)
    except ImageError:
        # The cache names every picture that does not decode, with its line.
        return samples
    photographs = {sample: path for sample, path in zip(samples, paths, strict=True) if shares[path] < FLAT_SHARE}
    coats = _coats_of(photographs, digests, folder)
    told = "; ".join(f"{name} the {kind} as a {coat} {kind}" for (name, kind), coat in coats.items())
    if attempt.spec.resume_from_path is None:
        attempt.log.warn(f"{warning} Drawn are: {told}." if told else warning)
    identity = encoding_identity(attempt, family)
    drawn: dict[Sample, Sample] = {}
    for number, (sample, path) in enumerate(photographs.items()):
        attempt.log.append(contract.PhaseEvent(phase="caching", done=number, total=len(photographs)))
        wish = attempt.stop_wish()
        if wish is not None:
            raise Stopped(wish)
        prompt = without_name(sample.caption, coats)
        facts = (STRENGTH, identity, digests[path], prompt)
        drawing = folder / DRAWINGS / f"{hashlib.sha256(repr(facts).encode()).hexdigest()}.png"
        if not drawing.exists():
            _draw(attempt, family, path, prompt, drawing)
        drawn[sample] = replace(sample, path=str(drawing.resolve()), mask=None)
    return [drawn.get(sample, sample) for sample in samples]


def _coats_of(photographs: Mapping[Sample, Path], digests: Mapping[Path, str], folder: Path) -> dict[Subject, str]:
    """The colour of each named subject, by its photographs (16 at most, evenly spaced)."""
    by_subject: dict[Subject, list[Path]] = {}
    for sample, path in photographs.items():
        subject = subject_of(sample.caption)
        if subject is not None:
            by_subject.setdefault(subject, []).append(path)
    coats: dict[Subject, str] = {}
    for subject, paths in by_subject.items():
        chosen = paths[:: -(-len(paths) // COATS_LOOKED_AT)]
        leads = by_content(folder / COATS, {path: digests[path] for path in chosen}, colour_leads)
        lead = np.sum([leads[path] for path in chosen], axis=0)
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


def _draw(attempt: Attempt, family: Family, photograph: Path, prompt: str, drawing: Path) -> None:
    resolution, multiple = attempt.spec.resolution, family.base.size_multiple
    with open_image(photograph) as image:
        whole = upright_size(image)
        pixels = fit_image(image, bucket_for(whole.width / whole.height, resolution, multiple))
    latents = draw_latents(
        family,
        [family.encode_text(prompt)],
        family.encode_text(""),
        # Of its own noise, or every drawing of a subject would have one pose.
        [int(drawing.stem[:8], 16)],
        resolution,
        family.base.sampling.steps,
        start=(family.encode_images(to_unit_range(pixels)), STRENGTH),
    )
    drawing.parent.mkdir(exist_ok=True)
    temporary = drawing.with_suffix(".tmp")
    Image.fromarray(to_pixels(family, latents)[0]).save(temporary, "PNG")
    temporary.rename(drawing)
