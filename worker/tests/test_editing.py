"""Editing through the served worker, on a tiny model: which pixels stay, what comes back, the same bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness_worker.palette import parse_colors, recoloured
from likeness_worker.watermark import detect, embed
from tests.test_serve import Client, start

pytestmark = pytest.mark.train
WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope="module")
def client(art_base: Path) -> Iterator[Client]:
    client, server = start(art_base)
    yield client
    server.shutdown()


def encode(pixels: np.ndarray, form: str = "PNG") -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return base64.b64encode(file.getvalue()).decode()


def decode(png: bytes | str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png) if isinstance(png, str) else png)))


def scene() -> np.ndarray:
    """A red disc on a blue ground that shades off."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x // 4, y // 2, 180 + y], -1).astype(np.uint8)
    picture[disc()] = (220, 40, 30)
    return picture


def disc() -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (x - 44) ** 2 + (y - 30) ** 2 < 17**2


def black_where(mask: np.ndarray, form: str = "PNG") -> str:
    return encode(np.repeat(np.where(mask, 0, 255).astype(np.uint8)[..., None], 3, 2), form)


def edit(task: str, mask: dict[str, object] | None = None, **members: object) -> dict[str, object]:
    masks = {"image": None, "prompt": None, "isReturned": False, **mask} if mask is not None else None
    return {
        "task": task, "images": [encode(scene())], "mask": masks, "width": WIDTH, "height": HEIGHT, **members,
    }  # fmt: skip


def test_inpainting_changes_the_hole_and_not_one_pixel_beside_it(client: Client) -> None:
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[10:50, 20:70] = True
    for text in ("a cat", None):
        request = edit("INPAINTING", {"image": black_where(hole)}, text=text, numberOfImages=2)
        first, second = (decode(image) for image in client.images(**request))
        assert first.shape == (HEIGHT, WIDTH, 3)
        assert np.array_equal(first[~hole], scene()[~hole])
        assert np.abs(first[hole].astype(int) - scene()[hole]).mean() > 2
        assert not np.array_equal(first, second)


def test_a_mask_without_black_changes_nothing(client: Client) -> None:
    request = edit("INPAINTING", {"image": black_where(np.zeros((HEIGHT, WIDTH), bool))}, text="a cat")
    assert np.array_equal(decode(client.images(**request)[0]), scene())


def test_outpainting_keeps_what_is_black_exactly_or_but_for_its_edge(client: Client) -> None:
    common = {"text": "a thing in the snow"}
    mask = {"image": black_where(disc())}
    (precise,) = client.images(**edit("OUTPAINTING", mask, outPaintingMode="PRECISE", **common))
    (default,) = client.images(**edit("OUTPAINTING", mask, outPaintingMode="DEFAULT", **common))
    assert np.array_equal(decode(precise)[disc()], scene()[disc()])
    assert not np.array_equal(decode(default)[disc()], scene()[disc()])
    middle = np.s_[25:35, 40:48]
    assert np.array_equal(decode(default)[middle], scene()[middle])
    assert not np.array_equal(decode(precise)[~disc()], scene()[~disc()])


def test_the_mask_comes_back_on_demand(client: Client) -> None:
    mask = {"image": black_where(disc()), "isReturned": True}
    _, data = client.invoke(**edit("INPAINTING", mask, text="a cat"))
    assert np.array_equal(decode(data["maskImage"]), decode(mask["image"]))
    _, data = client.invoke(**edit("INPAINTING", {"image": black_where(disc())}, text="a cat"))
    assert data["maskImage"] is None


def test_a_mask_from_a_prompt_is_drawn_with(client: Client) -> None:
    request = edit("INPAINTING", {"prompt": "the red disc", "isReturned": True}, text="a cat")
    _, data = client.invoke(**request)
    black = decode(data["maskImage"])[..., 0] == 0
    assert 0 < black.sum() < black.size
    outside = decode(data["images"][0])[~black]
    assert np.array_equal(outside, scene()[~black])
    assert client.invoke(**request)[1]["maskImage"] == data["maskImage"]
    text_image = client.images()
    client.invoke(**request)
    assert client.images() == text_image, "the attention layers are as they were"


def test_background_removal_gives_the_pixels_with_transparency(client: Client) -> None:
    (png,) = client.images(**edit("BACKGROUND_REMOVAL", text=None))
    cut_out = decode(png)
    assert cut_out.shape == (HEIGHT, WIDTH, 4)
    assert np.array_equal(cut_out[..., :3], scene())
    assert cut_out[30, 44, 3] == 255
    assert cut_out[2, 2, 3] == 0


def test_smart_crop_holds_the_subject(client: Client) -> None:
    _, data = client.invoke(**edit("SMART_CROP", text=None, width=HEIGHT, height=HEIGHT))
    box = data["cropBox"]
    assert (box["width"], box["height"], box["top"]) == (HEIGHT, HEIGHT, 0)
    assert box["left"] <= 27
    assert box["left"] + HEIGHT >= 61
    expected = scene()[:, box["left"] : box["left"] + HEIGHT]
    assert np.array_equal(decode(data["images"][0]), expected)
    assert client.invoke(**edit("SMART_CROP", text="the disc", width=HEIGHT, height=HEIGHT))[0] == 200


def test_colours_guide_the_drawing(client: Client) -> None:
    def drawn(*colors: str, **members: object) -> bytes:
        return client.images(task="COLOR_GUIDED_GENERATION", colors=list(colors), **members)[0]

    assert len({drawn("#E02010"), drawn("#1030D0"), drawn("#E02010", images=[encode(scene())])}) == 3


def test_what_is_drawn_has_the_named_colours_alone(client: Client) -> None:
    colors = ("#008080", "#1B2A5C")
    drawn = decode(client.images(task="COLOR_GUIDED_GENERATION", colors=list(colors))[0]).astype(float)
    palette = parse_colors(colors) * 255
    # Of hue and saturation: what is left when lightness is taken away.
    hues = drawn - drawn.mean(-1, keepdims=True)
    distances = np.abs(hues[..., None, :] - (palette - palette.mean(-1, keepdims=True))).max(-1).min(-1)
    assert distances.mean() < 25


def test_a_patch_gets_the_colour_near_to_it_and_its_drawing_stays() -> None:
    picture = np.full((64, 96, 3), (200, 60, 60), np.uint8)
    picture[:, 48:] = (60, 60, 160)
    picture[20:40, 10:30] = (150, 40, 40)  # a shadow in what is red
    answer = recoloured(picture, parse_colors(("#E02010", "#1030D0")), 0.9).astype(int)
    red, shadow, blue = answer[10, 40], answer[30, 20], answer[30, 80]
    assert red[0] > 200
    assert red[1] < 70
    assert blue[2] > 180
    assert 10 < red.mean() - shadow.mean() < 60


def test_no_named_colour_goes_without_a_patch_even_where_one_is_near_to_all() -> None:
    picture = np.full((64, 96, 3), (250, 160, 30), np.uint8)
    picture[16:48, 32:64] = (200, 120, 20)
    orange, squid = recoloured(picture, parse_colors(("#FF9900", "#232F3E")), 1.0)[[2, 32], [2, 48]].astype(int)
    assert np.abs(orange - (255, 153, 0)).max() < 40
    assert np.abs(squid - (35, 47, 62)).max() < 40


def test_eyes_in_a_dark_face_and_light_in_a_light_one_are_still_seen() -> None:
    picture = np.full((64, 96, 3), 130, np.uint8)
    picture[20:30, 20:30] = 20
    picture[20:30, 60:70] = 240
    for color in ("#050510", "#FFFFFA"):
        dark, face, light = recoloured(picture, parse_colors((color,)), 0.85)[[25, 5, 25], [25, 5, 65]].mean(-1)
        assert face - dark > 15, color
        assert light - face > 15, color


@pytest.mark.parametrize("mode", ["CANNY_EDGE", "SEGMENTATION"])
def test_a_condition_image_holds_more_the_stronger_it_is(client: Client, mode: str) -> None:
    def drawn(strength: float) -> bytes:
        condition = {"images": [encode(scene())], "control": {"mode": mode, "strength": strength}}
        return client.images(**condition, quality="premium")[0]

    assert len({drawn(strength) for strength in (0.0, 0.5, 1.0)}) == 3


def test_every_task_gives_the_same_bytes_beside_others(client: Client) -> None:
    mask = {"image": black_where(disc())}
    requests = [
        edit("INPAINTING", mask, text="a cat", numberOfImages=2),
        edit("INPAINTING", mask, text="a dog", seed=5),
        edit("INPAINTING", {"prompt": "the disc"}, text="a cat"),
        edit("OUTPAINTING", mask, text="a cat", outPaintingMode="PRECISE"),
        edit("BACKGROUND_REMOVAL", text=None),
        {"task": "COLOR_GUIDED_GENERATION", "colors": ["#ff0000", "#00FF00"], "numberOfImages": 2},
        {"images": [encode(scene())], "control": {"mode": "CANNY_EDGE", "strength": 0.7}},
        {"width": WIDTH, "height": HEIGHT, "text": "a cat"},
        {"width": WIDTH, "height": HEIGHT, "text": "a dog", "seed": 5},
    ]
    alone = [client.images(**members) for members in requests]
    with ThreadPoolExecutor(len(requests)) as pool:
        assert list(pool.map(lambda members: client.images(**members), requests)) == alone


def test_what_is_drawn_carries_the_watermark_and_detection_finds_it(client: Client) -> None:
    drawn = client.images(width=512, height=512)[0]
    plain = encode(scene().repeat(4, 0).repeat(4, 1))
    for image, expected in ((base64.b64encode(drawn).decode(), True), (plain, False)):
        _, data = client.invoke(task="DETECTION", text=None, images=[image])
        assert (data["images"], data["watermark"]["isFound"]) == ([], expected)


def test_a_part_too_small_for_the_watermark_is_left_without_one(client: Client) -> None:
    picture = scene().repeat(6, 0).repeat(6, 1)
    height, width = picture.shape[:2]
    for side, expected in ((90, False), (300, True)):
        hole = np.zeros((height, width), bool)
        hole[40 : 40 + side, 60 : 60 + side] = True
        request = edit("INPAINTING", {"image": black_where(hole)}, text="a cat", images=[encode(picture)])
        _, data = client.invoke(**{**request, "width": width, "height": height})
        assert data["isWatermarked"] is expected
        assert detect(decode(data["images"][0])).is_found is expected


def test_the_watermark_outlives_compression_scaling_and_a_crop_and_hardly_shows() -> None:
    y, x = np.mgrid[:384, :512]
    plain = np.stack([x // 3, y // 2, np.where((x - 200) ** 2 + (y - 180) ** 2 < 9000, 200, 90)], -1).astype(np.uint8)
    marked = embed(plain)
    assert 10 * np.log10(255**2 / np.mean((marked.astype(float) - plain) ** 2)) > 38
    image = Image.fromarray(marked)
    small = np.asarray(image.resize((256, 192), Image.Resampling.LANCZOS))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    for attacked in (marked, small, decode(file.getvalue()), np.ascontiguousarray(marked[13:370, 21:490])):
        found = detect(attacked)
        assert found.is_found
        assert found.right_bits == 64
    assert not detect(plain).is_found
    some = np.zeros(plain.shape[:2], np.float32)
    some[:, 100:300] = 1
    assert np.array_equal(embed(plain, some)[:, 300:], plain[:, 300:])


GREY = encode(np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
CLEAR = encode(np.zeros((HEIGHT, WIDTH, 4), np.uint8))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (edit("INPAINTING"), "mask must have either image or prompt for INPAINTING"),
        (edit("INPAINTING", {"image": GREY, "prompt": "x"}), "mask must have either image or prompt for INPAINTING"),
        (edit("INPAINTING", {"image": GREY}), "mask.image must be black and white; 100 % of it is neither"),
        (edit("INPAINTING", {"image": CLEAR}), "mask.image must have no transparent pixel"),
        (edit("INPAINTING", {"image": "aGVsbG8="}), "mask.image is not a JPEG or PNG"),
        (edit("OUTPAINTING", {"prompt": "x"}, text=None), "text is required for OUTPAINTING"),
        (edit("BACKGROUND_REMOVAL", images=[]), "images must have one image for BACKGROUND_REMOVAL"),
        ({"task": "COLOR_GUIDED_GENERATION"}, "colors must have 1 to 10 colors for COLOR_GUIDED_GENERATION"),
        (
            {"task": "COLOR_GUIDED_GENERATION", "colors": ["red"]},
            "request: colors[0] must match #[0-9A-Fa-f]{6}",
        ),
        (edit("INPAINTING", {"prompt": "x"}, images=[encode(scene())[:200]]), "images[0] does not decode"),
    ],
)
def test_what_is_wrong_with_an_edit_is_named(client: Client, members: dict[str, object], message: str) -> None:
    status, data = client.invoke(**members)
    assert status == 400
    assert data["error"] == {"kind": "invalid", "message": message}


def test_sixteen_bits_of_grey_are_scaled_to_eight(client: Client) -> None:
    def grey(black: int, white: int) -> str:
        file = io.BytesIO()
        Image.fromarray(np.where(disc(), black, white).astype(np.uint16)).save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()

    # Clipped at 255 both of these would be white.
    status, data = client.invoke(**edit("INPAINTING", {"image": grey(2_000, 64_000), "isReturned": True}, text="a cat"))
    assert status == 200
    assert np.array_equal(decode(data["maskImage"])[..., 0] == 0, disc())
    status, data = client.invoke(**edit("INPAINTING", {"image": grey(30_000, 65_535)}, text="a cat"))
    assert status == 400
    assert "must be black and white" in data["error"]["message"]


def test_a_mask_saved_as_jpeg_is_taken(client: Client) -> None:
    assert client.images(**edit("INPAINTING", {"image": black_where(disc(), "JPEG")}, text="a cat"))
