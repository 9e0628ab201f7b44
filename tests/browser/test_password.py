"""The console password: changed with the old one, created again with MFA, removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from app.errors import NotAllowed, PasswordPolicyViolation, Throttled, WrongOldPassword
from app.password.service import TOO_WEAK, PasswordOutcomeUnknown
from tests.browser.conftest import Surfing, Visiting
from tests.support import hands
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, POOR_PASSWORD, STRONG_PASSWORD, WRONG_PASSWORD
from tests.support.people import Employee, hire, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader

NEW = STRONG_PASSWORD


@pytest.fixture
def olga(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """A user with an access key and a console password."""
    hired = hire(sandbox, "olga")
    sandbox.as_administrator("iam").create_login_profile(UserName=hired.name, Password=PASSWORD)
    clock.move(10)
    yield hired
    sandbox.set_faults([])


@pytest.fixture
def surfer(surfing: Surfing, olga: Employee) -> Surfer:
    """Olga's browser, signed in without MFA."""
    opened = surfing()
    opened.arrive(olga, at="/password")
    return opened


@pytest.fixture
def reader(visiting: Visiting, olga: Employee) -> Reader:
    """The same, where nothing depends on what it looks like."""
    opened = visiting()
    opened.arrive(olga, at="/password")
    return opened


def at_least(surfer: Surfer | Reader, characters: int) -> bool:
    """Whether the page lists this rule of the account as a pattern that a browser can test."""
    return surfer.count(f"[data-rule='^.{{{characters},}}$']") == 1


def opens_console(employee: Employee, password: str) -> bool:
    """Whether this is the password. AWS checks the old one first, and then refuses a new one of one letter."""
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
    surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    assert surfer.is_inside(olga.name) and surfer.notices == ["success"]
    assert opens_console(olga, NEW) and not opens_console(olga, PASSWORD)
    assert ("password-changed", "done", "") in portal.activity(olga.name)
    stored = portal.stored()
    assert NEW not in stored + portal.log.read_text()


def test_four_refusals_are_told_apart(reader: Reader, olga: Employee) -> None:
    surfer = reader
    surfer.submit("/password", old=WRONG_PASSWORD, new=NEW, again=NEW)
    assert (surfer.refused_as, surfer.invalid) == (WrongOldPassword.code, ["old"])
    assert surfer.value("old") == surfer.value("new") == "", "no secret is shown again"

    surfer.submit("/password", old=PASSWORD, new=PASSWORD, again=PASSWORD)
    assert surfer.invalid == ["new"], "it is the current one"
    surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW + "x")
    assert surfer.invalid == ["again"]

    olga.denied("iam:ChangePassword")
    surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    assert surfer.refused_as == NotAllowed.code and "iam:ChangePassword" in surfer.text
    olga.no_longer_denied()
    assert opens_console(olga, PASSWORD)


@pytest.mark.both_policies
def test_who_has_none_is_told_so(
    browser_of_policy: Surfer | Reader, olga: Employee, sandbox: Sandbox, policy: str
) -> None:
    surfer = browser_of_policy
    surfer.arrive(olga, at="/password")
    sandbox.as_administrator("iam").delete_login_profile(UserName=olga.name)
    surfer.open("/password")
    if policy == "recommended":  # it doesn't show this before MFA, but the attempt does
        assert surfer.at("#old-hint"), "what to do without one"
        assert not isinstance(surfer, Surfer) or surfer.page.locator("#old-hint").is_visible()
        surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    assert {"no-password", "set-with-mfa"} <= set(surfer.states)
    assert not surfer.is_there("[name=old]")


@pytest.mark.both_policies
def test_the_accounts_policy_in_words(
    browser_of_policy: Surfer | Reader, olga: Employee, sandbox: Sandbox, policy: str
) -> None:
    surfer = browser_of_policy
    surfer.arrive(olga, at="/password")
    admin = sandbox.as_administrator("iam")
    admin.update_account_password_policy(MinimumPasswordLength=14, RequireNumbers=True, RequireSymbols=True)
    try:
        surfer.open("/password")
        readable = at_least(surfer, 14)
        surfer.submit("/password", old=PASSWORD, new=POOR_PASSWORD, again=POOR_PASSWORD)
        assert readable == (policy == "recommended")
        if isinstance(surfer, Surfer):
            rules = surfer.page.locator("[data-rule]").all()
            broken = [rule for rule in rules if not re.search(rule.get_attribute("data-rule") or "", POOR_PASSWORD)]
            told = surfer.page.locator("[data-field-error]").inner_text()
            assert len(broken) == 3 and all(rule.inner_text() in told for rule in broken), "all at once"
            surfer.page.locator("[name=new]").press_sequentially("turquoise-otter-42")
            assert surfer.page.locator("[data-rule][data-kept]").count() == surfer.page.locator("[data-rule]").count()
        else:
            assert "rules-not-readable" in surfer.states and "iam:GetAccountPasswordPolicy" in surfer.text
            assert surfer.refused_as == PasswordPolicyViolation.code, "AWS names what is missing"
    finally:
        admin.delete_account_password_policy()


@pytest.mark.both_policies
def test_under_the_tutorials_policy_the_rules_are_readable_once_users_may_change_passwords(
    reader: Reader, sandbox: Sandbox, policy: str
) -> None:
    admin = sandbox.as_administrator("iam")
    admin.update_account_password_policy(MinimumPasswordLength=11, AllowUsersToChangePassword=False)
    reader.open("/password")
    assert at_least(reader, 11) is (policy == "recommended")
    admin.update_account_password_policy(MinimumPasswordLength=11, AllowUsersToChangePassword=True)
    reader.open("/password")
    assert at_least(reader, 11)
    admin.delete_account_password_policy()


def test_what_is_easily_guessed_is_questioned(surfer: Surfer, olga: Employee) -> None:
    surfer.submit("/password", old=PASSWORD, new="Password1!", again="Password2!")
    assert not surfer.is_there("[name=anyway]"), "the only error is that they differ"
    surfer.submit("/password", old=PASSWORD, new="Password1!", again="Password1!")
    assert opens_console(olga, PASSWORD)
    hands.press(surfer.page, "[name=anyway]")
    surfer.submit("/password", old=PASSWORD, new="Password1!", again="Password1!")
    assert opens_console(olga, "Password1!")


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "throttle"])
def test_the_answer_is_lost_or_a_no(reader: Reader, olga: Employee, sandbox: Sandbox, fault: str) -> None:
    sandbox.set_faults([{"action": "iam:ChangePassword", "occurrences": [1], "fault": fault}])
    reader.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    sandbox.set_faults([])
    if fault == "throttle":
        assert reader.refused_as == Throttled.code
    else:
        assert reader.refused_as == PasswordOutcomeUnknown.code
    assert opens_console(olga, NEW if fault == "reset-after" else PASSWORD)


@pytest.mark.both_policies
def test_forgotten_with_key_and_mfa_at_hand(browser_of_policy: Surfer | Reader, olga: Employee, clock: Clock) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(olga, at="/password")
    surfer.follow("/password/new")
    surfer.submit("/password/new", new=NEW, again=NEW)
    assert (surfer.path, surfer.notices) == ("/", ["success"])
    assert opens_console(olga, NEW)
    surfer.navigate("/password")
    surfer.follow("/password/remove")
    surfer.submit("/password/remove")
    assert not opens_console(olga, NEW)
    surfer.navigate("/password")
    assert surfer.path == "/password/new", "there is none"
    surfer.submit("/password/new", new=NEW, again=NEW)
    clock.move(10)  # AWS allows changing a new one only after some seconds
    assert opens_console(olga, NEW)


def test_who_signed_in_with_it_signs_in_again(visiting: Visiting, sandbox: Sandbox, clock: Clock) -> None:
    marta = hire_without_key(sandbox, "marta")
    clock.move(10)
    surfer = visiting()
    surfer.sign_in_at_aws(marta)
    surfer.open("/password")
    assert "signs-out" in surfer.states
    surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    assert surfer.notices == ["success"]
    assert surfer.path == "/sign-in"
    again, marta.password = visiting(), NEW
    again.sign_in_at_aws(marta)
    assert again.is_inside(marta.name)


def test_the_page_goes_on_where_too_many_passwords_were_judged(surfer: Surfer, olga: Employee) -> None:
    meter = surfer.page.locator("[data-strength]")
    surfer.page.locator("[name=new]").press_sequentially("Tur")
    expect(meter).to_have_attribute("data-state", "judged")
    assert meter.locator("meter").evaluate("(it) => it.value") < TOO_WEAK
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=429, body="")

    surfer.page.route("**/password/strength", refuse)
    surfer.page.locator("[name=new]").press_sequentially("quoise")
    expect(meter).to_have_attribute("data-state", "checked-when-sent")
    expect(meter.locator("meter")).to_be_hidden()
    surfer.submit("/password", old=PASSWORD, new=NEW, again=NEW)
    assert surfer.notices == ["success"] and opens_console(olga, NEW)
    assert len(asked) == 1, "it does not ask again"
