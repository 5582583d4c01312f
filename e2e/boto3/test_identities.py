"""IAM as people's scripts and Terraform's AWS provider call it: instance profiles, passwords, API keys, long lists."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from running_product import REGION, Product, trust_policy

Clients = Callable[..., Any]


def code_of(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_instance_profile_comes_and_goes(client: Clients) -> None:
    iam = client("iam")
    iam.create_role(RoleName="of-a-profile", AssumeRolePolicyDocument=trust_policy("111122223333"))
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="of-a-profile")
    shown = iam.get_instance_profile(InstanceProfileName="profile")["InstanceProfile"]
    assert shown["Roles"][0]["RoleName"] == "of-a-profile"
    assert code_of(lambda: iam.delete_instance_profile(InstanceProfileName="profile")) == ("DeleteConflict", 409)
    iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="of-a-profile")
    iam.delete_instance_profile(InstanceProfileName="profile")
    assert code_of(lambda: iam.get_instance_profile(InstanceProfileName="profile")) == ("NoSuchEntity", 404)
    iam.delete_role(RoleName="of-a-profile")


def test_passwords_and_api_keys_of_a_user(client: Clients) -> None:
    iam = client("iam")
    iam.create_user(UserName="petra")
    assert code_of(lambda: iam.get_login_profile(UserName="petra")) == ("NoSuchEntity", 404)
    weak = lambda: iam.create_login_profile(UserName="petra", Password="password")  # noqa: E731
    assert code_of(weak) == ("PasswordPolicyViolation", 400)
    iam.create_login_profile(UserName="petra", Password="A-long-Password-1", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="petra")["LoginProfile"]["PasswordResetRequired"] is True
    named = {"UserName": "petra", "ServiceName": "bedrock.amazonaws.com"}
    made = iam.create_service_specific_credential(**named)["ServiceSpecificCredential"]
    assert made["ServiceCredentialSecret"].startswith("ABSK")
    listed = iam.list_service_specific_credentials(**named)["ServiceSpecificCredentials"]
    assert [row["ServiceSpecificCredentialId"] for row in listed] == [made["ServiceSpecificCredentialId"]]
    assert code_of(lambda: iam.delete_user(UserName="petra")) == ("DeleteConflict", 409)
    iam.delete_login_profile(UserName="petra")
    iam.delete_service_specific_credential(
        UserName="petra", ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"]
    )
    iam.delete_user(UserName="petra")


def test_an_api_key_signs_nothing_and_is_taken_over_tls(
    client: Clients, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = client("iam")
    iam.create_user(UserName="kai")
    actions = ["bedrock:CallWithBearerToken", "bedrock:ListFoundationModels"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="kai", PolicyName="models", PolicyDocument=document)
    made = iam.create_service_specific_credential(UserName="kai", ServiceName="bedrock.amazonaws.com")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", made["ServiceSpecificCredential"]["ServiceCredentialSecret"])
    about = json.loads((product.data / "endpoint.json").read_text())
    place = {"endpoint_url": about["tlsEndpoint"], "verify": about["tlsCertificate"], "region_name": REGION}
    bedrock = boto3.Session().client("bedrock", **place)
    assert bedrock.list_foundation_models()["modelSummaries"]
    assert code_of(bedrock.list_custom_models) == ("AccessDeniedException", 403)


def test_lists_are_paged(client: Clients) -> None:
    iam = client("iam")
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        iam.create_user(UserName=name, Path="/pages/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2})
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    for name in names:
        iam.delete_user(UserName=name)
