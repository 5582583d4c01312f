"""boto3 against the running product: one data set and one service role for all tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from running_product import REGION, Product, data_policy, trust_policy

Clients = Callable[..., Any]


@pytest.fixture(scope="session")
def client(product: Product) -> Clients:
    """`client("s3")`: what a user's code would make, with nothing but the endpoint set."""
    session = boto3.Session(
        aws_access_key_id=product.access_key_id,
        aws_secret_access_key=product.secret_access_key,
        region_name=REGION,
    )

    def make(service: str, **options: Any) -> Any:
        # A test that meets a refusal must not wait for retries of it; images take their time.
        config = Config(retries={"total_max_attempts": 1}, read_timeout=300).merge(options.pop("config", Config()))
        return session.client(service, endpoint_url=product.endpoint, config=config, **options)

    return make


@dataclass(frozen=True)
class Dataset:
    bucket: str
    manifest_uri: str
    output_uri: str


@pytest.fixture(scope="session")
def dataset(client: Clients, product: Product, sample_images: list[tuple[Path, str]]) -> Dataset:
    """The notebook's bucket: data/ holds the pictures, prompts/output.jsonl their captions."""
    bucket = f"amazonbedrockft-imagegen-ronsmila-{product.account_id}-{REGION}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    lines = []
    for path, caption in sample_images:
        s3.upload_file(str(path), bucket, f"data/{path.name}")
        lines.append(json.dumps({"image-ref": f"s3://{bucket}/data/{path.name}", "caption": caption}))
    # As the notebook writes it: no newline after the last line.
    s3.put_object(Bucket=bucket, Key="prompts/output.jsonl", Body="\n".join(lines))
    return Dataset(bucket, f"s3://{bucket}/prompts/output.jsonl", f"s3://{bucket}/outputs/output-model")


@pytest.fixture(scope="session")
def role_arn(client: Clients, product: Product, dataset: Dataset) -> str:
    iam = client("iam")
    role = iam.create_role(
        RoleName="AmazonBedrockFineTuning-imagegen-ronsmila",
        AssumeRolePolicyDocument=trust_policy(product.account_id),
        Description="Lets a customization job read its pictures and write its metrics.",
    )["Role"]
    policy = iam.create_policy(PolicyName="ronsmila-data", PolicyDocument=data_policy(dataset.bucket))["Policy"]
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["Arn"])
    return role["Arn"]


@pytest.fixture(scope="session")
def job_request(dataset: Dataset, role_arn: str) -> dict[str, Any]:
    """A job of the fewest steps there are; tests change what they are about."""
    return {
        "jobName": "image-gen-ft",
        "customModelName": "image-gen-ft",
        "roleArn": role_arn,
        "baseModelIdentifier": "amazon.titan-image-generator-v1:0",
        "customizationType": "FINE_TUNING",
        "trainingDataConfig": {"s3Uri": dataset.manifest_uri},
        "outputDataConfig": {"s3Uri": dataset.output_uri},
        "hyperParameters": {"stepCount": "10", "batchSize": "8", "learningRate": "0.00001"},
    }
