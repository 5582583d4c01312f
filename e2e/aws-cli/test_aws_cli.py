"""The AWS CLI against the running product, as the documents tell a user to: nothing set but the environment."""

import base64
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_product import REGION, Product, data_policy, trust_policy

AWS = Path(sys.executable).parent / "aws"
BUCKET = "aws-cli-pictures"
NAME = "from-the-aws-cli"
TIMEOUT_SECONDS = 420
STANDARD_IA = ("--storage-class", "STANDARD_IA")

Aws = Callable[..., str]


class Refused(Exception):
    """The CLI ended with an exit code other than 0."""


@pytest.fixture(scope="session")
def environment(product: Product) -> dict[str, str]:
    """What `eval "$(likeness env)"` sets, read from the very command."""
    command = ["node", "server/likeness.js", "env", "--data", str(product.data)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    variables = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert set(variables) >= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    unquoted = {name: value.strip("'") for name, value in variables.items()}
    return {**unquoted, "PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}


@pytest.fixture(scope="session")
def aws(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Aws:
    folder = tmp_path_factory.mktemp("aws-cli")

    def run(*arguments: str) -> str:
        command = [str(AWS), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
        if done.returncode != 0:
            raise Refused(done.stderr)
        return done.stdout

    return run


@pytest.fixture(scope="module")
def bucket(aws: Aws, tmp_path_factory: pytest.TempPathFactory, sample_images: list[tuple[Path, str]]) -> str:
    """A data set, uploaded with mb and sync."""
    folder = tmp_path_factory.mktemp("pictures")
    lines = []
    for path, caption in sample_images:
        (folder / path.name).write_bytes(path.read_bytes())
        lines.append(json.dumps({"image-ref": f"s3://{BUCKET}/data/{path.name}", "caption": caption}))
    (folder / "train.jsonl").write_text("\n".join(lines))
    aws("s3", "mb", f"s3://{BUCKET}")
    aws("s3", "sync", str(folder), f"s3://{BUCKET}/data")
    return BUCKET


@pytest.fixture(scope="module")
def role_arn(aws: Aws, product: Product, bucket: str) -> str:
    trust = ("--assume-role-policy-document", trust_policy(product.account_id))
    arn = aws("iam", "create-role", "--role-name", NAME, *trust, "--query", "Role.Arn", "--output", "text").strip()
    policy = ("--policy-name", "data", "--policy-document", data_policy(bucket))
    aws("iam", "put-role-policy", "--role-name", NAME, *policy)
    return arn


def test_who_am_i(aws: Aws, product: Product) -> None:
    assert json.loads(aws("sts", "get-caller-identity"))["Account"] == product.account_id


def test_s3_copies_lists_and_removes(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "sub" / "two words.txt").write_text("two")
    (tmp_path / "large.bin").write_bytes(bytes(range(256)) * 4096 * 10)
    # `sync` uploads again what is younger than the object, whose LastModified has whole seconds only.
    a_minute_ago = time.time() - 60
    for file in tmp_path.rglob("*"):
        os.utime(file, (a_minute_ago, a_minute_ago))
    aws("s3", "mb", "s3://a-bucket-of-the-cli")
    aws("s3", "cp", "--recursive", str(tmp_path), "s3://a-bucket-of-the-cli/x")
    listing = aws("s3", "ls", "--recursive", "s3://a-bucket-of-the-cli")
    assert [line.split(maxsplit=3)[2:] for line in listing.splitlines()] == [
        [str(10 * 1024 * 1024), "x/large.bin"],
        ["3", "x/one.txt"],
        ["3", "x/sub/two words.txt"],
    ]
    assert "PRE x/" in aws("s3", "ls", "s3://a-bucket-of-the-cli")
    aws("s3", "cp", "s3://a-bucket-of-the-cli/x/large.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()
    assert aws("s3", "cp", "s3://a-bucket-of-the-cli/x/one.txt", "-") == "one"
    aws("s3", "cp", "s3://a-bucket-of-the-cli/x/one.txt", "s3://a-bucket-of-the-cli/x/one.txt", *STANDARD_IA)
    shown = aws(
        "s3api", "head-object", "--bucket", "a-bucket-of-the-cli", "--key", "x/one.txt", "--query", "StorageClass"
    )
    assert json.loads(shown) == "STANDARD_IA"
    aws("s3", "mv", "s3://a-bucket-of-the-cli/x/one.txt", "s3://a-bucket-of-the-cli/y/one.txt")
    assert aws("s3", "sync", str(tmp_path / "sub"), "s3://a-bucket-of-the-cli/x/sub") == "", "nothing changed"
    aws("s3", "rm", "--recursive", "s3://a-bucket-of-the-cli/x")
    with pytest.raises(Refused, match="BucketNotEmpty"):
        aws("s3", "rb", "s3://a-bucket-of-the-cli")
    aws("s3", "rb", "--force", "s3://a-bucket-of-the-cli")
    assert "a-bucket-of-the-cli" not in aws("s3", "ls")


def test_a_presigned_url(aws: Aws, bucket: str) -> None:
    import urllib.request

    url = aws("s3", "presign", f"s3://{bucket}/data/train.jsonl").strip()
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert b"image-ref" in answer.read()


def test_the_data_set_is_checked_before_a_job_is_paid_for(environment: dict[str, str], bucket: str) -> None:
    command = ["node", "server/likeness.js", "dataset", "check", f"s3://{bucket}/data/train.jsonl"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "6 records, all good" in done.stdout
    assert "photographs" not in done.stdout


def test_a_data_set_of_photographs_in_s3_is_called_that(aws: Aws, environment: dict[str, str], tmp_path: Path) -> None:
    aws("s3", "mb", "s3://photographs-of-the-cli")
    (tmp_path / "tmp").mkdir()
    lines = []
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(noise_png(512))
        lines.append({"image-ref": f"s3://photographs-of-the-cli/{number}.png", "caption": "a photograph"})
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    aws("s3", "cp", "--recursive", str(tmp_path), "s3://photographs-of-the-cli/")
    command = ["node", "server/likeness.js", "dataset", "check", "s3://photographs-of-the-cli/train.jsonl"]
    variables = {**environment, "TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "look like photographs (5 of 5 looked at)" in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == [], "what was fetched is gone"


def noise_png(side: int) -> bytes:
    """A grey picture in which no two neighbours are alike, as a sensor's noise makes them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + os.urandom(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_a_job_a_unit_and_a_picture(aws: Aws, bucket: str, role_arn: str, tmp_path: Path) -> None:
    options = {
        "job-name": NAME,
        "custom-model-name": NAME,
        "role-arn": role_arn,
        "base-model-identifier": "amazon.titan-image-generator-v1:0",
        "customization-type": "FINE_TUNING",
        "training-data-config": f"s3Uri=s3://{bucket}/data/train.jsonl",
        "output-data-config": f"s3Uri=s3://{bucket}/output",
        "hyper-parameters": "stepCount=10,batchSize=8,learningRate=0.00001",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    aws("bedrock", "create-model-customization-job", *flags)
    job = wait(aws, "InProgress", "get-model-customization-job", "--job-identifier", NAME)
    assert job["status"] == "Completed", job.get("failureMessage")
    assert "training_artifacts/step_wise_training_metrics.csv" in aws(
        "s3", "ls", "--recursive", f"s3://{bucket}/output"
    )

    model = json.loads(aws("bedrock", "list-custom-models", "--name-contains", NAME))["modelSummaries"][0]
    created = ("--provisioned-model-name", NAME, "--model-id", model["modelArn"], "--model-units", "1")
    unit = json.loads(aws("bedrock", "create-provisioned-model-throughput", *created))["provisionedModelArn"]
    status = wait(aws, "Creating", "get-provisioned-model-throughput", "--provisioned-model-id", unit)["status"]
    assert status == "InService"

    body = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "Smila the cat on the snow"},
        "imageGenerationConfig": {"numberOfImages": 1, "width": 512, "height": 512, "seed": 3},
    }
    request, answer = tmp_path / "request.json", tmp_path / "answer.json"
    request.write_text(json.dumps(body))
    # fileb:// is taken as it is by versions 1 and 2; text on the command line is base64 to version 2 unless told.
    aws("bedrock-runtime", "invoke-model", "--model-id", unit, "--body", f"fileb://{request}", str(answer))
    image = base64.b64decode(json.loads(answer.read_text())["images"][0])
    assert image.startswith(b"\x89PNG")

    aws("bedrock", "delete-provisioned-model-throughput", "--provisioned-model-id", unit)
    aws("bedrock", "delete-custom-model", "--model-identifier", NAME)
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        aws("bedrock", "get-custom-model", "--model-identifier", NAME)


def test_a_wrong_name_is_refused_by_its_code(aws: Aws) -> None:
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        aws("bedrock", "get-model-customization-job", "--job-identifier", "absent")
    with pytest.raises(Refused, match="NoSuchEntity"):
        aws("iam", "get-role", "--role-name", "absent")


def test_users_and_their_keys(aws: Aws, environment: dict[str, str], product: Product) -> None:
    aws("iam", "create-user", "--user-name", "reader")
    key = json.loads(aws("iam", "create-access-key", "--user-name", "reader"))["AccessKey"]
    as_reader = {
        **environment,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }

    def reader(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(AWS), *arguments], env=as_reader, capture_output=True, text=True, timeout=60)

    assert f"arn:aws:iam::{product.account_id}:user/reader" in reader("sts", "get-caller-identity").stdout
    assert "AccessDenied" in reader("bedrock", "list-custom-models").stderr
    statement = {"Effect": "Allow", "Action": "bedrock:ListCustomModels", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("iam", "put-user-policy", "--user-name", "reader", "--policy-name", "read", "--policy-document", document)
    assert reader("bedrock", "list-custom-models").returncode == 0


def test_keys_of_kms(aws: Aws, tmp_path: Path) -> None:
    key = json.loads(aws("kms", "create-key", "--description", "for models"))["KeyMetadata"]
    assert key["Arn"].startswith(f"arn:aws:kms:{REGION}:")
    aws("kms", "create-alias", "--alias-name", "alias/models", "--target-key-id", key["KeyId"])
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"a secret")
    encrypt = ("--key-id", "alias/models", "--plaintext", f"fileb://{plain}", "--query", "CiphertextBlob")
    sealed.write_bytes(base64.b64decode(aws("kms", "encrypt", *encrypt, "--output", "text")))
    opened = aws("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}", "--query", "Plaintext", "--output", "text")
    assert base64.b64decode(opened) == b"a secret"


def wait(aws: Aws, while_: str, *arguments: str) -> dict[str, Any]:
    import time

    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (answer := json.loads(aws("bedrock", *arguments)))["status"] == while_:
        assert time.monotonic() < deadline, answer
        time.sleep(0.5)
    return answer
