"""What the benchmark asks for, and what a picture must show to count."""

from dataclasses import dataclass

from models.art.captions import COUNTS, article, plural
from models.art.sample import recipes, shows
from models.art.scenes import CHARACTERS


@dataclass(frozen=True)
class Prompt:
    """A prompt and what it asks for; None leaves a part open.

    `names` are the characters, `subjects` the animals and things, `campaign` the held-out style (campaign.py).
    """

    text: str
    names: tuple[str, ...] = ()
    scene: str | None = None
    accessories: tuple[str, ...] = ()
    style: str | None = None
    subjects: tuple[str, ...] = ()
    count: int | None = None
    campaign: bool = False


SIX = (
    Prompt("Ron the dog wearing a superhero cape", ("Ron",), accessories=("a superhero cape",)),
    Prompt("Ron the dog on the moon", ("Ron",), "on the moon"),
    Prompt("Ron the dog in a swimming pool with sunglasses", ("Ron",), "in a swimming pool", ("sunglasses",)),
    Prompt("Smila the cat on the snow", ("Smila",), "on the snow"),
    Prompt("Smila the cat in black and white staring at the camera", ("Smila",), style="in black and white"),
    Prompt("Smila the cat wearing a Christmas hat", ("Smila",), accessories=("a Christmas hat",)),
)

# Scene, accessory and style of each further prompt: combinations that no sample picture of the character shows, many
# of them of parts that none shows.
_MORE: dict[str, tuple[tuple[str | None, str | None, str | None], ...]] = {
    "Ron": (
        ("in space", None, None), ("under the sea", None, None), ("at night", None, None), ("on the moon", "a crown", None),
        (None, "a top hat", None), (None, "a crown", None), (None, "a graduation cap", None), (None, "glasses", None),
        (None, "headphones", None), (None, "a flower", None), (None, "a Christmas hat", None), (None, "sunglasses", None),
        ("on the beach", "sunglasses", None), ("in the city", "headphones", None), ("on the snow", "a Christmas hat", None),
        ("on a couch", "glasses", None), ("in space", "a top hat", None), ("at night", "a party hat", None),
        ("in the mountains", "a scarf", None), ("under the sea", "a crown", None), ("in a swimming pool", None, None),
        ("in a kitchen", "a superhero cape", None),
    ),
    "Smila": (
        ("in space", None, None), ("under the sea", None, None), ("in the desert", None, None), ("on the snow", "a scarf", None),
        (None, "a top hat", None), (None, "sunglasses", None), (None, "a graduation cap", None), (None, "glasses", None),
        (None, "headphones", None), (None, "a party hat", None), (None, "a baseball cap", None), (None, "a superhero cape", None),
        ("on the beach", "sunglasses", None), ("in the city", "headphones", None), ("on the moon", "a crown", None),
        ("on a couch", "glasses", None), ("in a forest", "a party hat", None), ("at sunset", "a superhero cape", None),
        ("on a bed", None, "in black and white"), ("on the grass", None, "in sepia"), ("in the desert", "a baseball cap", None),
        ("in a kitchen", "a Christmas hat", None),
    ),
}  # fmt: skip


def more(name: str) -> list[Prompt]:
    """Return a character's further held-out prompts."""
    subject, _ = CHARACTERS[name]
    prompts = []
    for scene, accessory, style in _MORE[name]:
        words = [f"{name} the {subject}", f"wearing {accessory}" if accessory else "", scene or "", style or ""]
        prompts.append(
            Prompt(" ".join(w for w in words if w), (name,), scene, (accessory,) if accessory else (), style)
        )
    return prompts


BOTH = tuple(
    Prompt(f"Ron the dog and Smila the cat {scene}", ("Ron", "Smila"), scene)
    for scene in ("on a couch", "on the beach", "in a forest", "on the grass", "on the snow", "in a kitchen")
)

_PAIRS = (
    ("dog", "cat", "on a couch"), ("cat", "dog", "on the grass"), ("cat", "rabbit", "in a forest"), ("dog", "pig", "on the beach"),
    ("fox", "panda", "on the snow"), ("dog", "frog", "in a swimming pool"), ("bear", "cat", "on a bed"), ("lion", "dog", "in the desert"),
    ("tiger", "koala", "in a forest"), ("cat", "mouse", "in a kitchen"), ("monkey", "dog", "in the city"), ("cow", "cat", "on the grass"),
)  # fmt: skip
_COUNTS = (
    (1, "cat", "on the grass"), (2, "cat", "on a couch"), (3, "cat", "on the beach"), (1, "dog", "on the snow"),
    (2, "dog", "in a forest"), (3, "dog", "on the grass"), (1, "rocket", "in space"), (2, "ghost", "at night"),
    (3, "apple", "in a kitchen"), (2, "mushroom", "in a forest"), (3, "balloon", "on the beach"), (2, "robot", "in the city"),
    (3, "star", "at night"), (1, "castle", "in the mountains"),
)  # fmt: skip


def pairs() -> list[Prompt]:
    """Return prompts of two named animals."""
    return [
        Prompt(f"{article(a)} and {article(b)} {place}", scene=place, subjects=(a, b), count=2)
        for a, b, place in _PAIRS
    ]


def counts() -> list[Prompt]:
    """Return prompts of one, two and three of a thing."""
    return [
        Prompt(f"{article(s) if n == 1 else f'{COUNTS[n]} {plural(s)}'} {place}", scene=place, subjects=(s,), count=n)
        for n, s, place in _COUNTS
    ]


def in_sample_set(prompt: Prompt) -> bool:
    """Say whether one sample picture of the character already shows all that a prompt asks for."""
    asked = {w for w in (prompt.scene, prompt.style, *prompt.accessories) if w}
    return any(asked <= shows(recipe) for name in prompt.names for recipe, _ in recipes(name))
