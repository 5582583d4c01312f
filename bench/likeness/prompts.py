"""What the benchmark asks for, and what a picture must show to count."""

from dataclasses import dataclass

from models.art.sample import recipes, shows
from models.art.scenes import CHARACTERS


@dataclass(frozen=True)
class Prompt:
    """A prompt with the scene, accessories and style it asks for; a scene of None leaves the place open."""

    text: str
    name: str
    scene: str | None = None
    accessories: tuple[str, ...] = ()
    style: str | None = None


SIX = (
    Prompt("Ron the dog wearing a superhero cape", "Ron", accessories=("a superhero cape",)),
    Prompt("Ron the dog on the moon", "Ron", "on the moon"),
    Prompt("Ron the dog in a swimming pool with sunglasses", "Ron", "in a swimming pool", ("sunglasses",)),
    Prompt("Smila the cat on the snow", "Smila", "on the snow"),
    Prompt("Smila the cat in black and white staring at the camera", "Smila", style="in black and white"),
    Prompt("Smila the cat wearing a Christmas hat", "Smila", accessories=("a Christmas hat",)),
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
        prompts.append(Prompt(" ".join(w for w in words if w), name, scene, (accessory,) if accessory else (), style))
    return prompts


def in_sample_set(prompt: Prompt) -> bool:
    """Say whether one sample picture of the character already shows all that a prompt asks for."""
    asked = {w for w in (prompt.scene, prompt.style, *prompt.accessories) if w}
    return any(asked <= shows(recipe) for recipe, _ in recipes(prompt.name))
