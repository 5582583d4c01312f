"""Ten steps, and ten more from the first job's model: a further version of it, through boto3."""

from __future__ import annotations

import array
import json
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_product import PROJECT, Product
from waiting import poll

FIRST, SECOND = "ron-first", "ron-second"


@pytest.fixture(scope="module")
def bedrock(client: Any) -> Any:
    return client("bedrock")


def train(bedrock: Any, request: dict[str, Any], name: str, **changes: Any) -> dict[str, Any]:
    job = bedrock.create_model_customization_job(**{**request, "jobName": name, "customModelName": name, **changes})
    arn = job["jobArn"]
    poll(lambda: bedrock.get_model_customization_job(jobIdentifier=arn)["status"], {"InProgress"})
    return bedrock.get_model_customization_job(jobIdentifier=arn)


@pytest.fixture(scope="module")
def first(bedrock: Any, job_request: dict[str, Any]) -> dict[str, Any]:
    job = train(bedrock, job_request, FIRST)
    assert job["status"] == "Completed", job.get("failureMessage")
    return job


@pytest.fixture(scope="module")
def second(bedrock: Any, job_request: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """The least learning rate that there is: its ten steps leave the weights where they found them."""
    hyperparameters = {"stepCount": "10", "batchSize": "8", "learningRate": "0.0000001"}
    base = first["outputModelArn"]
    job = train(bedrock, job_request, SECOND, baseModelIdentifier=base, hyperParameters=hyperparameters)
    assert job["status"] == "Completed", job.get("failureMessage")
    return job


def test_the_second_version_names_the_first_as_its_base(bedrock: Any, first: Any, second: Any) -> None:
    assert second["baseModelArn"] == first["outputModelArn"]
    model = bedrock.get_custom_model(modelIdentifier=SECOND)
    assert model["baseModelArn"] == first["outputModelArn"]
    listed = bedrock.list_custom_models(baseModelArnEquals=first["outputModelArn"])["modelSummaries"]
    assert [(row["modelName"], row["baseModelName"]) for row in listed] == [(SECOND, FIRST)]


def test_its_training_went_on_from_the_weights_of_the_first(
    product: Product, first: Any, second: Any, tmp_path: Path
) -> None:
    before, after = (exported(product, job["outputModelArn"], tmp_path) for job in (first, second))
    assert before.keys() == after.keys()
    moved = max(abs(one - other) for name in before for one, other in zip(before[name], after[name], strict=True))
    learned = max(abs(value) for name in before if ".lora_B." in name for value in before[name])
    # A LoRA that begins anew has other random A, and B of zeros.
    assert learned > 1e-4
    assert moved < learned / 10


def test_it_stays_whole_when_the_first_is_deleted(
    bedrock: Any, product: Product, first: Any, second: Any, tmp_path: Path
) -> None:
    bedrock.delete_custom_model(modelIdentifier=first["outputModelArn"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        bedrock.get_custom_model(modelIdentifier=FIRST)
    assert bedrock.get_custom_model(modelIdentifier=SECOND)["baseModelArn"] == first["outputModelArn"]
    assert exported(product, second["outputModelArn"], tmp_path)


def exported(product: Product, model_arn: str, folder: Path) -> dict[str, array.array[float]]:
    """The model's LoRA, by the names of its tensors."""
    file = folder / f"{model_arn[-12:]}.safetensors"
    command = ["node", "server/likeness.js", "model", "export", model_arn, "--format", "diffusers", "--out", str(file)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
    done = subprocess.run(
        [*command, "--data", str(product.data)], cwd=PROJECT, env=own, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    data = content[8 + length :]
    return {name: array.array("f", data[slice(*tensor["data_offsets"])]) for name, tensor in header.items()}
