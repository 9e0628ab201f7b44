"""Why something was refused: every kind of error has a stable code, and entries of earlier releases stay readable."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from app.activity import labels, queries
from app.audit.events import Event, Phase
from app.audit.history import done_without
from app.audit.models import ActivityHead, ActivityRow
from app.audit.reasons import FORMER, code_of
from app.commands import activity
from app.db import db
from app.errors import PortalError, Throttled
from tests.audit.conftest import ACCOUNT, somebody
from tests.support.refusals import kinds, nothing_changed

FILE = Path(__file__).parent / "data/before-error-codes.jsonl"
BEFORE = [json.loads(line) for line in FILE.read_text().splitlines()]
"""Rows that a release before `PortalError.code` wrote: every kind of error it had, once, and two keys.

The key AKIAGONE no longer existed when its user deleted it. Deleting AKIADENIED was not allowed.
"""


@pytest.fixture
def earlier(portal: Flask) -> Flask:
    """A portal on the database of the earlier release."""
    rows = [{**row, "at": datetime.fromisoformat(row["at"])} for row in BEFORE]
    with db.engine.begin() as connection:
        connection.execute(insert(ActivityRow), rows)
        connection.execute(insert(ActivityHead).values(account_id=ACCOUNT, seq=rows[-1]["seq"], mac=rows[-1]["mac"]))
    return portal


def test_every_kind_of_error_has_a_code_of_its_own_and_a_label() -> None:
    found = list(kinds())
    assert [kind.__name__ for kind in found if "code" not in vars(kind)] == []
    codes = Counter(kind.code for kind in found)
    assert [code for code, times in codes.items() if times > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) or len(code) > 64] == []
    assert codes.keys() == labels.REASONS.keys(), "each has a label, and no label is without its error"


def test_only_errors_after_which_nothing_changed_say_so() -> None:
    says_so = {kind.code for kind in kinds() if "othing was changed" in kind.message}
    assert Throttled.code in says_so
    assert says_so <= nothing_changed()


def test_every_event_has_its_words() -> None:
    assert labels.EVENTS.keys() == set(Event)
    assert all(event.done and event.tried for event in Event)


def test_codes_that_earlier_rows_are_read_as_exist() -> None:
    assert FORMER.keys() == {row["reason"] for row in BEFORE} - {""}
    assert set(FORMER.values()) <= {kind.code for kind in kinds()}


def test_rows_of_an_earlier_release_are_sound_and_shown_with_their_labels(earlier: Flask) -> None:
    done = earlier.test_cli_runner().invoke(activity, args=["verify"])
    assert done.exit_code == 0, done.output
    page = queries.entries(db.engine, ACCOUNT, queries.Filter(event=Event.SIGN_IN), datetime.now(UTC), size=500)
    assert len(page.entries) == len(FORMER)
    for entry in page.entries:
        assert entry.reason not in FORMER
        assert labels.outcome(entry) == labels.OUTCOMES[Phase.REFUSED]
        assert labels.reason(entry) == labels.REASONS[entry.reason]


def test_what_an_earlier_release_found_missing_is_not_asked_for_again(earlier: Flask) -> None:
    assert done_without(somebody(), Event.ACCESS_KEY_CREATED, Event.ACCESS_KEY_DELETED) == ["AKIADENIED"]


def test_the_code_is_what_is_stored(portal: Flask) -> None:
    found = list(kinds())
    for kind in found:
        refused = kind.__new__(kind)  # some take arguments of their own
        PortalError.__init__(refused)
        somebody().note(Event.SIGN_IN, "AKIA", refused=refused)
    rows = queries.rows(db.engine, ACCOUNT, queries.Filter())
    assert [row["reason"] for row in rows] == [kind.code for kind in found]


def test_a_reason_of_a_newer_release_is_shown_as_it_is(portal: Flask) -> None:
    somebody().note(Event.SIGN_IN, "AKIA", refused=Throttled())
    [entry] = queries.entries(db.engine, ACCOUNT, queries.Filter(), datetime.now(UTC)).entries
    assert labels.reason(replace(entry, reason=code_of("from-the-future"))) == "from-the-future"
