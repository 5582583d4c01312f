"""A LoRA comes in from S3 through boto3, and goes out by `likeness model export`, in both layouts, as it came."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from lora_file import MODULE, header_of, kohya_lora, safetensors
from running_product import PROJECT, Product


def test_a_lora_comes_in_from_s3_and_goes_out_by_the_command(client: Any, product: Product, tmp_path: Path) -> None:
    s3, iam, bedrock = client("s3"), client("iam"), client("bedrock")
    lora = kohya_lora()
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
