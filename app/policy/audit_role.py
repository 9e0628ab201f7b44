"""The role that `compliance sync` assumes in each account: read actions only, none of which returns a secret.

Pure: returns text. For other formats see `app.policy.render`.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from app.policy.documents import PARTITIONS
from app.policy.render import NotRenderable

ROLE = "LatchkeyAudit"
POLICY = "LatchkeyAudit"
LISTS = (
    "iam:ListUsers",
    "iam:ListVirtualMFADevices",
    "iam:GetAccountSummary",
    "iam:GetAccountPasswordPolicy",
    "iam:ListAccountAliases",
    "iam:ListServerCertificates",
)
REPORT = ("iam:GenerateCredentialReport", "iam:GetCredentialReport")
DETAILS = ("iam:GetAccountAuthorizationDetails",)
DESCRIPTION = "Lets Latchkey read the lists, the credential report and the policies of the account."

_ROLE_NAME = re.compile(r"(?!-)[\w+=,.@-]{1,64}", re.ASCII)
_TRUSTED = re.compile(r"arn:(?P<partition>[a-z-]+):iam::\d{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


def permissions() -> dict[str, Any]:
    """Return the role's only policy: exactly the actions that a sync with `--details` uses."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "ReadLists", "Effect": "Allow", "Action": list(LISTS), "Resource": "*"},
            {"Sid": "ReadCredentialReport", "Effect": "Allow", "Action": list(REPORT), "Resource": "*"},
            {"Sid": "ReadPolicies", "Effect": "Allow", "Action": list(DETAILS), "Resource": "*"},
        ],
    }


def trust(trusted: str, external_id: str = "") -> dict[str, Any]:
    """Return a trust policy. trusted: ARN that may assume the role. external_id: what it has to pass, "" for none."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass(frozen=True)
class AuditRole:
    """The role to create in an account. Raises NotRenderable.

    trusted: ARN of the role, user or account (`:root`) that may assume it, "" if you choose it when you apply the
    output.
    """

    partition: str = "aws"
    name: str = ROLE
    trusted: str = ""
    external_id: str = ""

    def __post_init__(self) -> None:
        if self.partition not in PARTITIONS:
            raise NotRenderable("partition", f"The partition is one of {', '.join(PARTITIONS)}.")
        if not _ROLE_NAME.fullmatch(self.name):
            raise NotRenderable(
                "role-name", f"{self.name!r} is no name for a role: letters, digits and +=,.@-_ only."
            )
        found = _TRUSTED.fullmatch(self.trusted)
        if self.trusted and (not found or found["partition"] != self.partition):
            message = "isn’t the ARN of a role, a user or an account’s root"
            raise NotRenderable("trusted", f"{self.trusted!r} {message} in the partition {self.partition}.")
        if self.external_id and not _EXTERNAL_ID.fullmatch(self.external_id):
            raise NotRenderable("external-id", "An external ID has 2 to 1224 letters, digits and =,.@:/-.")


def as_json(role: AuditRole) -> str:
    """Return one JSON object with the permissions and, if a trusted ARN was given, the trust policy."""
    documents: dict[str, Any] = {"PolicyDocument": permissions()}
    if role.trusted:
        documents["AssumeRolePolicyDocument"] = trust(role.trusted, role.external_id)
    return json.dumps(documents, indent=2) + "\n"


def as_cloudformation(role: AuditRole) -> str:
    """Return a template in JSON, which also suits a StackSet. The role's name is fixed, so it needs
    CAPABILITY_NAMED_IAM.
    """
    parameter: dict[str, Any] = {"Type": "String", "Description": "ARN of the role or user that runs compliance sync"}
    if role.trusted:
        parameter["Default"] = role.trusted
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The role that Latchkey's compliance sync assumes. Needs CAPABILITY_NAMED_IAM.",
        "Parameters": {"Trusted": parameter},
        "Resources": {
            "AuditRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": role.name,
                    "Description": DESCRIPTION,
                    "AssumeRolePolicyDocument": _with(trust("TRUSTED", role.external_id), {"Ref": "Trusted"}),
                    "Policies": [{"PolicyName": POLICY, "PolicyDocument": permissions()}],
                },
            }
        },
    }
    return json.dumps(template, indent=2) + "\n"


def _with(document: dict[str, Any], principal: Any) -> dict[str, Any]:
    document["Statement"][0]["Principal"] = {"AWS": principal}
    return document


def as_terraform(role: AuditRole) -> str:
    """Return HCL for the AWS provider."""
    default = f"\n  default     = {json.dumps(role.trusted)}" if role.trusted else ""
    trusting = json.dumps(trust("TRUSTED", role.external_id), indent=2).replace('"TRUSTED"', '"${var.trusted}"')
    return f"""\
terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

variable "trusted" {{
  type        = string
  description = "ARN of the role or user that runs compliance sync"{default}
}}

resource "aws_iam_role" "audit" {{
  name        = {json.dumps(role.name)}
  description = {json.dumps(DESCRIPTION)}

  assume_role_policy = <<-POLICY
{_indented(trusting)}
    POLICY
}}

resource "aws_iam_role_policy" "audit" {{
  name = "{POLICY}"
  role = aws_iam_role.audit.id

  policy = <<-POLICY
{_indented(json.dumps(permissions(), indent=2))}
    POLICY
}}
"""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def as_cli(role: AuditRole) -> str:
    """Return a shell script of AWS CLI commands. You can run it again: it creates what is missing and updates both
    policies.
    """
    name = shlex.quote(role.name)
    trusted = (
        shlex.quote(role.trusted)
        if role.trusted
        else '"${1:?Give the ARN of the role or user that runs compliance sync}"'
    )
    trusting = json.dumps(trust("TRUSTED", role.external_id), indent=2).replace('"TRUSTED"', '"$trusted"')
    return f"""\
#!/bin/sh
# The role that Latchkey's compliance sync assumes. Run it in each account, with an administrator's credentials.
set -eu
AWS_PAGER=''
export AWS_PAGER

trusted={trusted}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/trust.json" <<TRUST
{trusting}
TRUST
cat >"$folder/policy.json" <<'POLICY'
{json.dumps(permissions(), indent=2)}
POLICY

if aws iam get-role --role-name {name} >/dev/null 2>&1; then
  aws iam update-assume-role-policy --role-name {name} --policy-document "file://$folder/trust.json"
else
  aws iam create-role --role-name {name} --description {shlex.quote(DESCRIPTION)} \\
    --assume-role-policy-document "file://$folder/trust.json"
fi
aws iam put-role-policy --role-name {name} --policy-name {POLICY} --policy-document "file://$folder/policy.json"
"""


FORMATS = {"json": as_json, "cloudformation": as_cloudformation, "terraform": as_terraform, "cli": as_cli}
"""How to write an AuditRole, by the names of `app.policy.render.FORMATS`."""
