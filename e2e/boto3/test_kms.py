"""boto3's KMS, as a program uses keys: envelopes, pairs, signatures, codes, and what was encrypted before a rotation."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTEXT = {"picture": "ron"}


@pytest.fixture(scope="module")
def kms(client: Any) -> Any:
    return client("kms")


@pytest.fixture
def key_id(kms: Any) -> str:
    return kms.create_key()["KeyMetadata"]["KeyId"]


def test_an_envelope_is_opened_with_its_context_alone(kms: Any, key_id: str) -> None:
    made = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == 32
    sealed = {"CiphertextBlob": made["CiphertextBlob"]}
    assert kms.decrypt(**sealed, EncryptionContext=CONTEXT)["Plaintext"] == made["Plaintext"]
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(**sealed)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=b"no ciphertext at all")
    hidden = kms.generate_data_key_without_plaintext(KeyId=key_id, NumberOfBytes=64)
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 64


def test_what_was_encrypted_before_a_rotation_stays_readable(kms: Any, key_id: str) -> None:
    before = kms.encrypt(KeyId=key_id, Plaintext=b"a secret")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key_id)
    assert [row["RotationType"] for row in kms.list_key_rotations(KeyId=key_id)["Rotations"]] == ["ON_DEMAND"]
    assert kms.decrypt(CiphertextBlob=before, KeyId=key_id)["Plaintext"] == b"a secret"
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    moved = kms.re_encrypt(CiphertextBlob=before, DestinationKeyId=other)["CiphertextBlob"]
    kms.disable_key(KeyId=key_id)
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == b"a secret"
    with pytest.raises(kms.exceptions.DisabledException):
        kms.decrypt(CiphertextBlob=before)
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=moved, KeyId=key_id)


def test_signatures_and_codes_hold_for_their_message(kms: Any) -> None:
    signer = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    how = {"KeyId": signer, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**how, Message=b"a message")["Signature"]
    assert kms.verify(**how, Message=b"a message", Signature=signature)["SignatureValid"]
    with pytest.raises(kms.exceptions.KMSInvalidSignatureException):
        kms.verify(**how, Message=b"another", Signature=signature)
    assert kms.get_public_key(KeyId=signer)["SigningAlgorithms"] == ["ECDSA_SHA_256"]
    with pytest.raises(kms.exceptions.InvalidKeyUsageException):
        kms.encrypt(KeyId=signer, Plaintext=b"x")
    coder = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    how = {"KeyId": coder, "MacAlgorithm": "HMAC_SHA_256"}
    code = kms.generate_mac(**how, Message=b"a message")["Mac"]
    assert kms.verify_mac(**how, Message=b"a message", Mac=code)["MacValid"]
    with pytest.raises(kms.exceptions.KMSInvalidMacException):
        kms.verify_mac(**how, Message=b"another", Mac=code)


def test_pairs_of_keys_and_random_bytes_are_made(kms: Any, key_id: str) -> None:
    pair = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec="ECC_NIST_P256")
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert opened == pair["PrivateKeyPlaintext"]
    assert "PrivateKeyPlaintext" not in kms.generate_data_key_pair_without_plaintext(
        KeyId=key_id, KeyPairSpec="ECC_NIST_P256"
    )
    assert kms.generate_random(NumberOfBytes=16)["Plaintext"] != kms.generate_random(NumberOfBytes=16)["Plaintext"]


def test_a_deletion_is_taken_back(kms: Any, key_id: str) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.encrypt(KeyId=key_id, Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"
    assert key_id in {row["KeyId"] for page in kms.get_paginator("list_keys").paginate() for row in page["Keys"]}


def test_there_is_no_custom_key_store(kms: Any) -> None:
    assert kms.describe_custom_key_stores()["CustomKeyStores"] == []


def test_grants_are_handed_on_by_token_and_retired(kms: Any, key_id: str, client: Any, product: Any) -> None:
    root = f"arn:aws:iam::{product.account_id}:root"
    grant = kms.create_grant(KeyId=key_id, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Encrypt"])
    tokens = {"GrantTokens": [grant["GrantToken"]]}
    kms.encrypt(KeyId=key_id, Plaintext=b"x", **tokens)
    assert grant["GrantId"] in {row["GrantId"] for row in kms.list_retirable_grants(RetiringPrincipal=root)["Grants"]}
    kms.retire_grant(GrantToken=grant["GrantToken"])
    with pytest.raises(ClientError, match="InvalidGrantTokenException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", **tokens)
