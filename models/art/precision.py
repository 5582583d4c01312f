"""bfloat16 where the CPU multiplies it, float32 elsewhere: emulated, bfloat16 takes fifteen times as long."""

import torch
from likeness_worker.families import choose_placement


def autocast() -> torch.autocast:
    return choose_placement("cpu").autocast()
