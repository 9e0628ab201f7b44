"""With EXCEPTION_APPROVAL, no administrator excepts a user alone, and no user approves their own exception."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app.audit.models import ActivityRow
from app.compliance.exceptions import AnotherPersonNeeded
from app.db import db
from app.errors import NotFound
from tests.security.conftest import Entering, Guest, portal_of
from tests.security.test_auditors import colleague
from tests.support.sandbox import Sandbox

LIST = "/compliance/exceptions"


@pytest.fixture
def careful(sandbox: Sandbox, tmp_path: Path) -> Iterator[Flask]:
    """A portal with two administrators and an auditor, where exceptions need a second person."""
    many = "100000 per hour"
    arn = f"arn:aws:iam::{sandbox.account_id}:user"
    app = portal_of(
        sandbox,
        tmp_path,
        EXCEPTION_APPROVAL="1",
        ADMINS=f"{arn}/Administrator,{arn}/two-roles",
        AUDITORS=f"{arn}/reviewer",
        SIGN_IN_LIMIT_PER_ADDRESS=many,
        SIGN_IN_LIMIT_PER_KEY=many,
    )
    yield app
    with app.app_context():
        db.engine.dispose()


def ask(guest: Guest, rule: str, user_name: str = "") -> None:
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    form = {"rule": rule, "user_name": user_name, "reason": "in a safe", "owner": "boss", "until": until}
    guest.go("POST", LIST, {**form, "csrf_token": guest.token()})


def number_of(guest: Guest, rule: str) -> str:
    """Of the exception that waits."""
    (row,) = guest.open(LIST).soup.select(f"[data-waits='{rule}']")
    return str(row.select("input[name=number]")[0]["value"])


def approve(guest: Guest, number: str) -> Guest:
    guest.go("POST", f"{LIST}/approve", {"number": number, "csrf_token": guest.token()})
    return guest


def rows(guest: Guest, **wanted: str) -> list[dict[str, str]]:
    """Of the export."""
    every = csv.DictReader(io.StringIO(str(guest.ask("GET", "/compliance/people.csv").text)))
    return [row for row in every if all(row[name] == value for name, value in wanted.items())]


def test_an_exception_counts_once_another_administrator_approves_it(
    careful: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[..., Guest]
) -> None:
    def enter(*who: object, **options: object) -> Guest:
        return entering(*who, app=careful, **options)

    chief, second = entering_as_chief(careful), colleague(sandbox, enter, "two-roles")
    second.open("/mfa")  # their own visit makes them known
    for rule, user_name in (("root-mfa", ""), ("mfa", "two-roles")):
        ask(chief, rule, user_name)
        assert chief.notices == ["success"] and rows(chief, rule=rule, state="excepted") == [], "it doesn't count"
    root, theirs = number_of(chief, "root-mfa"), number_of(chief, "mfa")

    assert not chief.has(f"{LIST}/approve"), "who asked isn't offered it"
    assert approve(chief, root).refused_as == AnotherPersonNeeded.code
    assert approve(second, theirs).refused_as == AnotherPersonNeeded.code, "nor the user it is about"
    auditor = colleague(sandbox, enter, "reviewer")
    assert not auditor.open(LIST).has(f"{LIST}/approve") and approve(auditor, root).status == 403
    assert rows(chief, state="excepted") == []

    assert approve(second, root).notices == ["success"]
    assert approve(second, root).refused_as == NotFound.code, "twice is once"
    (row,) = rows(chief, rule="root-mfa", state="excepted")
    arn = f"arn:aws:iam::{sandbox.account_id}:user"
    assert (row["exception_made_by"], row["exception_approved_by"]) == (f"{arn}/Administrator", f"{arn}/two-roles")
    assert row["exception_made_at"] <= row["exception_approved_at"] != ""
    hub = json.loads(chief.ask("GET", "/compliance/people.asff.json").text)
    (told,) = [each["ProductFields"] for each in hub if each["Workflow"]["Status"] == "SUPPRESSED"]
    assert [told[f"latchkey/exception-{name}-at"] for name in ("made", "approved")] == [
        row["exception_made_at"], row["exception_approved_at"],
    ]  # fmt: skip

    second.go("POST", f"{LIST}/end", {"number": theirs, "csrf_token": second.token()})
    assert second.open(LIST).soup.select("[data-waits]") == [], "anyone may reject one"
    with careful.app_context():
        done = db.session.query(ActivityRow).filter(
            ActivityRow.event.like("exception-%"), ActivityRow.phase == "done"
        )
        told = [(row.event, row.user_name) for row in done.order_by(ActivityRow.seq)]
    assert told == [
        ("exception-requested", "Administrator"), ("exception-requested", "Administrator"),
        ("exception-approved", "two-roles"), ("exception-ended", "two-roles"),
    ]  # fmt: skip
