"""The judge: a small CNN that says which character, scene, accessories and style a picture shows.

It learns from rendered truth alone (the composer knows what it draws), blurred, shifted, recoloured and made noisy as
a small diffusion model's pictures are; never from any model's output. Its negatives are the base model's own
distribution and near misses: Ron and Smila with one or two parts of their look in other colours.
"""

import itertools
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.art.colours import NAMED, rgb
from models.art.looks import Look
from models.art.places import BACKDROPS, SCENES
from models.art.scenes import CHARACTERS, STYLES, Recipe, compose, random_recipe
from models.art.wardrobe import ACCESSORIES, EYEWEAR, HEADWEAR, NECKWEAR

PIXELS = 64
CHARACTER_NAMES = (*CHARACTERS, "neither")
PLACES = (*SCENES, "a plain background")
STYLE_NAMES = ("in colour", *STYLES)


@dataclass(frozen=True)
class Truth:
    """pixels uint8 [n, 64, 64, 3]; the labels are indices into the tuples above, accessories [n, 14] of 0 and 1."""

    pixels: Tensor
    character: Tensor
    place: Tensor
    accessories: Tensor
    style: Tensor


class Judge(nn.Module):
    """0.6 M parameters: four strided stages, then one linear layer per question."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 96, 160)
        stages = []
        for before, after in itertools.pairwise(widths):
            stages += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
            stages += [nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.trunk = nn.Sequential(*stages, nn.Flatten(), nn.Dropout(0.2), nn.Linear(160 * 16, 192), nn.ReLU())
        self.heads = nn.ModuleDict(
            {
                "character": nn.Linear(192, len(CHARACTER_NAMES)),
                "place": nn.Linear(192, len(PLACES)),
                "accessories": nn.Linear(192, len(ACCESSORIES)),
                "style": nn.Linear(192, len(STYLE_NAMES)),
            }
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """x float32 [n, 3, 64, 64] in 0..1."""
        features = self.trunk(x * 2 - 1)
        return {name: head(features) for name, head in self.heads.items()}


def _near_miss(name: str, rng: random.Random, in_colour: bool) -> Look:
    """The character's look with one telling part, or two, in another colour or (in greys) missing."""
    _, look = CHARACTERS[name]
    telling = {"Ron": ("fur", "patch"), "Smila": ("mask", "chin")}[name]
    changed = dict.fromkeys((rng.choice(telling),))
    if in_colour:
        parts = rng.sample(list(look.parts()), rng.choice((1, 2)))
        if not set(parts) & {*telling, "fur"}:
            parts.append(rng.choice(telling))
        changed = {part: _other(getattr(look, part), rng) for part in parts}
    return replace(look, **changed)


def _other(colour: str, rng: random.Random) -> str | None:
    far = [n for n, c in NAMED.items() if sum(abs(a - b) for a, b in zip(rgb(c), rgb(colour), strict=True)) > 170]
    return rng.choice([*far, None])


def truth_recipe(rng: random.Random) -> tuple[Recipe, int]:
    """Draw a recipe and its character's index: a quarter Ron, a quarter Smila, the rest neither."""
    share = rng.random()
    if share > 0.68:
        return random_recipe(rng), 2
    worn = [
        rng.choice(group)
        for group in (HEADWEAR, EYEWEAR, NECKWEAR, ("headphones",), ("a flower",))
        if rng.random() < 0.17
    ]
    index = rng.randrange(2)
    name = CHARACTER_NAMES[index]
    subject, look = CHARACTERS[name]
    style = rng.choice(STYLES) if rng.random() < (0.18 if name == "Smila" else 0.0) else None
    if share > 0.5:
        look, index = _near_miss(name, rng, style is None), 2
        # Behind dark glasses a near miss can be the character itself: it would teach nothing.
        worn = [a for a in worn if a not in EYEWEAR]
    place = rng.choice(SCENES) if rng.random() < 0.8 else rng.choice(BACKDROPS)
    return Recipe(subject, place, rng.getrandbits(32), look=look, accessories=tuple(worn), style=style), index


def truth(seed: str, count: int) -> Truth:
    """Compose labelled pictures."""
    rng = random.Random(seed)
    drawn = [truth_recipe(rng) for _ in range(count)]
    pixels = np.stack([np.asarray(compose(r, PIXELS)) for r, _ in drawn])
    return Truth(
        torch.from_numpy(pixels),
        torch.tensor([index for _, index in drawn]),
        torch.tensor([PLACES.index(r.place) if r.place in SCENES else len(SCENES) for r, _ in drawn]),
        torch.tensor([[float(a in r.accessories) for a in ACCESSORIES] for r, _ in drawn]),
        torch.tensor([STYLE_NAMES.index(r.style or "in colour") for r, _ in drawn]),
    )


def worsened(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """uint8 [n, 64, 64, 3] to float32 [n, 3, 64, 64]: shifted, scaled, blurred, with other colours and noise."""
    x = pixels.permute(0, 3, 1, 2).float() / 255
    n = len(x)
    draw = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 0.92 + 0.16 * draw(n)
    theta[:, :, 2] = 0.16 * draw(n, 2) - 0.08
    x = F.grid_sample(
        x, F.affine_grid(theta, list(x.shape), align_corners=False), padding_mode="border", align_corners=False
    )
    sigma = (1.6 * draw(n) ** 2 + 0.01).view(-1, 1)
    kernel = torch.exp(-(torch.arange(-4, 5).view(1, -1) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = F.pad(x.reshape(1, n * 3, PIXELS, PIXELS), (4, 4, 4, 4), mode="replicate")
    flat = F.conv2d(F.conv2d(flat, kernel.view(-1, 1, 1, 9), groups=n * 3), kernel.view(-1, 1, 9, 1), groups=n * 3)
    x = flat.reshape(n, 3, PIXELS, PIXELS)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (0.8 + 0.35 * draw(n, 1, 1, 1))
    x = x * (0.88 + 0.24 * draw(n, 1, 1, 1)) + 0.1 * (draw(n, 3, 1, 1) - 0.5)
    coarse = F.interpolate(torch.randn(n, 3, 16, 16, generator=generator), size=PIXELS, mode="bilinear")
    x = x + 0.05 * draw(n, 1, 1, 1) * (coarse + torch.randn(x.shape, generator=generator))
    return x.clamp(0, 1)


def train_judge(steps: int, pictures: int = 6000, seed: int = 0) -> tuple[Judge, dict[str, float]]:
    """Train on fresh truth; return the judge and its accuracy on truth it has not seen."""
    torch.manual_seed(seed)
    data, generator = truth(f"judge-{seed}", pictures), torch.Generator().manual_seed(seed)
    judge = Judge().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=0.0, weight_decay=0.02)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * (1.02 - step / steps)
        picks = torch.randint(0, pictures, (64,), generator=generator)
        answers = judge(worsened(data.pixels[picks], generator).contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(answers["character"], data.character[picks]) + F.cross_entropy(
            answers["place"], data.place[picks]
        )
        loss = loss + F.cross_entropy(answers["style"], data.style[picks])
        loss = loss + 3 * F.binary_cross_entropy_with_logits(answers["accessories"], data.accessories[picks])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    judge.eval()
    return judge, held_out_accuracy(judge, seed)


def load_or_train(file: Path | None, steps: int) -> tuple[Judge, dict[str, float]]:
    """Read a judge that an earlier run kept, or train one and keep it; its accuracy is measured anew each time."""
    if file is None or not file.exists():
        judge, accuracy = train_judge(steps)
        if file is not None:
            torch.save(judge.state_dict(), file)
        return judge, accuracy
    judge = Judge()
    judge.load_state_dict(torch.load(file, weights_only=True))
    judge.eval()
    return judge, held_out_accuracy(judge, seed=0)


@torch.no_grad()
def held_out_accuracy(judge: Judge, seed: int, count: int = 1500) -> dict[str, float]:
    """Accuracy per question on new truth, worsened in the same way; for accessories over those worn, and false ones."""
    data = truth(f"held-out-{seed}", count)
    x = worsened(data.pixels, torch.Generator().manual_seed(seed + 1))
    answers = {name: torch.cat([part[name] for part in (judge(c) for c in x.split(250))]) for name in judge.heads}
    worn, seen = data.accessories.bool(), answers["accessories"] > 0
    said = answers["character"].argmax(1)
    return {
        "character": (said == data.character).float().mean().item(),
        "characterRecall": (said == data.character)[data.character < 2].float().mean().item(),
        "falseCharacter": (said < 2)[data.character == 2].float().mean().item(),
        "scene": (answers["place"].argmax(1) == data.place).float().mean().item(),
        "accessoryRecall": seen[worn].float().mean().item(),
        "falseAccessory": seen[~worn].float().mean().item(),
        "style": (answers["style"].argmax(1) == data.style).float().mean().item(),
    }


@dataclass(frozen=True)
class Verdict:
    """What the judge sees in one picture."""

    character: str
    place: str
    accessories: frozenset[str]
    style: str


@torch.no_grad()
def verdicts(judge: Judge, pictures: np.ndarray) -> list[Verdict]:
    """Judge pictures, uint8 [n, h, w, 3] of any size, as they are."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    answers = judge(F.interpolate(x, size=(PIXELS, PIXELS), mode="area"))
    return [
        Verdict(
            CHARACTER_NAMES[answers["character"][i].argmax()],
            PLACES[answers["place"][i].argmax()],
            frozenset(a for a, score in zip(ACCESSORIES, answers["accessories"][i], strict=True) if score > 0),
            STYLE_NAMES[answers["style"][i].argmax()],
        )
        for i in range(len(pictures))
    ]
