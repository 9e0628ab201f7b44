"""Every operation of IAM is judged on the type of resource that the Service Authorization Reference names."""

from __future__ import annotations

from typing import Any

import botocore.session

from app.policy.reference.actions import arn_patterns, resource_types
from app.policy.reference.listed_resources import LISTED_UNDER
from app.sandbox.api import Caller
from app.sandbox.auth.permission_requests import of_an_iam_call
from app.sandbox.auth.resources import WITHOUT_A_NAME
from app.sandbox.state import State

IAM = "arn:aws:iam::123456789012"
CALLER = Caller("123456789012", f"{IAM}:user/alice", "AIDA", "alice", "AKIA")
VALUES: dict[str, Any] = {
    "UserName": "bob",
    "GroupName": "them",
    "RoleName": "role",
    "InstanceProfileName": "profile",
    "ServerCertificateName": "certificate",
    "PolicyName": "policy",
    "Name": "saml",
    "Url": "https://idp.example/x",
    "VirtualMFADeviceName": "phone",
    "DelegationRequestId": "d-1234567890abcdef",
    "EntityPath": "o-1234567890/r-1234",
    "AccessKeyId": "AKIA0000000000000000",
    "AWSServiceName": "autoscaling.amazonaws.com",
    "DeletionTaskId": "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/1",
    "Arn": f"{IAM}:role/role",
    "PolicySourceArn": f"{IAM}:user/bob",
    "PolicyArn": f"{IAM}:policy/policy",
    "SerialNumber": f"{IAM}:mfa/phone",
    "OpenIDConnectProviderArn": f"{IAM}:oidc-provider/idp.example/x",
    "SAMLProviderArn": f"{IAM}:saml-provider/saml",
    "TemplateArn": "arn:aws:iam::aws:role-template/service/name:1",
    "EntityArn": f"{IAM}:delegation-request/d-1",
}
MODEL = botocore.session.Session().get_service_model("iam")
OPERATIONS = MODEL.operation_names


def judged_on(operation: str, **given: Any) -> str:
    shape = MODEL.operation_model(operation).input_shape
    parameters = {name: VALUES[name] for name in (shape.members if shape else ()) if name in VALUES}
    return of_an_iam_call(State(), CALLER, operation, parameters | given)[0].resource


def test_every_operation_is_judged_on_its_type_of_resource() -> None:
    seen = 0
    for operation in OPERATIONS:
        patterns = arn_patterns(f"iam:{operation}")
        resource = judged_on(operation)
        if patterns:
            seen += 1
            starts = [pattern.split(":", 5)[5].partition("*")[0] for pattern in patterns]
            account, rest = resource.split(":", 5)[4:]
            assert resource.startswith("arn:aws:iam::") and account in ("123456789012", "aws"), operation
            assert any(rest.startswith(start) and len(rest) >= len(start) for start in starts), (operation, resource)
        elif under := LISTED_UNDER.get(f"iam:{operation}"):
            assert resource == f"{IAM}:{under}"
        else:
            assert resource == "*", operation
    assert seen > 100, "the reference was read"


def test_an_operation_without_a_name_is_the_callers_own_unless_the_reference_calls_its_user_optional() -> None:
    for operation in OPERATIONS:
        shape = MODEL.operation_model(operation).input_shape
        if shape is None or "UserName" not in shape.members or "UserName" in shape.required_members:
            continue
        if resource_types(f"iam:{operation}") == {"user"}:
            found = of_an_iam_call(State(), CALLER, operation, {})[0].resource
            assert found == ("*" if operation in WITHOUT_A_NAME else CALLER.arn), operation
