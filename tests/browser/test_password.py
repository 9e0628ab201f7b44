"""The console password: changed with the old one, set anew with MFA, removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, POOR_PASSWORD, STRONG_PASSWORD, WRONG_PASSWORD
from tests.support.people import Employee, hire, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

NEW = STRONG_PASSWORD


@pytest.fixture
def olga(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """Has an access key and a console password."""
    hired = hire(sandbox, "olga")
    sandbox.as_administrator("iam").create_login_profile(UserName=hired.name, Password=PASSWORD)
    clock.move(10)
    yield hired
    sandbox.set_faults([])


@pytest.fixture
def surfer(surfing: Surfing, olga: Employee) -> Surfer:
    """Olga's browser, signed in without MFA."""
    opened = surfing()
    opened.sign_in(olga)
    opened.open("/password")
    return opened


def with_mfa(surfer: Surfer) -> Surfer:
    surfer.open("/")
    surfer.get_mfa()
    surfer.navigate("/password")
    return surfer


def send(surfer: Surfer, button: str, **fields: str) -> None:
    surfer.type(**fields)
    surfer.press(button)


def opens_console(employee: Employee, password: str) -> bool:
    """Is this the password? AWS looks at the old one first, and then refuses a new one of one letter."""
    try:
        employee.client("iam").change_password(OldPassword=password, NewPassword="x")
    except employee.client("iam").exceptions.PasswordPolicyViolationException:
        return True
    except employee.client("iam").exceptions.ClientError:
        return False
    raise AssertionError("AWS took a password of one letter")


@pytest.mark.both_policies
def test_with_the_old_one_also_before_mfa(surfer: Surfer, olga: Employee, portal: Portal) -> None:
    owner = surfer.page.locator("form [autocomplete=username]")
    assert owner.input_value() == olga.name and owner.is_hidden(), "whose password it is, for password managers"
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    assert "Your console password is changed" in surfer.text
    assert opens_console(olga, NEW) and not opens_console(olga, PASSWORD)
    assert ("password-changed", "done", "") in portal.activity(olga.name)
    stored = portal.stored()
    assert NEW not in stored + portal.log.read_text()


def test_three_refusals_in_three_sentences(surfer: Surfer, olga: Employee) -> None:
    send(surfer, "Change it", old=WRONG_PASSWORD, new=NEW, again=NEW)
    assert "did not accept the current password" in surfer.text
    assert surfer.value("old") == surfer.value("new") == "", "no secret comes back"

    send(surfer, "Change it", old=PASSWORD, new=PASSWORD, again=PASSWORD)
    assert "This is your current password" in surfer.text
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW + "x")
    assert "not the same as above" in surfer.text

    olga.denied("iam:ChangePassword")
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    assert "The permission that is missing is iam:ChangePassword" in surfer.text
    olga.no_longer_denied()
    assert opens_console(olga, PASSWORD)


@pytest.mark.both_policies
def test_who_has_none_is_told_so(surfer: Surfer, olga: Employee, sandbox: Sandbox, policy: str) -> None:
    sandbox.as_administrator("iam").delete_login_profile(UserName=olga.name)
    surfer.open("/password")
    if policy == "recommended":  # it does not tell before MFA, and the attempt does
        assert "Forgotten, or never had one? With MFA you can set a new one here" in surfer.text
        send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    assert "You have no console password" in surfer.text
    assert "Once you are signed in with MFA, you can set one here" in surfer.text
    assert surfer.page.locator("[name=old]").count() == 0


@pytest.mark.both_policies
def test_the_accounts_policy_in_words(surfing: Surfing, surfer: Surfer, olga: Employee, sandbox: Sandbox) -> None:
    admin = sandbox.as_administrator("iam")
    admin.update_account_password_policy(MinimumPasswordLength=14, RequireNumbers=True, RequireSymbols=True)
    try:
        surfer.open("/password")
        readable = surfer.page.get_by_text("at least 14 characters").count() == 1
        send(surfer, "Change it", old=PASSWORD, new=POOR_PASSWORD, again=POOR_PASSWORD)
        if readable:
            assert "needs at least 14 characters; a digit; a symbol" in surfer.text, "all at once"
            surfer.page.locator("[name=new]").press_sequentially("turquoise-otter-42")
            assert surfer.page.locator("[data-rule][data-kept]").count() == surfer.page.locator("[data-rule]").count()
        else:
            assert "iam:GetAccountPasswordPolicy" in surfer.text
            assert "breaks the account’s password policy" in surfer.text, "AWS names what is missing"
    finally:
        admin.delete_account_password_policy()


@pytest.mark.both_policies
def test_under_the_tutorials_policy_the_rules_are_readable_once_users_may_change_passwords(
    surfer: Surfer, sandbox: Sandbox, policy: str
) -> None:
    admin = sandbox.as_administrator("iam")
    admin.update_account_password_policy(MinimumPasswordLength=11, AllowUsersToChangePassword=False)
    surfer.open("/password")
    assert surfer.page.get_by_text("at least 11 characters").count() == (policy == "recommended")
    admin.update_account_password_policy(MinimumPasswordLength=11, AllowUsersToChangePassword=True)
    surfer.open("/password")
    assert surfer.page.get_by_text("at least 11 characters").count() == 1
    admin.delete_account_password_policy()


def test_what_is_easily_guessed_is_questioned(surfer: Surfer, olga: Employee) -> None:
    insist = surfer.page.locator("[name=anyway]")
    send(surfer, "Change it", old=PASSWORD, new="Password1!", again="Password2!")
    assert insist.count() == 0, "only that they differ"
    send(surfer, "Change it", old=PASSWORD, new="Password1!", again="Password1!")
    assert opens_console(olga, PASSWORD)
    insist.check()
    send(surfer, "Change it", old=PASSWORD, new="Password1!", again="Password1!")
    assert opens_console(olga, "Password1!")


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "throttle"])
def test_the_answer_is_lost_or_a_no(surfer: Surfer, olga: Employee, sandbox: Sandbox, fault: str) -> None:
    sandbox.set_faults([{"action": "iam:ChangePassword", "occurrences": [1], "fault": fault}])
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    sandbox.set_faults([])
    if fault == "throttle":
        assert "AWS is busy" in surfer.text
    else:
        assert "may or may not be changed" in surfer.text
    assert opens_console(olga, NEW if fault == "reset-after" else PASSWORD)


@pytest.mark.both_policies
def test_forgotten_with_key_and_mfa_at_hand(surfer: Surfer, olga: Employee, clock: Clock) -> None:
    with_mfa(surfer)
    surfer.press("I forgot it")
    send(surfer, "Set it", new=NEW, again=NEW)
    assert "Your console password is set" in surfer.text
    assert opens_console(olga, NEW)
    surfer.navigate("/password")
    surfer.press("Remove it")
    surfer.press("Remove my password")
    assert not opens_console(olga, NEW)
    surfer.navigate("/password")
    assert surfer.heading == "Set a console password", "there is none"
    send(surfer, "Set it", new=NEW, again=NEW)
    clock.move(10)  # AWS takes a moment before it lets a new one be changed
    assert opens_console(olga, NEW)


def test_who_signed_in_with_it_signs_in_again(surfing: Surfing, sandbox: Sandbox, clock: Clock) -> None:
    marta = hire_without_key(sandbox, "marta")
    clock.move(10)
    surfer = surfing()
    surfer.sign_in_at_aws(marta)
    surfer.open("/password")
    assert "AWS then ends this sign-in" in surfer.text
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    assert "Sign in with the new password" in surfer.text
    assert surfer.path == "/sign-in"


def test_the_page_goes_on_where_too_many_passwords_were_judged(surfer: Surfer, olga: Employee) -> None:
    meter = surfer.page.locator("[data-strength]")
    surfer.page.locator("[name=new]").press_sequentially("Tur")
    expect(meter).to_contain_text("This would be guessed")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429, body="")

    surfer.page.route("**/password/strength", refuse)
    surfer.page.locator("[name=new]").press_sequentially("quoise")
    expect(meter).to_contain_text("This one is checked when you send it")
    expect(meter.locator("meter")).to_be_hidden()
    send(surfer, "Change it", old=PASSWORD, new=NEW, again=NEW)
    assert "Your console password is changed" in surfer.text
    assert len(asked) == 1, "it does not ask again"
