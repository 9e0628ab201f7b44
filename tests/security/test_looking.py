"""Looking changes nothing in the portal: no GET creates or clears what a session or the database holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest
from tests.security.test_who_may import LISTED_UNDER, address, credentials_of, method, rich, rules
from tests.support.clock import Clock
from tests.support.inside import cookie, sessions_of, visitors_cookie
from tests.support.people import Employee
from tests.support.public_keys import certificate_pem
from tests.support.sandbox import Sandbox

SHOWN_ONCE = {"_flashes", "refused", "error_pages"}
"""Messages and refused forms that wait for the next page."""
ON_THE_WAY = {"csrf_token", "wanted", "confirming"}
"""The token of forms, and the page a user returns to after the sign-in it leads to."""
SHOWN_CREDENTIALS = {
    "overview.index",
    "mfa.devices",
    "mfa.command_line",
    "mfa.finished",
    "access_keys.index",
    "ssh_keys.index",
    "certificates.index",
}
"""Pages that tell compliance what AWS has just answered. Its own pages judge what has come in before they show it."""
EXPORTS = {
    "activity.export", "compliance.accounts_file", "compliance.export", "compliance_history.changes_file",
    "compliance_history.listed_file", "compliance_policies.people",
}  # fmt: skip
"""Lists that are taken away: the audit log remembers by whom."""


def contents(app: Flask, guest: Guest) -> dict[str, Any]:
    """What the portal holds of this browser, decrypted."""
    mine = {"latchkey-8000": cookie(guest.client), "latchkey-8000-visitor": visitors_cookie(guest.client)}
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in mine.items() if value)}
    with app.test_request_context("/", base_url=guest.urls[0], headers=sent) as context:
        return dict(sessions_of(app).open_session(app, context.request))


def stored(app: Flask) -> dict[str, list[Any]]:
    """All rows by table. Of sessions only which there are: what they hold is in `contents`."""
    with app.app_context(), db.engine.connect() as connection:
        rows = {table.name: connection.execute(select(table)).all() for table in db.metadata.sorted_tables}
    rows["sessions"] = [row.id_hash for row in rows["sessions"]]
    return {name: sorted(map(repr, found)) for name, found in rows.items()}


@contextmanager
def watched(app: Flask) -> Iterator[Callable[[], int]]:
    """Yield what returns another number once something was committed: SQLite counts this for other connections."""
    with closing(sqlite3.connect(str(app.config["SQLALCHEMY_DATABASE_URI"]).removeprefix("sqlite:///"))) as beside:
        yield lambda: int(beside.execute("PRAGMA data_version").fetchone()[0])


def may_write(endpoint: str) -> set[str]:
    """Tables that looking at this page may add to."""
    if endpoint in EXPORTS:
        return {"activity", "activity_heads"}
    judges = endpoint in SHOWN_CREDENTIALS or endpoint.startswith("compliance")
    return {name for name in db.metadata.tables if name.startswith("compliance_")} if judges else set()


# -- what a session can hold


def trusted_elsewhere(sandbox: Sandbox, clock: Clock, who: Employee, serial_number: str, seed: str) -> None:
    """The person gives AWS two codes without the portal."""
    clock.move(60)
    sandbox.as_administrator("iam").enable_mfa_device(
        UserName=who.name,
        SerialNumber=serial_number,
        AuthenticationCode1=sandbox.code(seed, -1),
        AuthenticationCode2=sandbox.code(seed, 0),
    )


def removed_elsewhere(sandbox: Sandbox, who: Employee, serial_number: str) -> None:
    iam = sandbox.as_administrator("iam")
    iam.deactivate_mfa_device(UserName=who.name, SerialNumber=serial_number)
    iam.delete_virtual_mfa_device(SerialNumber=serial_number)


def replacing(sandbox: Sandbox, clock: Clock, guest: Guest, old: str) -> None:
    """A new device works, and the old one is still to be removed."""
    guest.open(f"/mfa/replace?{urlencode({'id': old})}").submit("/mfa/replace")
    seed = guest.seed()
    clock.move(60)
    guest.submit("/mfa/enroll", first_code=sandbox.code(seed, -1), second_code=sandbox.code(seed, 0))
    assert guest.path == "/mfa/replaced", guest.text


def with_everything(sandbox: Sandbox, clock: Clock, guest: Guest, who: Employee) -> str:
    """A new key, a replaced device, an enrollment, a pasted certificate. Return the enrollment's seed."""
    iam = sandbox.as_administrator("iam")
    spare = next(
        key["AccessKeyId"]
        for key in iam.list_access_keys(UserName=who.name)["AccessKeyMetadata"]
        if key["AccessKeyId"] != who.access_key_id
    )
    iam.delete_access_key(UserName=who.name, AccessKeyId=spare)
    assert guest.open("/access-keys").submit("/access-keys/create").path == "/access-keys/new"
    replacing(sandbox, clock, guest, who.serial_number)
    guest.open("/mfa").submit("/mfa/add")
    seed = guest.seed()
    ends = datetime.fromtimestamp(int(clock.time()), UTC) + timedelta(days=100)
    assert guest.open("/certificates/new").submit("/certificates/new", pasted=certificate_pem(ends)).status == 200
    return seed


def all_is_over(sandbox: Sandbox, clock: Clock, held: dict[str, Any], who: Employee, seed: str) -> None:
    """What the session holds was dealt with elsewhere."""
    key = held["new_key"]["access_key_id"]
    sandbox.as_administrator("iam").delete_access_key(UserName=who.name, AccessKeyId=key)
    removed_elsewhere(sandbox, who, who.serial_number)
    [waits] = who.unassigned()
    trusted_elsewhere(sandbox, clock, who, waits, seed)


STATES = {
    "stranger": set(),
    "at sign-in": {"pending_sign_in"},
    "before MFA": {"enrollment"},
    "before MFA, which is on by now": {"enrollment"},
    "with MFA": {"new_key", "replacing", "enrollment", "pasted"},
    "with MFA, and all is over": {"new_key", "replacing", "enrollment", "pasted"},
    "administrator": set(),
}
"""Each kind of user who looks, and what is in their session."""


@pytest.mark.parametrize("as_whom", STATES)
def test_no_page_changes_the_session_or_the_database(
    portal: Flask, sandbox: Sandbox, clock: Clock, entering_as_chief: Callable[[], Guest], as_whom: str
) -> None:
    who = rich(sandbox, clock)
    device = with_device(sandbox, who) if as_whom in ("at sign-in", *list(STATES)[4:6]) else ""
    clock.move(60)
    guest = entering_as_chief() if as_whom == "administrator" else Guest(portal)
    if as_whom not in ("stranger", "administrator"):
        guest.sign_in(who, sandbox.code(device) if as_whom.startswith("with MFA") else "")
    if as_whom.startswith("before MFA"):
        seed = guest.open("/mfa/enroll").submit("/mfa/enroll/begin").seed()
        if as_whom.endswith("by now"):
            trusted_elsewhere(sandbox, clock, who, who.serial_number, seed)
    if as_whom.startswith("with MFA"):
        seed = with_everything(sandbox, clock, guest, who)
        if as_whom.endswith("over"):
            all_is_over(sandbox, clock, contents(portal, guest), who, seed)
    for path in ("/", "/mfa", "/access-keys", "/ssh-keys", "/certificates"):
        guest.ask("GET", path)  # tells compliance, and has a token for forms
    held = contents(portal, guest)
    assert held.keys() >= STATES[as_whom]
    named = {kind: next(iter(ids), "") for kind, ids in credentials_of(who).items()}

    with watched(portal) as version:
        seen, rows = version(), stored(portal)
        for rule, looking in product((rule for rule in rules(portal) if method(rule) == "GET"), ("GET", "HEAD")):
            query = urlencode({"id": named[LISTED_UNDER.get(rule.rule.split("/")[1], "ssh")]})
            guest.ask(looking, f"{address(portal, rule)}?{query}")
            now = contents(portal, guest)
            changed = {key for key in held.keys() | now.keys() if held.get(key) != now.get(key)}
            assert changed <= SHOWN_ONCE | ON_THE_WAY, f"{looking} {rule.rule}"
            held = now
            if version() == seen:
                continue
            before, seen, rows = rows, version(), stored(portal)
            written = {table for table in rows if rows[table] != before[table]}
            assert written <= may_write(rule.endpoint), f"{looking} {rule.rule}"


def test_a_seed_that_was_trusted_elsewhere_is_on_no_page(
    portal: Flask, sandbox: Sandbox, clock: Clock, entering: Entering
) -> None:
    who = rich(sandbox, clock)
    guest = entering(who)
    seed = guest.open("/mfa").submit("/mfa/add").seed()
    assert guest.open("/mfa/enroll").seed() == seed and guest.open("/").at('a[href="/mfa/enroll"]')
    [waits] = who.unassigned()
    trusted_elsewhere(sandbox, clock, who, waits, seed)
    for page in ("/", "/mfa", "/mfa/enroll"):
        assert not guest.open(page).seed() and not guest.at('a[href="/mfa/enroll"]'), page
    assert guest.path == "/mfa"
    assert contents(portal, guest)["enrollment"]["seed"] == seed, "a GET clears nothing"

    has = who.devices()
    assert guest.go("POST", "/mfa/enroll/begin", {"csrf_token": guest.token()}).path == "/mfa"
    assert "enrollment" not in contents(portal, guest), "a form does"
    assert (who.devices(), who.unassigned()) == (has, []), "and nothing was made or removed"


def test_a_later_device_of_the_same_serial_number_is_not_taken_for_the_replaced_one(
    portal: Flask, sandbox: Sandbox, clock: Clock, entering: Entering
) -> None:
    who = rich(sandbox, clock)
    guest = entering(who)
    replacing(sandbox, clock, guest, who.serial_number)
    assert guest.open("/mfa").at('a[href="/mfa/replaced"]') and guest.open("/").at('a[href="/mfa/replaced"]')
    removed_elsewhere(sandbox, who, who.serial_number)
    clock.move(5)
    with_device(sandbox, who)
    for page in ("/", "/mfa", "/mfa/replaced"):
        assert not guest.open(page).at('a[href="/mfa/replaced"]'), page
    assert guest.path == "/mfa" and "replacing" in contents(portal, guest)
    assert guest.go("POST", "/mfa/replaced", {"csrf_token": guest.token()}).path == "/mfa"
    assert who.serial_number in who.devices(), "it stays"
    assert "replacing" not in contents(portal, guest)
