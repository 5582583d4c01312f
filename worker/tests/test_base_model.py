"""What `check` says about a base model, and the windows of a long text."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

from likeness_worker.__main__ import main
from likeness_worker.base_model import describe, read_base_model, weights_of
from likeness_worker.rundir import RunError
from likeness_worker.windows import join_windows, split_tokens

pytestmark = pytest.mark.unit


def test_check_describes_a_base(art_base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--base", str(art_base)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["family"] == "art"
    assert said["resolution"] == 32
    assert said["learningRateFactor"] == 100
    assert said["tasks"] == [
        "TEXT_IMAGE",
        "INPAINTING",
        "OUTPAINTING",
        "IMAGE_VARIATION",
        "COLOR_GUIDED_GENERATION",
        "BACKGROUND_REMOVAL",
        "SMART_CROP",
    ]
    assert said["lora"]["rank"] == 16
    assert said["training"]["learningRateSchedule"] == "constant"
    assert said["sizeBytes"] > 1000
    assert said["memoryBytes"] == 4 * said["parameters"] > 1000


def test_everything_that_is_missing_is_said_at_once(sd_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(sd_base, base)
    shutil.rmtree(base / "text_encoder")
    (base / "tokenizer" / "merges.txt").unlink()
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    (base / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(RunError) as refused:
        read_base_model(base)
    for text in (
        "unet/diffusion_pytorch_model.bin is a pickle",
        "part text_encoder is missing",
        "part tokenizer has no tokenizer.json, nor vocab.json and merges.txt",
        "lacks scheduler/scheduler_config.json",
    ):
        assert text in str(refused.value)


def test_weights_in_shards_must_all_be_there(sd_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(sd_base, base)
    unet = base / "unet"
    shards = [f"diffusion_pytorch_model-{number:05}-of-00002.safetensors" for number in (1, 2)]
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / shards[0])
    with pytest.raises(RunError, match=r"unet is in shards, but lacks their \*\.index\.json"):
        read_base_model(base)
    index = {"weight_map": {"conv_in.weight": shards[0], "conv_out.weight": shards[1]}}
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(RunError, match=f"unet lacks {shards[1]}"):
        read_base_model(base)


def test_one_precision_of_the_weights_is_loaded_and_counted(sd_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(sd_base, base)
    alone = describe(read_base_model(base))
    whole = base / "unet" / "diffusion_pytorch_model.safetensors"
    for name in ("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.non_ema.safetensors"):
        shutil.copy(whole, whole.with_name(name))
    assert describe(read_base_model(base)) == alone
    assert weights_of(base / "unet") == [whole]
    whole.unlink()
    assert [file.name for file in weights_of(base / "unet")] == ["diffusion_pytorch_model.fp16.safetensors"]


def test_a_plain_diffusers_folder_takes_its_family_defaults(sd_base: Path) -> None:
    base = read_base_model(sd_base)
    assert (base.family, base.resolution, base.size_multiple) == ("stable-diffusion", 64, 64)
    assert base.learning_rate_factor == 10
    assert base.lora.target_modules == ("to_q", "to_k", "to_v", "to_out.0")


def test_check_says_in_one_line_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--base", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1


def test_a_missing_tokenizer_and_a_wrong_family_are_said(sd_base: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(sd_base, base)
    (base / "likeness.json").write_text('{"family": "art"}')
    with pytest.raises(RunError, match="says family art, but StableDiffusionPipeline is of family stable-diffusion"):
        read_base_model(base)
    (base / "likeness.json").unlink()
    shutil.rmtree(base / "tokenizer")
    with pytest.raises(RunError, match="tokenizer is missing"):
        read_base_model(base)


@pytest.mark.parametrize("command", [[], ["train"], ["serve"], ["check"]])
def test_help_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    assert "python -m likeness_worker" in capsys.readouterr().out


def test_check_and_help_import_no_torch() -> None:
    import subprocess

    code = "import sys, likeness_worker.__main__, likeness_worker.base_model, likeness_worker.serve;"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0


def test_windows() -> None:
    assert split_tokens([], 3) == [[]]
    assert split_tokens([1, 2, 3, 4], 3) == [[1, 2, 3], [4]]
    empty = torch.zeros(1, 2, 5)
    joined = join_windows([torch.ones(3, 2, 5), torch.ones(1, 2, 5)], empty)
    assert joined.shape == (2, 6, 5)
    assert joined[0].eq(1).all()
    assert joined[1, :2].eq(1).all()
    assert joined[1, 2:].eq(0).all()
