"""Write steps 1 and 2 of AWS's tutorial as something to apply: the policy, the group and, on request, the test user.

Pure: returns text. No output has a secret. The administrator sets the test user's password.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.policy.documents import PARTITIONS
from app.text.messages import _, ngettext

POLICY = "Force_MFA"
GROUP = "EC2MFA"
TEST_USER = "MFAUser"
GRANTED = "AmazonEC2FullAccess"
"""AWS's own policy, which the tutorial's group has beside Force_MFA."""
MOST_POLICIES = 10
"""Managed policies a group can have (IAM quotas)."""
DESCRIPTION = (
    "This policy allows users to manage their own passwords and MFA devices but nothing else unless they "
    "authenticate with MFA."
)

_GROUP_NAME = re.compile(r"(?!-)[\w+=,.@-]{1,128}", re.ASCII)
"""What IAM takes, save a dash at the beginning, which commands take for an option."""
_POLICY_NAME = re.compile(r"(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,128}", re.ASCII)
_POLICY_ARN = re.compile(r"arn:[a-z-]+:iam::(?:aws|\d{12}):policy/[\w+=,.@/-]+", re.ASCII)


class NotRenderable(ValueError):
    """The options can't be combined or have wrong values. `str()` is one sentence. option: of `policy render`,
    without dashes.
    """

    def __init__(self, option: str, sentence: str) -> None:
        super().__init__(sentence)
        self.option = option


@dataclass(frozen=True)
class Setup:
    """What the output creates.

    document: the policy, already for this account. managed: further policies of the group, as ARNs or names of AWS's
    own. Raises NotRenderable.
    """

    document: Mapping[str, Any]
    account_id: str
    partition: str = "aws"
    group: str = GROUP
    managed: tuple[str, ...] = ()
    test_user: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{12}", self.account_id):
            raise NotRenderable("account-id", _("An account ID has 12 digits."))
        if self.partition not in PARTITIONS:
            raise NotRenderable(
                "partition", _("The partition must be one of: %(names)s.", names=", ".join(PARTITIONS))
            )
        if not _GROUP_NAME.fullmatch(self.group):
            raise NotRenderable(
                "group",
                _(
                    "%(name)s can’t be the name of a group. Use only letters, digits and +=,.@-_",
                    name=repr(self.group),
                ),
            )
        for each in self.managed:
            if not (_POLICY_ARN if each.startswith("arn:") else _POLICY_NAME).fullmatch(each):
                raise NotRenderable(
                    "managed-policy",
                    _("%(text)s is neither the ARN nor the name of a managed policy.", text=repr(each)),
                )
        if len(self.attached) > MOST_POLICIES:
            raise NotRenderable(
                "managed-policy",
                ngettext(
                    "A group can have only %(num)d managed policy.",
                    "A group can have only %(num)d managed policies.",
                    MOST_POLICIES,
                ),
            )

    @property
    def policy_arn(self) -> str:
        """Return the ARN that Force_MFA will have."""
        return f"arn:{self.partition}:iam::{self.account_id}:policy/{POLICY}"

    @property
    def others(self) -> tuple[str, ...]:
        """Return the ARNs of the group's other policies."""
        found = [
            each if each.startswith("arn:") else f"arn:{self.partition}:iam::aws:policy/{each}"
            for each in (GRANTED, *self.managed)
        ]
        return tuple(dict.fromkeys(arn for arn in found if arn != self.policy_arn))

    @property
    def attached(self) -> tuple[str, ...]:
        """Return the ARNs of all policies of the group. Force_MFA is first, so that there is never access
        without it.
        """
        return (self.policy_arn, *self.others)


def as_json(setup: Setup) -> str:
    """Return the policy alone, to paste into the console (step 1)."""
    return json.dumps(setup.document, indent=2, ensure_ascii=False) + "\n"


def as_cloudformation(setup: Setup) -> str:
    """Return a template in JSON. Its names are fixed, so it needs CAPABILITY_NAMED_IAM."""
    resources: dict[str, Any] = {
        "ForceMFA": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": POLICY,
                "Description": DESCRIPTION,
                "PolicyDocument": setup.document,
            },
        },
        "Group": {
            "Type": "AWS::IAM::Group",
            "Properties": {
                "GroupName": setup.group,
                "ManagedPolicyArns": [{"Ref": "ForceMFA"}, *setup.others],
            },
        },
    }
    if setup.test_user:
        resources["TestUser"] = {
            "Type": "AWS::IAM::User",
            "Properties": {"UserName": TEST_USER, "Groups": [{"Ref": "Group"}]},
        }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Force_MFA and its group, for account {setup.account_id}. Needs CAPABILITY_NAMED_IAM.",
        "Resources": resources,
    }
    return json.dumps(template, indent=2) + "\n"


def as_terraform(setup: Setup) -> str:
    """Return HCL for the AWS provider. It refuses to be applied to another account."""
    document = json.dumps(setup.document, indent=2).replace("${", "$${").replace("%{", "%%{")
    indented = "\n".join(f"    {line}" for line in document.splitlines())
    others = "".join(f"\n    {json.dumps(arn)}," for arn in setup.others)
    blocks = f"""\
terraform {{
  required_providers {{
    aws = {{
      source = "hashicorp/aws"
    }}
  }}
}}

data "aws_caller_identity" "current" {{}}

resource "aws_iam_policy" "force_mfa" {{
  name        = "{POLICY}"
  description = "{DESCRIPTION}"

  policy = <<-POLICY
{indented}
    POLICY

  lifecycle {{
    precondition {{
      condition     = data.aws_caller_identity.current.account_id == "{setup.account_id}"
      error_message = "This policy was made for account {setup.account_id}."
    }}
  }}
}}

resource "aws_iam_group" "mfa" {{
  name = "{setup.group}"
}}

resource "aws_iam_group_policy_attachment" "force_mfa" {{
  group      = aws_iam_group.mfa.name
  policy_arn = aws_iam_policy.force_mfa.arn
}}

# After Force_MFA: at no moment is there access without it.
resource "aws_iam_group_policy_attachment" "granted" {{
  for_each = toset([{others}
  ])

  group      = aws_iam_group.mfa.name
  policy_arn = each.value
  depends_on = [aws_iam_group_policy_attachment.force_mfa]
}}
"""
    if not setup.test_user:
        return blocks
    return f"""{blocks}
resource "aws_iam_user" "test" {{
  name = "{TEST_USER}"
}}

resource "aws_iam_user_group_membership" "test" {{
  user   = aws_iam_user.test.name
  groups = [aws_iam_group.mfa.name]
}}
"""


def as_cli(setup: Setup) -> str:
    """Return a shell script of AWS CLI commands. You can run it again: it creates what is missing and updates the
    policy.
    """
    group = shlex.quote(setup.group)
    attach = "\n".join(
        f"aws iam attach-group-policy --group-name {group} --policy-arn {shlex.quote(each)}"
        for each in setup.attached
    )
    script = f"""{_policy_script(setup, f"{POLICY} and the group {setup.group}")}
aws iam get-group --group-name {group} >/dev/null 2>&1 || aws iam create-group --group-name {group}
# {POLICY} first: at no moment is there access without it.
{attach}
"""
    if not setup.test_user:
        return script
    return f"""{script}
# The tutorial's test user has no access key. Set a password for it in the console afterwards.
aws iam get-user --user-name {TEST_USER} >/dev/null 2>&1 || aws iam create-user --user-name {TEST_USER}
aws iam add-user-to-group --group-name {group} --user-name {TEST_USER}
"""


def as_attachment(setup: Setup) -> str:
    """Return a shell script of AWS CLI commands that attaches the policy to an existing group."""
    group = shlex.quote(setup.group)
    return f"""{_policy_script(setup, f"{POLICY} for the group {setup.group}")}
aws iam attach-group-policy --group-name {group} --policy-arn {shlex.quote(setup.policy_arn)}
"""


def _policy_script(setup: Setup, what: str) -> str:
    """Return the beginning of a script, which creates or updates the policy. what: its purpose, for a comment."""
    arn = shlex.quote(setup.policy_arn)
    return f"""\
#!/bin/sh
# {what}, for account {setup.account_id}. Run it with an administrator's credentials.
set -eu
AWS_PAGER=''
export AWS_PAGER

account=$(aws sts get-caller-identity --query Account --output text)
if [ "$account" != {setup.account_id} ]; then
  echo "These are credentials of account $account; this was made for {setup.account_id}." >&2
  exit 1
fi

document=$(mktemp)
trap 'rm -f "$document"' EXIT
cat >"$document" <<'POLICY'
{json.dumps(setup.document, indent=2)}
POLICY

# A policy has at most five versions: where there are five, delete an old one first.
if aws iam get-policy --policy-arn {arn} >/dev/null 2>&1; then
  aws iam create-policy-version --policy-arn {arn} --policy-document "file://$document" --set-as-default
else
  aws iam create-policy --policy-name {POLICY} --policy-document "file://$document" \\
    --description {shlex.quote(DESCRIPTION)}
fi
"""


@dataclass(frozen=True)
class Format:
    """How to write a Setup, and the name of its file."""

    write: Callable[[Setup], str]
    file_name: str
    media_type: str
    label: str


FORMATS: dict[str, Format] = {
    "json": Format(as_json, "force-mfa.json", "application/json", "Policy (JSON)"),
    "cloudformation": Format(as_cloudformation, "force-mfa-stack.json", "application/json", "CloudFormation"),
    "terraform": Format(as_terraform, "force-mfa.tf", "text/plain", "Terraform"),
    "cli": Format(as_cli, "force-mfa.sh", "text/x-shellscript", "AWS CLI"),
}
