"""A year of a team, through boto3: access to a model, logs of its use, models that come in, move on and go."""

import gzip
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from lora_file import kohya_lora, safetensors
from running_product import PROJECT, REGION, Product
from waiting import poll

Clients = Callable[..., Any]
BASE = "amazon.titan-image-generator-v1"
CUSTOMIZABLE = "amazon.titan-image-generator-v1:0"
ABROAD = "eu-west-1"
LORAS = "loras-of-the-team"
LORA_TAGS = [{"key": "likeness:base-model", "value": "likeness.art-v1"}]
LOG_SECONDS = 120


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def draw(runtime: Any, model_id: str) -> str:
    """One image by `InvokeModel`, base64."""
    config = {"width": 512, "height": 512, "seed": 7}
    body = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a red fox"}, "imageGenerationConfig": config}
    answer = runtime.invoke_model(modelId=model_id, body=json.dumps(body))
    (image,) = json.loads(answer["body"].read())["images"]
    return image


@pytest.fixture(scope="module")
def importer(client: Clients) -> str:
    """A role that reads the bucket with a LoRA in it. @returns its ARN"""
    s3, iam = client("s3"), client("iam")
    s3.create_bucket(Bucket=LORAS)
    s3.put_object(Bucket=LORAS, Key="fox/fox.safetensors", Body=safetensors(kohya_lora()))
    trust = document(Principal={"Service": "bedrock.amazonaws.com"}, Action="sts:AssumeRole")
    role = iam.create_role(RoleName="lora-reader", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    buckets = [f"arn:aws:s3:::{LORAS}", f"arn:aws:s3:::{LORAS}/*"]
    reading = document(Action=["s3:GetObject", "s3:ListBucket"], Resource=buckets)
    iam.put_role_policy(RoleName="lora-reader", PolicyName="read", PolicyDocument=reading)
    return role


def custom_model(bedrock: Any, name: str, role_arn: str) -> str:
    source = {"s3DataSource": {"s3Uri": f"s3://{LORAS}/fox/"}}
    arn = bedrock.create_custom_model(modelName=name, roleArn=role_arn, modelSourceConfig=source, modelTags=LORA_TAGS)[
        "modelArn"
    ]
    poll(lambda: bedrock.get_custom_model(modelIdentifier=arn)["modelStatus"], {"Creating"})
    assert bedrock.get_custom_model(modelIdentifier=arn)["modelStatus"] == "Active"
    return arn


def test_access_to_a_model_is_asked_for_and_there(client: Clients) -> None:
    bedrock = client("bedrock")
    details = bedrock.get_foundation_model(modelIdentifier=CUSTOMIZABLE)["modelDetails"]
    assert details["customizationsSupported"] == ["FINE_TUNING"]
    assert bedrock.get_foundation_model(modelIdentifier=details["modelArn"])["modelDetails"] == details
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_use_case_for_model_access()
    form = json.dumps({"companyName": "Ron & Smila", "intendedUsers": "0"}).encode()
    bedrock.put_use_case_for_model_access(formData=form)
    assert bedrock.get_use_case_for_model_access()["formData"] == form
    (offer,) = bedrock.list_foundation_model_agreement_offers(modelId=CUSTOMIZABLE)["offers"]
    with pytest.raises(bedrock.exceptions.ValidationException, match="offerToken"):
        bedrock.create_foundation_model_agreement(modelId=CUSTOMIZABLE, offerToken="of-another-model")
    agreed = bedrock.create_foundation_model_agreement(modelId=CUSTOMIZABLE, offerToken=offer["offerToken"])
    assert agreed["modelId"] == CUSTOMIZABLE
    available = bedrock.get_foundation_model_availability(modelId=CUSTOMIZABLE)
    assert available["authorizationStatus"] == "AUTHORIZED"
    assert available["agreementAvailability"]["status"] == "AVAILABLE"
    bedrock.delete_foundation_model_agreement(modelId=CUSTOMIZABLE)
    # Whoever runs the server has the model: no agreement takes it away.
    assert bedrock.get_foundation_model_availability(modelId=CUSTOMIZABLE)["entitlementAvailability"] == "AVAILABLE"


def test_there_are_no_inference_profiles(client: Clients) -> None:
    bedrock = client("bedrock")
    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="APPLICATION")
    assert pages.build_full_result()["inferenceProfileSummaries"] == []
    source = {"copyFrom": bedrock.get_foundation_model(modelIdentifier=BASE)["modelDetails"]["modelArn"]}
    with pytest.raises(ClientError, match="inference profiles are not supported"):
        bedrock.create_inference_profile(inferenceProfileName="of-the-team", modelSource=source)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_inference_profile(inferenceProfileIdentifier="of-the-team")
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.delete_inference_profile(inferenceProfileIdentifier="of-the-team")


def test_what_is_not_there_is_listed_as_empty(client: Clients) -> None:
    bedrock = client("bedrock")
    assert bedrock.get_paginator("list_guardrails").paginate().build_full_result()["guardrails"] == []
    assert bedrock.list_enforced_guardrails_configuration()["guardrailsConfig"] == []
    assert bedrock.list_evaluation_jobs()["jobSummaries"] == []
    assert bedrock.list_prompt_routers()["promptRouterSummaries"] == []
    assert bedrock.list_marketplace_model_endpoints()["marketplaceModelEndpoints"] == []
    assert bedrock.list_automated_reasoning_policies()["automatedReasoningPolicySummaries"] == []
    assert bedrock.list_advanced_prompt_optimization_jobs()["jobSummaries"] == []


def test_use_is_logged_to_a_bucket_while_it_is_asked_for(client: Clients, product: Product) -> None:
    bedrock, s3, account = client("bedrock"), client("s3"), product.account_id
    bucket = "logs-of-the-team"
    s3.create_bucket(Bucket=bucket)
    config = {"s3Config": {"bucketName": bucket, "keyPrefix": "use"}, "imageDataDeliveryEnabled": True}
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.put_model_invocation_logging_configuration(loggingConfig=config)
    delivery = document(
        Principal={"Service": "bedrock.amazonaws.com"},
        Action="s3:PutObject",
        Resource=f"arn:aws:s3:::{bucket}/use/AWSLogs/{account}/BedrockModelInvocationLogs/*",
        Condition={"StringEquals": {"aws:SourceAccount": account}},
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=delivery)
    bedrock.put_model_invocation_logging_configuration(loggingConfig=config)
    kept = bedrock.get_model_invocation_logging_configuration()["loggingConfig"]
    assert (kept["s3Config"], kept["imageDataDeliveryEnabled"]) == (config["s3Config"], True)

    draw(client("bedrock-runtime"), BASE)
    prefix = f"use/AWSLogs/{account}/BedrockModelInvocationLogs/{REGION}/"

    def log_keys() -> list[str]:
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [row["Key"] for row in found if "/data/" not in row["Key"]]

    deadline = time.monotonic() + LOG_SECONDS
    while not (keys := log_keys()):
        assert time.monotonic() < deadline, "no log was delivered"
        time.sleep(0.5)
    (line,) = gzip.decompress(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read()).splitlines()
    entry = json.loads(line)
    assert (entry["schemaType"], entry["operation"], entry["modelId"]) == ("ModelInvocationLog", "InvokeModel", BASE)
    assert entry["input"]["inputBodyJson"]["textToImageParams"] == {"text": "a red fox"}

    bedrock.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


def test_a_model_is_imported_drawn_with_and_deleted(client: Clients, importer: str) -> None:
    bedrock, runtime = client("bedrock"), client("bedrock-runtime")
    request = {
        "jobName": "bring-fox",
        "importedModelName": "fox-imported",
        "roleArn": importer,
        "modelDataSource": {"s3DataSource": {"s3Uri": f"s3://{LORAS}/fox/"}},
        "importedModelTags": LORA_TAGS,
    }
    job_arn = bedrock.create_model_import_job(**request)["jobArn"]
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.create_model_import_job(**request)
    assert (
        poll(lambda: bedrock.get_model_import_job(jobIdentifier=job_arn)["status"], {"InProgress"})[-1] == "Completed"
    )
    job = bedrock.get_model_import_job(jobIdentifier="bring-fox")
    pages = bedrock.get_paginator("list_model_import_jobs").paginate(statusEquals="Completed", nameContains="bring")
    assert [row["jobArn"] for row in pages.build_full_result()["modelImportJobSummaries"]] == [job_arn]
    model = bedrock.get_imported_model(modelIdentifier="fox-imported")
    assert (model["modelArn"], model["jobName"]) == (job["importedModelArn"], "bring-fox")
    assert bedrock.list_tags_for_resource(resourceARN=model["modelArn"])["tags"] == LORA_TAGS
    pages = bedrock.get_paginator("list_imported_models").paginate(nameContains="fox")
    assert [row["modelArn"] for row in pages.build_full_result()["modelSummaries"]] == [model["modelArn"]]

    assert draw(runtime, model["modelArn"]) != draw(runtime, BASE)
    bedrock.delete_imported_model(modelIdentifier="fox-imported")
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_imported_model(modelIdentifier="fox-imported")
    assert bedrock.get_model_import_job(jobIdentifier=job_arn)["status"] == "Completed"


def test_a_deployment_moves_to_the_next_model(client: Clients, importer: str) -> None:
    bedrock, runtime = client("bedrock"), client("bedrock-runtime")
    first, second = (custom_model(bedrock, f"fox-{name}", importer) for name in ("spring", "summer"))
    deployment = bedrock.create_custom_model_deployment(modelDeploymentName="fox", modelArn=first)
    arn = deployment["customModelDeploymentArn"]

    def read() -> dict[str, Any]:
        return bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)

    assert poll(lambda: read()["status"], {"Creating"})[-1] == "Active"
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.delete_custom_model(modelIdentifier=first)
    bedrock.update_custom_model_deployment(customModelDeploymentIdentifier=arn, modelArn=second)
    assert read()["updateDetails"]["modelArn"] == second
    assert poll(lambda: read()["updateDetails"]["updateStatus"], {"Updating"})[-1] == "UpdateCompleted"
    assert read()["modelArn"] == second
    bedrock.delete_custom_model(modelIdentifier=first)
    assert draw(runtime, arn)
    bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    bedrock.delete_custom_model(modelIdentifier=second)


def test_units_are_found_by_their_model_state_and_name(client: Clients, importer: str) -> None:
    bedrock = client("bedrock")
    model = custom_model(bedrock, "fox-units", importer)
    names = ["fox-units-b", "fox-units-a"]
    for name in names:
        bedrock.create_provisioned_model_throughput(provisionedModelName=name, modelId=model, modelUnits=1)
    pages = bedrock.get_paginator("list_provisioned_model_throughputs").paginate(
        modelArnEquals=model, nameContains="fox-units", sortOrder="Ascending", PaginationConfig={"PageSize": 1}
    )
    assert [row["provisionedModelName"] for page in pages for row in page["provisionedModelSummaries"]] == names
    for name in names:
        poll(
            lambda name=name: bedrock.get_provisioned_model_throughput(provisionedModelId=name)["status"], {"Creating"}
        )
    found = bedrock.list_provisioned_model_throughputs(modelArnEquals=model, statusEquals="InService")
    assert len(found["provisionedModelSummaries"]) == len(names)
    for name in names:
        bedrock.delete_provisioned_model_throughput(provisionedModelId=name)
    assert bedrock.list_provisioned_model_throughputs(modelArnEquals=model)["provisionedModelSummaries"] == []
    bedrock.delete_custom_model(modelIdentifier=model)


@dataclass(frozen=True)
class Partner:
    account_id: str
    client: Clients


@pytest.fixture(scope="module")
def partner(product: Product) -> Partner:
    """Another account of the installation, as `likeness account create` makes it."""
    command = ["node", "server/likeness.js", "account", "create", "--id", "444455556666", "--data", str(product.data)]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
    done = subprocess.run(command, cwd=PROJECT, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    session = boto3.Session(account["accessKeyId"], account["secretAccessKey"], region_name=ABROAD)
    return Partner(account["accountId"], lambda service: session.client(service, endpoint_url=product.endpoint))


def test_a_partner_copies_what_a_policy_lets_it_copy(client: Clients, importer: str, partner: Partner) -> None:
    bedrock, theirs = client("bedrock"), partner.client("bedrock")
    model = custom_model(bedrock, "fox-shared", importer)
    request = {"sourceModelArn": model, "targetModelName": "fox-of-the-partner"}
    with pytest.raises(theirs.exceptions.ResourceNotFoundException):
        theirs.create_model_copy_job(**request)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_resource_policy(resourceArn=model)
    principal = {"AWS": f"arn:aws:iam::{partner.account_id}:root"}
    policy = document(Principal=principal, Action="bedrock:CreateModelCopyJob", Resource="*")
    bedrock.put_resource_policy(resourceArn=model, resourcePolicy=policy)
    assert json.loads(bedrock.get_resource_policy(resourceArn=model)["resourcePolicy"]) == json.loads(policy)

    job_arn = theirs.create_model_copy_job(**request)["jobArn"]
    assert poll(lambda: theirs.get_model_copy_job(jobArn=job_arn)["status"], {"InProgress"})[-1] == "Completed"
    pages = theirs.get_paginator("list_model_copy_jobs").paginate(sourceModelArnEquals=model)
    (copy,) = pages.build_full_result()["modelCopyJobSummaries"]
    assert copy["jobArn"] == job_arn
    assert copy["targetModelArn"].startswith(f"arn:aws:bedrock:{ABROAD}:{partner.account_id}:custom-model/")

    bedrock.delete_resource_policy(resourceArn=model)
    with pytest.raises(theirs.exceptions.ResourceNotFoundException):
        theirs.create_model_copy_job(**{**request, "targetModelName": "another"})
    bedrock.delete_custom_model(modelIdentifier=model)
    # The copy is the partner's own.
    assert theirs.get_custom_model(modelIdentifier="fox-of-the-partner")["modelStatus"] == "Active"
    theirs.delete_custom_model(modelIdentifier="fox-of-the-partner")
