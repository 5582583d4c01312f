"""boto3's S3, as data sets are made with it."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def s3(client: Any) -> Any:
    return client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    s3.create_bucket(Bucket="a-bucket-for-boto3")
    return "a-bucket-for-boto3"


def test_a_bucket_with_acls_shows_the_world_what_is_public(s3: Any) -> None:
    name = "a-bucket-with-acls"
    with pytest.raises(ClientError, match="InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket=name, ACL="public-read")
    s3.create_bucket(Bucket=name, ACL="public-read", ObjectOwnership="BucketOwnerPreferred")
    s3.put_object(Bucket=name, Key="public", Body=b"seen", ACL="public-read")
    s3.put_object(Bucket=name, Key="private", Body=b"hidden")
    endpoint = s3.meta.endpoint_url
    assert request(f"{endpoint}/{name}/public") == b"seen"
    assert b"<Key>private</Key>" in request(f"{endpoint}/{name}")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        request(f"{endpoint}/{name}/private")
    acl = s3.get_object_acl(Bucket=name, Key="public")
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL", "READ"]
    grants = [grant for grant in acl["Grants"] if grant["Grantee"]["Type"] == "CanonicalUser"]
    s3.put_object_acl(Bucket=name, Key="public", AccessControlPolicy={"Grants": grants, "Owner": acl["Owner"]})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        request(f"{endpoint}/{name}/public")
    s3.put_bucket_acl(Bucket=name, ACL="private")
    rules = [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules})
    assert s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"] == rules
    s3.delete_bucket_ownership_controls(Bucket=name)
    with pytest.raises(ClientError, match="OwnershipControlsNotFoundError"):
        s3.get_bucket_ownership_controls(Bucket=name)


def content(size: int) -> bytes:
    return hashlib.shake_128(b"likeness").digest(size)


def test_a_large_file_goes_in_parts_and_comes_back_whole(s3: Any, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content(17 * MEBIBYTE))
    parts = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    s3.upload_file(str(source), bucket, "large", Config=parts, ExtraArgs={"Metadata": {"made-by": "a test"}})
    s3.download_file(bucket, "large", str(target), Config=parts)
    assert target.read_bytes() == source.read_bytes()
    head = s3.head_object(Bucket=bucket, Key="large")
    assert head["ContentLength"] == 17 * MEBIBYTE
    assert head["ETag"].endswith('-4"')
    assert head["Metadata"] == {"made-by": "a test"}


@pytest.mark.parametrize("key", ["plain", "with space/and+plus", "ünïcode/雪", "a//b", "100%", "quote'and(brackets)"])
def test_a_key_of_any_kind(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"keys/{key}", Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=f"keys/{key}")["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"keys/{key}")["Contents"]
    assert [entry["Key"] for entry in listed] == [f"keys/{key}"]


@pytest.mark.parametrize("version", ["default", "s3v4"])
def test_presigned_urls_read_and_write(client: Any, bucket: str, version: str) -> None:
    s3 = client("s3") if version == "default" else client("s3", config=Config(signature_version=version))
    target = {"Bucket": bucket, "Key": f"presigned/{version} key"}
    put = s3.generate_presigned_url("put_object", Params=target, ExpiresIn=60)
    assert request(put, b"hello", "PUT") == b""
    assert request(s3.generate_presigned_url("get_object", Params=target, ExpiresIn=60)) == b"hello"
    tampered = s3.generate_presigned_url("get_object", Params=target, ExpiresIn=60).replace("presigned", "presignee")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        request(tampered)
    assert refusal.value.code == 403
    assert b"SignatureDoesNotMatch" in refusal.value.read()


def test_a_presigned_url_of_version_2_carries_what_was_said_of_the_object(s3: Any, bucket: str) -> None:
    target = {"Bucket": bucket, "Key": "presigned/told"}
    url = s3.generate_presigned_url("put_object", Params={**target, "Metadata": {"venue": "a b"}, "Tagging": "k=v"})
    assert "x-amz-meta-venue" in url
    request(url, b"hello", "PUT")
    assert s3.head_object(**target)["Metadata"] == {"venue": "a b"}
    assert s3.get_object_tagging(**target)["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_paginators_walk_every_key_and_prefix(s3: Any, bucket: str) -> None:
    keys = [f"pages/{folder}/{number}" for folder in "abc" for number in range(4)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    paginator = s3.get_paginator("list_objects_v2")
    pages = list(paginator.paginate(Bucket=bucket, Prefix="pages/", PaginationConfig={"PageSize": 5}))
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    assert len(pages) == 3
    grouped = paginator.paginate(Bucket=bucket, Prefix="pages/", Delimiter="/", PaginationConfig={"PageSize": 2})
    prefixes = [entry["Prefix"] for page in grouped for entry in page.get("CommonPrefixes", [])]
    assert prefixes == ["pages/a/", "pages/b/", "pages/c/"]


def test_ranges_conditions_and_copies(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="one", Body=b"0123456789")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="one", Range="bytes=2-4")["Body"].read() == b"234"
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket=bucket, Key="one", IfNoneMatch=etag)
    assert unchanged.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    with pytest.raises(ClientError) as taken:
        s3.put_object(Bucket=bucket, Key="one", Body=b"x", IfNoneMatch="*")
    assert taken.value.response["Error"]["Code"] == "PreconditionFailed"
    s3.copy({"Bucket": bucket, "Key": "one"}, bucket, "two")
    assert s3.get_object(Bucket=bucket, Key="two")["Body"].read() == b"0123456789"


def test_storage_classes_are_kept_and_archives_are_not_there(s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="classes/one", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="classes/one")["StorageClass"] == "STANDARD_IA"
    (tmp_path / "large").write_bytes(bytes(6 * MEBIBYTE))
    parts = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    extra = {"StorageClass": "GLACIER_IR"}
    s3.upload_file(str(tmp_path / "large"), bucket, "classes/two", ExtraArgs=extra, Config=parts)
    source = {"Bucket": bucket, "Key": "classes/one"}
    s3.copy(source, bucket, "classes/three", ExtraArgs={"StorageClass": "ONEZONE_IA"})
    s3.copy(source, bucket, "classes/four")
    listed = {
        row["Key"]: row["StorageClass"] for row in s3.list_objects_v2(Bucket=bucket, Prefix="classes/")["Contents"]
    }
    assert [listed[f"classes/{name}"] for name in ("one", "two", "three", "four")] == [
        *("STANDARD_IA", "GLACIER_IR", "ONEZONE_IA", "STANDARD"),
    ]
    assert "StorageClass" not in s3.get_object(Bucket=bucket, Key="classes/four")
    with pytest.raises(ClientError, match=r"InvalidStorageClass.*GLACIER_IR"):
        s3.put_object(Bucket=bucket, Key="classes/five", Body=b"x", StorageClass="DEEP_ARCHIVE")
    # Tools that restore a whole prefix pass over what is not archived by this error.
    with pytest.raises(s3.exceptions.InvalidObjectState):
        s3.restore_object(Bucket=bucket, Key="classes/two", RestoreRequest={"Days": 1})


def test_typed_exceptions(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="absent")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="no-such-bucket-here")
    with pytest.raises(ClientError) as head:
        s3.head_object(Bucket=bucket, Key="absent")
    assert head.value.response["Error"]["Code"] == "404"
    with pytest.raises(ClientError) as full:
        s3.delete_bucket(Bucket=bucket)
    assert full.value.response["Error"]["Code"] == "BucketNotEmpty"


def test_many_are_deleted_at_once(s3: Any, bucket: str) -> None:
    keys = [f"many/{number}" for number in range(5)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "absent"]]})
    assert {entry["Key"] for entry in answer["Deleted"]} == {*keys, "absent"}
    assert s3.list_objects_v2(Bucket=bucket, Prefix="many/")["KeyCount"] == 0


@pytest.mark.parametrize("key", ["start\x01end", "line\x0btab\x1f", "\ufffe", "carriage\rreturn"])
def test_a_key_that_xml_cannot_hold_is_written_listed_and_deleted(s3: Any, key: str) -> None:
    name = "keys-beyond-xml"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key=key, Body=b"old")
    upload = s3.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
    assert len(s3.list_multipart_uploads(Bucket=name)["Uploads"]) == 1
    part = s3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
    assert len(s3.list_parts(Bucket=name, Key=key, UploadId=upload)["Parts"]) == 1
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket=name, Key=key, UploadId=upload, MultipartUpload=parts)
    (found,) = s3.list_objects_v2(Bucket=name)["Contents"]
    assert found["Key"] == key
    assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"new"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=name, Key=f"absent {key}")
    # It comes back in the answer as far as XML can say it.
    (deleted,) = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key}]})["Deleted"]
    assert len(deleted["Key"]) == len(key)
    assert "Contents" not in s3.list_objects_v2(Bucket=name)


def test_the_resource_interface(product: Any, bucket: str) -> None:
    import boto3

    resource: Any = boto3.resource(
        "s3",
        endpoint_url=product.endpoint,
        aws_access_key_id=product.access_key_id,
        aws_secret_access_key=product.secret_access_key,
        region_name="us-east-1",
    )
    resource.Object(bucket, "resource").put(Body=b"1")
    assert "resource" in {summary.key for summary in resource.Bucket(bucket).objects.all()}


def request(url: str, body: bytes | None = None, method: str = "GET") -> bytes:
    # An empty type: urllib would add one of its own, which the older signature covers.
    headers = {} if body is None else {"Content-Type": ""}
    with urllib.request.urlopen(
        urllib.request.Request(url, data=body, method=method, headers=headers), timeout=30
    ) as answer:
        return answer.read()
