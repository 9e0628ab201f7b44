"""An auditor reads what administrators read, and changes nothing: neither by a form nor by an address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.db import db
from tests.security.conftest import ELSEWHERE, Entering, Guest
from tests.security.test_who_may import about_others, address, changes_since, marked, method, recorded, rules
from tests.support.people import Employee
from tests.support.sandbox import Sandbox

PAGES = (
    "/compliance", "/compliance/people", "/compliance/people/Administrator", "/compliance/rules",
    "/compliance/rules/mfa", "/compliance/exceptions", "/compliance/standards", "/compliance/standards/cis-5.0",
    "/compliance/accounts", "/compliance/history", "/compliance/history/list", "/compliance/history/changes",
    "/compliance/history/rules/mfa", "/compliance/evidence", "/compliance/policies", "/compliance/campaigns",
    "/activity/everyone", "/policy", "/policy/try", "/notices", "/notices/addresses",
)  # fmt: skip


@pytest.fixture
def known(entering: Entering, entering_as_chief: Callable[..., Guest], portal: Flask) -> Guest:
    """Administrator, after their visit of the page of MFA devices made them a user of compliance."""
    chief = entering_as_chief()
    chief.open("/mfa")
    return chief


def colleague(sandbox: Sandbox, entering: Entering, name: str) -> Guest:
    """A user of the fixtures, signed in with MFA."""
    iam = sandbox.as_administrator("iam")
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for device in iam.list_mfa_devices(UserName=name)["MFADevices"]:
        iam.deactivate_mfa_device(UserName=name, SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return entering(Employee(sandbox, name, key["AccessKeyId"], key["SecretAccessKey"]))


def exception(account: str, token: str, reason: str) -> dict[str, str]:
    """A whole form."""
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    whole = {"rule": "root-mfa", "reason": reason, "owner": "boss", "until": until}
    return {**whole, "account": account, "csrf_token": token}


def reasons(portal: Flask) -> set[str]:
    with portal.app_context(), db.engine.connect() as connection:
        return set(connection.exec_driver_sql("select reason from compliance_exceptions").scalars())


def test_auditors_read_and_change_nothing(portal: Flask, sandbox: Sandbox, entering: Entering, known: Guest) -> None:
    auditor = colleague(sandbox, entering, "reviewer")
    token, before, rows = auditor.token(), sandbox.mark(), len(recorded(portal))
    for rule in rules(portal):
        if marked(portal, rule, "needs_admin"):
            form = exception(sandbox.account_id, token, "by an auditor")
            answer = auditor.ask(method(rule), address(portal, rule), form)
            assert answer.status_code == 403, rule
        elif about_others(portal, rule):
            assert auditor.ask("GET", address(portal, rule)).status_code in (200, 404), rule
    for page in PAGES:
        assert auditor.open(page).status == 200, page
    exports = [event for event, _ in recorded(portal)[rows:]]
    assert set(exports) <= {"compliance-exported", "record-exported"}, "and each of their exports is recorded"
    assert "record-exported" in exports
    assert changes_since(sandbox, before) == [] and "by an auditor" not in reasons(portal)


def test_pages_of_auditors_lead_only_where_they_may_go(
    portal: Flask, sandbox: Sandbox, entering: Entering, known: Guest
) -> None:
    """No link or form of their pages is refused, and the same page of an administrator has more of them."""

    def leads_to(guest: Guest, page: str) -> set[tuple[str, str]]:
        found = guest.open(page).soup
        links = {("GET", str(link["href"])) for link in found.select("a[href^='/']")}
        return links | {("POST", str(form["action"])) for form in found.select("form[method=post][action]")}

    auditor, more = colleague(sandbox, entering, "reviewer"), 0
    asked: set[tuple[str, str]] = {("POST", "/sign-out")}
    for page in PAGES:
        theirs = leads_to(auditor, page)
        more += len(leads_to(known, page) - theirs)
        for way, where in sorted(theirs - asked):
            asked.add((way, where))
            assert auditor.ask(way, where, {}).status_code != 403, f"{page} leads to {where}"
    assert more > 5


def test_auditor_of_one_account_and_administrator_of_another(
    portal: Flask, sandbox: Sandbox, entering: Entering
) -> None:
    both = colleague(sandbox, entering, "two-roles")
    token, here = both.token(), sandbox.account_id
    for account, status, reason in ((here, 404, "not theirs to except"), (ELSEWHERE, 303, "theirs to except")):
        assert both.open(f"/compliance/exceptions?account={account}").status == 200
        form = exception(account, token, reason)
        assert both.ask("POST", f"/compliance/exceptions?account={account}", form).status_code == status
    assert "theirs to except" in reasons(portal) and "not theirs to except" not in reasons(portal)
    for refused in ("/compliance/report", "/compliance/reminders"):
        assert both.open(f"{refused}?account={here}").status == 404
        assert both.open(f"{refused}?account={ELSEWHERE}").status == 200
    both.go("POST", "/compliance/refresh", {"csrf_token": token, "account": here})
    assert both.status == 404, "an auditor of the account they are signed in to refreshes nothing"
    assert {*accounts_offered(both, "/policy/write")} == {ELSEWHERE}
    assert {*accounts_offered(both, "/activity/everyone")} >= {ELSEWHERE, here}


def accounts_offered(guest: Guest, page: str) -> list[str]:
    return [str(option["value"]) for option in guest.open(page).soup.select("select[name=account] option")]


def test_an_auditor_without_mfa_reads_nothing(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    iam = sandbox.as_administrator("iam")
    for device in iam.list_mfa_devices(UserName="reviewer")["MFADevices"]:
        iam.deactivate_mfa_device(UserName="reviewer", SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    for key in iam.list_access_keys(UserName="reviewer")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="reviewer", AccessKeyId=key["AccessKeyId"])
    key = iam.create_access_key(UserName="reviewer")["AccessKey"]
    guest = entering(Employee(sandbox, "reviewer", key["AccessKeyId"], key["SecretAccessKey"]), mfa=False)
    for page in PAGES:
        assert guest.open(page).status == 403, page


def test_administrators_are_told_of_a_broken_list_and_auditors_are_not(
    portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[..., Guest]
) -> None:
    files = portal.config["LIST_FILES"]
    files.problems = ("ADMINS: /etc/latchkey/admins is empty.",)
    try:
        told = [
            guest.open("/compliance").soup.text
            for guest in (entering_as_chief(), colleague(sandbox, entering, "reviewer"))
        ]
    finally:
        files.problems = ()
    assert ["/etc/latchkey/admins is empty." in text for text in told] == [True, False]
    assert "/etc/latchkey" not in entering_as_chief().open("/compliance").soup.text
