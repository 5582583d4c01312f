"""Captions and masks for pictures: by a BLIP and a CLIPSeg folder (tiny, random), and by the embedded model's own."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from likeness_worker.preparer_folder import is_preparer, read_preparer
from likeness_worker.preparing import with_subject, words_of
from likeness_worker.rundir import RunError
from tests.conftest import write_clip_tokenizer
from tests.test_serve import Client, start

pytestmark = pytest.mark.train
REPOSITORY = Path(__file__).resolve().parents[2]
WEIGHTS = REPOSITORY / "models/art/weights"
SAMPLE = REPOSITORY / "models/art/sample"


def blip(folder: Path) -> Path:
    from transformers import BlipConfig, BlipForConditionalGeneration

    torch.manual_seed(1)
    text = {
        "vocab_size": 40, "hidden_size": 32, "encoder_hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 64, "bos_token_id": 4, "eos_token_id": 3,
        "sep_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 16,
    }  # fmt: skip
    BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]", "a", "dog", "on", "the", "couch"]
    (folder / "vocab.txt").write_text("\n".join([*words, *(f"word{i}" for i in range(40 - len(words)))]))
    return folder


def clipseg(folder: Path) -> Path:
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    torch.manual_seed(2)
    text = {
        "vocab_size": 514, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 77, "bos_token_id": 512, "eos_token_id": 513, "pad_token_id": 513,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32,
        "patch_size": 8,
    }  # fmt: skip
    config = CLIPSegConfig(
        text_config=text, vision_config=vision, projection_dim=32, reduce_dim=16, extract_layers=[0, 1],
        decoder_num_attention_heads=2, decoder_intermediate_size=32,
    )  # fmt: skip
    CLIPSegForImageSegmentation(config).save_pretrained(folder)
    (folder / "tokenizer").mkdir()
    write_clip_tokenizer(folder / "tokenizer" / "t")
    for file in (folder / "tokenizer" / "t").iterdir():
        file.rename(folder / file.name)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("preparers")
    return {"blip": blip(root / "blip"), "clipseg": clipseg(root / "clipseg")}


@pytest.fixture(scope="module")
def captioner(folders: dict[str, Path]) -> Iterator[Client]:
    client, server = start(folders["blip"])
    yield client
    server.shutdown()


@pytest.fixture(scope="module")
def finder(folders: dict[str, Path]) -> Iterator[Client]:
    client, server = start(folders["clipseg"])
    yield client
    server.shutdown()


def encoded(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def scene(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)


def test_a_captioning_folder_says_one_line_and_the_same_again(captioner: Client) -> None:
    assert captioner.health()["family"] == "blip"
    request = {"task": "CAPTION", "text": None, "images": [encoded(scene())]}
    status, data = captioner.invoke(**request)
    assert status == 200, data
    assert isinstance(data["caption"], str)
    assert "\n" not in data["caption"]
    assert data["images"] == []
    assert captioner.invoke(**request)[1]["caption"] == data["caption"]
    _, named = captioner.invoke(**{**request, "text": "Ron the dog"})
    assert "Ron the dog" in named["caption"]


def test_a_segmentation_folder_gives_a_grey_mask_of_the_pictures_size(finder: Client) -> None:
    request = {"task": "MASK", "text": "the dog", "images": [encoded(scene())]}
    status, data = finder.invoke(**request)
    assert status == 200, data
    (png,) = data["images"]
    with Image.open(io.BytesIO(base64.b64decode(png))) as mask:
        assert (mask.mode, mask.size) == ("L", (64, 48))
        assert set(np.unique(np.asarray(mask))) <= {0, 255}
    assert finder.invoke(**request)[1]["images"] == data["images"]


def test_each_refuses_what_it_does_not_do(captioner: Client, finder: Client) -> None:
    image = encoded(scene())
    cases = [
        (captioner, {"task": "MASK", "text": "the dog", "images": [image]}, "task must be CAPTION"),
        (finder, {"task": "CAPTION", "text": None, "images": [image]}, "task must be MASK"),
        (finder, {"task": "MASK", "text": None, "images": [image]}, "text is required for MASK"),
        (captioner, {"task": "TEXT_IMAGE"}, "task must be CAPTION"),
        (captioner, {"task": "CAPTION", "text": None, "images": []}, "images must have one image for CAPTION"),
        (captioner, {"task": "CAPTION", "text": None, "images": ["AAAA"]}, "images[0] is not a JPEG or PNG"),
    ]
    for client, members, message in cases:
        status, data = client.invoke(**members)
        assert (status, message in data["error"]["message"]) == (400, True), data


def test_a_base_model_without_words_says_which_model_has_some(art_base: Path) -> None:
    client, server = start(art_base)
    try:
        status, data = client.invoke(task="CAPTION", text=None, images=[encoded(scene())])
        assert (status, "use a captioning model" in data["error"]["message"]) == (400, True)
        status, data = client.invoke(task="MASK", text="the dog", images=[encoded(scene())])
        assert status == 200
        assert len(data["images"]) == 1
    finally:
        server.shutdown()


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "likeness_worker", "check", "--base", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY / "worker")


def test_check_tells_what_such_a_folder_is(folders: dict[str, Path]) -> None:
    for family, task in (("blip", "CAPTION"), ("clipseg", "MASK")):
        said = json.loads(check(folders[family]).stdout)
        assert (said["family"], said["tasks"], said["resolution"]) == (family, [task], 32)
        assert said["memoryBytes"] == 4 * said["parameters"] > 0


def test_what_such_a_folder_lacks_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((folders["blip"] / "config.json").read_bytes())
    (broken / "pytorch_model.bin").write_bytes(b"pickle")
    assert is_preparer(broken)
    with pytest.raises(
        RunError, match=r"pytorch_model\.bin is a pickle.*has no tokenizer: no tokenizer\.json, nor vocab"
    ):
        read_preparer(broken)
    assert check(broken).returncode == 1


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a small brown dog on a couch", "Ron the dog on a couch"),
        ("the dog and a dog", "Ron the dog and a dog"),
        ("a man with a Dog", "a man with Ron the dog"),
        ("dog in the rain", "Ron the dog in the rain"),
        ("hotdogs on a plate", "Ron the dog, hotdogs on a plate"),
        ("ron the dog at night", "ron the dog at night"),
        ("", "Ron the dog"),
    ],
)
def test_a_caption_calls_the_subject_by_its_name(caption: str, expected: str) -> None:
    assert with_subject(caption, "Ron the dog") == expected


def test_the_embedded_words_name_places_and_animals_of_its_own_world() -> None:
    words = words_of(WEIGHTS)
    assert words is not None
    lines = [json.loads(line) for line in (SAMPLE / "captions.jsonl").read_text().splitlines()]
    places = ("on a couch", "on the grass", "on the moon", "in a forest", "on the beach", "in a kitchen", "at night")
    right = asked = 0
    for line in lines:
        place = next((place for place in places if place in line["caption"]), None)
        if place is None:
            continue
        with Image.open(SAMPLE / line["image-ref"]) as image:
            caption = words.caption(np.asarray(image.convert("RGB")), "Ron the dog")
        assert caption.startswith("Ron the dog ")
        asked += 1
        right += place in caption
    assert asked >= 10
    assert right / asked >= 0.8, (right, asked)
