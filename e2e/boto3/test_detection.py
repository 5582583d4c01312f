"""DetectGeneratedContent, which boto3 does not model: signed with botocore's own signer."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from running_product import PROJECT, REGION, Product

TO_JPEG = """
import sys
from PIL import Image
Image.open(sys.stdin.buffer).convert("RGB").save(sys.stdout.buffer, "JPEG", quality=75)
"""


@pytest.fixture(scope="module")
def drawn(client: Any) -> bytes:
    request = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a cat"},
        "imageGenerationConfig": {"width": 512, "height": 512},
    }
    answer = client("bedrock-runtime").invoke_model(modelId="likeness.art-v1", body=json.dumps(request))
    return base64.b64decode(json.load(answer["body"])["images"][0])


def detect(product: Product, image: bytes) -> dict[str, str]:
    body = json.dumps({"content": {"imageContent": {"bytes": base64.b64encode(image).decode()}}})
    url = f"{product.endpoint}/detectGeneratedContent"
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, body)
    credentials = Credentials(product.access_key_id, product.secret_access_key)
    SigV4Auth(credentials, "bedrock", REGION).add_auth(request)
    answer = URLLib3Session(timeout=300).send(request.prepare())
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def test_what_the_product_drew_is_found_also_as_jpeg(product: Product, drawn: bytes) -> None:
    python = PROJECT / ".venv/bin/python"
    jpeg = subprocess.run([python, "-c", TO_JPEG], input=drawn, stdout=subprocess.PIPE, check=True).stdout
    for image in (drawn, jpeg):
        assert detect(product, image) == {"detectionResult": "GENERATED", "confidenceLevel": "HIGH"}


def test_a_picture_from_elsewhere_is_not(product: Product, sample_images: list[tuple[Path, str]]) -> None:
    for path, _ in sample_images[:2]:
        assert detect(product, path.read_bytes())["detectionResult"] == "NOT_GENERATED"
