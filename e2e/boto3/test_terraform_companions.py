"""What Terraform's AWS provider calls for the bucket, role and key beside a custom model: its create, then each of the reads
that its resources make, an update, the delete, and the read that must say that it is gone. Terraform itself is not run here."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "terraform-pictures"
# What the provider takes for transition_default_minimum_object_size where nobody sets it.
USUAL_SIZE = "all_storage_classes_128K"


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("read", "code"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_a_new_bucket_says_what_it_has_not(client: Any, read: str, code: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.get_waiter("bucket_exists").wait(Bucket=BUCKET)
    assert code_of(lambda: getattr(s3, read)(Bucket=BUCKET)) == code
    s3.delete_bucket(Bucket=BUCKET)
    s3.get_waiter("bucket_not_exists").wait(Bucket=BUCKET)
    assert code_of(lambda: s3.head_bucket(Bucket=BUCKET)) == "404"
    assert code_of(lambda: getattr(s3, read)(Bucket=BUCKET)) == "NoSuchBucket"


@pytest.mark.parametrize("kind", ["analytics", "intelligent_tiering", "inventory", "metrics"])
def test_a_new_bucket_lists_no_configurations(client: Any, kind: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    assert not getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=BUCKET)["IsTruncated"]
    s3.put_bucket_request_payment(Bucket=BUCKET, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    s3.delete_bucket_website(Bucket=BUCKET)
    s3.delete_bucket_replication(Bucket=BUCKET)
    s3.delete_bucket(Bucket=BUCKET)


def test_settings_of_a_bucket_come_back_as_they_were_given(client: Any) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    assert "Status" not in s3.get_bucket_versioning(Bucket=BUCKET)
    assert s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=BUCKET)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=BUCKET)
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket=BUCKET)["Grants"]] == ["FULL_CONTROL"]

    tags = [{"Key": "team", "Value": "pets"}]
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags
    lifecycle = [
        {
            "ID": "logs",
            "Status": "Enabled",
            "Filter": {"Prefix": "logs/"},
            "Expiration": {"Days": 30},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "pictures",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "pictures/", "Tags": [{"Key": "keep", "Value": "long"}]}},
            "Expiration": {"Days": 365},
            "Transitions": [
                {"Days": 30, "StorageClass": "STANDARD_IA"},
                {"Days": 60, "StorageClass": "GLACIER_IR"},
            ],
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2, "StorageClass": "STANDARD_IA"}
            ],
        },
    ]
    put = {"Bucket": BUCKET, "LifecycleConfiguration": {"Rules": lifecycle}}
    assert s3.put_bucket_lifecycle_configuration(**put)["TransitionDefaultMinimumObjectSize"] == USUAL_SIZE
    # The provider waits until what it reads equals what it wrote.
    kept = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert (kept["Rules"], kept["TransitionDefaultMinimumObjectSize"]) == (lifecycle, USUAL_SIZE)
    s3.put_bucket_lifecycle_configuration(**put, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    kept = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert kept["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    cors = [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://pets.example"], "MaxAgeSeconds": 3000}]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == cors
    block = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] == block
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"

    s3.put_object(Bucket=BUCKET, Key="ron.jpg", Body=b"x")
    assert code_of(lambda: s3.delete_bucket(Bucket=BUCKET)) == "BucketNotEmpty"
    for kept in s3.list_object_versions(Bucket=BUCKET)["Versions"]:
        s3.delete_object(Bucket=BUCKET, Key=kept["Key"], VersionId=kept["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)


def test_a_role_and_its_policy_are_made_read_changed_and_destroyed(client: Any) -> None:
    iam = client("iam")
    trust = document(Principal={"Service": "bedrock.amazonaws.com"}, Action="sts:AssumeRole")
    role = {"RoleName": "terraform-role"}
    assert code_of(lambda: iam.get_role(**role)) == "NoSuchEntity"
    iam.create_role(**role, AssumeRolePolicyDocument=trust, Path="/pets/", Tags=[{"Key": "a", "Value": "1"}])
    iam.get_waiter("role_exists").wait(**role)
    made = iam.get_role(**role)["Role"]
    assert (made["AssumeRolePolicyDocument"], made["Path"]) == (json.loads(trust), "/pets/")
    assert made["MaxSessionDuration"] == 3600
    reading = document(Action="s3:GetObject", Resource="*")
    policy = iam.create_policy(PolicyName="terraform-policy", PolicyDocument=reading)["Policy"]["Arn"]
    iam.get_waiter("policy_exists").wait(PolicyArn=policy)
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]
    assert found["Document"] == json.loads(reading)
    iam.attach_role_policy(**role, PolicyArn=policy)
    assert [row["PolicyArn"] for row in iam.list_attached_role_policies(**role)["AttachedPolicies"]] == [policy]
    iam.put_role_policy(**role, PolicyName="inline", PolicyDocument=reading)
    assert iam.list_role_policies(**role)["PolicyNames"] == ["inline"]

    iam.update_role(**role, Description="of the pets", MaxSessionDuration=7200)
    iam.update_assume_role_policy(**role, PolicyDocument=trust)
    iam.tag_role(**role, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_role(**role, TagKeys=["a"])
    changed = iam.get_role(**role)["Role"]
    assert (changed["Description"], changed["Tags"]) == ("of the pets", [{"Key": "b", "Value": "2"}])
    # An update of a policy: a new version, and the oldest goes before there are too many.
    writing = document(Action="s3:PutObject", Resource="*")
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=writing, SetAsDefault=True)
    assert {row["VersionId"] for row in iam.list_policy_versions(PolicyArn=policy)["Versions"]} == {"v1", "v2"}
    iam.delete_policy_version(PolicyArn=policy, VersionId="v1")

    assert code_of(lambda: iam.delete_role(**role)) == "DeleteConflict"
    assert code_of(lambda: iam.delete_policy(PolicyArn=policy)) == "DeleteConflict"
    assert iam.list_instance_profiles_for_role(**role)["InstanceProfiles"] == []
    iam.delete_role_policy(**role, PolicyName="inline")
    iam.detach_role_policy(**role, PolicyArn=policy)
    iam.delete_role(**role)
    iam.delete_policy(PolicyArn=policy)
    assert code_of(lambda: iam.get_role(**role)) == "NoSuchEntity"
    assert code_of(lambda: iam.get_policy(PolicyArn=policy)) == "NoSuchEntity"


def test_a_key_its_alias_and_grant_are_made_read_changed_and_destroyed(client: Any, product: Any) -> None:
    kms = client("kms")
    root = f"arn:aws:iam::{product.account_id}:root"
    made = kms.create_key(Description="pets", Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]
    key = {"KeyId": made["KeyId"]}
    assert kms.describe_key(**key)["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    policy = json.loads(kms.get_key_policy(**key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": root}
    assert kms.get_key_rotation_status(**key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(**key, RotationPeriodInDays=180)
    assert kms.get_key_rotation_status(**key)["RotationPeriodInDays"] == 180
    kms.put_key_policy(**key, PolicyName="default", Policy=json.dumps({**policy, "Id": "changed"}))
    # The provider waits until the policy that it reads says the same.
    assert json.loads(kms.get_key_policy(**key, PolicyName="default")["Policy"])["Id"] == "changed"
    kms.update_key_description(**key, Description="cats")
    kms.disable_key(**key)
    assert kms.describe_key(**key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(**key)
    kms.tag_resource(**key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(**key, TagKeys=["a"])
    assert kms.list_resource_tags(**key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]

    kms.create_alias(AliasName="alias/terraform", TargetKeyId=made["KeyId"])
    targets = {
        row["AliasName"]: row.get("TargetKeyId")
        for page in kms.get_paginator("list_aliases").paginate()
        for row in page["Aliases"]
    }
    assert targets["alias/terraform"] == made["KeyId"]
    # A data source finds AWS's own alias in the list, and asks for its key where the list has none.
    assert "alias/aws/s3" in targets
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"
    grant = kms.create_grant(**key, Name="pets", GranteePrincipal=root, Operations=["Decrypt"])["GrantId"]
    assert [row["GrantId"] for row in kms.list_grants(**key, GrantId=grant)["Grants"]] == [grant]
    kms.revoke_grant(**key, GrantId=grant)
    assert kms.list_grants(**key)["Grants"] == []

    kms.delete_alias(AliasName="alias/terraform")
    assert code_of(lambda: kms.describe_key(KeyId="alias/terraform")) == "NotFoundException"
    kms.schedule_key_deletion(**key, PendingWindowInDays=7)
    assert kms.describe_key(**key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert code_of(lambda: kms.enable_key(**key)) == "KMSInvalidStateException"


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
