"""Batch inference as a boto3 script runs it: prompts in a bucket, a job, images in the bucket."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from content_credentials import model_arn
from running_product import REGION, Product
from waiting import poll

Clients = Callable[..., Any]
RUNNING = {"Submitted", "Validating", "Scheduled", "InProgress"}


def record(record_id: str, text: str) -> dict[str, Any]:
    config = {"width": 512, "height": 512, "seed": 7}
    body = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": text}, "imageGenerationConfig": config}
    return {"recordId": record_id, "modelInput": body}


def test_a_batch_job_draws_what_invoke_model_draws(client: Clients, product: Product) -> None:
    s3, iam, bedrock = client("s3"), client("iam"), client("bedrock")
    s3.create_bucket(Bucket="boto3-batch")
    records = [record("FOX00000001", "a red fox"), record("FOX00000002", "")]
    s3.put_object(Bucket="boto3-batch", Key="in/foxes.jsonl", Body="\n".join(json.dumps(each) for each in records))
    source = f"arn:aws:bedrock:{REGION}:{product.account_id}:model-invocation-job/*"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": product.account_id},
            "ArnEquals": {"aws:SourceArn": source},
        },
    }
    access = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::boto3-batch", "arn:aws:s3:::boto3-batch/*"],
        "Condition": {"StringEquals": {"aws:ResourceAccount": [product.account_id]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="boto3-batch", AssumeRolePolicyDocument=document)["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [access]})
    iam.put_role_policy(RoleName="boto3-batch", PolicyName="data", PolicyDocument=policy)

    created = bedrock.create_model_invocation_job(
        jobName="boto3-batch",
        roleArn=role["Arn"],
        modelId="amazon.titan-image-generator-v1",
        inputDataConfig={"s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": "s3://boto3-batch/in/"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://boto3-batch/out/"}},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 200
    arn = created["jobArn"]
    seen = poll(lambda: bedrock.get_model_invocation_job(jobIdentifier=arn)["status"], RUNNING)
    job = bedrock.get_model_invocation_job(jobIdentifier=arn)
    assert seen[-1] == "Completed", job.get("message")
    assert (job["totalRecordCount"], job["successRecordCount"], job["errorRecordCount"]) == (2, 1, 1)
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(nameContains="boto3-batch")
    assert [each["jobArn"] for page in pages for each in page["invocationJobSummaries"]] == [arn]

    key = f"out/{arn.split('/')[-1]}/foxes.jsonl.out"
    output = s3.get_object(Bucket="boto3-batch", Key=key)["Body"].read().decode()
    drawn, refused = (json.loads(line) for line in output.splitlines())
    body = json.dumps(records[0]["modelInput"])
    answer = client("bedrock-runtime").invoke_model(modelId="amazon.titan-image-generator-v1", body=body)
    assert drawn["modelOutput"] == json.loads(answer["body"].read())
    assert model_arn(base64.b64decode(drawn["modelOutput"]["images"][0])).endswith("::foundation-model/likeness.art-v1")
    assert refused["error"]["errorCode"] == 400
    assert "expected minLength: 1" in refused["error"]["errorMessage"]
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.stop_model_invocation_job(jobIdentifier=arn)
