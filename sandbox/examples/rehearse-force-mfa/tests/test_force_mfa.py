"""Rehearses policy/force-mfa.json as the people it is for: before MFA, setting it up, and with it."""

from collections.abc import Callable

from checks import EVERYTHING, reached, touched
from latchkey_sandbox import Phone, Sandbox, User, allowed

MakeUser = Callable[..., User]


def test_before_mfa_nothing_else_works_whatever_other_policies_grant(aws_user: MakeUser) -> None:
    assert reached(aws_user(policies=[EVERYTHING])) == set()


def test_before_mfa_users_see_and_change_only_their_own_credentials(aws_user: MakeUser) -> None:
    alice, bob = aws_user(password=True), aws_user(password=True)
    iam = alice.client("iam")
    assert allowed(iam.list_mfa_devices, UserName=alice.name)
    assert allowed(iam.change_password, OldPassword=alice.password, NewPassword="Correct-horse-7-battery")
    assert touched(alice, bob) == set()


def test_before_mfa_a_stolen_key_makes_no_other_credentials(aws_user: MakeUser) -> None:
    alice = aws_user(policies=[EVERYTHING])
    iam = alice.client("iam")
    assert not allowed(iam.create_access_key, UserName=alice.name)
    assert not allowed(iam.create_login_profile, UserName=alice.name, Password="Correct-horse-7-battery")


def test_users_set_up_mfa_themselves_and_then_work(aws_user: MakeUser, aws_sandbox: Sandbox, phone: Phone) -> None:
    alice = aws_user()
    since = aws_sandbox.mark()
    phone.enroll(alice)
    assert {call["status"] for call in aws_sandbox.calls(since, by=alice)} == {200}, "nobody had to help"
    assert reached(alice) == set(), "the key alone is worth no more than before"
    with_mfa = alice.with_mfa(phone)
    assert reached(with_mfa) == {"ec2"}, "what the group grants, and no more"
    assert allowed(with_mfa.client("iam").create_access_key, UserName=alice.name)


def test_users_with_a_password_set_up_mfa_in_the_session_they_signed_in_with(
    aws_user: MakeUser, phone: Phone
) -> None:
    alice = aws_user(key=False, password=True)
    first = alice.sign_in()
    assert reached(first) == set()
    phone.enroll(alice, by=first)
    assert reached(first) == set(), "a session keeps the MFA state that it began with"
    assert reached(alice.sign_in(phone)) == {"ec2"}


def test_a_device_is_not_removed_without_a_code(aws_user: MakeUser, phone: Phone) -> None:
    alice = aws_user(policies=[EVERYTHING])
    serial_number = phone.enroll(alice)
    device = {"UserName": alice.name, "SerialNumber": serial_number}
    assert not allowed(alice.client("iam").deactivate_mfa_device, **device)
    assert allowed(alice.with_mfa(phone).client("iam").deactivate_mfa_device, **device)
