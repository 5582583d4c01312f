"""boto3's S3 with versions, tags and lifecycle rules, as a bucket with a history is kept."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "versions-for-boto3"


@pytest.fixture(scope="module")
def s3(client: Any) -> Any:
    made = client("s3")
    made.create_bucket(Bucket=BUCKET)
    made.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return made


def versions(s3: Any) -> list[tuple[str, str]]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 2})
    return [
        (entry["Key"], entry["VersionId"])
        for page in pages
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]


def test_a_deleted_object_comes_back_and_an_older_version_is_restored(s3: Any) -> None:
    first = s3.put_object(Bucket=BUCKET, Key="notes", Body=b"one", Tagging="draft=yes")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="notes", Body=b"two")
    marker = s3.delete_object(Bucket=BUCKET, Key="notes")
    assert marker["DeleteMarker"] is True
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=BUCKET, Key="notes")
    assert refused.value.response["Error"]["Code"] == "NoSuchKey"
    s3.delete_object(Bucket=BUCKET, Key="notes", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=BUCKET, Key="notes")["Body"].read() == b"two"
    s3.copy_object(Bucket=BUCKET, Key="notes", CopySource={"Bucket": BUCKET, "Key": "notes", "VersionId": first})
    restored = s3.get_object(Bucket=BUCKET, Key="notes")
    assert restored["Body"].read() == b"one"
    assert restored["TagCount"] == 1
    assert s3.get_object_tagging(Bucket=BUCKET, Key="notes")["TagSet"] == [{"Key": "draft", "Value": "yes"}]
    assert len(versions(s3)) == 3


def test_tags_are_written_read_and_limited(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="tagged", Body=b"")
    tags = [{"Key": str(index), "Value": str(index)} for index in range(10)]
    s3.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == tags
    with pytest.raises(ClientError) as refused:
        s3.put_object_tagging(
            Bucket=BUCKET, Key="tagged", Tagging={"TagSet": [*tags, {"Key": "one more", "Value": ""}]}
        )
    assert refused.value.response["Error"]["Code"] == "BadRequest"
    s3.delete_object_tagging(Bucket=BUCKET, Key="tagged")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == []


def test_lifecycle_rules_are_read_back_and_an_object_tells_its_end(s3: Any) -> None:
    rules = [
        {
            "ID": "old",
            "Filter": {"And": {"Prefix": "old/", "Tags": [{"Key": "keep", "Value": "no"}]}},
            "Status": "Enabled",
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2},
        },
        {
            "ID": "rest",
            "Filter": {"Prefix": ""},
            "Status": "Enabled",
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"] == rules
    written = s3.put_object(Bucket=BUCKET, Key="old/k", Body=b"", Tagging="keep=no")
    assert 'rule-id="old"' in written["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=BUCKET, Key="old/kept", Body=b"", Tagging="keep=yes")


def test_a_bucket_is_emptied_with_the_paginator_and_deleted(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        s3.delete_bucket(Bucket=BUCKET)
    assert refused.value.response["Error"]["Code"] == "BucketNotEmpty"
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1})
    for page in pages:
        entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        assert "Errors" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=BUCKET)
