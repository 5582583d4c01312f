"""A LoRA as it comes from elsewhere: one layer of the embedded model, in the layout of kohya's scripts."""

import json
import struct
from pathlib import Path
from typing import Any

from running_product import PROJECT

MODULE = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"

Tensors = dict[str, tuple[list[int], list[float]]]


def kohya_lora() -> Tensors:
    """A LoRA of rank 1 on `MODULE`: shape and values of each of its three tensors."""
    unet = header_of(PROJECT / "models" / "art" / "weights" / "unet" / "diffusion_pytorch_model.safetensors")
    out, inside = unet[f"{MODULE}.weight"]["shape"]
    flat = "lora_unet_" + MODULE.replace(".", "_")
    return {
        f"{flat}.lora_down.weight": ([1, inside], [0.5] * inside),
        f"{flat}.lora_up.weight": ([out, 1], [0.25] * out),
        f"{flat}.alpha": ([1], [1.0]),
    }


def safetensors(tensors: Tensors) -> bytes:
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def header_of(file: Path) -> dict[str, Any]:
    with file.open("rb") as content:
        (length,) = struct.unpack("<Q", content.read(8))
        return json.loads(content.read(length))
