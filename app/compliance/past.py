"""The list of a past day, and what changed between two days, as rows of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from app import __version__
from app.compliance.data import history
from app.compliance.data.history import PastDay, VerdictChange
from app.compliance.data.queries import Filter
from app.web.exports import as_csv, as_json

LISTED = ("account_id", "user_name", "arn", "user_id", "rule", "state")
LISTED_LAST = ("deleted_at", "day", "recorded_at", "exported_at", "product_version")
"""Columns of the list of a past day. `user_name_exact` is between the two."""
CHANGED = ("account_id", "user_name", "rule", "change", "was", "became", "at")
"""Columns of what changed."""


class Result(NamedTuple):
    """The result of a rule at the end of a past day. For the account itself, the user fields are empty."""

    user_name: str
    arn: str
    user_id: str
    deleted_at: datetime | None
    rule: str
    state: str


def results(engine: Engine, past: PastDay, chosen: Filter, among: Iterable[str] | None = None) -> Iterator[Result]:
    """Yield the results that match, the account's own first, and those of users who were deleted since last.

    chosen: by rule and state. among: ids of the rules that are wanted, None for all.
    """
    rules, states = chosen.rules, chosen.states
    wanted = None if among is None else frozenset(among)

    def of(who: tuple[str, str, str, datetime | None], said: Mapping[str, str]) -> Iterator[Result]:
        for rule, state in said.items():
            matches = (not rules or rule in rules) and (not states or state in states)
            if matches and (wanted is None or rule in wanted):
                yield Result(*who, rule, str(state))

    yield from of(("", "", "", None), past.account_states)
    with engine.connect() as connection:
        for name, arn, user_id, deleted_at, said in history.past_users(connection, past):
            yield from of((name, arn, user_id, deleted_at), said)


def list_as(form: str, past: PastDay, found: Iterable[Result], made_at: datetime) -> Iterator[str]:
    """Yield the parts of a file. form: "csv" or "json". made_at: when the file is made."""
    same = {
        "day": past.day.isoformat(),
        "recorded_at": _stamp(past.figures.at) if past.figures.at else past.recorded_on.isoformat(),
        "exported_at": _stamp(made_at),
        "product_version": __version__,
    }
    rows = (
        {
            "account_id": past.account_id,
            **each._asdict(),
            "deleted_at": _stamp(each.deleted_at) if each.deleted_at else "",
            **same,
        }
        for each in found
    )
    return as_csv(LISTED, rows, LISTED_LAST) if form == "csv" else as_json(rows)


def changes_as(form: str, account_id: str, found: Iterable[VerdictChange]) -> Iterator[str]:
    """Yield the parts of a file with what changed. form: "csv" or "json"."""
    rows: Iterator[dict[str, Any]] = (
        {
            "account_id": account_id,
            "user_name": each.user_name,
            "rule": each.rule,
            "change": "began" if each.fails_after else "stopped",
            "was": each.was,
            "became": each.became,
            "at": _stamp(each.at),
        }
        for each in found
    )
    return as_csv(CHANGED, rows) if form == "csv" else as_json(rows)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
