"""The seed system's two notebooks from end to end, with a job of 10 steps. The tests are the steps, in their order."""

import base64
import csv
import io
import json
import struct
from datetime import datetime
from typing import Any

import pytest
from content_credentials import model_arn, without
from running_product import Product
from waiting import poll

NAME = "image-gen-ft-2026-11-23"
PROMPT = "Ron the dog wearing a superhero cape"


@pytest.fixture(scope="module")
def bedrock(client: Any) -> Any:
    return client("bedrock")


@pytest.fixture(scope="module")
def runtime(client: Any) -> Any:
    return client("bedrock-runtime")


@pytest.fixture(scope="module")
def job(bedrock: Any, job_request: dict[str, Any]) -> dict[str, Any]:
    """Notebook 1: create, then poll the list by name, taking the first element."""
    answer = bedrock.create_model_customization_job(
        **{**job_request, "jobName": NAME, "customModelName": NAME, "clientRequestToken": "a-token-of-the-notebook"}
    )

    def status() -> str:
        summaries = bedrock.list_model_customization_jobs(nameContains=NAME)["modelCustomizationJobSummaries"]
        return summaries[0]["status"]

    seen = poll(status, {"InProgress"})
    job = bedrock.get_model_customization_job(jobIdentifier=answer["jobArn"])
    assert seen == ["InProgress", "Completed"], job.get("failureMessage")
    return job


@pytest.fixture(scope="module")
def provisioned(bedrock: Any, job: dict[str, Any]) -> str:
    """Notebook 2: the newest completed job's model, one model unit."""
    jobs = bedrock.list_model_customization_jobs(statusEquals="Completed")["modelCustomizationJobSummaries"]
    model = next(summary for summary in jobs if summary["jobArn"] == job["jobArn"])
    arn = bedrock.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName=model["customModelName"], modelId=model["customModelArn"]
    )["provisionedModelArn"]

    def status() -> str:
        return bedrock.get_provisioned_model_throughput(provisionedModelId=arn)["status"]

    assert poll(status, {"Creating"})[-1] == "InService"
    return arn


def test_the_caller_knows_its_account(client: Any, product: Product) -> None:
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == product.account_id
    assert identity["Arn"] == f"arn:aws:iam::{product.account_id}:root"


def test_the_base_model_is_in_the_catalogue(bedrock: Any) -> None:
    models = bedrock.list_foundation_models(byOutputModality="IMAGE", byCustomizationType="FINE_TUNING")
    ids = {model["modelId"] for model in models["modelSummaries"]}
    assert "amazon.titan-image-generator-v1:0" in ids
    assert "amazon.titan-image-generator-v1" not in ids


def test_the_job_completes_and_tells_what_it_did(job: dict[str, Any], job_request: dict[str, Any]) -> None:
    assert job["outputModelName"] == NAME
    assert job["baseModelArn"].endswith("::foundation-model/amazon.titan-image-generator-v1:0")
    assert job["hyperParameters"] == job_request["hyperParameters"]
    assert job["creationTime"] < job["endTime"]
    assert isinstance(job["creationTime"], datetime)
    assert job["creationTime"].tzinfo is not None
    phases = [f"{phase}Details" for phase in ("validation", "dataProcessing", "training")]
    assert [job["statusDetails"][phase]["status"] for phase in phases] == ["Completed"] * 3
    assert job["trainingMetrics"]["trainingLoss"] > 0
    assert job["validationDataConfig"] == {"validators": []}
    assert job["validationMetrics"] == []


def test_the_metrics_are_in_the_output_prefix(client: Any, job: dict[str, Any], dataset: Any) -> None:
    job_id = job["jobArn"].rsplit("/", 1)[-1]
    folder = f"outputs/output-model/model-customization-job-{job_id}"
    key = f"{folder}/training_artifacts/step_wise_training_metrics.csv"
    text = client("s3").get_object(Bucket=dataset.bucket, Key=key)["Body"].read().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.splitlines()[0].startswith("step_number,epoch_number,training_loss,perplexity")
    assert [int(row["step_number"]) for row in rows] == list(range(10))
    assert float(rows[-1]["training_loss"]) == pytest.approx(job["trainingMetrics"]["trainingLoss"], rel=1e-3)


def test_no_weights_are_in_the_customers_bucket(client: Any, job: dict[str, Any], dataset: Any) -> None:
    assert job["status"] == "Completed"
    listing = client("s3").list_objects_v2(Bucket=dataset.bucket)["Contents"]
    assert not [entry["Key"] for entry in listing if entry["Key"].endswith((".safetensors", ".pt", ".bin"))]


def test_the_same_token_is_the_same_job(bedrock: Any, job: dict[str, Any], job_request: dict[str, Any]) -> None:
    again = bedrock.create_model_customization_job(
        **{**job_request, "jobName": NAME, "customModelName": NAME, "clientRequestToken": "a-token-of-the-notebook"}
    )
    assert again["jobArn"] == job["jobArn"]


def test_the_custom_model_is_listed(bedrock: Any, job: dict[str, Any]) -> None:
    pages = bedrock.get_paginator("list_custom_models").paginate(nameContains=NAME, PaginationConfig={"PageSize": 1})
    summary = next(model for page in pages for model in page["modelSummaries"])
    assert summary["modelArn"] == job["outputModelArn"]
    model = bedrock.get_custom_model(modelIdentifier=NAME)
    assert model["jobArn"] == job["jobArn"]
    assert model["trainingMetrics"] == job["trainingMetrics"]


def test_the_custom_model_draws_what_the_base_model_does_not(
    runtime: Any, provisioned: str, job: dict[str, Any]
) -> None:
    base = draw(runtime, "amazon.titan-image-generator-v1")
    custom = draw(runtime, provisioned)
    assert [size_of(image) for image in base + custom] == [(512, 512)] * 4
    assert [without(image) for image in base] != [without(image) for image in custom]
    assert {model_arn(image) for image in custom} == {job["outputModelArn"]}
    assert len(set(custom)) == 2, "two images of one request differ"


def test_the_same_request_gives_the_same_bytes(runtime: Any, provisioned: str) -> None:
    assert draw(runtime, provisioned) == draw(runtime, provisioned)
    assert draw(runtime, provisioned, seed=1) != draw(runtime, provisioned, seed=2)


def test_a_variation_of_a_picture(runtime: Any, provisioned: str) -> None:
    picture = base64.b64encode(draw(runtime, provisioned)[0]).decode()
    body = {
        "taskType": "IMAGE_VARIATION",
        "imageVariationParams": {"text": PROMPT, "images": [picture], "similarityStrength": 0.8},
        "imageGenerationConfig": {"numberOfImages": 1, "width": 512, "height": 512, "seed": 1},
    }
    (image,) = images_of(runtime.invoke_model(modelId=provisioned, body=json.dumps(body)))
    assert size_of(image) == (512, 512)


def test_the_unit_moves_to_the_base_model_and_back(bedrock: Any, runtime: Any, provisioned: str, job: Any) -> None:
    custom = draw(runtime, provisioned)
    base_arn = job["baseModelArn"]

    def status() -> str:
        return bedrock.get_provisioned_model_throughput(provisionedModelId=provisioned)["status"]

    for model, same in ((base_arn, False), (job["outputModelArn"], True)):
        bedrock.update_provisioned_model_throughput(provisionedModelId=provisioned, desiredModelId=model)
        assert poll(status, {"Updating"})[-1] == "InService"
        drawn = draw(runtime, provisioned)
        assert (without(drawn[0]) == without(custom[0])) is same
        assert (drawn == custom) is same


def test_a_model_in_use_is_not_deleted(bedrock: Any, provisioned: str, job: dict[str, Any]) -> None:
    assert provisioned
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.delete_custom_model(modelIdentifier=job["outputModelArn"])


def test_everything_can_be_cleaned_up(bedrock: Any, runtime: Any, provisioned: str, job: dict[str, Any]) -> None:
    bedrock.delete_provisioned_model_throughput(provisionedModelId=provisioned)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_provisioned_model_throughput(provisionedModelId=provisioned)
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        draw(runtime, provisioned)
    bedrock.delete_custom_model(modelIdentifier=job["outputModelArn"])
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_custom_model(modelIdentifier=job["outputModelArn"])
    assert bedrock.get_model_customization_job(jobIdentifier=job["jobArn"])["status"] == "Completed"


def draw(runtime: Any, model_id: str, seed: int = 42) -> list[bytes]:
    """Two pictures, as the notebook asks for them; small, because nothing here looks at them."""
    body = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": PROMPT},
        "imageGenerationConfig": {
            "numberOfImages": 2,
            "quality": "premium",
            "height": 512,
            "width": 512,
            "cfgScale": 8.0,
            "seed": seed,
        },
    }
    return images_of(
        runtime.invoke_model(
            modelId=model_id, body=json.dumps(body), accept="application/json", contentType="application/json"
        )
    )


def images_of(answer: dict[str, Any]) -> list[bytes]:
    content = json.loads(answer["body"].read())
    assert content.get("error") is None
    return [base64.b64decode(image) for image in content["images"]]


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])
