"""Exceptions for several users at once: as a whole or not at all, each with its own row and its own entries."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app.audit.models import ActivityRow
from app.compliance import batch_views
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.merge import Merged
from app.compliance.data.rows import PersonRow
from app.compliance.data.storing import judge_and_write_all
from app.compliance.exception_batches import ListChanged
from app.compliance.exceptions import AnotherPersonNeeded, ExceptionAlreadyExists, UserNotFound
from app.compliance.thresholds import terms_for
from app.db import db
from app.errors import NotFound
from tests.security.conftest import Entering, Guest, portal_of
from tests.security.test_auditors import colleague
from tests.support.sandbox import Sandbox

RULE = "one-active-key"
PAGE = f"/compliance/rules/{RULE}/exceptions?state="
LIST = "/compliance/exceptions"


def office(sandbox: Sandbox, folder: Path, **settings: str) -> Iterator[Flask]:
    """A portal with two administrators and an auditor."""
    many = "100000 per hour"
    arn = f"arn:aws:iam::{sandbox.account_id}:user"
    admins = {"ADMINS": f"{arn}/Administrator,{arn}/two-roles", "AUDITORS": f"{arn}/reviewer"}
    limits = {"SIGN_IN_LIMIT_PER_ADDRESS": many, "SIGN_IN_LIMIT_PER_KEY": many}
    app = portal_of(sandbox, folder, **admins, **limits, **settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def works(sandbox: Sandbox, tmp_path: Path) -> Iterator[Flask]:
    yield from office(sandbox, tmp_path)


@pytest.fixture
def careful(sandbox: Sandbox, tmp_path: Path) -> Iterator[Flask]:
    """Exceptions need a second person."""
    yield from office(sandbox, tmp_path, EXCEPTION_APPROVAL="1")


def known_users(app: Flask, sandbox: Sandbox, *names: str) -> None:
    """Let the portal know users of these names, as a report would, whose verdict on RULE isn't known."""
    with app.app_context():
        ensure_account_row(db.engine, sandbox.account_id)
        with locked(db.engine, sandbox.account_id) as account:
            rows = [
                PersonRow(sandbox.account_id, name, arn=f"arn:aws:iam::{sandbox.account_id}:user/{name}")
                for name in names
            ]
            judge_and_write_all(account, {}, Merged(rows), terms_for(app.config, sandbox.account_id)(None))


def form(guest: Guest, **more: object) -> dict[str, object]:
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    usual = {"which": "chosen", "reason": "new laptops", "owner": "boss", "until": until}
    return {**usual, "csrf_token": guest.token(), **more}


def send(guest: Guest, page: str = PAGE, **more: object) -> Guest:
    guest.go("POST", page, form(guest, **more))  # type: ignore[arg-type] # lists, as checkboxes send them
    return guest


def excepted(guest: Guest) -> dict[str, str]:
    """Who made the exception from RULE, by name of the excepted user."""
    rows = csv.DictReader(io.StringIO(str(guest.ask("GET", f"/compliance/people.csv?rule={RULE}").text)))
    return {row["user_name"]: row["exception_made_by"] for row in rows if row["state"] == "excepted"}


def entries(app: Flask, phase: str = "done") -> list[tuple[str, str, str]]:
    """(event, who, target) of the exceptions in the audit log."""
    with app.app_context():
        rows = db.session.query(ActivityRow).filter(ActivityRow.event.like("exception-%"), ActivityRow.phase == phase)
        return [(row.event, row.user_name, row.target) for row in rows.order_by(ActivityRow.seq)]


def batch_of(guest: Guest) -> str:
    (field,) = guest.open(LIST).soup.select("main input[name=batch]")[:1]
    return str(field["value"])


def test_the_selected_users_are_excepted_each_by_itself(
    works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest]
) -> None:
    known_users(works, sandbox, "ada", "bea", "cleo", "Dan")
    chief = entering_as_chief(works)
    assert {"ada", "bea", "cleo", "Dan"} <= {
        str(each["value"]) for each in chief.open(PAGE).soup.select("input[name=users]")
    }
    assert send(chief).soup.select("[data-field-error=no-users]") and chief.status == 422
    send(chief, users=["ada", "cleo"], reason="")
    assert chief.invalid == ["reason"]
    ticked = [str(each["value"]) for each in chief.soup.select("input[name=users][checked]")]
    assert ticked == ["ada", "cleo"] and chief.at("#owner") == "" and excepted(chief) == {}, "what was typed is kept"

    send(chief, users=["ada", "cleo", "nobody-of-this-name", "ada"])
    assert chief.notices == ["success"] and chief.path == LIST and excepted(chief).keys() == {"ada", "cleo"}
    (row,) = chief.open(LIST).soup.select("[data-exception]")
    assert (row["data-exception"], row["data-number"]) == (RULE, "2"), "one row for both"
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    told = [f"{RULE}: {name}, until the end of {until}" for name in ("ada", "cleo")]
    assert entries(works) == [("exception-added", "Administrator", target) for target in told]
    assert len(entries(works, "intended")) == 2

    page = chief.open(f"{LIST}/batch?id={batch_of(chief)}")
    assert [str(each["data-user"]) for each in page.soup.select("main tr[data-user]")] == ["ada", "cleo"]
    alone = page.soup.select("main tr[data-user=ada] input[name=number]")[0]["value"]
    chief.go("POST", f"{LIST}/end", {"number": str(alone), "csrf_token": chief.token()})
    assert excepted(chief).keys() == {"cleo"}, "one can be ended alone"


def test_users_on_different_pages_of_the_list_are_excepted_at_once(
    works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest], monkeypatch: pytest.MonkeyPatch
) -> None:
    known_users(works, sandbox, "ada", "bea", "cleo", "dora")
    monkeypatch.setattr(batch_views, "ON_A_PAGE", 1)
    chief = entering_as_chief(works)
    to_choose = chief.open(LIST).soup.select_one(f"form[method=get][action='{LIST}/several']")
    assert to_choose and to_choose.select(f"option[value={RULE}]")
    assert chief.open(f"{LIST}/several?rule={RULE}").path == f"/compliance/rules/{RULE}/exceptions"
    assert chief.open(f"{LIST}/several?rule=no-such-rule").status == 404
    send(chief, users=["ada"], others="bea dorra\ncleo")
    assert chief.wrong == {"others": "unknown-users"} and excepted(chief) == {}
    assert "dorra" in chief.at("[data-field-error]") and chief.at("textarea[name=others]") == "bea dorra\ncleo"
    send(chief, users=["ada"], others="bea\ncleo")
    assert excepted(chief).keys() == {"ada", "bea", "cleo"}
    send(chief, others="dora")
    assert excepted(chief).keys() == {"ada", "bea", "cleo", "dora"}, "none needs to be selected"


def test_on_the_first_day_there_is_nothing_to_compare(
    works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest]
) -> None:
    chief = entering_as_chief(works)
    known_users(works, sandbox, "ada")
    for page in ("/compliance/history", "/compliance/history/changes"):
        assert chief.open(page).soup.select("[data-one-day]"), page
    assert chief.open("/compliance/history/changes.csv").status == 404


def test_all_that_match_and_the_way_back(
    works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest]
) -> None:
    known_users(works, sandbox, "ada", "adam", "bea", "cleo")
    chief = entering_as_chief(works)
    page = f"{PAGE}&text=ada"
    seen = chief.open(page).soup.select("input[name=seen]")[0]["value"]
    assert seen == "2"
    known_users(works, sandbox, "adabel")
    send(chief, page, which="all", seen="2")
    assert chief.refused_as == ListChanged.code and chief.status == 422 and excepted(chief) == {}
    assert chief.open(page).soup.select("input[name=seen]")[0]["value"] == "3", "the page says how many there are now"

    send(chief, page, which="all", seen="3")
    assert excepted(chief).keys() == {"ada", "adam", "adabel"}
    send(chief, page, which="all", seen="3")
    assert chief.refused_as == ExceptionAlreadyExists.code and len(entries(works)) == 3, "a double click"
    undo = chief.open(LIST).soup.select("[data-exception] form")[0]
    assert undo["action"] == f"{LIST}/batch/end"
    batch = batch_of(chief)
    for times, outcome in (("end", ["success"]), ("end", ["warning"])):
        chief.go("POST", f"{LIST}/batch/{times}", {"batch": batch, "csrf_token": chief.token()})
        assert chief.notices == outcome
    assert excepted(chief) == {}
    chief.go("POST", f"{LIST}/batch/restore", {"batch": batch, "csrf_token": chief.token()})
    assert excepted(chief).keys() == {"ada", "adam", "adabel"}
    chief.go("POST", f"{LIST}/batch/restore", {"batch": batch, "csrf_token": chief.token()})
    assert chief.refused_as == NotFound.code
    kinds = [event for event, _, _ in entries(works)]
    assert kinds == ["exception-added"] * 3 + ["exception-ended"] * 3 + ["exception-restored"] * 3


def test_what_one_ended_alone_stays_ended(
    works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest]
) -> None:
    known_users(works, sandbox, "ada", "bea", "cleo")
    chief = entering_as_chief(works)
    send(chief, users=["ada", "bea", "cleo"])
    batch = batch_of(chief)
    ada = chief.open(f"{LIST}/batch?id={batch}").soup.select("tr[data-user=ada] input[name=number]")[0]["value"]
    chief.go("POST", f"{LIST}/end", {"number": str(ada), "csrf_token": chief.token()})
    chief.go("POST", f"{LIST}/batch/end", {"batch": batch, "csrf_token": chief.token()})
    chief.go("POST", f"{LIST}/batch/restore", {"batch": batch, "csrf_token": chief.token()})
    assert excepted(chief).keys() == {"bea", "cleo"}
    send(chief, users=["ada", "bea"])
    assert excepted(chief).keys() == {"ada", "bea", "cleo"} and chief.notices == ["success"], "only Ada is added"


def test_a_second_person_approves_all_but_their_own(
    careful: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[..., Guest]
) -> None:
    def enter(*who: object, **options: object) -> Guest:
        return entering(*who, app=careful, **options)

    known_users(careful, sandbox, "ada", "bea")
    chief, second = entering_as_chief(careful), colleague(sandbox, enter, "two-roles")
    second.open("/mfa")  # their own visit makes them known
    send(chief, users=["ada", "bea", "two-roles"])
    assert excepted(chief) == {}
    batch = batch_of(chief)
    chief.go("POST", f"{LIST}/batch/approve", {"batch": batch, "csrf_token": chief.token()})
    assert chief.refused_as == AnotherPersonNeeded.code
    auditor = colleague(sandbox, enter, "reviewer")
    assert auditor.open(f"{LIST}/batch?id={batch}").status == 200 and not auditor.soup.select(
        "main form[method=post]"
    )
    for path in (PAGE, f"{LIST}/batch/approve", f"{LIST}/batch/end", f"{LIST}/batch/restore"):
        auditor.go("POST", path, {"batch": batch, "csrf_token": auditor.token()})
        assert auditor.status == 403, path
    second.go("POST", f"{LIST}/batch/approve", {"batch": batch, "csrf_token": second.token()})
    assert second.notices == ["success"] and excepted(chief).keys() == {"ada", "bea"}
    second.go("POST", f"{LIST}/batch/approve", {"batch": batch, "csrf_token": second.token()})
    assert second.refused_as == AnotherPersonNeeded.code, "only theirs is left"
    second.go("POST", f"{LIST}/batch/end", {"batch": batch, "csrf_token": second.token()})
    second.go("POST", f"{LIST}/batch/approve", {"batch": batch, "csrf_token": second.token()})
    assert second.refused_as == NotFound.code


def test_what_does_not_fit(works: Flask, sandbox: Sandbox, entering_as_chief: Callable[..., Guest]) -> None:
    known_users(works, sandbox, "ada")
    chief = entering_as_chief(works)
    for path in (
        "/compliance/rules/root-mfa/exceptions",
        "/compliance/rules/nothing/exceptions",
        f"{LIST}/batch?id=",
    ):
        assert chief.open(path).status == 404, path
    assert send(chief, users=["nobody-of-this-name"]).refused_as == UserNotFound.code
    send(chief, which="all", seen="not a number")
    assert chief.refused_as == ListChanged.code
    for ending in ("approve", "end", "restore"):
        chief.go("POST", f"{LIST}/batch/{ending}", {"batch": "", "csrf_token": chief.token()})
        assert chief.refused_as == NotFound.code, "exceptions that were added alone are no batch"
    assert excepted(chief) == {} and entries(works) == []
