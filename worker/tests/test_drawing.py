"""What a sampler is given at each step: with guidance where the base has it, and without it below."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from likeness_worker import families
from likeness_worker.base_model import read_base_model
from likeness_worker.diffusion import guide
from likeness_worker.drawing import predictor
from likeness_worker.rundir import RunError


def with_sampling(base: Path, folder: Path, **members: object) -> Path:
    shutil.copytree(base, folder)
    settings = json.loads((base / "likeness.json").read_text())
    sampling = {**settings["sampling"], **members}
    (folder / "likeness.json").write_text(json.dumps({**settings, "sampling": sampling}))
    return folder


@pytest.mark.parametrize(("stop", "guided", "alone"), [(0.6, (999, 400), (399, 0)), (1, (999, 0), ())])
def test_guidance_stops_where_the_base_says(
    art_base: Path, tmp_path: Path, stop: float, guided: tuple[int, ...], alone: tuple[int, ...]
) -> None:
    base = read_base_model(with_sampling(art_base, tmp_path / "base", guidanceStop=stop))
    family = families.load(base, families.choose_placement("cpu", "float32"), None)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, 4, 4, 4, generator=generator)
    conditional, unconditional = family.encode_text("a red thing"), family.encode_text("")
    states, empty = torch.cat([conditional] * 2), torch.cat([unconditional] * 2)
    with torch.inference_mode():
        predict = predictor(family, states, empty, torch.tensor([4.0, 2.0]))
        for index in (*guided, *alone):
            t = family.process.timesteps[index].expand(2)
            c, u = family.predict(x, t, states), family.predict(x, t, empty)
            both = guide(u, c, torch.tensor([4.0, 2.0]).view(-1, 1, 1, 1), base.sampling.guidance_rescale)
            expected = c if index in alone else both
            assert torch.allclose(predict(x, index), expected, atol=1e-4), index
            assert not torch.allclose(c, both, atol=1e-3), "guidance changes nothing here"


def test_crisp_edges_are_true_or_false(art_base: Path, tmp_path: Path) -> None:
    assert not read_base_model(art_base).sampling.crisp_edges
    with pytest.raises(RunError, match=r"sampling\.crispEdges must be true or false, and is 'yes'"):
        read_base_model(with_sampling(art_base, tmp_path / "base", crispEdges="yes"))


@pytest.mark.parametrize("stop", [0, -0.5, 1.5])
def test_a_stop_of_guidance_out_of_its_bounds_is_refused_when_the_base_is_read(
    art_base: Path, tmp_path: Path, stop: float
) -> None:
    with pytest.raises(RunError, match=rf"guidanceStop must be above 0 and at most 1, and is {float(stop)}"):
        read_base_model(with_sampling(art_base, tmp_path / "base", guidanceStop=stop))
