"""Forms of administrators: sent twenty times they make one thing, and no number breaks them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.compliance.exceptions import ExceptionAlreadyExists
from app.db import db
from app.errors import NotFound
from tests.security.conftest import Entering, Guest
from tests.support.sandbox import Sandbox

ACCOUNT = "123456789012"
Chief = Callable[[], Guest]


def exceptions(portal: Flask, reason: str) -> int:
    """How many there are with this reason."""
    with portal.app_context(), db.engine.connect() as connection:
        query = "select count(*) from compliance_exceptions where reason = ?"
        return int(connection.exec_driver_sql(query, (reason,)).scalar_one())


def test_a_form_that_is_sent_twenty_times_makes_one_exception(portal: Flask, entering_as_chief: Chief) -> None:
    chief = entering_as_chief()
    page = f"/compliance/exceptions?account={ACCOUNT}"
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    form = {"rule": "root-mfa", "reason": "sent often", "owner": "boss", "until": until, "csrf_token": chief.token()}
    with ThreadPoolExecutor(4) as pool:
        others = [Guest(portal) for _ in range(20)]
        for other in others:
            other.client.set_cookie("latchkey-8000", cookie(chief), domain="127.0.0.1")
        answers = list(pool.map(lambda other: other.ask("POST", page, form), others))
    assert {answer.status_code for answer in answers} <= {303, 503}, "a session is changed by one request at a time"
    assert exceptions(portal, "sent often") == 1
    chief.go("POST", page, form)
    assert chief.refused_as == ExceptionAlreadyExists.code and exceptions(portal, "sent often") == 1
    chief.go("POST", page, form | {"owner": "another"})
    assert exceptions(portal, "sent often") == 2, "another owner, another exception"


def test_an_exception_that_is_ended_twice_is_over(portal: Flask, entering_as_chief: Chief) -> None:
    chief = entering_as_chief()
    page = f"/compliance/exceptions?account={ACCOUNT}"
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    form = {"rule": "root-mfa", "reason": "ended twice", "owner": "boss", "until": until, "csrf_token": chief.token()}
    chief.go("POST", page, form)
    with portal.app_context(), db.engine.connect() as connection:
        query = "select id from compliance_exceptions where reason = 'ended twice'"
        number = str(connection.exec_driver_sql(query).scalar_one())
    for refused, told in (("", ["success"]), (NotFound.code, ["warning"])):
        token = chief.token()
        chief.go("POST", "/compliance/exceptions/end", {"number": number, "account": ACCOUNT, "csrf_token": token})
        assert (chief.refused_as, chief.notices) == (refused, told) and "ended twice" in chief.text
    with portal.app_context(), db.engine.connect() as connection:
        query = f"select count(*) from compliance_exceptions where id = {int(number)} and ended_at is not null"
        assert connection.exec_driver_sql(query).scalar_one() == 1


def test_an_exception_is_restored_once_as_it_was_and_not_beside_another(
    portal: Flask, entering_as_chief: Chief
) -> None:
    chief = entering_as_chief()
    until = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    form = {"rule": "root-mfa", "reason": "restored", "owner": "boss", "until": until, "account": ACCOUNT}

    def send(where: str, **more: str) -> tuple[str, list[str]]:
        chief.go("POST", f"/compliance/exceptions{where}", {**form, **more, "csrf_token": chief.token()})
        return chief.refused_as, chief.notices

    def kept() -> list[tuple[object, ...]]:
        with portal.app_context(), db.engine.connect() as connection:
            query = "select id, made_by, made_at, ended_at, ended_by from compliance_exceptions where reason = ?"
            return [tuple(row) for row in connection.exec_driver_sql(f"{query} order by id", ("restored",))]

    def changed(column: str, value: object) -> None:
        with portal.app_context(), db.engine.begin() as connection:
            query = f"update compliance_exceptions set {column} = ? where reason = 'restored'"
            connection.exec_driver_sql(query, (value,))

    send("")
    changed("made_by", "arn:aws:iam::123456789012:user/someone-else")
    as_it_was = kept()
    [(number, *_)] = as_it_was
    assert send("/restore", number=str(number)) == (NotFound.code, ["warning"]), "it is in force"
    assert send("/end", number=str(number)) == ("", ["success"]) and kept() != as_it_was
    ended_by = kept()[0][-1]
    changed("ended_by", "arn:aws:iam::123456789012:user/someone-else")
    assert send("/restore", number=str(number)) == (NotFound.code, ["warning"]), "another administrator ended it"
    changed("ended_by", ended_by)
    assert send("/restore", number=str(number)) == ("", ["success"])
    assert kept() == as_it_was, "its maker and date too"

    send("/end", number=str(number))
    send("")
    assert send("/restore", number=str(number)) == (ExceptionAlreadyExists.code, ["info"])
    assert [row[3] is None for row in kept()] == [False, True]


def cookie(guest: Guest) -> str:
    found = guest.client.get_cookie("latchkey-8000", domain="127.0.0.1")
    assert found
    return found.value


@pytest.mark.parametrize(
    "number", ["-9000000000000000000000000000", "9" * 30, "9" * 5000, "-1", "0", "", "1e3", "nan", "٣", "9" * 19]
)
def test_no_number_breaks_a_page(entering_as_chief: Chief, number: str) -> None:
    chief = entering_as_chief()
    token = chief.token()
    for path in ("/compliance/exceptions/end", "/compliance/exceptions/restore", "/activity/sessions/end"):
        form = {"csrf_token": token, "number": number, "entry": number, "account": ACCOUNT}
        assert chief.ask("POST", path, form).status_code in (303, 404), path
    for path in (
        "/compliance/people?page=", "/compliance/rules/mfa?page=", "/activity?before=", "/activity/everyone?before=",
    ):  # fmt: skip
        assert chief.ask("GET", path + number).status_code == 200, path
    assert chief.ask("GET", f"/activity/{number}/not-me").status_code == 404


def test_when_colleagues_used_their_password_only_administrators_see(
    sandbox: Sandbox, entering: Entering, entering_as_chief: Chief
) -> None:
    guest, chief = entering(), entering_as_chief()
    page = guest.open("/account").soup
    assert len(page.select("tbody tr")) > 2
    assert len(page.select("[data-password-used]")) == 1 == len(page.select("[data-me] [data-password-used]")), "own"
    for_chief = chief.open("/account").soup
    assert len(for_chief.select("[data-password-used]")) == len(for_chief.select("tbody tr"))
