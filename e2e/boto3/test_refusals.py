"""What is refused, and with which code: boto3 checks no pattern and no enum, so the server must."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

VALIDATION = "ValidationException"

BAD_JOBS: list[tuple[str, dict[str, Any], str, str]] = [
    ("a name that begins with a dash", {"jobName": "-x"}, VALIDATION, "jobName"),
    ("a name of 64 characters", {"jobName": "x" * 64}, VALIDATION, "jobName"),
    ("no step count", {"hyperParameters": {"batchSize": "8"}}, VALIDATION, "stepCount"),
    ("nine steps", {"hyperParameters": {"stepCount": "9"}}, VALIDATION, "stepCount"),
    ("40,001 steps", {"hyperParameters": {"stepCount": "40001"}}, VALIDATION, "stepCount"),
    ("a half step", {"hyperParameters": {"stepCount": "10.5"}}, VALIDATION, "stepCount"),
    ("a batch of 12", {"hyperParameters": {"stepCount": "10", "batchSize": "12"}}, VALIDATION, "batchSize"),
    ("a batch of 200", {"hyperParameters": {"stepCount": "10", "batchSize": "200"}}, VALIDATION, "batchSize"),
    ("a rate of 0", {"hyperParameters": {"stepCount": "10", "learningRate": "0"}}, VALIDATION, "learningRate"),
    ("a rate of 3", {"hyperParameters": {"stepCount": "10", "learningRate": "3"}}, VALIDATION, "learningRate"),
    ("another hyperparameter", {"hyperParameters": {"stepCount": "10", "epochCount": "1"}}, VALIDATION, "epochCount"),
    ("another kind of customization", {"customizationType": "DISTILLATION"}, VALIDATION, "DISTILLATION"),
    ("an unknown kind", {"customizationType": "FINETUNING"}, VALIDATION, "customizationType"),
    ("a base model that is not", {"baseModelIdentifier": "amazon.titan-image-generator-v9"}, VALIDATION, "identifier"),
    ("a manifest that is no S3 URI", {"trainingDataConfig": {"s3Uri": "https://x/y"}}, VALIDATION, "s3Uri"),
    ("a role that is no ARN", {"roleArn": "my-role-with-a-long-name"}, VALIDATION, "roleArn"),
    ("a role that is not there", {"roleArn": "arn:aws:iam::ACCOUNT:role/absent"}, VALIDATION, "Could not assume"),
    (
        "two validators",
        {"validationDataConfig": {"validators": [{"s3Uri": "s3://bucket/a.jsonl"}, {"s3Uri": "s3://bucket/b.jsonl"}]}},
        VALIDATION,
        "alidation",
    ),
    ("a subnet that is none", {"vpcConfig": {"subnetIds": ["?"], "securityGroupIds": ["sg-1"]}}, VALIDATION, "subnet"),
    ("a tag key of AWS's own", {"jobTags": [{"key": "aws:x", "value": "1"}]}, VALIDATION, "aws:"),
]


@pytest.mark.parametrize(("change", "code", "text"), [job[1:] for job in BAD_JOBS], ids=[job[0] for job in BAD_JOBS])
def test_a_job_with(
    client: Any, product: Any, job_request: dict[str, Any], change: dict[str, Any], code: str, text: str
) -> None:
    request = {**job_request, "jobName": "refused", "customModelName": "refused", **change}
    request["roleArn"] = request["roleArn"].replace("ACCOUNT", product.account_id)
    refuse(client("bedrock").create_model_customization_job, request, code, text)
    jobs = client("bedrock").list_model_customization_jobs(nameContains="refused")
    assert jobs["modelCustomizationJobSummaries"] == []


ABSENT = "ResourceNotFoundException"
NO_ROLE = "arn:aws:iam::123456789012:role/absent"
NO_POLICY = "arn:aws:iam::123456789012:policy/absent"
NO_KEY = "00000000-0000-4000-8000-000000000000"

CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("bedrock", "get_model_customization_job", {"jobIdentifier": "absent"}, ABSENT),
    ("bedrock", "stop_model_customization_job", {"jobIdentifier": "absent"}, ABSENT),
    ("bedrock", "get_custom_model", {"modelIdentifier": "absent"}, ABSENT),
    ("bedrock", "delete_custom_model", {"modelIdentifier": "absent"}, ABSENT),
    ("bedrock", "get_provisioned_model_throughput", {"provisionedModelId": "absent"}, ABSENT),
    ("bedrock", "get_foundation_model", {"modelIdentifier": "absent.model"}, ABSENT),
    ("bedrock", "list_custom_models", {"nextToken": "bm90IGEgdG9rZW4="}, VALIDATION),
    ("bedrock", "list_custom_models", {"sortBy": "Name"}, VALIDATION),
    ("bedrock", "get_guardrail", {"guardrailIdentifier": "absent"}, "UnknownOperationException"),
    ("iam", "get_role", {"RoleName": "absent"}, "NoSuchEntity"),
    ("iam", "delete_policy", {"PolicyArn": NO_POLICY}, "NoSuchEntity"),
    ("iam", "create_role", {"RoleName": "bad", "AssumeRolePolicyDocument": "{"}, "MalformedPolicyDocument"),
    ("kms", "describe_key", {"KeyId": NO_KEY}, "NotFoundException"),
    ("sts", "assume_role", {"RoleArn": NO_ROLE, "RoleSessionName": "test"}, "AccessDenied"),
    ("s3", "create_bucket", {"Bucket": "Capital-Bucket"}, "InvalidBucketName"),
    ("s3", "list_objects_v2", {"Bucket": "absent-bucket-1"}, "NoSuchBucket"),
]


@pytest.mark.parametrize(("service", "operation", "request_", "code"), CALLS, ids=lambda value: str(value)[:60])
def test_calls(client: Any, service: str, operation: str, request_: dict[str, Any], code: str) -> None:
    refuse(getattr(client(service), operation), request_, code)


INVOCATIONS: list[tuple[str, dict[str, Any], str]] = [
    ("a prompt of 513 characters", {"text": "x" * 513}, "expected maxLength: 512, actual: 513"),
    ("six images", {"numberOfImages": 6}, "numberOfImages"),
    ("a guidance of 1", {"cfgScale": 1.0}, "cfgScale"),
    ("a seed of 2147483647", {"seed": 2147483647}, "seed"),
    ("a width of 1000", {"width": 1000, "height": 1000}, "width"),
    ("an unknown task", {"taskType": "PAINT"}, "taskType"),
    ("a task for another day", {"taskType": "INPAINTING"}, ""),
]


@pytest.mark.parametrize(("change", "text"), [call[1:] for call in INVOCATIONS], ids=[call[0] for call in INVOCATIONS])
def test_a_picture_with(client: Any, change: dict[str, Any], text: str) -> None:
    import json

    config = {"numberOfImages": 1, "width": 512, "height": 512, "cfgScale": 8.0, "seed": 1}
    body = {
        "taskType": change.get("taskType", "TEXT_IMAGE"),
        "textToImageParams": {"text": change.get("text", "a dog")},
        "imageGenerationConfig": {name: change.get(name, value) for name, value in config.items()},
    }
    invoke = client("bedrock-runtime").invoke_model
    refuse(invoke, {"modelId": "amazon.titan-image-generator-v1", "body": json.dumps(body)}, VALIDATION, text)


def test_a_model_that_only_units_serve(client: Any) -> None:
    request = {"modelId": "amazon.titan-image-generator-v1:0", "body": "{}"}
    refuse(client("bedrock-runtime").invoke_model, request, VALIDATION, "on-demand throughput")


def test_a_wrong_secret_is_not_a_wrong_key(product: Any) -> None:
    import boto3

    def identity(key: str, secret: str) -> Any:
        sts = boto3.client(
            "sts",
            endpoint_url=product.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
        return sts.get_caller_identity

    refuse(identity(product.access_key_id, "wrong"), {}, "SignatureDoesNotMatch")
    refuse(identity("AKIAUNKNOWNUNKNOWN12", product.secret_access_key), {}, "InvalidClientTokenId")


def test_a_duplicate_name_has_the_text_that_clients_match(
    client: Any, product: Any, job_request: dict[str, Any]
) -> None:
    bedrock = client("bedrock")
    # Stopped at once: only its name is wanted.
    arn = bedrock.create_model_customization_job(
        **{**job_request, "jobName": "taken", "customModelName": "taken-model"}
    )["jobArn"]
    bedrock.stop_model_customization_job(jobIdentifier=arn)
    request = {**job_request, "jobName": "taken", "customModelName": "another"}
    refuse(bedrock.create_model_customization_job, request, VALIDATION, "The provided job name is currently in use.")


def refuse(call: Any, request: dict[str, Any], code: str, text: str = "") -> None:
    with pytest.raises(ClientError) as refusal:
        call(**request)
    error = refusal.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"], error
