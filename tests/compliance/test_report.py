"""The credential report: every spelling AWS has, and every file that is not one."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Unpack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from app.aws.user_list import UserListEntry
from app.compliance.data import updates
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.credential_report import LARGEST, CredentialReport, NotAReport, parse
from app.compliance.data.models import ComplianceChange, ComplianceException, CompliancePerson
from app.compliance.data.people_data import states
from app.compliance.data.rows import ChangeRow, ExceptionRow, PersonRow
from app.compliance.rules.sources import OwnFacts
from app.compliance.rules.subjects import Terms
from app.sandbox.operations.credential_report import HEADER
from app.sessions.contents import Person

ACCOUNT = "123456789012"
SAID_LAST = NotAReport.message.partition(". ")[2]
"""That nothing was changed."""
NOW = datetime(2026, 9, 2, tzinfo=UTC)
ROOT = (
    f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00+00:00,not_supported,2026-08-01T08:00:00+00:00,"
    "not_supported,not_supported,TRUE,FALSE,N/A,N/A,N/A,N/A,FALSE,N/A,N/A,N/A,N/A,FALSE,N/A,FALSE,N/A"
)
ALICE = (
    f"alice,arn:aws:iam::{ACCOUNT}:user/eng/alice,2026-01-01T10:00:00Z,true,no_information,2026-01-01T10:00:00Z,N/A,"
    "false,true,2026-01-01T10:00:00Z,2026-09-01T09:15:00Z,us-east-1,s3,false,2025-01-01T10:00:00Z,N/A,N/A,N/A,"
    "true,2026-02-01T10:00:00Z,false,N/A"
)
BOB = (
    f"bob,arn:aws:iam::{ACCOUNT}:user/bob,2026-01-02T10:00:00Z,false,N/A,N/A,N/A,true,"
    "false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)
WHOLE = "\n".join([HEADER, ROOT, ALICE, BOB])


def read(text: str, made_at: datetime | None = None) -> CredentialReport:
    return parse(text.encode(), made_at)


def test_what_it_says() -> None:
    report = read(WHOLE)
    assert (report.account_id, report.exact) == (ACCOUNT, False)
    assert report.made_at == datetime(2026, 9, 1, 9, 15, tzinfo=UTC), "AWS made it then or later"
    assert report.root == {"mfa": True, "keys": False, "used": "2026-08-01T08:00:00+00:00"}
    alice, bob = report.people
    assert (alice.path, bob.path) == ("/eng/", "/")
    assert alice.facts["password"] and not alice.facts["mfa"] and alice.facts["used"] is None
    assert alice.facts["keys"] == [
        [True, "2026-01-01T10:00:00Z", "2026-09-01T09:15:00Z"],
        [False, "2025-01-01T10:00:00Z", None],
    ]
    assert alice.facts["certificates"] == [[True, "2026-02-01T10:00:00Z"]]
    assert bob.facts["mfa"] and not bob.facts["password"] and bob.facts["keys"] == []


def test_spellings_and_shapes() -> None:
    plain = read(WHOLE)
    assert read("\ufeff" + WHOLE.replace("\n", "\r\n") + "\r\n") == plain
    assert read(WHOLE.replace(",true", ",TRUE").replace(",false", ",FALSE")) == plain
    more = "\n".join(
        f"{line},{extra}" for line, extra in zip(WHOLE.split("\n"), ("new_info", "", "x", "y"), strict=True)
    )
    assert read(more) == plain
    table = [line.split(",") for line in WHOLE.split("\n")]
    order = list(reversed(range(len(table[0]))))
    assert read("\n".join(",".join(row[place] for place in order) for row in table)) == plain
    answer = {"Content": base64.b64encode(WHOLE.encode()).decode(), "ReportFormat": "text/csv"}
    told = read(json.dumps(answer | {"GeneratedTime": "2026-09-01T12:00:00+00:00"}))
    assert told.exact and told.made_at == datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "why", "named"),
    [
        (b"", "nothing", ""),
        (b"User name,Password\nalice,x", "columns", "user, arn"),
        (b"\xff\xfe\x00", "not-text", ""),
        (b"%PDF-1.4 \x00", "columns", ""),
        (b'{"Content": "AAAA"}', "json", ""),
        ("\n".join([HEADER, ALICE, BOB]).encode(), "no-root", ""),
        ("\n".join([HEADER, ROOT]).encode() + b"\n" + ALICE[:60].encode(), "cut-short", "3"),
        (WHOLE.replace("2026-02-01T10:00:00Z", "01.02.2026").encode(), "time", "01.02.2026"),
        (WHOLE.replace("2026-02-01T10:00:00Z", "2026-02-01").encode(), "time", "2026-02-01"),
        (WHOLE.replace(",true,no_information", ",yes,no_information").encode(), "boolean", "yes"),
        ((WHOLE + "\n" + BOB).encode(), "twice", "bob"),
        ((WHOLE + "\n" + BOB.replace("bob", "eve").replace(ACCOUNT, "999999999999")).encode(), "mixes-accounts",
         "999999999999"),
        (WHOLE.replace("arn:aws:iam", "urn").encode(), "arn", "urn"),
        (WHOLE.replace("alice,", '"alice,').encode(), "cut-short", ""),
        (b"x" * (LARGEST + 1), "too-large", ""),
    ],
)  # fmt: skip
def test_what_is_not_one_is_refused_in_a_sentence(content: bytes, why: str, named: str) -> None:
    with pytest.raises(NotAReport) as told:
        parse(content)
    assert told.value.diagnosis == why and named in str(told.value)
    assert str(told.value).endswith(SAID_LAST)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_half_a_file_is_refused_or_ends_with_a_whole_line(length: int) -> None:
    try:
        report = read(WHOLE[:length])
    except NotAReport:
        return
    ends = len("\n".join([HEADER, ROOT])), len("\n".join([HEADER, ROOT, ALICE]))
    assert length in (*ends, *(end + 1 for end in ends))
    assert len(report.people) == (length > ends[0] + 1)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from('abc,"\n\r\x00;é{}'), max_size=200), st.integers(0, len(WHOLE)))
def test_no_file_brings_the_parser_down(garbage: str, at: int) -> None:
    for text in (garbage, WHOLE[:at] + garbage + WHOLE[at:]):
        with suppress(NotAReport):
            read(text)


# -- imported


def terms_of(others: int | None) -> Terms:
    return Terms(NOW, others_at_most=others)


MADE = {"alice": datetime(2026, 1, 1, 10, tzinfo=UTC), "bob": datetime(2026, 1, 2, 10, tzinfo=UTC)}
"""As the report has it."""


USERS = f"arn:aws:iam::{ACCOUNT}:user"


def user_list(
    engine: Engine,
    at: datetime,
    virtual: dict[str, int],
    names: tuple[str, ...],
    others: int = 3,
    made: dict[str, datetime] = MADE,
    ids: dict[str, str] = {},  # noqa: B006 # never changed
) -> None:
    ensure_account_row(engine, ACCOUNT)
    users = [
        UserListEntry(
            name, f"arn:aws:iam::{ACCOUNT}:user/{name}", "/", made.get(name, MADE["alice"]), None, ids.get(name, "")
        )
        for name in names
    ]
    with locked(engine, ACCOUNT) as account:
        updates.keep_lists(account, users, virtual, {"others": others}, at, terms_of)


def says(engine: Engine, rule: str) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(select(CompliancePerson.user_name, CompliancePerson.verdicts))
        return {name: states(words).get(rule, "") for name, words in found}


def stored(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(CompliancePerson.__table__))]


def hour(of: int) -> datetime:
    return datetime(2026, 9, 1, of, tzinfo=UTC)


def refused(engine: Engine, report: CredentialReport, why: str, named: str = "") -> None:
    with pytest.raises(NotAReport) as told:
        updates.keep_report(engine, report, NOW, terms_of)
    assert told.value.diagnosis == why and named in str(told.value)


def test_typed_rows_have_the_columns_of_their_tables() -> None:
    for row, model in (
        (PersonRow, CompliancePerson),
        (ExceptionRow, ComplianceException),
        (ChangeRow, ComplianceChange),
    ):
        assert [field.name for field in fields(row)] == model.__table__.columns.keys()


def test_older_or_partial_reports_change_nothing(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob", "carol", "dave"))
    refused(engine, read(WHOLE), "incomplete", " 2 ")
    user_list(engine, hour(8), {}, ("alice", "bob", *(f"user{number}" for number in range(40))))
    refused(engine, read(WHOLE), "incomplete", " 40 ")
    user_list(engine, hour(8), {}, ("alice", "bob"))
    assert updates.keep_report(engine, read(WHOLE, hour(12)), NOW, terms_of) == 2
    before = stored(engine)
    refused(engine, read(WHOLE), "older")
    refused(engine, read(WHOLE, NOW + timedelta(days=1)), "future")
    assert stored(engine) == before
    assert updates.keep_report(engine, read(WHOLE, hour(12)), NOW, terms_of) == 2, "the same once more is harmless"


def test_who_is_gone_is_what_the_newer_of_both_says(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "gone"))
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    assert set(says(engine, "mfa")) == {"alice", "bob"}, "bob came, somebody went"
    user_list(engine, hour(10), {}, ("alice",))
    assert set(says(engine, "mfa")) == {"alice"}
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    assert set(says(engine, "mfa")) == {"alice"}, "an earlier report does not bring bob back"


def test_mfa_of_every_kind_comes_from_the_report(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    assert says(engine, "mfa") == {"alice": "unknown", "bob": "unknown"}
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass"}
    user_list(engine, hour(11), {"alice": 1}, ("alice", "bob"))
    assert says(engine, "mfa") == {"alice": "pass", "bob": "pass"}, "no user list will ever show bob's kind"
    user_list(engine, hour(12), {}, ("alice", "bob"))
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass"}, "alice gave hers up again"


def test_a_virtual_device_that_goes_after_the_report_is_missed(engine: Engine) -> None:
    user_list(engine, hour(8), {"bob": 1}, ("alice", "bob"))
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    user_list(engine, hour(11), {}, ("alice", "bob"))
    assert says(engine, "mfa")["bob"] == "unknown"
    user_list(engine, hour(12), {}, ("alice", "bob"), others=0)
    assert says(engine, "mfa")["bob"] == "fail"


def test_what_people_show_themselves_counts_until_newer_is_known(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)

    shows(engine, "alice", mfa=(hour(11).isoformat(), ["SECURITY_KEY"]))
    shows(engine, "alice", keys=(hour(11).isoformat(), [(True, "2026-08-30T00:00:00+00:00")]))
    assert says(engine, "mfa")["alice"] == "pass" and says(engine, "key-age")["alice"] == "pass"
    user_list(engine, hour(12), {}, ("alice", "bob"))
    assert says(engine, "mfa")["alice"] == "pass", "no user list shows a security key"
    updates.keep_report(engine, read(WHOLE, hour(13)), NOW, terms_of)
    assert says(engine, "mfa")["alice"] == "fail" and says(engine, "key-age")["alice"] == "fail"
    shows(engine, "newcomer", mfa=(hour(14).isoformat(), []))
    assert says(engine, "mfa")["newcomer"] == "fail"


def test_an_earlier_read_of_another_session_does_not_undo_a_later_one(engine: Engine) -> None:
    user_list(engine, hour(1), {}, ("alice",))
    shows(engine, "alice", mfa=(hour(3).isoformat(), ["SECURITY_KEY"]))
    shows(engine, "alice", mfa=(hour(2).isoformat(), []), password=(hour(2).isoformat(), True))
    with engine.connect() as connection:
        own = connection.execute(select(CompliancePerson.own).where(CompliancePerson.user_name == "alice")).scalar()
    assert own == {"mfa": [hour(3).isoformat(), ["SECURITY_KEY"]], "password": [hour(2).isoformat(), True]}
    assert says(engine, "mfa")["alice"] == "pass"


def shows(engine: Engine, name: str, user_id: str = "", **own: Unpack[OwnFacts]) -> None:
    user = Person(ACCOUNT, name, "/", "aws", True, NOW, user_id=user_id)
    updates.keep_own(engine, ACCOUNT, user, own, NOW, terms_of)


def excepted(engine: Engine, name: str, rule: str) -> None:
    with engine.begin() as connection:
        whose = {"account_id": ACCOUNT, "user_name": name, "rule": rule, "reason": "leaves soon", "owner": "sec@corp"}
        made = {"until": NOW + timedelta(days=30), "made_at": hour(1), "made_by": "arn", "ended_by": ""}
        connection.execute(insert(ComplianceException).values(**whose, **made))
    with locked(engine, ACCOUNT) as account:
        updates.judge_one(account, name, terms_of)


def test_exceptions_of_who_was_deleted_are_not_for_a_user_of_the_same_name(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    excepted(engine, "alice", "mfa")
    user_list(engine, hour(9), {}, ("bob",))
    user_list(engine, hour(11), {}, ("alice", "bob"), others=0, made={"alice": hour(10)})
    assert says(engine, "mfa")["alice"] == "fail"


def test_who_showed_themselves_since_is_not_dropped(engine: Engine) -> None:
    shows(engine, "newcomer", mfa=(hour(14).isoformat(), ["VIRTUAL"]))
    user_list(engine, hour(13), {}, ("alice", "bob"))
    assert says(engine, "mfa")["newcomer"] == "pass", "the list was read before they were made"
    updates.keep_report(engine, read(WHOLE, hour(13)), NOW, terms_of)
    assert says(engine, "mfa")["newcomer"] == "pass"
    user_list(engine, hour(15), {}, ("alice", "bob"))
    assert "newcomer" not in says(engine, "mfa")


def test_where_no_other_devices_are_in_use_nobody_has_one_of_earlier(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    shows(engine, "alice", mfa=(hour(10).isoformat(), ["HARDWARE"]))
    assert says(engine, "mfa") == {"alice": "pass", "bob": "pass"}
    user_list(engine, hour(12), {}, ("alice", "bob"), others=0)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "fail"}


def test_nothing_is_known_of_who_was_made_anew_under_an_old_name(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    shows(engine, "bob", keys=(hour(10).isoformat(), [(True, "2026-08-30T00:00:00+00:00")]))
    excepted(engine, "alice", "mfa")
    assert says(engine, "mfa") == {"alice": "excepted", "bob": "pass"}
    assert says(engine, "key-age") == {"alice": "fail", "bob": "pass"}

    user_list(engine, hour(12), {}, ("alice", "bob"), made={"alice": hour(11), "bob": hour(11)})
    assert says(engine, "mfa") == {"alice": "unknown", "bob": "unknown"}, "nobody asked these two yet"
    assert says(engine, "key-age") == {"alice": "unknown", "bob": "unknown"}
    updates.keep_report(engine, read(WHOLE, hour(10)), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "unknown", "bob": "unknown"}, "a report of before tells of the former"

    shows(engine, "bob", mfa=(hour(13).isoformat(), ["VIRTUAL"]))
    later = WHOLE.replace("bob,2026-01-02T10:00:00Z", "bob,2026-09-01T14:00:00Z")
    later = later.replace("alice,2026-01-01T10:00:00Z", "alice,2026-09-01T11:00:00Z")
    updates.keep_report(engine, read(later.replace("N/A,true,false", "N/A,false,false"), hour(15)), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "fail"}, "no exception, no device of the former"


def test_a_device_given_after_the_report_makes_nobody_fail_for_having_none(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"), others=1)
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    user_list(engine, hour(12), {}, ("alice", "bob"), others=1)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass"}, "as many as there were"
    user_list(engine, hour(13), {}, ("alice", "bob"), others=2)
    assert says(engine, "mfa") == {"alice": "unknown", "bob": "pass"}, "somebody has a new one"
    user_list(engine, hour(14), {"alice": 1}, ("alice", "bob"), others=2)
    assert says(engine, "mfa") == {"alice": "pass", "bob": "pass"}
    updates.keep_report(engine, read(WHOLE, hour(15)), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass"}, "a newer report says whose it is not"


def test_a_device_taken_after_the_report_makes_nobody_pass_for_having_had_one(engine: Engine) -> None:
    two = WHOLE.replace("bob", "carol") + "\n" + BOB
    user_list(engine, hour(8), {}, ("alice", "bob", "carol"), others=2)
    updates.keep_report(engine, read(two), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass", "carol": "pass"}
    user_list(engine, hour(12), {}, ("alice", "bob", "carol"), others=1)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "unknown", "carol": "unknown"}, "one of two has none now"
    shows(engine, "carol", mfa=(hour(13).isoformat(), ["HARDWARE"]))
    assert says(engine, "mfa")["carol"] == "pass", "she showed it since"
    updates.keep_report(engine, read(two, hour(14)), NOW, terms_of)
    assert says(engine, "mfa") == {"alice": "fail", "bob": "pass", "carol": "pass"}


def test_what_root_has_is_no_device_of_anybody_new(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"), others=3)
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    for at in (11, 12):
        user_list(engine, hour(at), {}, ("alice", "bob"), others=3)
        assert says(engine, "mfa") == {"alice": "fail", "bob": "pass"}, "two were in use before and are not theirs"
    user_list(engine, hour(13), {}, ("alice", "bob"), others=2)
    user_list(engine, hour(14), {}, ("alice", "bob"), others=3)
    assert says(engine, "mfa")["alice"] == "unknown", "one went, and one came"


def test_another_id_under_the_same_name_is_another_user(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"), ids={"alice": "AIDA1", "bob": "AIDA2"})
    updates.keep_report(engine, read(WHOLE), NOW, terms_of)
    excepted(engine, "alice", "mfa")
    assert says(engine, "mfa")["alice"] == "excepted"
    shows(engine, "alice", "AIDA9", mfa=(hour(12).isoformat(), []))
    assert says(engine, "mfa")["alice"] == "fail" and "key-age" not in says_all(engine, "alice")
    made = {"bob": hour(11)}
    user_list(engine, hour(13), {}, ("alice", "bob"), ids={"alice": "AIDA9", "bob": "AIDA3"}, made=made)
    assert says(engine, "mfa")["bob"] == "unknown", "the report tells of the former bob"


def says_all(engine: Engine, name: str) -> dict[str, str]:
    """What is known of a user: rules that answer with more than unknown."""
    with engine.connect() as connection:
        query = select(CompliancePerson.verdicts).where(CompliancePerson.user_name == name)
        found = states(connection.execute(query).scalar_one())
    return {rule: state for rule, state in found.items() if state != "unknown"}
