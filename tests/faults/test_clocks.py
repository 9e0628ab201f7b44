"""Two replicas whose clocks are a minute apart: nobody loses a session, a code or a refresh over it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from app.aws.clients import AwsCredentials
from app.aws.signin import SignInGateway, SignInTokens
from app.sessions import current
from app.sessions.contents import Person
from app.sessions.refresh import CLOCKS_APART, keep_signed_in
from tests.faults.people import Inside
from tests.support.clock import Clock
from tests.support.inside import portal_at
from tests.support.people import Phone, hire
from tests.support.portal import Portal
from tests.support.replicas import Replicas
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor

APART_S = 60


class TwoClocks(Clock):
    """Everyone's, and one that is a minute ahead."""

    def __init__(self, ahead: Path) -> None:
        super().__init__()
        self.ahead = ahead
        self._follow()

    def _follow(self) -> None:
        self.ahead.write_text(f"{float(self._file.read_text()) + APART_S:+f}\n")

    def move(self, seconds: float) -> None:
        super().move(seconds)
        self._follow()


@pytest.fixture(scope="module")
def apart(scratch: Path) -> TwoClocks:
    return TwoClocks(scratch / "ahead")


@pytest.fixture(scope="module")
def two(many: Replicas, sandbox: Sandbox, scratch: Path, apart: TwoClocks) -> Iterator[Replicas]:
    """One of the many, and another that is ahead of it."""
    same = {name: many.first.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL")}
    ahead = Portal(scratch / "ahead-of-time", sandbox, **same, FAKETIME_TIMESTAMP_FILE=str(apart.ahead))
    ahead.folder.mkdir()
    ahead.start()
    yield Replicas([many.first, ahead], many.database, many.redis)
    ahead.stop()


def test_enrolling_and_rotating_through_both(two: Replicas, sandbox: Sandbox, apart: TwoClocks) -> None:
    nadia = hire(sandbox, "nadia")
    apart.move(10)
    page = Visitor(two.urls)
    page.sign_in(nadia)
    page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    phone = Phone(apart, f"otpauth://totp/x?secret={page.seed()}")
    page.submit("/mfa/enroll", first_code=phone.next(), second_code=phone.next())
    assert page.path == "/mfa/activate", page.text
    page.submit("/mfa/activate", code=phone.next())
    for _ in range(30):
        if page.path == "/mfa/finished":
            break
        apart.move(5)
        page.submit("/mfa/activate/continue")
    assert page.path == "/mfa/finished", page.text
    page.open("/access-keys").submit("/access-keys/create")
    secret = page.at("#secret-access-key")
    page.submit("/access-keys/new", last_characters=secret[-6:])
    page.open(f"/access-keys/deactivate?id={nadia.access_key_id}").submit("/access-keys/deactivate")
    assert page.notices == ["success"] and f"inactive:{nadia.access_key_id}" in page.states
    for _ in range(4):
        apart.move(12 * 60)  # used, so not idle, by either clock
        assert page.open("/").is_inside(nadia.name), page.text
    assert {phase for _, phase, _ in two.first.activity(nadia.name)} == {"intended", "done"}
    assert two.first.flask("activity", "verify").returncode == 0


def test_a_slow_change_seen_by_the_replica_ahead(two: Replicas, sandbox: Sandbox, apart: TwoClocks) -> None:
    inside = Inside(hire(sandbox, "nadia"), two, apart)
    inside.page.urls = [two.urls[0]]
    inside.page.open("/access-keys").submit("/access-keys/create")
    inside.page.urls = [two.urls[1]]
    inside.page.open("/access-keys")
    assert inside.phases("access-key-created")[-1] == "done"


class Refreshing(SignInGateway):
    """In AWS Sign-In's place: counts."""

    def __init__(self) -> None:
        self.asked = 0

    def refresh(self, client_id: str, refresh_token: str, dpop_key: str) -> SignInTokens:
        self.asked += 1
        later = datetime.now(UTC) + timedelta(minutes=15)
        return SignInTokens(AwsCredentials("ASIA", "s", "t", later), client_id, "next", dpop_key)


def refreshes(app: Flask, claimed: timedelta) -> int:
    """How often a session is refreshed whose refresh another replica claimed until so long from now."""
    now, aws = datetime.now(UTC), Refreshing()
    with app.test_request_context("/"):
        soon = AwsCredentials("ASIA", "s", "t", now + timedelta(minutes=4))
        person = Person("123456789012", "alice", "/", "aws", True, now, user_id="AIDAALICE")
        current.sign_in_through_aws(person, SignInTokens(soon, "client", "token", "key"), timedelta(hours=1))
        current.current_session()["renewing_until"] = now + claimed
        keep_signed_in(aws)
    return aws.asked


def test_a_refresh_is_not_done_twice_by_clocks_that_differ(tmp_path: Path) -> None:
    app = portal_at(tmp_path / "portal.db")
    assert refreshes(app, timedelta(seconds=20) - CLOCKS_APART) == 0, "claimed just now, by a replica a minute behind"
    assert refreshes(app, timedelta(seconds=-1) - CLOCKS_APART) == 1, "the request that claimed it died"
