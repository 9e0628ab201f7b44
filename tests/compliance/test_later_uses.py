"""What a newer report changes, of every kind: what is stored is what reading and judging everything would store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from app.aws.user_list import UserListEntry
from app.compliance.data import due, judgements, storing, updates
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.credential_report import NOTHING_KNOWN, parse
from app.compliance.data.kept_sources import Arrival
from app.compliance.data.merging import Merging
from app.compliance.data.people_data import read_people
from app.compliance.data.rows import PersonRow
from app.compliance.rules.subjects import Terms
from app.sandbox.operations.credential_report import HEADER
from app.sessions.contents import Person
from tests.compliance.conftest import empty_database

ACCOUNT = "123456789012"
FIRST = datetime(2026, 9, 1, 6, tzinfo=UTC)
"""When the first report was made. The second one is a day later."""
NEXT = FIRST + timedelta(days=1)
ROOT = (
    f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00Z,not_supported,N/A,not_supported,not_supported,"
    "true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)
Cells = dict[str, str]


def ago(days: float) -> str:
    return f"{FIRST - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


USUAL: Cells = {
    "user_creation_time": ago(400), "password_enabled": "true", "password_last_used": ago(2),
    "password_last_changed": ago(300), "password_next_rotation": "N/A", "mfa_active": "true",
    "access_key_1_active": "true", "access_key_1_last_rotated": ago(20), "access_key_1_last_used_date": ago(3),
    "access_key_1_last_used_region": "us-east-1", "access_key_1_last_used_service": "s3",
    "access_key_2_active": "false", "access_key_2_last_rotated": "N/A", "access_key_2_last_used_date": "N/A",
    "access_key_2_last_used_region": "N/A", "access_key_2_last_used_service": "N/A",
    "cert_1_active": "false", "cert_1_last_rotated": "N/A", "cert_2_active": "false", "cert_2_last_rotated": "N/A",
}  # fmt: skip
BEFORE: dict[str, Cells] = {
    "usual": {},
    "longunused": {"password_last_used": ago(80)},
    "neverused": {"password_last_used": "no_information", "access_key_1_last_used_date": "N/A"},
    "nomfa": {"mfa_active": "false"},
    "hasnone": {"mfa_active": "false"},
    "nopassword": {"password_enabled": "false", "password_last_used": "N/A", "password_last_changed": "N/A"},
    "overdue": {"access_key_1_last_rotated": ago(89.5)},
    "due": {"access_key_1_last_rotated": ago(89.1)},
    "twokeys": {"access_key_2_active": "true", "access_key_2_last_rotated": ago(30),
                "access_key_2_last_used_date": ago(60)},
    "visited": {},
    "tokenheld": {},
}  # fmt: skip
"""What the first report says of a user. "visited" showed that they have no MFA, "tokenheld" has a hardware token.

The key of "overdue" is too old before an administrator looks, that of "due" before the second report."""
CHANGES: dict[str, Cells] = {
    "nothing": {},
    "signedin": {"password_last_used": ago(-0.5)},
    "keyused": {"access_key_1_last_used_date": ago(-0.9), "access_key_1_last_used_region": "eu-west-1"},
    "secondkeyused": {"access_key_2_last_used_date": ago(-0.7)},
    "regiononly": {"access_key_1_last_used_region": "eu-west-1"},
    "usedearlier": {"password_last_used": ago(70), "access_key_1_last_used_date": ago(90)},
    "usedlonglater": {"password_last_used": ago(60)},
    "otherspelling": {"password_last_used": ago(-0.2).replace("Z", "+00:00")},
    "neverused": {"password_last_used": "no_information"},
    "mfachanged": {"mfa_active": "false", "password_last_used": ago(-0.1)},
    "keyoff": {"access_key_1_active": "false", "access_key_1_last_used_date": ago(-0.1)},
    "rotated": {"access_key_1_last_rotated": ago(-0.1), "access_key_1_last_used_date": "N/A"},
    "certificate": {"cert_1_active": "true", "cert_1_last_rotated": ago(500)},
    "createdagain": {"user_creation_time": ago(-0.3), "password_last_changed": ago(-0.3)},
}
"""What the second report says otherwise."""
PAIRS = [(before, change) for before in BEFORE for change in CHANGES]
OTHERS = 2 * len(PAIRS)
"""So many more of whom nothing changes: where most have to be judged, all are."""


def content(*, changed: bool) -> bytes:
    """A user for every pair, and others."""
    lines = [HEADER, ROOT]
    for before, change in PAIRS:
        name = f"{before}-{change}"
        cells = USUAL | BEFORE[before] | (CHANGES[change] if changed else {})
        lines.append(",".join([name, f"arn:aws:iam::{ACCOUNT}:user/{name}", *cells.values()]))
    for number in range(OTHERS):
        lines.append(",".join([f"user{number}", f"arn:aws:iam::{ACCOUNT}:user/user{number}", *USUAL.values()]))
    return "\n".join(lines).encode()


def at(now: datetime) -> Any:
    return lambda others: Terms(now, others_at_most=others)


TOKENS = [f"tokenheld-{change}" for change in CHANGES]


def lists(
    engine: Engine,
    now: datetime,
    names: Sequence[str] = TOKENS,
    used: Mapping[str, datetime] = {},
    virtual: Mapping[str, int] = {},
) -> None:
    """used: by name, when a user last used their password."""
    made = FIRST - timedelta(days=400)
    users = [
        UserListEntry(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", "/", made, used.get(name), "") for name in names
    ]
    with locked(engine, ACCOUNT) as account:
        updates.keep_lists(account, users, virtual, {"others": 2000}, now, at(now))


def visits(engine: Engine, now: datetime, before: str = "visited", devices: Sequence[str] = ()) -> None:
    for change in CHANGES:
        person = Person(ACCOUNT, f"{before}-{change}", "/", "aws", True, now, user_id="")
        updates.keep_own(engine, ACCOUNT, person, {"mfa": (now.isoformat(), [*devices])}, now, at(now))


def imported(engine: Engine, made_at: datetime, *, changed: bool, whole: bool) -> None:
    known = NOTHING_KNOWN if whole else updates.known_lines(engine, ACCOUNT)
    report = parse(content(changed=changed), made_at, known)
    updates.keep_report(engine, report, made_at, at(made_at))


@pytest.fixture(params=["sqlite", "postgresql"])
def engines(request: pytest.FixtureRequest) -> Iterable[tuple[Engine, Engine]]:
    with empty_database(request, request.param) as one, empty_database(request, request.param) as other:
        for engine in (one, other):
            ensure_account_row(engine, ACCOUNT)
        yield one, other


def told(engine: Engine) -> dict[str, PersonRow]:
    """What is stored, without when it is due."""
    with engine.connect() as connection:
        found = read_people(connection, ACCOUNT)
    for row in found.values():
        row.changes_at = None
    return found


def test_whatever_changes_is_stored_and_judged_as_if_all_were_read(
    engines: tuple[Engine, Engine], judged: list[str]
) -> None:
    few, everyone = engines
    for engine in engines:
        lists(engine, FIRST - timedelta(hours=1))
        imported(engine, FIRST, changed=False, whole=True)
        visits(engine, FIRST + timedelta(hours=1))
        due.catch_up(engine, ACCOUNT, at(FIRST + timedelta(hours=13)))
    judged.clear()
    imported(few, NEXT, changed=True, whole=False)
    concerned = {*judged}
    imported(everyone, NEXT, changed=True, whole=True)
    assert told(few) == told(everyone)
    assert concerned.isdisjoint(
        f"{before}-{change}"
        for before in ("usual", "nomfa", "nopassword", "tokenheld")
        for change in ("nothing", "keyused", "regiononly")
    ), "most need not be judged"


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was judged, by name."""
    names: list[str] = []

    def judge(people: list[PersonRow], *rest: Any) -> None:
        names.extend(each.user_name for each in people)
        judgements.judge_people(people, *rest)

    monkeypatch.setattr(storing, "judge_people", judge)
    return names


def test_what_newer_lists_change_is_stored_and_judged_as_if_all_were_judged(
    engines: tuple[Engine, Engine], judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, everyone = engines
    names = [f"{before}-{change}" for before, change in PAIRS] + [f"user{number}" for number in range(OTHERS)]
    used = {name: FIRST - timedelta(days=80 if name.startswith("longunused") else 3) for name in names}
    news: dict[str, Any] = {
        "names": [name for name in names if name != "nomfa-keyoff"] + ["newcomer"],
        "used": used
        | {name: NEXT for name in names if name.endswith(("signedin", "7"))}
        | {"usual-usedearlier": FIRST - timedelta(days=50), "longunused-nothing": NEXT}
        | {f"user{number}": NEXT for number in range(0, OTHERS, 2)},
        "virtual": {"nomfa-mfachanged": 1, "nomfa-certificate": 1},
    }

    def listed(now: datetime, **told_by_lists: Any) -> None:
        lists(few, now, **told_by_lists)
        with monkeypatch.context() as patched:
            patched.setattr(Merging, "_concerns_everyone", lambda *_: True)
            lists(everyone, now, **told_by_lists)

    for engine in engines:
        imported(engine, FIRST, changed=False, whole=True)
    listed(FIRST + timedelta(hours=1), names=names, used=used)
    listed(FIRST + timedelta(hours=2), names=names, used=used)
    for engine in engines:
        visits(engine, FIRST + timedelta(hours=3), "hasnone", ["VIRTUAL"])
    judged.clear()
    lists(few, NEXT, **news)
    assert len(set(judged)) < len(names) / 2
    assert {"newcomer", "usual-usedearlier", "longunused-nothing", "nomfa-certificate", "nomfa-mfachanged"} <= set(
        judged
    )
    assert "user7" not in judged, "who only used their password again"
    with monkeypatch.context() as patched:
        patched.setattr(Merging, "_concerns_everyone", lambda *_: True)
        lists(everyone, NEXT, **news)
    assert told(few) == told(everyone)

    for engine in engines:
        imported(engine, NEXT + timedelta(hours=1), changed=False, whole=True)
    assert " mfa=fail " in told(few)["nomfa-certificate"].verdicts, "so says the newer report"
    listed(NEXT + timedelta(hours=2), **news)
    assert told(few) == told(everyone), "the report no longer decides who has MFA"

    for engine in engines:
        due.catch_up(engine, ACCOUNT, at(NEXT + timedelta(days=100)))
    assert " mfa=unknown " in told(few)["nomfa-certificate"].verdicts, "the evidence is too old"
    listed(NEXT + timedelta(days=100), **news)
    assert told(few) == told(everyone)
    assert " mfa=pass " in told(few)["nomfa-certificate"].verdicts


@pytest.mark.parametrize("changed", [False, True])
def test_a_report_compared_with_one_that_another_replaced_meanwhile_is_not_stored(
    engines: tuple[Engine, Engine], *, changed: bool
) -> None:
    engine, _ = engines
    imported(engine, FIRST, changed=False, whole=True)
    report = parse(content(changed=changed), NEXT, updates.known_lines(engine, ACCOUNT))
    other = content(changed=False).replace(ago(2).encode(), ago(1).encode())
    updates.keep_report(engine, parse(other, FIRST), FIRST, at(FIRST))
    before = told(engine)
    with pytest.raises(updates.ReportOvertaken):
        updates.keep_report(engine, report, NEXT, at(NEXT))
    assert told(engine) == before


def test_lists_and_report_of_one_refresh_are_judged_once(engines: tuple[Engine, Engine], judged: list[str]) -> None:
    at_once, one_by_one = engines
    names = [f"{before}-{change}" for before, change in PAIRS]
    made = FIRST - timedelta(days=400)
    users = [UserListEntry(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", "/", made, None, "") for name in names]
    for day in (FIRST, NEXT):
        judged.clear()
        report = parse(content(changed=day == NEXT), day + timedelta(hours=1))
        with locked(at_once, ACCOUNT) as account:
            merging = Merging(account, at(day))
            merging.lists(users, {}, {"others": 2000}, day)
            merging.report(report, day + timedelta(hours=1), Arrival())
            merging.finish()
        assert len(judged) == len(set(judged)) > 0
        lists(one_by_one, day, names)
        updates.keep_report(one_by_one, report, day + timedelta(hours=1), at(day))
    assert told(at_once) == told(one_by_one)
    assert judged.count("usual-nothing") == 3, "once, and twice one by one"
