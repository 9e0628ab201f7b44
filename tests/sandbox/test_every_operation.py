"""Whatever is asked is answered in the service's own form: every operation of IAM and STS, and some of EC2 and S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.conftest import Refused
from tests.sandbox.denials import EVERYTHING, TRUST, under
from tests.sandbox.test_operations_judged import VALUES
from tests.sandbox.test_signed_requests import Signer, send
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

RETRIED = {"Throttling", "ServiceUnavailable", "InternalError", "InternalFailure", "ServiceFailure"}
"""Codes clients try again for."""


ARN = "arn:aws:iam::123456789012"


@pytest.fixture(scope="module")
def aws(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    """A separate sandbox, because some operations would change what other stories rely on."""
    with Sandbox(scratch / "aws-every-operation", clock) as running:
        yield running


@pytest.fixture(scope="module")
def eve(aws: Sandbox) -> Employee:
    """May do everything, and has nothing to lose."""
    who = hire(aws, "eve", group=None)
    under(who, EVERYTHING)
    return who


def some(shape: Any, name: str = "") -> Any:
    """A value that the model takes."""
    kind = shape.type_name
    if kind == "structure":
        names = shape.required_members or list(shape.members)[:1]  # an empty one is not sent at all
        return {each: some(shape.members[each], each) for each in names}
    if kind == "list":
        return [some(shape.member, name)]
    if kind == "map":
        return {"aws:example": some(shape.value)}
    if kind in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return "2026-01-01T00:00:00Z"
    if kind == "blob":
        return b"x"
    if shape.enum:
        return shape.enum[0]
    least = int(shape.metadata.get("min", 1))
    return KNOWN.get(name, "x" * max(least, 1))


DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": EVERYTHING})
KNOWN = VALUES | {
    "PolicyDocument": DOCUMENT,
    "AssumeRolePolicyDocument": TRUST,
    "PolicyInputList": DOCUMENT,
    "ActionNames": "iam:ListUsers",
    "AuthenticationCode1": "123456",
    "AuthenticationCode2": "654321",
    "TargetPrincipal": "123456789012",
    "VersionId": "v1",
    "PolicyTemplateArn": "arn:aws:iam::aws:role-template/service/name:1",
    "arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
}


def asked(client: Any, operation: str, **given: Any) -> tuple[str, int]:
    """(code, status), "" for a success. Fails where the answer cannot be read."""
    method = getattr(client, botocore.xform_name(operation))
    model = client.meta.service_model.operation_model(operation)
    shape = model.input_shape
    parameters = {each: some(shape.members[each], each) for each in shape.required_members} if shape else {}
    if operation == "UpdateAssumeRolePolicy":
        parameters["PolicyDocument"] = TRUST
    try:
        answer = method(**parameters, **given)
    except ClientError as error:
        told = error.response
        assert told["ResponseMetadata"]["HTTPHeaders"]["content-type"].startswith(("text/xml", "application/xml"))
        return str(told["Error"]["Code"]), int(told["ResponseMetadata"]["HTTPStatusCode"])
    return "", int(answer["ResponseMetadata"]["HTTPStatusCode"])


def operations(service: str) -> list[str]:
    return list(botocore.session.Session().get_service_model(service).operation_names)


UNSIGNED = {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
"""Clients sign neither, and the sandbox answers nobody who does not sign."""
REACHED = {"GetCallerIdentity", "GetSessionToken"}


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_every_operation_is_answered_in_the_form_of_its_service(aws: Sandbox, eve: Employee, service: str) -> None:
    client, found = eve.client(service), {}
    for operation in operations(service):
        found[operation] = asked(client, operation)
        aws.as_administrator("iam").put_user_policy(UserName=eve.name, PolicyName="only", PolicyDocument=DOCUMENT)
    odd = {each: said for each, said in found.items() if said[1] >= 500 or said[0] in RETRIED}
    assert odd == {}
    denied = {each for each, (code, _) in found.items() if code == "AccessDenied"}
    assert denied <= {"ChangePassword"}, "a wrong old password"


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_who_may_nothing_is_denied_before_anything_else(aws: Sandbox, service: str) -> None:
    client = hire(aws, "nobody", group=None).client(service)
    for operation in operations(service):
        if operation not in UNSIGNED | REACHED:
            assert asked(client, operation) == ("AccessDenied", 403), operation


def test_an_operation_that_there_is_not_is_an_invalid_action(aws: Sandbox, eve: Employee) -> None:
    for service, version in (("iam", "2010-05-08"), ("sts", "2011-06-15"), ("ec2", "2016-11-15")):
        signer = Signer(aws, eve.access_key_id, eve.secret_access_key, service)
        body = urlencode({"Action": "ListUnicorns", "Version": version})
        status, code, text = send(aws, signer.headers(body), body)
        assert (status, code) == (400, "InvalidAction") and text.startswith("<?xml")
        assert ("<Response><Errors>" in text) is (service == "ec2"), "EC2 has a form of its own"


def test_ec2_and_s3_answer_in_their_own_form(aws: Sandbox, eve: Employee) -> None:
    client, found = eve.client("ec2"), {}
    for operation in operations("ec2")[::11]:
        found[operation] = asked(client, operation)
    assert {each: said for each, said in found.items() if said[1] >= 500 or said[0] in RETRIED} == {}
    assert "UnsupportedOperation" in {code for code, _ in found.values()}, "and some of it is not emulated"
    bucket = {"Bucket": "payroll"}
    s3 = eve.client("s3")
    for act in (s3.get_bucket_policy, s3.get_bucket_tagging, s3.list_object_versions, s3.get_bucket_location):
        with pytest.raises(ClientError) as no:
            act(**bucket)
        assert no.value.response["Error"]["Code"] == "NotImplemented"
    with pytest.raises(ClientError) as no:
        s3.get_object(**bucket, Key="nobody")
    assert no.value.response["Error"]["Code"] == "NoSuchKey"


def test_aws_sign_in_answers_in_json_what_is_no_page_of_its(aws: Sandbox, eve: Employee) -> None:
    for method, path in (("GET", "/v1/token"), ("POST", "/v1/unicorns"), ("DELETE", "/v1/token"), ("GET", "/oauths")):
        status, _, text = send(aws, {}, "", method, path)
        assert status == 404 and json.loads(text)["error"] == "invalid_request", (method, path)
    status, _, text = send(aws, {}, "", "GET", "/v1/static/sandbox.css")
    assert status == 200 and ":focus-visible" in text, "the pages keep their looks"
    signer = Signer(aws, eve.access_key_id, eve.secret_access_key, "signin")
    for path in ("/v1/introspect", "/get-resource-policy", "/v1/token"):
        headers = signer.headers("{}", path=path) | {"content-type": "application/json"}
        status, _, text = send(aws, headers, "{}", "POST", path)
        assert status == 404 and json.loads(text)["__type"].startswith("UnknownOperation"), "signed, and not emulated"


def test_a_device_is_looked_at_and_tagged(aws: Sandbox, refused: Refused) -> None:
    """The calls of AWS's example policy, and of tools that make virtual devices."""
    iam = aws.as_administrator("iam")
    serial = aws.user("Administrator")["mfa"]["serial_number"]
    device = iam.get_mfa_device(SerialNumber=serial, UserName="Administrator")
    assert device["SerialNumber"] == serial and device["UserName"] == "Administrator" and device["EnableDate"]
    assert iam.get_mfa_device(SerialNumber=serial)["UserName"] == "Administrator"
    assert refused(iam.get_mfa_device, SerialNumber=serial, UserName="KeyUser") == ("NoSuchEntity", 404)
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "b"}])
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "team", "Value": "c"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["cost"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "team", "Value": "c"}]
    reserved = [{"Key": "aws:x", "Value": "y"}]
    assert refused(iam.tag_mfa_device, SerialNumber=serial, Tags=reserved) == ("InvalidInput", 400)


def test_service_specific_credentials(aws: Sandbox, refused: Refused) -> None:
    iam, who = aws.as_administrator("iam"), {"UserName": "KeyUser"}
    git = {"ServiceName": "codecommit.amazonaws.com"}
    made = iam.create_service_specific_credential(**who, **git)["ServiceSpecificCredential"]
    assert made["ServicePassword"] and made["ServiceUserName"] and made["Status"] == "Active"
    key = iam.create_service_specific_credential(**who, ServiceName="bedrock.amazonaws.com", CredentialAgeDays=30)[
        "ServiceSpecificCredential"
    ]
    assert key["ServiceCredentialSecret"] and key["ExpirationDate"] > key["CreateDate"]
    iam.create_service_specific_credential(**who, **git)
    assert refused(iam.create_service_specific_credential, **who, **git) == ("LimitExceeded", 409)
    one = {"ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**who, **one)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServicePassword"]
    iam.update_service_specific_credential(**who, **one, Status="Inactive")
    listed = iam.list_service_specific_credentials(**who, **git)["ServiceSpecificCredentials"]
    assert [each["Status"] for each in listed] == ["Inactive", "Active"] and "ServicePassword" not in listed[0]
    everybodys = iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]
    assert {each["UserName"] for each in everybodys} == {"KeyUser"} and len(everybodys) == 3
    for each in everybodys:
        iam.delete_service_specific_credential(**who, ServiceSpecificCredentialId=each["ServiceSpecificCredentialId"])
    assert refused(iam.reset_service_specific_credential, **who, **one) == ("NoSuchEntity", 404)
    unknown = {"ServiceName": "unicorns.amazonaws.com"}
    assert refused(iam.create_service_specific_credential, **who, **unknown) == ("NotSupportedService", 404)


def test_the_simulator_answers_what_the_judge_decides(aws: Sandbox, refused: Refused) -> None:
    iam, who = aws.as_administrator("iam"), f"{ARN}:user/KeyUser"
    mfa = {"ContextKeyName": "aws:MultiFactorAuthPresent", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"}

    def said(*context: dict[str, Any]) -> dict[str, str]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=who,
            ActionNames=["ec2:DescribeInstances", "s3:ListAllMyBuckets", "iam:ListMFADevices"],
            ResourceArns=["*"],
            ContextEntries=list(context),
        )
        return {each["EvalActionName"]: each["EvalDecision"] for each in answer["EvaluationResults"]}

    assert said(mfa)["ec2:DescribeInstances"] == "allowed" and said()["ec2:DescribeInstances"] == "explicitDeny"
    assert said(mfa)["s3:ListAllMyBuckets"] == "implicitDeny"
    own = iam.simulate_principal_policy(PolicySourceArn=who, ActionNames=["iam:GetLoginProfile"], ResourceArns=[who])
    assert own["EvaluationResults"][0]["MissingContextValues"] == ["aws:MultiFactorAuthPresent"]
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=who)["ContextKeyNames"]
    assert {"aws:MultiFactorAuthPresent", "aws:username"} <= set(keys)
    custom = iam.simulate_custom_policy(PolicyInputList=[DOCUMENT], ActionNames=["s3:GetObject"])
    assert custom["EvaluationResults"][0]["EvalDecision"] == "allowed"
    nobody = {"PolicySourceArn": f"{ARN}:user/nobody", "ActionNames": ["iam:ListUsers"]}
    assert refused(iam.simulate_principal_policy, **nobody) == ("NoSuchEntity", 404)


def test_service_last_accessed_details(aws: Sandbox, refused: Refused) -> None:
    iam = aws.as_administrator("iam")
    aws.as_user("sts", "KeyUser").get_caller_identity()
    job = iam.generate_service_last_accessed_details(Arn=f"{ARN}:user/KeyUser")["JobId"]
    details = iam.get_service_last_accessed_details(JobId=job)
    assert details["JobStatus"] == "COMPLETED"
    assert {each["ServiceNamespace"] for each in details["ServicesLastAccessed"]} == {"iam", "ec2"}
    group = iam.generate_service_last_accessed_details(Arn=f"{ARN}:group/EC2MFA")["JobId"]
    within = iam.get_service_last_accessed_details_with_entities(JobId=group, ServiceNamespace="sts")
    used = {each["EntityInfo"]["Name"]: "LastAuthenticated" in each for each in within["EntityDetailsList"]}
    assert used["KeyUser"] and not used["PathUser"]
    assert refused(iam.get_service_last_accessed_details, JobId="0" * 36) == ("NoSuchEntity", 404)


def test_the_account_is_in_no_organization(aws: Sandbox, refused: Refused) -> None:
    assert refused(aws.as_administrator("iam").list_organizations_features) == ("OrganizationNotFoundException", 400)
