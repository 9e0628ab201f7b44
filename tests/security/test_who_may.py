"""Every address and every kind of user: no request, GET or POST, gets further than the page's marks allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from app.audit.models import ActivityRow
from app.db import db
from app.errors import CredentialsRefused, WrongSecret
from tests.faults.people import with_device
from tests.security.conftest import ELSEWHERE, Entering, Guest
from tests.support.clock import Clock
from tests.support.marks import PASSWORD
from tests.support.people import Employee, hire
from tests.support.public_keys import certificate_pem, openssh
from tests.support.sandbox import Sandbox

ABOUT_ONE = ("/mfa/remove", "/access-keys/delete", "/ssh-keys/delete", "/certificates/delete")
LISTED_UNDER = {"mfa": "serial", "access-keys": "key", "certificates": "certificate"}
"""First part of an address, and the kind of credential whose ID its pages take."""
CHANGING = ("Create", "Update", "Delete", "Enable", "Deactivate", "Resync", "Change", "Upload")


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def address(app: Flask, rule: Rule) -> str:
    """The address of a page, with a value in each variable part."""
    values = {
        name: 1 if isinstance(kind, IntegerConverter) else _some(kind) for name, kind in rule._converters.items()
    }
    return app.url_map.bind("127.0.0.1").build(rule.endpoint, values)


def _some(kind: BaseConverter) -> str | int:
    if isinstance(kind, IntegerConverter):
        return 1
    return sorted(kind.items)[0] if isinstance(kind, AnyConverter) else "x"


def method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def marked(app: Flask, rule: Rule, mark: str) -> bool:
    return bool(getattr(app.view_functions[rule.endpoint], mark, False))


def about_others(app: Flask, rule: Rule) -> bool:
    """Is the page only for administrators, or for them and auditors?"""
    return marked(app, rule, "needs_admin") or marked(app, rule, "needs_auditor")


def changes_since(sandbox: Sandbox, seq: int) -> list[str]:
    found = [call["action"] for call in sandbox.calls(seq)]
    return [action for action in found if action.partition(":")[2].startswith(CHANGING)]


def credentials_of(who: Employee) -> dict[str, dict[str, str]]:
    """The user's credentials at AWS, by kind: id and state."""
    iam, name = who.sandbox.as_administrator("iam"), {"UserName": who.name}
    return {
        "serial": {each["SerialNumber"]: "" for each in iam.list_mfa_devices(**name)["MFADevices"]},
        "key": {each["AccessKeyId"]: each["Status"] for each in iam.list_access_keys(**name)["AccessKeyMetadata"]},
        "ssh": {each["SSHPublicKeyId"]: each["Status"] for each in iam.list_ssh_public_keys(**name)["SSHPublicKeys"]},
        "certificate": {
            each["CertificateId"]: each["Status"] for each in iam.list_signing_certificates(**name)["Certificates"]
        },
        "password": {str(iam.get_login_profile(**name)["LoginProfile"]["CreateDate"]): ""},
    }


def rich(sandbox: Sandbox, clock: Clock) -> Employee:
    """A user with an access key to sign in with, and one more credential of every kind except MFA devices."""
    who, iam = hire(sandbox, "mallory"), sandbox.as_administrator("iam")
    ends = datetime.fromtimestamp(int(clock.time()), UTC) + timedelta(days=100)
    iam.create_access_key(UserName=who.name)
    iam.create_login_profile(UserName=who.name, Password=PASSWORD)
    iam.upload_ssh_public_key(UserName=who.name, SSHPublicKeyBody=openssh())
    iam.upload_signing_certificate(UserName=who.name, CertificateBody=certificate_pem(ends))
    return who


@pytest.mark.parametrize("as_whom", ["stranger", "at sign-in", "before MFA", "with MFA", "administrator"])
def test_nothing_changes_by_looking(
    portal: Flask, sandbox: Sandbox, clock: Clock, entering_as_chief: Callable[[], Guest], as_whom: str
) -> None:
    """GET and HEAD of every address, also those of forms, with each of the user's credentials in it."""
    who = rich(sandbox, clock)
    seed = "" if as_whom == "before MFA" else with_device(sandbox, who)
    clock.move(60)
    guest = entering_as_chief() if as_whom == "administrator" else Guest(portal)
    if as_whom not in ("stranger", "administrator"):
        guest.sign_in(who, sandbox.code(seed) if as_whom == "with MFA" else "")
    if seed:
        with_device(sandbox, who, f"{who.name}-2")
    here = guest.open("/").path
    has = credentials_of(who)
    first = {kind: next(iter(ids), "") for kind, ids in has.items()}
    before, rows = sandbox.mark(), recorded(portal)

    answers: dict[str, int] = {}
    for rule in rules(portal):
        query = urlencode({"id": first[LISTED_UNDER.get(rule.rule.split("/")[1], "ssh")]})
        for looking in ("GET", "HEAD"):
            answers[rule.rule] = guest.ask(looking, f"{address(portal, rule)}?{query}").status_code

    pages = {rule.rule for rule in rules(portal) if "GET" in (rule.methods or ())}
    assert {answers[form] for form in answers.keys() - pages} == {405}, "these addresses are for forms only"
    if as_whom == "with MFA":
        told = {page: answers[page] for page in ABOUT_ONE}
        assert set(told.values()) == {200}, f"these were found by what the address names: {told}"
    asked = {call["action"] for call in sandbox.calls(before)}
    assert {action for action in asked if not action.startswith(("iam:Get", "iam:List"))} == set()
    assert credentials_of(who) == has
    exports = {"record-exported", "compliance-exported"} if as_whom == "administrator" else set()
    assert {event for event, _ in recorded(portal)[len(rows) :]} == exports, "every export of a list is recorded"
    assert guest.open("/").path == here, "nobody was signed in or out"


def recorded(app: Flask) -> list[tuple[str, str]]:
    """(event, phase) of all rows."""
    with app.app_context():
        order = select(ActivityRow.event, ActivityRow.phase).order_by(ActivityRow.at, ActivityRow.seq)
        return [(row.event, row.phase) for row in db.session.execute(order)]


def test_strangers_are_led_to_the_sign_in(portal: Flask, sandbox: Sandbox) -> None:
    before = sandbox.mark()
    for rule in rules(portal):
        if marked(portal, rule, "is_public"):
            continue
        guest = Guest(portal)
        token = guest.token() if method(rule) == "POST" else ""
        answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token} if token else None)
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in"), rule
    assert sandbox.mark() == before, "AWS was not asked"


def test_without_mfa_nothing_that_needs_it(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    """Also for an administrator, who is a user like any other before MFA."""
    guest = entering(mfa=False)
    token, before = guest.token(), sandbox.mark()
    for rule in rules(portal):
        if marked(portal, rule, "needs_mfa"):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert (answer.status_code, answer.headers.get("Location")) == (302, "/"), rule
        elif about_others(portal, rule):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert answer.status_code == 403, rule
    assert changes_since(sandbox, before) == []


def test_who_signed_in_long_ago_confirms_first(
    portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    guest = entering()
    token = guest.token()
    for _ in range(3):
        clock.move(14 * 60)
        assert guest.open("/").status == 200
    before = sandbox.mark()
    for rule in rules(portal):
        if marked(portal, rule, "needs_confirmation"):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert (answer.status_code, answer.headers.get("Location")) == (303, "/sign-in"), rule
    assert changes_since(sandbox, before) == []


def test_who_confirms_with_a_key_that_aws_refuses_stays_signed_in(
    sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    who = hire(sandbox, "nadia")
    guest = entering(who)
    for _ in range(3):
        clock.move(14 * 60)
        assert guest.open("/").status == 200
    assert guest.open("/access-keys").submit("/access-keys/create").path == "/sign-in"
    key = {"access_key_id": who.access_key_id, "secret_access_key": "s" * 40}
    assert guest.submit("/sign-in", **key).refused_as == WrongSecret.code
    assert (guest.path, guest.user_name) == ("/sign-in", who.name), "not signed out"
    assert guest.sign_in(who).path == "/sign-in/code"
    owner = sandbox.as_administrator("iam")
    mine = {"UserName": who.name, "AccessKeyId": who.access_key_id}
    owner.update_access_key(**mine, Status="Inactive")
    assert guest.submit("/sign-in/code", code=sandbox.code(guest.seed_of_mine)).path == "/sign-in/code"
    assert guest.refused_as == CredentialsRefused.code
    owner.update_access_key(**mine, Status="Active")
    clock.move(60)
    assert guest.submit("/sign-in/code", code=sandbox.code(guest.seed_of_mine)).path == "/access-keys"


def test_pages_for_admins_exist_for_admins(
    portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[[], Guest]
) -> None:
    someone = entering()
    token = someone.token()
    for rule in rules(portal):
        if about_others(portal, rule):
            answer = someone.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert answer.status_code == 403, rule

    key = sandbox.as_administrator("iam").create_access_key(UserName="elsewhere-admin")["AccessKey"]
    elsewhere = entering(Employee(sandbox, "elsewhere-admin", key["AccessKeyId"], key["SecretAccessKey"]))
    for query in ("", f"?account={sandbox.account_id}", "?account=", f"?account={ELSEWHERE}"):
        for page in ("/activity/everyone", "/activity/everyone.csv", "/activity/everyone.jsonl"):
            answer = elsewhere.ask("GET", page + query)
            assert "mallory" not in answer.text, f"{page}{query}: rows of an account that is not theirs"
    stranger = "AKIASTRANGERSTRANGER"
    Guest(portal).open("/sign-in").submit("/sign-in", access_key_id=stranger, secret_access_key="s" * 40)
    for someone in (elsewhere, entering_as_chief()):
        for page in ("/activity/everyone", "/activity/everyone.csv"):
            assert stranger not in someone.ask("GET", f"{page}?account=-").text, "it may belong to the other account"

    assert "mallory" in entering_as_chief().open("/activity/everyone").text
