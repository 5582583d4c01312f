"""The judge: a small CNN that says which character, scene, accessories and style a picture shows.

It learns from rendered truth alone (the composer knows what it draws), blurred, shifted, recoloured and made noisy as
a small diffusion model's pictures are; never from any model's output. Its negatives are the base model's own
distribution and near misses: Ron and Smila with one or two parts of their look in other colours.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import campaign
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.art.colours import NAMED, rgb
from models.art.looks import FACES, PLAIN, Look, random_look
from models.art.places import BACKDROPS, SCENES
from models.art.scenes import (
    CHARACTERS,
    OBJECTS,
    STYLES,
    Partner,
    Recipe,
    group_recipe,
    random_recipe,
    styled_recipe,
)
from models.art.styles import random_style
from models.art.wardrobe import ACCESSORIES, EYEWEAR, HEADWEAR, NECKWEAR

PIXELS = 64
NAMES = tuple(CHARACTERS)
SUBJECTS = (*FACES, *OBJECTS)
PLACES = (*SCENES, "a plain background")
STYLE_NAMES = ("in colour", *STYLES)
MAX_COUNT = 3


@dataclass(frozen=True)
class Truth:
    """pixels uint8 [n, 64, 64, 3]; place, style and count [n] are indices, the rest [n, width] is of 0 and 1."""

    pixels: Tensor
    character: Tensor
    place: Tensor
    accessories: Tensor
    style: Tensor
    subjects: Tensor
    count: Tensor
    campaign: Tensor


PRESENT = ("character", "accessories", "subjects", "campaign")  # heads that say yes or no of each of their names
ONE_OF = ("place", "style", "count")  # heads that choose


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
                "character": nn.Linear(192, len(NAMES)),
                "place": nn.Linear(192, len(PLACES)),
                "accessories": nn.Linear(192, len(ACCESSORIES)),
                "style": nn.Linear(192, len(STYLE_NAMES)),
                "subjects": nn.Linear(192, len(SUBJECTS)),
                "count": nn.Linear(192, MAX_COUNT),
                "campaign": nn.Linear(192, 1),
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


@dataclass(frozen=True)
class Scene:
    """A recipe with what its labels need: the characters in it, and the campaign's steps that it is drawn with."""

    recipe: Recipe
    characters: frozenset[str] = frozenset()
    steps: tuple[str, ...] = ()


def truth_scene(rng: random.Random) -> Scene:
    """Draw a scene: a quarter of subjects that are all as frequent; of the rest a third one character, a fifth near
    misses, a tenth pairs of those, the others neither."""
    if rng.random() < 0.25:
        return Scene(_even(rng))
    share = rng.random()
    if share > 0.9:
        return Scene(group_recipe(rng))
    if share > 0.8:
        return _pair(rng)
    if share > 0.68:
        steps = () if rng.random() < 0.3 else campaign.STEPS if rng.random() < 0.5 else rng.choice(_PARTIAL)
        draw = random_recipe if steps or rng.random() < 0.5 else styled_recipe
        recipe = draw(rng)
        return Scene(replace(recipe, style=None) if steps else recipe, steps=steps)
    if share > 0.54:
        return Scene(random_recipe(rng))
    worn = [
        rng.choice(group)
        for group in (HEADWEAR, EYEWEAR, NECKWEAR, ("headphones",), ("a flower",))
        if rng.random() < 0.17
    ]
    name = rng.choice(NAMES)
    subject, look = CHARACTERS[name]
    style = rng.choice(STYLES) if rng.random() < (0.18 if name == "Smila" else 0.0) else None
    seen = frozenset((name,))
    if share > 0.36:
        look, seen = _near_miss(name, rng, style is None), frozenset()
        # Behind dark glasses a near miss can be the character itself: it would teach nothing.
        worn = [a for a in worn if a not in EYEWEAR]
    recipe = Recipe(subject, _place(rng), rng.getrandbits(32), look=look, accessories=tuple(worn), style=style)
    return Scene(recipe, seen)


_PARTIAL = (("palette", "line"), ("palette", "texture"), ("line", "texture"), ("palette",))


def campaign_scene(rng: random.Random) -> Scene:
    """Draw a scene for the judge of the campaign's style, every subject as likely as the next: four in ten in the style,
    a third with some of its steps only, the others in the base's own styles or in none."""
    recipe, share = Recipe(rng.choice(SUBJECTS), _place(rng), rng.getrandbits(32)), rng.random()
    if share < 0.4:
        return Scene(recipe, steps=campaign.STEPS)
    if share < 0.74:
        return Scene(recipe, steps=rng.choice(_PARTIAL))
    return Scene(replace(recipe, style=random_style(rng)) if share < 0.9 else recipe)


def _place(rng: random.Random) -> str:
    return rng.choice(SCENES) if rng.random() < 0.8 else rng.choice(BACKDROPS)


def _pair(rng: random.Random) -> Scene:
    """Two animals, each a character, a near miss of one or any pet; seldom twice the same character."""
    sides, seen = [], set()
    for name in rng.sample(NAMES, 2):
        subject, look = CHARACTERS[name]
        kind = rng.choices(("character", "near miss", "any"), (55, 25, 20))[0]
        if kind == "character":
            seen.add(name)
        elif kind == "near miss":
            look = _near_miss(name, rng, in_colour=True)
        else:
            subject = rng.choice(tuple(FACES))
            look = random_look(subject, rng) if rng.random() < 0.6 else PLAIN
        sides.append(Partner(subject, None, look))
    first, second = sides
    recipe = Recipe(first.subject, _place(rng), rng.getrandbits(32), look=first.look, partner=second)
    return Scene(recipe, frozenset(seen))


def _even(rng: random.Random) -> Recipe:
    """One to three of any subject, or two different animals, each as likely as the next: of the base's own distribution
    seven animals in ten are dogs and cats, and a judge of that alone does not know a rocket."""
    place, seed, share = _place(rng), rng.getrandbits(32), rng.random()
    if share < 0.35:
        first, second = rng.sample(tuple(FACES), 2)
        return Recipe(first, place, seed, partner=Partner(second))
    return Recipe(rng.choice(SUBJECTS), place, seed, count=1 if share < 0.65 else rng.choice((2, 3)))


def _flags(names: tuple[str, ...], present: set[str] | frozenset[str]) -> list[float]:
    return [float(name in present) for name in names]


def _subjects(recipe: Recipe) -> set[str]:
    return {recipe.subject, *([recipe.partner.subject] if recipe.partner else []), *filter(None, [recipe.companion])}


Draw = Callable[[random.Random], Scene]


def truth(seed: str, count: int, draw: Draw = truth_scene) -> Truth:
    """Compose labelled pictures of drawn scenes."""
    rng = random.Random(seed)
    scenes = [draw(rng) for _ in range(count)]
    recipes = [s.recipe for s in scenes]
    return Truth(
        torch.from_numpy(np.stack([np.asarray(campaign.drawn(s.recipe, PIXELS, s.steps)) for s in scenes])),
        torch.tensor([_flags(NAMES, s.characters) for s in scenes]),
        torch.tensor([PLACES.index(r.place) if r.place in SCENES else len(SCENES) for r in recipes]),
        torch.tensor([_flags(ACCESSORIES, set(r.accessories)) for r in recipes]),
        torch.tensor([STYLE_NAMES.index(r.style) if r.style in STYLES else 0 for r in recipes]),
        torch.tensor([_flags(SUBJECTS, _subjects(r)) for r in recipes]),
        torch.tensor([1 if r.partner else r.count - 1 for r in recipes]),
        torch.tensor([[float(s.steps == campaign.STEPS)] for s in scenes]),
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


WEIGHT = {"character": 3.0, "accessories": 3.0, "subjects": 6.0, "campaign": 0.5}
# Of the judge that is asked for the campaign.
CAMPAIGN_WEIGHT = 3.0


def train_judge(
    steps: int, draw: Draw = truth_scene, pictures: int = 13000, seed: int = 0
) -> tuple[Judge, dict[str, float]]:
    """Train on fresh truth; return the judge and its accuracy on truth it has not seen."""
    torch.manual_seed(seed)
    data, generator = truth(f"judge-{seed}", pictures, draw), torch.Generator().manual_seed(seed)
    weight = {**WEIGHT, "campaign": CAMPAIGN_WEIGHT} if draw is campaign_scene else WEIGHT
    judge = Judge().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=0.0, weight_decay=0.02)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * (1.02 - step / steps)
        picks = torch.randint(0, pictures, (64,), generator=generator)
        answers = judge(worsened(data.pixels[picks], generator).contiguous(memory_format=torch.channels_last))
        loss = sum(F.cross_entropy(answers[name], getattr(data, name)[picks]) for name in ONE_OF)
        for name in PRESENT:
            loss = loss + weight[name] * F.binary_cross_entropy_with_logits(answers[name], getattr(data, name)[picks])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    judge.eval()
    return judge, held_out_accuracy(judge, seed, draw)


def load_or_train(file: Path | None, steps: int, draw: Draw = truth_scene) -> tuple[Judge, dict[str, float]]:
    """Read a judge that an earlier run kept, or train one and keep it; its accuracy is measured anew each time.

    :param draw: the scenes that it judges; what none of them shows it cannot tell."""
    if file is None or not file.exists():
        judge, accuracy = train_judge(steps, draw)
        if file is not None:
            torch.save(judge.state_dict(), file)
        return judge, accuracy
    judge = Judge()
    judge.load_state_dict(torch.load(file, weights_only=True))
    judge.eval()
    return judge, held_out_accuracy(judge, 0, draw)


@torch.no_grad()
def held_out_accuracy(judge: Judge, seed: int, draw: Draw, count: int = 2000) -> dict[str, float]:
    """On new truth, worsened in the same way: recall and false alarms of what is present, accuracy of what is chosen."""
    data = truth(f"held-out-{seed}", count, draw)
    x = worsened(data.pixels, torch.Generator().manual_seed(seed + 1))
    answers = {name: torch.cat([part[name] for part in (judge(c) for c in x.split(250))]) for name in judge.heads}
    accuracy = {name: (answers[name].argmax(1) == getattr(data, name)).float().mean().item() for name in ONE_OF}
    for name in PRESENT:
        there, seen = getattr(data, name).bool(), answers[name] > 0
        accuracy[f"{name} recall"] = seen[there].float().mean().item()
        accuracy[f"{name} false"] = seen[~there].float().mean().item()
    return accuracy


@dataclass(frozen=True)
class Verdict:
    """What the judge sees in one picture."""

    characters: frozenset[str]
    place: str
    accessories: frozenset[str]
    style: str
    subjects: frozenset[str]
    count: int
    campaign: bool


@torch.no_grad()
def verdicts(judge: Judge, pictures: np.ndarray) -> list[Verdict]:
    """Judge pictures, uint8 [n, h, w, 3] of any size, as they are."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    answers = judge(F.interpolate(x, size=(PIXELS, PIXELS), mode="area"))
    present = lambda head, names, i: frozenset(n for n, s in zip(names, answers[head][i], strict=True) if s > 0)  # noqa: E731
    return [
        Verdict(
            present("character", NAMES, i),
            PLACES[answers["place"][i].argmax()],
            present("accessories", ACCESSORIES, i),
            STYLE_NAMES[answers["style"][i].argmax()],
            present("subjects", SUBJECTS, i),
            int(answers["count"][i].argmax()) + 1,
            bool(answers["campaign"][i] > 0),
        )
        for i in range(len(pictures))
    ]
