"""A LoRA comes in from S3 through boto3, and goes out by `likeness model export`, in both layouts, as it came."""

import json
import os
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

from running_product import PROJECT, Product

MODULE = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"


def safetensors(tensors: dict[str, tuple[list[int], list[float]]]) -> bytes:
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def header_of(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def test_a_lora_comes_in_from_s3_and_goes_out_by_the_command(client: Any, product: Product, tmp_path: Path) -> None:
    s3, iam, bedrock = client("s3"), client("iam"), client("bedrock")
    unet = header_of(PROJECT / "models" / "art" / "weights" / "unet" / "diffusion_pytorch_model.safetensors")
    out, inside = unet[f"{MODULE}.weight"]["shape"]
    flat = "lora_unet_" + MODULE.replace(".", "_")
    lora = {
        f"{flat}.lora_down.weight": ([1, inside], [0.5] * inside),
        f"{flat}.lora_up.weight": ([out, 1], [0.25] * out),
        f"{flat}.alpha": ([1], [1.0]),
    }
    s3.create_bucket(Bucket="loras-from-elsewhere")
    s3.put_object(Bucket="loras-from-elsewhere", Key="ron.safetensors", Body=safetensors(lora))
    trust = {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    role = iam.create_role(RoleName="importer", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="importer", PolicyName="read", PolicyDocument=policy(read))
    model = bedrock.create_custom_model(
        modelName="ron-from-elsewhere",
        roleArn=role,
        modelSourceConfig={"s3DataSource": {"s3Uri": "s3://loras-from-elsewhere/ron.safetensors"}},
        modelTags=[{"key": "likeness:base-model", "value": "likeness.art-v1"}],
    )["modelArn"]
    deadline = time.monotonic() + 60
    while (found := bedrock.get_custom_model(modelIdentifier=model))["modelStatus"] == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found["modelStatus"] == "Active", found.get("failureMessage")

    names = {"kohya": set(lora), "diffusers": {f"unet.{MODULE}.lora_{part}.weight" for part in "AB"}}
    for layout, wanted in names.items():
        file = tmp_path / f"{layout}.safetensors"
        command = ["node", "server/likeness.js", "model", "export", model, "--format", layout, "--out", str(file)]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
        done = subprocess.run(
            [*command, "--data", str(product.data)], cwd=PROJECT, env=own, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        header = header_of(file)
        assert set(header) - {"__metadata__"} == wanted
        assert header["__metadata__"]["likeness.base_model"] == "likeness.art-v1"


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
