"""The calls that Terraform's AWS provider makes, in its order. Terraform itself is not run here.

aws_bedrock_custom_model: create, read at once by the job's ARN (the model is not there yet), on delete either stop the
job and wait, where a waiter takes any status but Stopping and Stopped for an error, or delete the model.
"""

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
    bedrock.delete_provisioned_model_throughput(provisionedModelId=unit)
    with pytest.raises(ClientError) as gone:
        bedrock.get_provisioned_model_throughput(provisionedModelId=unit)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFoundException"

    bedrock.delete_custom_model(modelIdentifier=job["outputModelArn"])
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_custom_model(modelIdentifier=job["outputModelArn"])


def test_a_role_that_is_not_ready_has_the_text_that_is_retried(client: Any, job_request: dict[str, Any]) -> None:
    iam, bedrock = client("iam"), client("bedrock")
    role = iam.create_role(
        RoleName="not-for-bedrock",
        AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}',
    )["Role"]["Arn"]
    with pytest.raises(bedrock.exceptions.ValidationException, match="Could not assume provided IAM role"):
        create(bedrock, {**job_request, "roleArn": role}, "terraform-role", "10")
