"""What this process holds in memory, as Linux tells it."""

from pathlib import Path


def memory_bytes(peak: bool = False) -> int:
    """Resident bytes now, or the most there were so far."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")


def import_libraries() -> int:
    """Imports what a training of either kind uses, and no model yet. :returns: resident bytes, the import baseline"""
    import numpy  # noqa: F401
    import peft  # noqa: F401
    import PIL.Image  # noqa: F401
    import tokenizers  # noqa: F401
    from diffusers import AutoencoderDC, DDPMScheduler, UNet2DConditionModel  # noqa: F401
    from transformers import BertModel  # noqa: F401

    return memory_bytes()
