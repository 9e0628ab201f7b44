"""STS is real: who is calling, sessions with and without MFA, and what they may do."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sandbox.conftest import Refused
from tests.sandbox.test_mfa import Device
from tests.support.clock import Clock
from tests.support.marks import MARKER, kept_secrets
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox


def test_the_tutorials_story_by_hand(sandbox: Sandbox, clock: Clock, refused: Refused) -> None:
    alice = hire(sandbox, "alice")
    assert refused(alice.client("ec2").describe_instances) == ("UnauthorizedOperation", 403)
    device = Device(alice, clock).on()
    answer = alice.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=device.code())
    session = answer["Credentials"]
    assert sandbox.session_client("ec2", session).describe_instances()["Reservations"]
    assert refused(sandbox.session_client("s3", session).list_buckets) == ("AccessDenied", 403)
    assert sandbox.session_client("iam", session).list_access_keys(UserName=alice.name)["AccessKeyMetadata"]


def test_every_secret_bears_the_marker(sandbox: Sandbox, clock: Clock) -> None:
    alice = hire(sandbox, "alice")
    device = Device(alice, clock).on()
    answer = alice.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=device.code())
    session = answer["Credentials"]
    cast = sandbox.user("MFAUser")["password"], sandbox.user("Administrator")["mfa"]["seed"]
    handed_out = alice.secret_access_key, device.seed, session["SecretAccessKey"], session["SessionToken"], *cast
    assert [secret for secret in handed_out if MARKER not in secret] == []
    hidden = b"..." + base64.b64encode(b"so " + session["SessionToken"].encode())
    assert kept_secrets(hidden.decode()) and not kept_secrets(alice.access_key_id)


def test_a_session_without_mfa_reaches_no_iam_and_no_ec2(one: Sandbox, alice: Employee, refused: Refused) -> None:
    session = alice.client("sts").get_session_token()["Credentials"]
    assert refused(one.session_client("iam", session).list_mfa_devices, UserName=alice.name) == (
        "InvalidClientTokenId",
        403,
    )
    assert refused(one.session_client("ec2", session).describe_instances) == ("UnauthorizedOperation", 403)
    assert one.session_client("sts", session).get_caller_identity()["Arn"].endswith(alice.name)
    assert refused(one.session_client("sts", session).get_session_token) == ("AccessDenied", 403)
    assert one.calls()[-3]["mfa_present"] is False


def test_a_session_is_not_for_a_user_of_the_same_name(one: Sandbox, alice: Employee, refused: Refused) -> None:
    iam, session = one.as_administrator("iam"), alice.client("sts").get_session_token()["Credentials"]
    before = one.session_client("sts", session).get_caller_identity()["UserId"]
    iam.delete_access_key(UserName=alice.name, AccessKeyId=alice.access_key_id)
    for group in iam.list_groups_for_user(UserName=alice.name)["Groups"]:
        iam.remove_user_from_group(UserName=alice.name, GroupName=group["GroupName"])
    iam.delete_user(UserName=alice.name)
    assert iam.create_user(UserName=alice.name)["User"]["UserId"] != before
    assert refused(one.session_client("sts", session).get_caller_identity) == ("InvalidClientTokenId", 403)


def test_durations(one: Sandbox, alice: Employee, clock: Clock, refused: Refused) -> None:
    sts = alice.client("sts")
    for wrong in (899, 129_601):
        assert refused(sts.get_session_token, DurationSeconds=wrong) == ("ValidationError", 400)
    answer = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert abs(answer["Expiration"].timestamp() - clock.time() - 900) < 5
    default = sts.get_session_token()["Credentials"]["Expiration"]
    assert abs(default.timestamp() - clock.time() - timedelta(hours=12).total_seconds()) < 5


def test_serial_number_and_code_go_together(alice: Employee, refused: Refused) -> None:
    assert refused(alice.client("sts").get_session_token, TokenCode="123456") == ("ValidationError", 400)


def test_no_policy_reaches_the_two_calls_that_authenticate(one: Sandbox, alice: Employee) -> None:
    one.as_administrator("iam").put_user_policy(
        UserName=alice.name,
        PolicyName="nothing",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
    )
    assert alice.client("sts").get_caller_identity()["Account"] == one.account_id
    assert alice.client("sts").get_session_token()["Credentials"]


def test_nothing_hands_out_a_token_that_nobody_judges(one: Sandbox, refused: Refused) -> None:
    sts = one.as_administrator("sts")
    role = {"RoleArn": f"arn:aws:iam::{one.account_id}:role/x", "RoleSessionName": "story"}
    assert refused(sts.assume_role, **role) == ("AccessDenied", 403), "there is no such role"
    assert refused(sts.get_federation_token, Name="xx") == ("NotImplemented", 400)


def test_sts_learns_of_a_device_after_the_delay(scratch: Path, clock: Clock) -> None:
    with Sandbox(scratch / "slow", clock, "--consistency-delay-s", "12") as slow:
        alice = hire(slow, "alice")
        clock.move(12)
        device = Device(alice, clock)
        clock.to_next_code()
        device.enable(device.code(-1), device.code())
        assert alice.devices() == [device.serial]
        with pytest.raises(Exception, match="unable to validate"):
            device.session(device.code(1))
        clock.move(12)
        device.session(device.code(1))


@pytest.mark.parametrize(
    ("outcome", "after_key", "after_device"),
    [("nothing", True, True), ("key", False, True), ("device", True, False), ("both", False, False)],
)
def test_what_sessions_die_with_is_a_knob(
    scratch: Path, clock: Clock, outcome: str, after_key: bool, after_device: bool
) -> None:
    with Sandbox(scratch / f"dying-{outcome}", clock, "--outcome", f"sessions-die-with={outcome}") as aws:

        def survives(what: str) -> bool:
            alice = hire(aws, "alice")
            device = Device(alice, clock).on()
            code = device.code()
            answer = alice.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=code)
            admin = aws.as_administrator("iam")
            if what == "key":
                admin.delete_access_key(UserName=alice.name, AccessKeyId=alice.access_key_id)
            else:
                admin.deactivate_mfa_device(UserName=alice.name, SerialNumber=device.serial)
            try:
                aws.session_client("sts", answer["Credentials"]).get_caller_identity()
            except aws.as_administrator("sts").exceptions.ClientError:
                return False
            return True

        assert (survives("key"), survives("device")) == (after_key, after_device)


def test_listing_virtual_devices_can_be_denied(scratch: Path, clock: Clock, refused: Refused) -> None:
    with Sandbox(scratch / "unlisted", clock, "--outcome", "list-virtual-devices=denied") as aws:
        alice = hire(aws, "alice")
        assert refused(alice.client("iam").list_virtual_mfa_devices) == ("AccessDenied", 403)
