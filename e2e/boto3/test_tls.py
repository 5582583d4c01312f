"""boto3 over the port with TLS, trusting the certificate that the service made for itself."""

import io
import json
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
