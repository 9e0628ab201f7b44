"""Reports and addresses nobody honest sends: refused in a sentence, never an error of ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compliance.data.credential_report import NotAReport, parse
from app.sandbox.operations.credential_report import HEADER
from app.web.exports import neutral
from tests.compliance.test_report import ALICE, ROOT


def report(row: str) -> bytes:
    return "\n".join([HEADER, ROOT, row]).encode()


def refusal(content: bytes, made_at: datetime | None = None) -> NotAReport:
    """Of what is no report."""
    with pytest.raises(NotAReport) as told:
        parse(content, made_at)
    return told.value


@pytest.mark.parametrize("name", ["=cmd|x", "a/b", "<b>x", "al ice", "\t" * 2000, "x" * 65, ""])
def test_who_could_be_no_user_is_refused(name: str) -> None:
    row = ALICE.replace("alice,", f"{name},", 1)
    assert refusal(report(row)).diagnosis == ("user-name" if name else "empty")


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-01-01T00:00:00Z"])
def test_times_far_from_ours_are_refused(when: str) -> None:
    assert refusal(report(ALICE.replace("2026-02-01T10:00:00Z", when))).diagnosis == "time"


def test_deep_json_is_no_report() -> None:
    assert refusal(b'{"a":' * 200_000).diagnosis == "json"


def test_formulas_are_neutral_also_behind_separators() -> None:
    assert neutral("=1+1") == "'=1+1" and neutral("a;=1") == "a;'=1"
    assert neutral('Mozilla/5.0 (x;"=HYPERLINK("http://evil")') == """Mozilla/5.0 (x;'"=HYPERLINK("http://evil")"""
    assert neutral("a; ' +1") == "a;' ' +1" and neutral("＝1") == "'＝1" and neutral(' "@SUM(A1)') == "' \"@SUM(A1)"
    assert neutral("Mozilla/5.0 (X11; Linux x86_64) a-b=c") == "Mozilla/5.0 (X11; Linux x86_64) a-b=c"
    assert neutral("\t" * 20_000) == "'" + "\t" * 20_000


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="=+-@＝a1;\t\r\n\"' \u00a0\u3000", max_size=12))
def test_a_cell_that_is_left_as_it_is_has_nothing_to_neutralize(text: str) -> None:
    parts = re.split(r"([;\t\r\n])", text)
    plain = "".join(f"'{part}" if re.match("[\"' \u00a0\u3000]*[=+@＝-]", part) else part for part in parts)
    assert neutral(text) == (f"'{plain}" if plain[:1] in ("\t", "\r") else plain)


USERS = "arn:aws:iam::123456789012:user"


@pytest.mark.parametrize(
    "arn",
    [
        f"{USERS}/bob",
        f"{USERS}/alice/bob",
        f"{USERS}/alice/",
        f"{USERS}alice",
        f"{USERS}//alice",
        f"{USERS}/eng/Alice",
        "arn:aws:iam::123456789012:root",
        f"{USERS}/e\x07ng/alice",
        f"{USERS}/e\x00ng/alice",
        f"{USERS}/e ng/alice",
        f"{USERS}/é/alice",
        f"{USERS}/{'x' * 511}/alice",
        f"{USERS}/{'x' * 5000}/alice",
        "arn:aws:iam::12345678901２:user/alice",
    ],
)
def test_an_arn_that_is_not_the_users_is_refused_with_its_line(arn: str) -> None:
    refused = refusal(report(ALICE.replace(f"{USERS}/eng/alice", arn)))
    assert refused.diagnosis in ("arn", "other-arn") and " 3 " in str(refused)


def test_the_root_users_line_is_of_the_root_user_and_there_is_one() -> None:
    refused = refusal("\n".join([HEADER, ROOT.replace(":root,", ":user/root,")]).encode())
    assert refused.diagnosis == "other-arn" and " 2 " in str(refused) and "<root_account>" in str(refused)
    refused = refusal(report(ROOT))
    assert refused.diagnosis == "twice" and " 3 " in str(refused) and "<root_account>" in str(refused)


def test_another_accounts_line_is_named() -> None:
    refused = refusal(report(ALICE.replace("123456789012", "999999999999")))
    assert refused.diagnosis == "mixes-accounts"
    assert re.findall(r"\d+", str(refused)) == ["3", "999999999999", "123456789012"], "line and accounts"


def test_a_path_as_long_as_iam_allows_is_read() -> None:
    long = f"/{'~!{' * 170}/"
    assert len(long) == 512
    (alice,) = parse(report(ALICE.replace("/eng/", long))).people
    assert alice.path == long


def test_a_report_without_any_time_is_refused() -> None:
    timeless = "\n".join([HEADER, re.sub(r"\d{4}-[^,]*", "N/A", ROOT)])
    assert refusal(timeless.encode()).diagnosis == "no-time"


def test_a_report_made_before_what_it_tells_of_is_refused() -> None:
    for told in (datetime(2026, 8, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        assert refusal(report(ALICE), told).diagnosis == "made-before"
    assert parse(report(ALICE), datetime(2026, 9, 2, tzinfo=UTC)).exact
