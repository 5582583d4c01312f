"""The running product, as these tests know it: what it says in its data folder, and the documents its users write.

They import none of its sources; they start it as a user does and speak to it with AWS's own clients.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "models" / "art" / "sample"
START_SECONDS = 90
REGION = "us-east-1"


@dataclass(frozen=True)
class Product:
    """A running service, as `likeness up` describes it in its data folder."""

    endpoint: str
    account_id: str
    access_key_id: str
    secret_access_key: str
    data: Path


def wait_for(process: subprocess.Popen[bytes], folder: Path) -> Product:
    deadline = time.monotonic() + START_SECONDS
    endpoint_file = folder / "data" / "endpoint.json"
    while not endpoint_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the service did not start:\n{(folder / 'log.txt').read_text()}")
        time.sleep(0.1)
    about = json.loads(endpoint_file.read_text())
    lines = (folder / "data" / "credentials").read_text().splitlines()
    keys = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return Product(
        endpoint=about["endpoint"],
        account_id=about["accountId"],
        access_key_id=keys["aws_access_key_id"],
        secret_access_key=keys["aws_secret_access_key"],
        data=folder / "data",
    )


def trust_policy(account_id: str) -> str:
    """The seed system's own: the service may assume the role for this account's jobs."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnEquals": {"aws:SourceArn": f"arn:aws:bedrock:{REGION}:{account_id}:model-customization-job/*"},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def data_policy(bucket: str) -> str:
    """The notebook's own list of actions."""
    actions = ["AbortMultipartUpload", "DeleteObject", "PutObject", "GetObject", "GetBucketAcl"]
    actions += ["GetBucketNotification", "ListBucket", "PutBucketNotification"]
    statement = {
        "Effect": "Allow",
        "Action": [f"s3:{action}" for action in actions],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
