"""Judging passwords is work for the processor: one person's typing slows nobody else down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
import zxcvbn

from app.password import service
from app.sessions.contents import Person
from tests.security.conftest import Entering, Guest
from tests.support.marks import STRONG_PASSWORD
from tests.support.people import hire
from tests.support.sandbox import Sandbox

OLGA = Person("123456789012", "olga", "/", "aws", False, datetime(2026, 6, 1, tzinfo=UTC), user_id="AIDAOLGA")


def test_passwords_are_judged_twenty_times_a_minute_for_a_person(entering: Entering, sandbox: Sandbox) -> None:
    mallory = hire(sandbox, "mallory")
    first, second, colleague = entering(mallory, mfa=False), entering(mallory, mfa=False), entering(mfa=False)
    tokens = {guest: guest.token() for guest in (first, second, colleague)}

    def judged(guest: Guest, password: str) -> int:
        sent = {"csrf_token": tokens[guest], "new": password}
        return int(guest.ask("POST", "/password/strength", sent).status_code)

    assert [judged(guest, "i" * 128) for guest in (first, second) * 10] == [200] * 20
    assert (judged(first, "x"), judged(second, "x")) == (429, 429), "in all their sessions"
    assert judged(colleague, STRONG_PASSWORD) == 200


def test_nothing_typed_yet_is_guessed_at_once(entering: Entering) -> None:
    guest = entering(mfa=False)
    for fields in ({"new": ""}, {}):
        answer = guest.ask("POST", "/password/strength", {"csrf_token": guest.token(), **fields})
        assert (answer.status_code, answer.json["score"]) == (200, 0)


def test_one_password_is_judged_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on = Event(), Event()
    at_work: list[int] = []

    def slow(password: str, user_inputs: list[str]) -> dict[str, object]:
        at_work.append(1)
        assert len(at_work) == 1, "one at a time"
        began.set()
        go_on.wait(20)
        at_work.pop()
        return {"score": 3, "feedback": {"warning": ""}}

    monkeypatch.setattr(zxcvbn, "zxcvbn", slow)
    monkeypatch.setattr(service, "_PATIENCE", 0.01)
    with ThreadPoolExecutor(1) as pool:
        judging = pool.submit(service.strength, OLGA, "one")
        assert began.wait(20)
        with pytest.raises(service.StrengthCheckBusy):
            service.strength(OLGA, "two")
        go_on.set()
        assert judging.result(20).score == 3
    assert service.strength(OLGA, "two").score == 3, "it is free again"
