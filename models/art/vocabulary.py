"""Teach the encoder the composer's own words, so that a picture of this world can be captioned: one linear layer on its
features (what is shown, where, what it wears, what lies beside it, how it is drawn), trained on composed scenes.

    python models/art/vocabulary.py               # composes, trains, measures, writes weights/encoder/vocabulary.*

Ron, Smila and what looks like them are not in the training (scenes.random_recipe leaves them out).
"""

import argparse
import dataclasses
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "worker")]

from likeness_worker.scene_encoder import PIXELS, SceneEncoder  # noqa: E402

from models.art.encoder import augmented  # noqa: E402
from models.art.looks import FACES, PLAIN, random_look  # noqa: E402
from models.art.places import BACKDROPS, SCENES  # noqa: E402
from models.art.scenes import COMPANIONS, OBJECTS, STYLES, Recipe, compose, random_recipe  # noqa: E402
from models.art.wardrobe import ACCESSORIES  # noqa: E402

SEED = 20261126
TURNS = 3  # each picture is looked at so often, shifted, softened and lit in another way
STEPS = 3000
BATCH = 512
RATE = 3e-3
# Of one group of each of these a picture shows exactly one word; of the others any number.
GROUPS: dict[str, tuple[str, ...]] = {
    "subjects": (*FACES, *OBJECTS),
    "places": (*SCENES, *BACKDROPS),
    "styles": ("", *STYLES),
    "accessories": ACCESSORIES,
    "companions": COMPANIONS,
}
EXCLUSIVE = ("subjects", "places", "styles")


def recipe(rng: random.Random) -> Recipe:
    """The base data's distribution half of the time, else any subject as often as another."""
    drawn = random_recipe(rng)
    if rng.random() < 0.5:
        return drawn
    subject = rng.choice(GROUPS["subjects"])
    if subject not in FACES:
        return dataclasses.replace(drawn, subject=subject, look=PLAIN, accessories=(), name=None)
    look = random_look(subject, rng) if rng.random() < 0.5 else PLAIN
    is_ron_like = drawn.style and subject == "dog" and look.patch
    return dataclasses.replace(drawn, subject=subject, look=look, style=None if is_ron_like else drawn.style)


def answers(shown: Recipe) -> list[float]:
    """1 for each word that is true of a picture, in the order of GROUPS."""
    true = {
        "subjects": (shown.subject,),
        "places": (shown.place,),
        "styles": (shown.style or "",),
        "accessories": shown.accessories,
        "companions": (shown.companion,),
    }
    return [float(word in true[group]) for group, words in GROUPS.items() for word in words]


def looked_at(model: SceneEncoder, name: str, count: int, turns: int) -> tuple[Tensor, Tensor]:
    """Features [turns * count, FEATURES] and answers of composed scenes; the same name gives the same scenes."""
    rng = random.Random(f"vocabulary-{SEED}-{name}")
    generator = torch.Generator().manual_seed(SEED)
    recipes = [recipe(rng) for _ in range(count)]
    pictures = np.stack([np.asarray(compose(one, PIXELS)) for one in recipes])
    truth = torch.tensor([answers(one) for one in recipes])
    with torch.no_grad():
        features = [
            model.features(augmented(pictures[i : i + 128], generator))
            for _ in range(turns)
            for i in range(0, count, 128)
        ]
    return torch.cat(features), truth.repeat(turns, 1)


def spans() -> dict[str, slice]:
    starts = np.cumsum([0, *map(len, GROUPS.values())]).tolist()
    return {group: slice(starts[i], starts[i + 1]) for i, group in enumerate(GROUPS)}


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    total = torch.zeros(())
    for group, span in spans().items():
        if group in EXCLUSIVE:
            total = total + functional.cross_entropy(logits[:, span], truth[:, span].argmax(1))
        else:
            total = total + functional.binary_cross_entropy_with_logits(
                logits[:, span], truth[:, span], reduction="sum"
            ) / len(logits)
    return total


def trained(features: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [words, FEATURES] and bias [words]; the features' own mean and deviation are folded into them."""
    mean, deviation = features.mean(0), features.std(0).clamp(min=1e-4)
    torch.manual_seed(SEED)
    layer = torch.nn.Linear(features.shape[1], truth.shape[1])
    optimizer = torch.optim.AdamW(layer.parameters(), lr=RATE, weight_decay=0.05)
    scaled = (features - mean) / deviation
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        rows = torch.randint(0, len(scaled), (BATCH,))
        loss = loss_of(layer(scaled[rows]), truth[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weight = layer.weight.detach() / deviation
    return weight, layer.bias.detach() - weight @ mean


def measure(logits: Tensor, truth: Tensor) -> dict[str, float]:
    """Share of pictures whose subject, place and style are named right; of what is worn or beside, what is found of
    what is there, and how much of what is named is there."""
    measured: dict[str, float] = {}
    for group, span in spans().items():
        if group in EXCLUSIVE:
            right = logits[:, span].argmax(1) == truth[:, span].argmax(1)
            measured[group] = round(right.float().mean().item(), 3)
        else:
            named, true = logits[:, span] > 0, truth[:, span] > 0
            both = (named & true).sum().item()
            measured[f"{group}Found"] = round(both / max(1, int(true.sum())), 3)
            measured[f"{group}Right"] = round(both / max(1, int(named.sum())), 3)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, default=HERE / "weights" / "encoder")
    parser.add_argument("--pictures", type=int, default=9000)
    parser.add_argument("--measure", action="store_true", help="measure what is there instead of training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.monotonic()
    model = SceneEncoder().eval().requires_grad_(False)
    model.load_state_dict(
        {key: value.float() for key, value in load_file(options.encoder / "model.safetensors").items()}
    )
    file = options.encoder / "vocabulary.safetensors"
    if not options.measure:
        weight, bias = trained(*looked_at(model, "training", options.pictures, TURNS))
        save_file({"weight": weight.half().contiguous(), "bias": bias.half()}, file, metadata={"format": "pt"})
        print(f"{options.pictures} pictures in {time.monotonic() - started:.0f} s", flush=True)
    layer = {key: value.float() for key, value in load_file(file).items()}
    features, truth = looked_at(model, "held out", 1500, 1)
    measured = measure(features @ layer["weight"].T + layer["bias"], truth)
    print(json.dumps(measured))
    if not options.measure:
        words = {"groups": GROUPS, "exclusive": EXCLUSIVE, "measured": measured}
        (options.encoder / "vocabulary.json").write_text(json.dumps(words, indent=2) + "\n")


if __name__ == "__main__":
    main()
