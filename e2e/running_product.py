"""The running product, as these tests know it: what it says in its data folder, and the documents its users write.

They import none of its sources; they start it as a user does and speak to it with AWS's own clients.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "models" / "art" / "sample"
START_SECONDS = 90
STOP_SECONDS = 60
REGION = "us-east-1"


@dataclass(frozen=True)
class Product:
    """A running service, as `likeness up` describes it in its data folder."""

    endpoint: str
    account_id: str
    access_key_id: str
    secret_access_key: str
    data: Path


@contextmanager
def running(settings: Mapping[str, str]) -> Iterator[Product]:
    """The service on an empty folder and a free port, with these LIKENESS_* settings alone; stopped as Ctrl-C does."""
    folder = Path(tempfile.mkdtemp(prefix="likeness-e2e-"))
    log = (folder / "log.txt").open("w")
    command = ["node", "server/likeness.js", "up", "--port", "0", "--data", str(folder / "data")]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
    process = subprocess.Popen(
        command, cwd=PROJECT, env={**inherited, **settings}, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        yield wait_for(process, folder)
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0, (folder / "log.txt").read_text()
        assert not (folder / "data" / "endpoint.json").exists(), "a stopped service leaves no endpoint behind"
    finally:
        if process.poll() is None:
            process.kill()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


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
