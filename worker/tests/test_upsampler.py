"""The upsampler as a part of a base: drawings are enlarged by it, and a base without one draws as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from likeness_worker import families
from likeness_worker.base_model import read_base_model
from likeness_worker.families import choose_placement
from likeness_worker.rundir import RunError
from likeness_worker.upsampler import FACTOR, Upsampler

pytestmark = pytest.mark.unit


@pytest.fixture
def base_with_upsampler(art_base: Path, tmp_path: Path) -> Path:
    base = tmp_path / "base"
    shutil.copytree(art_base, base)
    torch.manual_seed(3)
    Upsampler(width=8, depth=1).half().save_pretrained(base / "upsampler")
    index = json.loads((base / "model_index.json").read_text())
    index["upsampler"] = ["likeness_worker.upsampler", "Upsampler"]
    (base / "model_index.json").write_text(json.dumps(index))
    return base


def test_untrained_detail_on_top_of_a_bilinear_picture() -> None:
    upsampler = Upsampler(width=8, depth=1)
    torch.nn.init.zeros_(upsampler.end.weight)
    torch.nn.init.zeros_(upsampler.end.bias)
    x = torch.rand(2, 3, 6, 10) * 2 - 1
    y = upsampler(x)
    assert y.shape == (2, 3, 6 * FACTOR, 10 * FACTOR)
    assert torch.allclose(y, torch.nn.functional.interpolate(x, scale_factor=FACTOR, mode="bilinear"))


def test_a_base_with_one_enlarges_and_a_base_without_does_not(base_with_upsampler: Path, art_base: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 24, 3), dtype=np.uint8)
    placement = choose_placement("cpu", "float32")
    plain = families.load(read_base_model(art_base), placement)
    assert plain.enlarge(pixels) is pixels
    family = families.load(read_base_model(base_with_upsampler), placement)
    enlarged = family.enlarge(pixels)
    assert (enlarged.shape, enlarged.dtype) == ((32 * FACTOR, 24 * FACTOR, 3), np.uint8)
    assert np.array_equal(enlarged, family.enlarge(pixels))


def test_one_that_the_index_names_but_the_folder_lacks_is_refused(base_with_upsampler: Path) -> None:
    shutil.rmtree(base_with_upsampler / "upsampler")
    with pytest.raises(RunError, match="part upsampler is missing"):
        read_base_model(base_with_upsampler)
