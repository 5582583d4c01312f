"""boto3 over the port with TLS, trusting the certificate that the service made for itself."""

import io
import json
import ssl
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError
from running_product import REGION, Product

MEBIBYTE = 1024 * 1024


def connect(product: Product, verify: bool | None = None) -> Any:
    about = json.loads((product.data / "endpoint.json").read_text())
    return boto3.client(
        "s3",
        endpoint_url=about["tlsEndpoint"],
        aws_access_key_id=product.access_key_id,
        aws_secret_access_key=product.secret_access_key,
        region_name=REGION,
        verify=about["tlsCertificate"] if verify is None else verify,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_stream_goes_up_with_its_checksum_behind_it(product: Product) -> None:
    s3 = connect(product)
    s3.create_bucket(Bucket="over-tls")
    sent: list[str] = []
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(str(request.headers)))
    content = b"likeness" * MEBIBYTE
    s3.put_object(Bucket="over-tls", Key="streamed", Body=io.BytesIO(content), ChecksumAlgorithm="SHA256")
    assert "STREAMING-UNSIGNED-PAYLOAD-TRAILER" in sent[0], "boto3 sends trailers over https alone"
    answer = s3.get_object(Bucket="over-tls", Key="streamed", ChecksumMode="ENABLED")
    assert answer["Body"].read() == content
    assert answer["ChecksumSHA256"]


def test_nobody_trusts_it_unasked(product: Product) -> None:
    with pytest.raises(SSLError):
        connect(product, True).list_buckets()


def test_a_form_that_it_signed_uploads(product: Product) -> None:
    s3 = connect(product)
    s3.create_bucket(Bucket="forms-over-tls")
    conditions = [["content-length-range", 1, 10]]
    form = s3.generate_presigned_post("forms-over-tls", "form", Conditions=conditions)
    boundary = "a-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    body = "".join([*parts, head, "hello", f"\r\n--{boundary}--\r\n"]).encode()
    about = json.loads((product.data / "endpoint.json").read_text())
    request = urllib.request.Request(
        form["url"],
        body,
        {"content-type": f"multipart/form-data; boundary={boundary}"},
        method="POST",
    )
    context = ssl.create_default_context(cafile=about["tlsCertificate"])
    with urllib.request.urlopen(request, context=context) as answer:
        assert answer.status == 204
    assert s3.get_object(Bucket="forms-over-tls", Key="form")["Body"].read() == b"hello"
