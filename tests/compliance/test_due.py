"""Only who is due is judged again, and what comes out is what judging everyone again would say."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update

from app.aws.user_list import UserListEntry
from app.compliance.data import daily, due, queries, updates
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.credential_report import CredentialReport, NotAReport, parse
from app.compliance.data.models import ComplianceChange, ComplianceDay, ComplianceException, CompliancePerson
from app.compliance.data.people_data import read_people
from app.compliance.data.storing import judge_and_write_all, unchanged
from app.compliance.export import exported
from app.compliance.rules.subjects import Terms
from app.db import Base, db
from app.sandbox.operations.credential_report import HEADER
from app.sessions.contents import Person
from tests.support.databases import empty_portal, in_memory

ACCOUNT = "123456789012"
BEGAN = datetime(2026, 9, 1, 12, tzinfo=UTC)
AGES = (0, 1, 10, 29, 30, 31, 44, 45, 46, 60, 85, 89, 90, 91, 120, 360, 366, 700)
"""Days around which verdicts turn."""


@dataclass
class Someone:
    """A user, as AWS has them now."""

    name: str
    made: datetime
    changes: random.Random
    path: str = "/"
    virtual: int = 0
    hardware: int = 0
    password: bool = False
    used: datetime | None = None
    keys: list[tuple[bool, datetime, datetime | None]] = field(default_factory=list)
    certificate: datetime | None = None
    set_at: datetime | None = None
    """When the password was set. None: with the user."""

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:user{self.path}{self.name}"

    @property
    def user_id(self) -> str:
        return f"AIDA{self.name}{self.made:%y%m%d%H%M}"

    def live(self, now: datetime) -> None:
        """Change something about them, or not."""
        what, chance = self.changes.randrange(9), self.changes
        if what == 0:
            self.virtual, self.hardware = chance.choice([(0, 0), (1, 0), (0, 1)])
        elif what == 1:
            self.password, self.used = chance.random() < 0.7, chance.choice([None, _ago(now, chance)])
        elif what in (2, 3):
            self.used = now - timedelta(hours=chance.randrange(30)) if self.password else None
        elif what == 4:
            made = _ago(now, chance)
            used = chance.choice([None, max(made, _ago(now, chance))])
            self.keys = [(chance.random() < 0.8, made, used), *self.keys][:2]
        elif what == 5 and self.keys:
            self.keys = [(active, made, now) for active, made, _ in self.keys]
        elif what == 6:
            self.certificate = chance.choice([None, _ago(now, chance)])

    def line(self) -> str:
        """Theirs of the credential report."""
        keys = [*self.keys, None, None][:2]
        cells = [self.name, self.arn, _text(self.made), str(self.password).lower()]
        cells += [
            _text(self.used) if self.used else "no_information" if self.password else "N/A",
            _text(self.set_at or self.made) if self.password else "N/A",
            "N/A",
            str(bool(self.virtual or self.hardware)).lower(),
        ]
        for key in keys:
            cells += [str(key[0]).lower(), _text(key[1]), _text(key[2])] if key else ["false", "N/A", "N/A"]
            cells += ["N/A", "N/A"]
        cells += ["true", _text(self.certificate)] if self.certificate else ["false", "N/A"]
        return ",".join([*cells, "false", "N/A"])


def _ago(now: datetime, chance: random.Random) -> datetime:
    return now - timedelta(days=chance.choice(AGES), minutes=chance.randrange(-90, 90))


def _text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "N/A"


ROOT = (
    f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00Z,not_supported,2026-08-20T08:00:00Z,"
    "not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)


class World:
    """An account at AWS, and two portals that see the same of it.

    One judges who is due. The other one judges everyone after each event, and reads every line of a report.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = BEGAN
        self.busy = self.chance.choice([0.05, 0.4])
        self.numbers: dict[str, int] = {}
        self.engines = [_database(), _database()]
        self.people: dict[str, Someone] = {}
        for _ in range(self.chance.randrange(1, 14)):
            self.comes()

    def comes(self) -> None:
        name = f"user{self.chance.randrange(20):02d}"
        self.people[name] = someone = Someone(
            name, _ago(self.now, self.chance), self.chance, self.chance.choice(["/", "/eng/"])
        )
        for _ in range(6):
            someone.live(self.now)

    def goes(self) -> None:
        if len(self.people) > 2:
            del self.people[self.chance.choice(list(self.people))]

    def terms_of(self, others: int | None) -> Terms:
        return Terms(self.now, **self.numbers, others_at_most=others)  # type: ignore[arg-type]  # only numbers

    def happens(self) -> None:
        """One thing, seen by both portals."""
        for someone in self.people.values():
            if self.chance.random() < self.busy:
                someone.live(self.now)
        self.chance.choice(
            [self.comes, self.goes, self.waits, self.waits, self.lists, self.report, self.report, self.same_report,
             self.visit, self.exception, self.terms]
        )()  # fmt: skip
        self.now += timedelta(minutes=self.chance.randrange(1, 500))

    def waits(self) -> None:
        self.now += timedelta(hours=self.chance.choice([1, 20, 24, 100, 700]))

    def lists(self) -> None:
        users = [
            UserListEntry(one.name, one.arn, one.path, one.made, one.used, one.user_id)
            for one in self.people.values()
        ]
        others = sum(one.hardware for one in self.people.values()) + self.chance.choice([0, 0, 1])
        virtual = {one.name: one.virtual for one in self.people.values() if one.virtual}
        for engine in self.engines:
            with locked(engine, ACCOUNT) as account:
                updates.keep_lists(account, users, virtual, {"others": others}, self.now, self.terms_of)

    def report(self) -> None:
        self.latest = "\n".join([HEADER, ROOT, *(one.line() for one in self.people.values())])
        self.same_report()

    latest = ""

    def same_report(self) -> None:
        """The latest report, perhaps made again."""
        if not self.latest:
            return
        made_at = self.now if self.chance.random() < 0.7 else None
        with self.engines[1].begin() as connection:
            connection.execute(update(CompliancePerson).values(report_line=""))
        told = [self._take_in(engine, made_at) for engine in self.engines]
        assert told[0] == told[1]

    def _take_in(self, engine: Engine, made_at: datetime | None) -> str:
        try:
            return str(updates.keep_report(engine, self._read(engine, made_at), self.now, self.terms_of))
        except NotAReport as error:
            return error.diagnosis

    def _read(self, engine: Engine, made_at: datetime | None) -> CredentialReport:
        return parse(self.latest.encode(), made_at, updates.known_lines(engine, ACCOUNT))

    def visit(self) -> None:
        one = self.chance.choice(list(self.people.values()))
        person = Person(ACCOUNT, one.name, one.path, "aws", True, self.now, user_id=one.user_id)
        at = self.now.isoformat()
        devices = ["VIRTUAL"] * one.virtual + ["HARDWARE"] * one.hardware
        keys = [(active, made.isoformat()) for active, made, _ in one.keys]
        shown: dict[str, Any] = {"mfa": (at, devices), "keys": (at, keys), "password": (at, one.password)}
        name = self.chance.choice(list(shown))
        own: Any = {name: shown[name]}
        for engine in self.engines:
            updates.keep_own(engine, ACCOUNT, person, own, self.now, self.terms_of)

    def exception(self) -> None:
        name = self.chance.choice(list(self.people))
        made = {
            "account_id": ACCOUNT, "user_name": name, "rule": self.chance.choice(["mfa", "unused", "key-age"]),
            "reason": "r", "owner": "o", "until": self.now + timedelta(days=self.chance.randrange(1, 40)),
            "made_at": self.now, "made_by": "arn", "ended_by": "",
        }  # fmt: skip
        for engine in self.engines:
            with locked(engine, ACCOUNT) as account:
                account.connection.execute(insert(ComplianceException).values(made))
                updates.judge_one(account, name, self.terms_of)

    def terms(self) -> None:
        self.numbers = self.chance.choice([{}, {"key_days": 60}, {"unused_days": 90, "evidence_days": 40}])

    def judged(self) -> None:
        """What each portal does when an administrator looks."""
        by_turns, at_once = self.engines
        due.catch_up(by_turns, ACCOUNT, self.terms_of)
        with locked(at_once, ACCOUNT) as account:
            known = read_people(account.connection, ACCOUNT)
            terms = self.terms_of(account.row.user_list.get("others"))
            judge_and_write_all(account, known, unchanged(known), terms)


def _database() -> Engine:
    engine = in_memory()
    ensure_account_row(engine, ACCOUNT)
    return engine


def known(engine: Engine) -> list[Any]:
    """What it stored of people, their history and the days, without what only says how."""
    how = ("report_line", "changes_at")
    people = [column for column in CompliancePerson.__table__.c if column.name not in how]
    changes = [column for column in ComplianceChange.__table__.c if column.name != "id"]
    with engine.connect() as connection:
        days = connection.execute(select(ComplianceDay.day, ComplianceDay.figures).order_by(ComplianceDay.day))
        return [
            [tuple(row) for row in connection.execute(select(*people).order_by(CompliancePerson.user_name))],
            sorted(tuple(map(str, row)) for row in connection.execute(select(*changes))),
            [(day, {name: told for name, told in figures.items() if name != "at"}) for day, figures in days],
        ]


def dues(engine: Engine) -> list[datetime]:
    """When each user is due."""
    query = select(CompliancePerson.changes_at).order_by(CompliancePerson.user_name)
    with engine.connect() as connection:
        return [moment or datetime.max.replace(tzinfo=UTC) for moment in connection.execute(query).scalars()]


@pytest.mark.parametrize("at_once", [2, 500])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_judging_who_is_due_says_what_judging_everyone_says(at_once: int, seed: int) -> None:
    was, due.AT_ONCE = due.AT_ONCE, at_once
    try:
        world = World(seed)
        for _ in range(14):
            world.happens()
            world.judged()
            for one, other in zip(*map(known, world.engines), strict=True):
                assert one == other
            for one, other in zip(*map(dues, world.engines), strict=True):
                assert world.now <= one <= other, "perhaps earlier than need be, never late"
        for engine in world.engines:
            engine.dispose()
    finally:
        due.AT_ONCE = was


def test_that_a_rule_is_not_about_a_user_is_known_only_while_the_evidence_is_fresh() -> None:
    engine = _database()
    hugo = Person(ACCOUNT, "hugo", "/", "aws", True, BEGAN, user_id="")
    updates.keep_own(engine, ACCOUNT, hugo, {"password": (BEGAN.isoformat(), False)}, BEGAN, at(BEGAN))

    def signed_in() -> bool:
        with engine.connect() as connection:
            return " signed-in=unknown " in connection.execute(select(CompliancePerson.verdicts)).scalar_one()

    assert not signed_in(), "a user without a password"
    for days, known_no_more in ((Terms(BEGAN).evidence_days, False), (Terms(BEGAN).evidence_days + 1, True)):
        due.catch_up(engine, ACCOUNT, at(BEGAN + timedelta(days=days)))
        assert signed_in() is known_no_more
    assert dues(engine) == [datetime.max.replace(tzinfo=UTC)], "nothing more can get too old"


def test_an_exception_ends_at_its_time_to_the_microsecond() -> None:
    engine, until = _database(), BEGAN + timedelta(days=3)
    made_at = BEGAN - timedelta(days=200)
    hugo = Someone("hugo", made_at, random.Random(1), keys=[(True, made_at, None)])
    content = "\n".join([HEADER, ROOT, hugo.line()])
    updates.keep_report(engine, parse(content.encode(), BEGAN), BEGAN, at(BEGAN))
    made = {
        "account_id": ACCOUNT, "user_name": "hugo", "rule": "key-age", "reason": "r", "owner": "o", "until": until,
        "made_at": BEGAN, "made_by": "arn", "ended_by": "",
    }  # fmt: skip
    with locked(engine, ACCOUNT) as account:
        account.connection.execute(insert(ComplianceException).values(made))
        updates.judge_one(account, "hugo", at(BEGAN))
    for now, state in ((until - timedelta(microseconds=1), "excepted"), (until, "fail")):
        due.catch_up(engine, ACCOUNT, at(now))
        with engine.connect() as connection:
            assert f" key-age={state} " in connection.execute(select(CompliancePerson.verdicts)).scalar_one()


# -- a page waits for nobody


@pytest.fixture(params=["sqlite", "postgresql"])
def account_of_ten(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """Their keys all get too old on the same day."""
    monkeypatch.setattr(due, "PAUSE", 0)
    with empty_portal(request, tmp_path) as app:
        Base.metadata.create_all(db.engine)
        chance = random.Random(1)
        people = [Someone(f"user{number}", BEGAN, chance, keys=[(True, BEGAN, BEGAN)]) for number in range(10)]
        content = "\n".join([HEADER, ROOT, *(one.line() for one in people)])
        updates.keep_report(db.engine, parse(content.encode(), BEGAN), BEGAN, at(BEGAN))
        yield app


def at(now: datetime) -> Callable[[int | None], Terms]:
    return lambda others: Terms(now, others_at_most=others)


LATER = at(BEGAN + timedelta(days=50))


def figure() -> tuple[int, int]:
    """Users whose use of credentials is fine, and unknown: as the day's figures count, and as their rows say."""
    with db.engine.connect() as connection:
        latest = daily.latest(connection, ACCOUNT)
        verdicts = connection.execute(select(CompliancePerson.verdicts)).scalars().all()
    assert latest
    count = latest[1].of("unused")
    assert count.passed == sum(" unused=pass " in words for words in verdicts)
    assert count.unknown == sum(" unused=unknown " in words for words in verdicts)
    return count.passed, count.unknown


def judged_in_background() -> None:
    for thread in threading.enumerate():
        if thread.name == f"judge-{ACCOUNT}":
            thread.join()


def test_a_page_shows_what_is_stored_while_another_process_changes_the_account(account_of_ten: Flask) -> None:
    assert figure() == (10, 0)
    with locked(db.engine, ACCOUNT):
        row, behind = due.glance(db.engine, ACCOUNT, LATER)
        assert row and behind
        assert figure() == (10, 0)
    judged_in_background()
    assert figure() == (0, 10), "nobody has to open a page again"
    assert not due.glance(db.engine, ACCOUNT, LATER).behind


def test_a_page_judges_a_few_and_leaves_the_others_to_a_thread(
    account_of_ten: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    left: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(due, "_in_background", lambda *told: left.append(told))
        assert due.glance(db.engine, ACCOUNT, LATER).behind
    assert figure() == (7, 3) and left
    due.glance(db.engine, ACCOUNT, LATER)
    judged_in_background()
    assert figure() == (0, 10)


def test_a_file_has_who_is_due_even_where_the_pages_are_behind(
    account_of_ten: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "AT_ONCE", 3)
    monkeypatch.setattr(due, "_in_background", lambda *told: None)
    row, behind = due.glance(db.engine, ACCOUNT, LATER)
    assert row and behind
    chosen = queries.Filter(rule="unused", state="unknown")
    found = list(exported(db.engine, row, LATER(None), chosen, behind=behind))
    assert len(found) == 10, "chosen by what is true now, not by what is stored"
