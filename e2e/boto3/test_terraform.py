"""The calls that Terraform's AWS provider makes, in its order. Terraform itself is not run here.

aws_bedrock_custom_model: create, read at once by the job's ARN (the model is not there yet), on delete either stop the
job and wait, where a waiter takes any status but Stopping and Stopped for an error, or delete the model.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import poll

TAGS = [{"key": "environment", "value": "test"}]


def read(bedrock: Any, job_arn: str) -> dict[str, Any]:
    """The resource's Read: the job, its model once there is one, and the tags of both."""
    job = bedrock.get_model_customization_job(jobIdentifier=job_arn)
    assert bedrock.list_tags_for_resource(resourceARN=job_arn)["tags"] == TAGS
    if "outputModelArn" in job:
        model = bedrock.get_custom_model(modelIdentifier=job["outputModelArn"])
        assert model["modelName"] == job["outputModelName"]
        assert bedrock.list_tags_for_resource(resourceARN=job["outputModelArn"])["tags"] == TAGS
    return job


def create(bedrock: Any, job_request: dict[str, Any], name: str, steps: str) -> str:
    return bedrock.create_model_customization_job(
        **{
            **job_request,
            "jobName": name,
            "customModelName": name,
            "clientRequestToken": f"terraform-{name}-0123456789",
            "hyperParameters": {**job_request["hyperParameters"], "stepCount": steps},
            "jobTags": TAGS,
            "customModelTags": TAGS,
        }
    )["jobArn"]


def test_a_running_custom_model_is_destroyed(client: Any, job_request: dict[str, Any]) -> None:
    bedrock = client("bedrock")
    arn = create(bedrock, job_request, "terraform-stopped", "20000")
    job = read(bedrock, arn)
    assert job["status"] == "InProgress"
    assert "outputModelArn" not in job
    assert job["baseModelArn"].endswith(":0")

    bedrock.stop_model_customization_job(jobIdentifier=arn)
    seen = poll(lambda: read(bedrock, arn)["status"], {"Stopping"})
    assert seen in (["Stopping", "Stopped"], ["Stopped"])
    names = [model["modelName"] for model in bedrock.list_custom_models()["modelSummaries"]]
    assert "terraform-stopped" not in names
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.stop_model_customization_job(jobIdentifier=arn)


def test_a_finished_custom_model_and_its_unit_are_destroyed(client: Any, job_request: dict[str, Any]) -> None:
    bedrock = client("bedrock")
    arn = create(bedrock, job_request, "terraform-finished", "10")
    poll(lambda: read(bedrock, arn)["status"], {"InProgress"})
    job = read(bedrock, arn)
    assert job["status"] == "Completed", job.get("failureMessage")

    unit = bedrock.create_provisioned_model_throughput(
        provisionedModelName="terraform-unit", modelId=job["outputModelArn"], modelUnits=1, tags=TAGS
    )["provisionedModelArn"]
    poll(lambda: bedrock.get_provisioned_model_throughput(provisionedModelId=unit)["status"], {"Creating"})
    assert bedrock.list_tags_for_resource(resourceARN=unit)["tags"] == TAGS
    # An update of tags in place: the keys that went, then those that are new or changed.
    bedrock.untag_resource(resourceARN=unit, tagKeys=["environment"])
    bedrock.tag_resource(resourceARN=unit, tags=[{"key": "team", "value": "dogs"}])
    assert bedrock.list_tags_for_resource(resourceARN=unit)["tags"] == [{"key": "team", "value": "dogs"}]
    bedrock.delete_provisioned_model_throughput(provisionedModelId=unit)
    with pytest.raises(ClientError) as gone:
        bedrock.get_provisioned_model_throughput(provisionedModelId=unit)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"

    deploy_on_demand(client, job["outputModelArn"])

    bedrock.delete_custom_model(modelIdentifier=job["outputModelArn"])
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_custom_model(modelIdentifier=job["outputModelArn"])


def deploy_on_demand(client: Any, model: str) -> None:
    """The model on demand, without units: deployed, drawn with, and gone."""
    bedrock, runtime = client("bedrock"), client("bedrock-runtime")
    deployment = bedrock.create_custom_model_deployment(
        modelDeploymentName="terraform-on-demand", modelArn=model, tags=TAGS
    )["customModelDeploymentArn"]

    def status() -> str:
        return bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=deployment)["status"]

    assert poll(status, {"Creating"})[-1] == "Active"
    assert bedrock.list_tags_for_resource(resourceARN=deployment)["tags"] == TAGS
    pages = bedrock.get_paginator("list_custom_model_deployments").paginate(modelArnEquals=model)
    (found,) = pages.build_full_result()["modelDeploymentSummaries"]
    assert found["customModelDeploymentName"] == "terraform-on-demand"
    body = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a dog on the beach"},
        "imageGenerationConfig": {"numberOfImages": 1, "width": 512, "height": 512, "seed": 7},
    }
    answer = runtime.invoke_model(modelId=deployment, body=json.dumps(body))
    assert len(json.loads(answer["body"].read())["images"]) == 1
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.delete_custom_model(modelIdentifier=model)
    bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=deployment)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        status()


def test_a_role_that_is_not_ready_has_the_text_that_is_retried(client: Any, job_request: dict[str, Any]) -> None:
    iam, bedrock = client("iam"), client("bedrock")
    role = iam.create_role(
        RoleName="not-for-bedrock",
        AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}',
    )["Role"]["Arn"]
    with pytest.raises(bedrock.exceptions.ValidationException, match="Could not assume provided IAM role"):
        create(bedrock, {**job_request, "roleArn": role}, "terraform-role", "10")
