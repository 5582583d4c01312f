"""An invisible watermark in every image that the model draws, and its detector.

Spread spectrum (Cox et al. 1997, "Secure Spread Spectrum Watermarking for Multimedia"): 64 bits, each spread with a
pseudo-random pattern of its own over a tile of TILE² pixels; the tile repeats over the picture, which makes the
detector independent of where a crop begins (Kutter 1998): it folds a picture onto one tile, finds the offset by
correlation, and reads the bits there. The pattern keeps to middle-low frequencies, which JPEG, scaling to a half and
an eye all leave alone or do not see; it is stronger where the picture has texture.

The bits spell LIKENESS and the key is fixed, so any installation finds the marks of any other. A mark says what drew a
picture, not who: it can be read, copied and removed by whoever has this file.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness_worker.raster import Floats, box_mean
from likeness_worker.spec import WatermarkFound

TILE = 128
PAYLOAD = np.unpackbits(np.frombuffer(b"LIKENESS", dtype=np.uint8)).astype(bool)
KEY = 0x11EE55
# Cycles per pixel that the pattern keeps to: 8 to 32 pixels a wave.
LOWEST, HIGHEST = 1 / 32, 1 / 8
# Mean deviation of lightness on a flat area and where there is texture, in levels of 255.
FLAT_STRENGTH, TEXTURE_STRENGTH = 1.5, 2.6
# Levels that black and white give way by.
EASED_LEVELS = 2.0
# Scales at which the detector looks, as size now / size when it was marked.
SCALES = (1.0, 0.5, 0.75, 2 / 3, 1.5, 2.0, 0.9, 1.0 / 0.9)
# Correlation, in standard deviations of what an unmarked picture gives at one offset, and right bits of 64.
DETECTED_SCORE, DETECTED_BITS = 7.0, 52
NOT_FOUND = WatermarkFound(is_found=False, score=0.0, right_bits=0)
LIGHTNESS = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@cache
def _patterns() -> Floats:
    """One pattern a bit, [64, TILE, TILE], each of zero mean and unit norm in its band."""
    generator = np.random.default_rng(KEY)
    noise = generator.standard_normal((len(PAYLOAD), TILE, TILE))
    spectrum = np.fft.rfft2(noise)
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None])
    spectrum = np.where((frequency >= LOWEST) & (frequency <= HIGHEST), spectrum, 0)
    # Equal strength at each frequency: only the phases carry the key.
    spectrum = spectrum / np.maximum(np.abs(spectrum), 1e-12) * (np.abs(spectrum) > 0)
    patterns = np.fft.irfft2(spectrum, s=(TILE, TILE))
    return (patterns / np.sqrt((patterns**2).sum((1, 2), keepdims=True))).astype(np.float32)


@cache
def _tile() -> Floats:
    """The sum of the patterns with the payload's signs, [TILE, TILE], of unit deviation."""
    signs = np.where(PAYLOAD, 1.0, -1.0).astype(np.float32)
    tile = np.tensordot(signs, _patterns(), 1)
    return tile / tile.std()


def can_hold(weights: Floats) -> bool:
    """Whether a part of a picture has room for the mark: a tile's pixels. In parts of 104² pixels it would be found in
    half of the pictures, in those of 136² it is in nine of ten, and from 168² on in nearly all (bench/watermark).

    :param weights: [H, W], 0 to 1: how far each pixel may change.
    """
    return float(weights.sum()) >= TILE**2


def embed(pixels: NDArray[np.uint8], weights: Floats | None = None) -> NDArray[np.uint8]:
    """Marks a picture. The same picture gives the same marked picture.

    :param pixels: [H, W, 3].
    :param weights: [H, W], 0 to 1: how far each pixel may change; where it is 0 not one does.
    """
    height, width = pixels.shape[:2]
    values = pixels.astype(np.float32)
    light = values @ LIGHTNESS
    texture = np.sqrt(np.maximum(0, box_mean(light**2, 4) - box_mean(light, 4) ** 2))
    strength = FLAT_STRENGTH + (TEXTURE_STRENGTH - FLAT_STRENGTH) * np.minimum(1, box_mean(texture, 4) / 12)
    repeats = (-(-height // TILE), -(-width // TILE))
    mark = np.tile(_tile(), repeats)[:height, :width] * strength
    if weights is not None:
        mark = mark * weights
    # At black and white half of the mark would be cut off: there the picture gives way by as much.
    room = EASED_LEVELS
    eased = values.clip(room, 255 - room)
    if weights is not None:
        eased = values + (eased - values) * weights[..., None]
    return (eased + mark[..., None]).round().clip(0, 255).astype(np.uint8)


def detect(pixels: NDArray[np.uint8]) -> WatermarkFound:
    """Looks for the mark at the scales of SCALES; the best of them counts. [H, W, 3]."""
    best = NOT_FOUND
    for scale in SCALES:
        found = _detect_at(pixels, scale)
        if found is not None and (found.is_found, found.score) > (best.is_found, best.score):
            best = found
        if best.is_found:
            break
    return best


def _detect_at(pixels: NDArray[np.uint8], scale: float) -> WatermarkFound | None:
    """:param scale: what the picture was scaled by since it was marked. :returns: None: too small for it."""
    height, width = pixels.shape[:2]
    size = (round(width / scale), round(height / scale))
    if min(size) < TILE // 2 or max(size) > 4096:
        return None
    image = Image.fromarray(pixels)
    light = np.asarray(image.resize(size, Image.Resampling.BICUBIC) if scale != 1 else image, np.float32) @ LIGHTNESS
    folded = _folded(_whitened(light))
    spectrum = np.fft.rfft2(folded)
    # A tile's own frequencies alone, each with equal weight: a picture's own structure has few strong ones.
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None])
    inside = (frequency >= LOWEST) & (frequency <= HIGHEST)
    spectrum = np.where(inside, spectrum / np.sqrt(np.abs(spectrum) + 1e-6), 0)
    correlation = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(_tile())), s=(TILE, TILE))
    deviation = float(correlation.std())
    if deviation < 1e-12:
        return NOT_FOUND
    place = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    score = float(correlation[place]) / deviation
    aligned = np.roll(np.fft.irfft2(spectrum, s=(TILE, TILE)), (-int(place[0]), -int(place[1])), (0, 1))
    read = (_patterns() * aligned[None].astype(np.float32)).sum((1, 2)) > 0
    right = int((read == PAYLOAD).sum())
    return WatermarkFound(
        is_found=score >= DETECTED_SCORE and right >= DETECTED_BITS, score=round(score, 3), right_bits=right
    )


def _whitened(light: Floats) -> Floats:
    """What is left of a picture without its areas and its hard edges."""
    rest = light - box_mean(light, 12)
    local = np.sqrt(box_mean(rest**2, 8)) + 1.0
    return (rest / local).clip(-2.5, 2.5)


def _folded(values: Floats) -> Floats:
    """The mean of a picture's tiles, [TILE, TILE]."""
    height, width = values.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = np.pad(values, ((0, rows * TILE - height), (0, columns * TILE - width)))
    seen = np.pad(np.ones_like(values), ((0, rows * TILE - height), (0, columns * TILE - width)))
    shape = (rows, TILE, columns, TILE)
    return padded.reshape(shape).sum((0, 2)) / np.maximum(1, seen.reshape(shape).sum((0, 2)))
