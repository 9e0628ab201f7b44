"""What `policy render` writes, applied to a fresh account by its administrator: then the tutorial's Step 3 passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from app.policy.documents import DEAD_ACTIONS, read, rendered, tailored
from app.policy.render import FORMATS, Setup
from tests.support.applying import apply_plan, apply_template, of_terraform, template_of
from tests.support.clock import Clock
from tests.support.programs import with_aws
from tests.support.sandbox import Sandbox

BIN = Path(sys.executable).parent
GROUP, USER = "EC2MFA", "MFAUser"


@pytest.fixture(scope="module")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "applied", clock) as running:
        yield running


@pytest.fixture
def iam(sandbox: Sandbox) -> Any:
    """Administrator, in an account in which nobody has done steps 1 and 2."""
    iam = sandbox.as_administrator("iam")
    for user in iam.get_group(GroupName=GROUP)["Users"]:
        iam.remove_user_from_group(GroupName=GROUP, UserName=user["UserName"])
    for attached in iam.list_attached_group_policies(GroupName=GROUP)["AttachedPolicies"]:
        iam.detach_group_policy(GroupName=GROUP, PolicyArn=attached["PolicyArn"])
    iam.delete_group(GroupName=GROUP)
    policy = f"arn:aws:iam::{sandbox.account_id}:policy/Force_MFA"
    for version in iam.list_policy_versions(PolicyArn=policy)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=policy, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=policy)
    for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    for device in iam.list_mfa_devices(UserName=USER)["MFADevices"]:
        iam.deactivate_mfa_device(UserName=USER, SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    with suppress(iam.exceptions.NoSuchEntityException):  # only the first account's has a password
        iam.delete_login_profile(UserName=USER)
    iam.delete_user(UserName=USER)
    return iam


def setup(sandbox: Sandbox, variant: str, test_user: bool = True) -> Setup:
    document = tailored(read(variant), sandbox.account_id, "aws", False, False)
    return Setup(document, sandbox.account_id, test_user=test_user)


def refused(call: Any) -> str:
    with pytest.raises(ClientError) as told:
        call()
    return str(told.value.response["Error"]["Code"])


def step_3(sandbox: Sandbox, iam: Any) -> None:
    """Blocked, enroll, a session with a code, EC2 and nothing else."""
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    plain = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    assert refused(sandbox.client("ec2", **plain).describe_instances) == "UnauthorizedOperation"
    assert refused(sandbox.client("s3", **plain).list_buckets) == "AccessDenied"
    own = sandbox.client("iam", **plain)
    device = own.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"].decode()
    first, second = sandbox.code(seed, -1), sandbox.code(seed)
    own.enable_mfa_device(UserName=USER, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    assert refused(sandbox.client("ec2", **plain).describe_instances) == "UnauthorizedOperation"
    answer = sandbox.client("sts", **plain).get_session_token(SerialNumber=serial, TokenCode=sandbox.code(seed, 1))
    with_mfa = answer["Credentials"]
    assert sandbox.session_client("ec2", with_mfa).describe_instances()["Reservations"]
    assert refused(sandbox.session_client("s3", with_mfa).list_buckets) == "AccessDenied"


def run_script(sandbox: Sandbox, text: str) -> subprocess.CompletedProcess[str]:
    """The rendered script, with the real AWS CLI, as the sandbox's administrator."""
    user = sandbox.user("Administrator")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PATH": f"{with_aws()}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": sandbox.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": user["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": user["secret_access_key"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return subprocess.run(["/bin/sh"], input=text, env=environment, capture_output=True, text=True, check=False)


def test_the_script_run_by_the_aws_cli(sandbox: Sandbox, iam: Any) -> None:
    done = run_script(sandbox, FORMATS["cli"].write(setup(sandbox, "recommended")))
    assert done.returncode == 0, done.stderr
    step_3(sandbox, iam)

    again = run_script(sandbox, FORMATS["cli"].write(setup(sandbox, "tutorial", test_user=False)))
    assert again.returncode == 0, again.stderr
    arn = f"arn:aws:iam::{sandbox.account_id}:policy/Force_MFA"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    now = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert (version, now) == ("v2", rendered(read("tutorial"), sandbox.account_id))

    elsewhere = Setup(read("tutorial"), "999999999999")
    stopped = run_script(sandbox, FORMATS["cli"].write(elsewhere))
    assert stopped.returncode == 1 and "made for 999999999999" in stopped.stderr


@pytest.mark.parametrize("variant", ["recommended", "tutorial"])
def test_the_cloudformation_template(sandbox: Sandbox, iam: Any, tmp_path: Path, variant: str) -> None:
    text = FORMATS["cloudformation"].write(setup(sandbox, variant))
    file = tmp_path / "stack.json"
    file.write_text(text)
    lint = subprocess.run([BIN / "cfn-lint", "-f", "json", "-t", file], capture_output=True, text=True, check=False)
    found = {finding["Message"].split("'")[1] for finding in json.loads(lint.stdout)}
    # The tutorial's own two actions that AWS retired, and nothing else.
    assert found == ({action[4:].lower() for action in DEAD_ACTIONS} if variant == "tutorial" else set())
    apply_template(iam, template_of(text))
    step_3(sandbox, iam)


@pytest.mark.parametrize("variant", ["recommended", "tutorial"])
def test_the_terraform_file(sandbox: Sandbox, iam: Any, variant: str) -> None:
    apply_plan(iam, of_terraform(FORMATS["terraform"].write(setup(sandbox, variant))))
    step_3(sandbox, iam)
