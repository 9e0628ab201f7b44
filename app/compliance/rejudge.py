"""`compliance rejudge`: the results of a past day made again from the kept sources, by today's rules.

The sources are read into a database in memory, by the code that stored them. Nothing that is stored changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, StaticPool, create_engine, insert, select

from app.compliance.data import details, history, list_source
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.credential_report import parse
from app.compliance.data.details_updates import keep_details
from app.compliance.data.judgements import TermsOf, account_verdicts
from app.compliance.data.kept_sources import Archive, Kept, kept
from app.compliance.data.models import ComplianceException
from app.compliance.data.people_data import read_people, states
from app.compliance.data.storing import people_changed
from app.compliance.data.updates import keep_lists, keep_report
from app.compliance.rules.subjects import Source
from app.compliance.thresholds import terms_of
from app.db import Base
from app.errors import Refused
from app.text.messages import N_, _

KINDS = (Source.USER_LIST, Source.REPORT, Source.DETAILS)
States = Mapping[tuple[str, str], str]
"""By user name ("" for the account) and rule id."""


class NothingKept(Refused):
    """No source from that day or earlier is kept."""

    code = "nothing-kept"
    message = N_(
        "No source that was stored by the end of that day is kept. EVIDENCE_RETENTION_DAYS sets for how long sources "
        "are kept, from the day you set it."
    )


class Difference(NamedTuple):
    """A result that isn't what was recorded. "" where there is none."""

    user_name: str
    rule: str
    recorded: str
    now: str


@dataclass(frozen=True)
class Rejudged:
    """The results of a past day, made again."""

    account_id: str
    day: date
    as_of: datetime
    """The time as of which was judged: when the account was last judged by the end of that day."""
    sources: Sequence[Kept]
    """What they were made from, one of each kind, as they were stored."""
    missing: Sequence[Source]
    """Kinds of which no source from that day is kept."""
    results: States
    recorded: States | None
    """What was recorded. None: there is no list for that day."""
    why_no_list: str
    """Why there is none."""

    @property
    def differences(self) -> list[Difference]:
        """Return what differs, by rule and user."""
        if self.recorded is None:
            return []
        both = self.recorded.keys() | self.results.keys()
        pairs = ((key, self.recorded.get(key, ""), self.results.get(key, "")) for key in both)
        found = [Difference(*key, was, now) for key, was, now in pairs if was != now]
        return sorted(found, key=lambda each: (each.rule, each.user_name))

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Return how many results there are, by rule and state."""
        found: dict[str, Counter[str]] = {}
        for (_user, rule), state in self.results.items():
            found.setdefault(rule, Counter())[state] += 1
        return found


def rejudged(engine: Engine, account_id: str, day: date, config: Mapping[str, Any], now: datetime) -> Rejudged:
    """Make the results of a past day again. config: Flask's. Raises NothingKept, SourceUnreadable, and what importing
    a source raises.
    """
    archive = Archive.of(config)
    with engine.connect() as connection:
        why = history.why_no_list(connection, account_id, day, now.date())
        past = None if why else history.past_day(connection, account_id, day, now.date())
        end = history.end_of(day)
        as_of = min(past.figures.at if past and past.figures.at else end - timedelta(seconds=1), now)
        latest: dict[str, Kept] = {}
        for each in kept(connection, account_id, before=end):
            latest.setdefault(each.kind, each)
        if not latest:
            raise NothingKept
        sources = sorted(latest.values(), key=lambda each: (each.stored_at, each.id))
        recorded = _recorded(connection, past) if past else None
        with _in_memory() as scratch:
            _copy_exceptions(connection, scratch, account_id, as_of)
            for each in sources:
                _store(scratch, each, archive.read(connection, each), config, as_of)
            results = _results(scratch, account_id, config, as_of)
    missing = [kind for kind in KINDS if kind not in latest]
    return Rejudged(account_id, day, as_of, sources, missing, results, recorded, why)


def _recorded(connection: Connection, past: history.PastDay) -> States:
    found = {("", rule): str(state) for rule, state in past.account_states.items()}
    for user in history.past_users(connection, past):
        found |= {(user.user_name, rule): state for rule, state in user.states.items()}
    return found


@contextmanager
def _in_memory() -> Iterator[Engine]:
    """Open an empty database in memory, without signals about changes in it."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    try:
        Base.metadata.create_all(engine)
        with people_changed.muted():
            yield engine
    finally:
        engine.dispose()


def _copy_exceptions(connection: Connection, scratch: Engine, account_id: str, at: datetime) -> None:
    """Copy the exceptions that were there at that time, as they were then."""
    query = select(ComplianceException.__table__).where(
        ComplianceException.account_id == account_id, ComplianceException.made_at <= at
    )
    rows = []
    for row in connection.execute(query):
        values = dict(row._mapping)
        if values["ended_at"] is None or values["ended_at"] > at:
            values |= {"ended_at": None, "ended_by": ""}
        if values["approved_at"] and values["approved_at"] > at:
            values |= {"waits": True, "approved_at": None}
        rows.append(values)
    if rows:
        with scratch.begin() as copy:
            copy.execute(insert(ComplianceException), rows)


def _terms_at(config: Mapping[str, Any], account_id: str, at: datetime) -> TermsOf:
    return lambda others: terms_of(config, account_id, others, at)


def _store(scratch: Engine, source: Kept, content: bytes, config: Mapping[str, Any], at: datetime) -> None:
    """Store a source as it was stored then."""
    account_id, terms = source.account_id, _terms_at(config, source.account_id, at)
    ensure_account_row(scratch, account_id)
    if source.kind == Source.REPORT:
        keep_report(scratch, parse(content, source.collected_at), at, terms)
    elif source.kind == Source.DETAILS:
        keep_details(scratch, details.parse(content, source.collected_at), at, terms)
    else:
        lists = list_source.read(content)
        with locked(scratch, account_id) as account:
            keep_lists(account, lists.users, lists.virtual, lists.facts, lists.at, terms)


def _results(scratch: Engine, account_id: str, config: Mapping[str, Any], at: datetime) -> States:
    with locked(scratch, account_id) as account:
        terms = _terms_at(config, account_id, at)(account.row.user_list.get("others"))
        of_account = account_verdicts(account.row, terms, account.exceptions(at))
        found = {("", rule): str(verdict.state) for rule, verdict in of_account.items()}
        for name, row in read_people(account.connection, account_id).items():
            found |= {(name, rule): state for rule, state in states(row.verdicts).items()}
        return found


def as_fields(result: Rejudged) -> dict[str, Any]:
    """Return it for JSON."""
    return {
        "account_id": result.account_id,
        "day": result.day.isoformat(),
        "judged_as_of": _stamp(result.as_of),
        "sources": [
            {
                "source": str(each.kind),
                "collected_at": _stamp(each.collected_at),
                "stored_at": _stamp(each.stored_at),
                "how": each.how,
                "by": each.by,
                "sha256": each.sha256,
            }
            for each in result.sources
        ],
        "missing": [str(kind) for kind in result.missing],
        "recorded": result.recorded is not None,
        "why_not_recorded": result.why_no_list,
        "results": [
            {"user_name": user, "rule": rule, "state": state}
            for (user, rule), state in sorted(result.results.items(), key=lambda each: (each[0][1], each[0][0]))
        ],
        "differences": [each._asdict() for each in result.differences],
    }


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def as_lines(result: Rejudged, names: Mapping[Source, str]) -> Iterator[str]:
    """Yield it as lines to read. names: of the sources."""
    yield _("Account %(id)s, %(day)s: judged as of %(time)s, by today’s rules", id=result.account_id, day=result.day,
            time=_stamp(result.as_of))  # fmt: skip
    for each in result.sources:
        yield _(
            "Source: %(source)s, collected at %(time)s, SHA-256 %(digest)s",
            source=names[Source(each.kind)],
            time=_stamp(each.collected_at),
            digest=each.sha256,
        )
    for kind in result.missing:
        yield _("Not kept: %(source)s. Results that need it are unknown.", source=names[kind])
    yield ""
    yield f"{'rule':<32} {'pass':>7} {'fail':>7} {'unknown':>7} {'excepted':>8}"
    for rule, count in result.counts.items():
        numbers = f"{count['pass']:>7} {count['fail']:>7} {count['unknown']:>7} {count['excepted']:>8}"
        yield f"{rule:<32} {numbers}"
    yield ""
    if result.recorded is None:
        yield _("Not compared with what was recorded. %(why)s", why=result.why_no_list)
        return
    found = result.differences
    yield _(
        "%(same)d results are as recorded, %(other)d aren’t.",
        same=len(result.recorded.keys() | result.results.keys()) - len(found),
        other=len(found),
    )
    for user, rule, was, now in found:
        yield f"{rule:<32} {user or result.account_id}: {was or '-'} -> {now or '-'}"
