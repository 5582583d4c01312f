"""Photographs are told from flat drawings."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness_worker.__main__ import main
from likeness_worker.photographs import FLAT_SHARE, flat_share, photographs_warning

pytestmark = pytest.mark.unit
SAMPLE = sorted((Path(__file__).resolve().parents[2] / "models" / "art" / "sample").rglob("*.jpg"))[:12]


def textured(folder: Path, number: int) -> Path:
    """Noise over a gradient, as a sensor's over light."""
    generator = np.random.default_rng(number)
    light = np.linspace(40, 210, 512)[:, None, None] + np.zeros((512, 512, 3))
    path = folder / f"{number}.jpg"
    Image.fromarray((light + generator.normal(0, 12, light.shape)).clip(0, 255).astype(np.uint8)).save(path)
    return path


def test_drawings_are_not_warned_of_and_photographs_are(tmp_path: Path) -> None:
    assert SAMPLE
    assert min(map(flat_share, SAMPLE)) > FLAT_SHARE
    photographs = [textured(tmp_path, number) for number in range(5)]
    assert max(map(flat_share, photographs)) < FLAT_SHARE
    assert photographs_warning(SAMPLE) is None
    assert photographs_warning([*SAMPLE[:5], *photographs]) is None
    said = photographs_warning([*SAMPLE[:4], *photographs])
    assert said is not None
    assert "(5 of 9 looked at)" in said
    assert "likeness model add" in said


def test_what_was_seen_of_pictures_is_kept_by_their_content(tmp_path: Path) -> None:
    photographs = [textured(tmp_path, number) for number in range(3)]
    said = photographs_warning(photographs, tmp_path)
    kept = json.loads((tmp_path / "flat.json").read_bytes())
    (tmp_path / "flat.json").write_text(json.dumps(dict.fromkeys(kept, 1.0)))
    assert photographs_warning(photographs, tmp_path) is None
    for path in photographs:
        path.write_bytes(path.read_bytes() + b"changed")
    assert photographs_warning(photographs, tmp_path) == said


def test_the_command_reads_paths_from_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said_of(paths: list[Path]) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(str, paths))))
        status = main(["photographs"])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    assert said_of(SAMPLE) == (0, "", "")
    status, told, _ = said_of([textured(tmp_path, number) for number in range(3)])
    assert (status, "(3 of 3 looked at)" in told) == (0, True)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"none")
    assert said_of([broken]) == (1, "", "A picture is not a JPEG or PNG.\n")
