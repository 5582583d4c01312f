"""Pictures carry Content Credentials that the reference implementation of C2PA takes for valid."""

import base64
import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from content_credentials import read
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from running_product import PROJECT, REGION, Product, running

MODEL = "likeness.art-v1"
MODEL_ARN = f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAT = {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a cat"}}
SMALL = {"imageGenerationConfig": {"width": 512, "height": 512}}


def draw(runtime: Any, request: dict[str, Any]) -> bytes:
    answer = runtime.invoke_model(modelId=MODEL, body=json.dumps({**request, **SMALL}))
    return base64.b64decode(json.load(answer["body"])["images"][0])


@pytest.fixture(scope="module")
def runtime(client: Any) -> Any:
    return client("bedrock-runtime")


@pytest.fixture(scope="module")
def cat(runtime: Any) -> bytes:
    return draw(runtime, CAT)


def test_a_drawn_picture_says_what_drew_it_and_whoever_trusts_the_issuer_trusts_it(
    product: Product, cat: bytes
) -> None:
    found = read(cat, (product.data / "c2pa" / "cert.pem").read_text())
    assert found.state == "Trusted"
    assert (found.generator["name"], found.algorithm) == ("Likeness", "Ed25519")
    created, marked = found.actions
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", f"{SOURCE}trainedAlgorithmicMedia")
    assert created["softwareAgent"]["name"] == MODEL
    assert created["parameters"]["dev.likeness.modelArn"] == MODEL_ARN
    assert marked["action"] == "c2pa.watermarked.unbound"
    assert read(cat).state == "Valid"


def test_only_the_owner_reads_the_key(product: Product) -> None:
    assert stat.S_IMODE((product.data / "c2pa" / "key.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("place", [-100, -2000], ids=["end", "pixels"])
def test_a_changed_byte_is_found(cat: bytes, place: int) -> None:
    changed = bytearray(cat)
    changed[place] ^= 1
    assert read(bytes(changed)).state == "Invalid"


def test_an_edit_says_that_it_goes_on_from_a_picture(runtime: Any, cat: bytes) -> None:
    picture = base64.b64encode(cat).decode()
    params = {"image": picture, "maskPrompt": "the cat", "text": "a dog"}
    found = read(draw(runtime, {"taskType": "INPAINTING", "inPaintingParams": params}))
    assert found.state == "Valid"
    opened, edited, *_ = found.actions
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"] == f"{SOURCE}compositeWithTrainedAlgorithmicMedia"
    cut_out = draw(runtime, {"taskType": "BACKGROUND_REMOVAL", "backgroundRemovalParams": {"image": picture}})
    found = read(cut_out)
    assert found.state == "Valid"
    assert [action["action"] for action in found.actions] == ["c2pa.opened", "c2pa.edited"]
    assert found.actions[1]["digitalSourceType"] == f"{SOURCE}algorithmicallyEnhanced"
    varied = draw(runtime, {"taskType": "IMAGE_VARIATION", "imageVariationParams": {"images": [picture, picture]}})
    assert read(varied).state == "Valid"


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def issued(folder: Path, purpose: ObjectIdentifier) -> dict[str, str]:
    """The settings for a P-256 pair, whose certificate file holds its issuer's too."""
    issuer, signer = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)

    def certificate(subject: str, key: ec.EllipticCurvePrivateKey, is_authority: bool) -> x509.CertificateBuilder:
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
        usage = [not is_authority, *[False] * 4, is_authority, *[False] * 3]
        return (
            x509.CertificateBuilder(name("Acme issuer"), name(subject), key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(*usage), critical=True)
            .add_extension(issuer_id, critical=False)
        )

    purposes = x509.ExtendedKeyUsage([purpose])
    leaf = certificate("Acme pictures", signer, False).add_extension(purposes, critical=False)
    chain = [each.sign(issuer, hashes.SHA256()) for each in (leaf, certificate("Acme issuer", issuer, True))]
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(b"".join(each.public_bytes(pem) for each in chain))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(signer.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return {"LIKENESS_C2PA_CERT": str(folder / "cert.pem"), "LIKENESS_C2PA_KEY": str(folder / "key.pem")}


def test_the_users_own_certificate_signs_where_it_is_set(tmp_path: Path) -> None:
    with running(issued(tmp_path, ExtendedKeyUsageOID.EMAIL_PROTECTION)) as product:
        runtime = boto3.client(
            "bedrock-runtime",
            endpoint_url=product.endpoint,
            region_name=REGION,
            aws_access_key_id=product.access_key_id,
            aws_secret_access_key=product.secret_access_key,
        )
        found = read(draw(runtime, CAT), (tmp_path / "cert.pem").read_text())
        assert (found.state, found.algorithm) == ("Trusted", "Es256")
        assert not (product.data / "c2pa").exists()


def test_a_certificate_for_servers_is_refused_at_the_start(tmp_path: Path) -> None:
    command = ["node", "server/likeness.js", "up", "--port", "0", "--data", str(tmp_path / "data")]
    settings = issued(tmp_path, ExtendedKeyUsageOID.SERVER_AUTH)
    done = subprocess.run(
        command, cwd=PROJECT, env={"PATH": "/usr/bin:/bin", **settings}, capture_output=True, timeout=120
    )
    assert done.returncode != 0
    assert b"LIKENESS_C2PA_CERT must have the extended key usage emailProtection" in done.stderr
