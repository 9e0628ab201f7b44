"""Reports and addresses nobody honest sends: refused in a sentence, never an error of ours."""

from __future__ import annotations

import pytest

from app.compliance.report import NotAReport, parse
from app.exports import neutral
from app.sandbox.behaviours.credential_report import HEADER
from tests.compliance.test_report import ALICE, ROOT


def report(row: str) -> bytes:
    return "\n".join([HEADER, ROOT, row]).encode()


@pytest.mark.parametrize("name", ["=cmd|x", "a/b", "<b>x", "al ice", "\t" * 2000, "x" * 65, ""])
def test_who_could_be_no_user_is_refused(name: str) -> None:
    row = ALICE.replace("alice,", f"{name},", 1)
    with pytest.raises(NotAReport):
        parse(report(row))


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-01-01T00:00:00Z"])
def test_times_far_from_ours_are_refused(when: str) -> None:
    with pytest.raises(NotAReport):
        parse(report(ALICE.replace("2026-02-01T10:00:00Z", when)))


def test_deep_json_is_no_report() -> None:
    with pytest.raises(NotAReport):
        parse(b'{"a":' * 200_000)


def test_formulas_are_neutral_also_behind_separators() -> None:
    assert neutral("=1+1") == "'=1+1" and neutral("a;=1") == "a;'=1"
    assert neutral('Mozilla/5.0 (x;"=HYPERLINK("http://evil")') == """Mozilla/5.0 (x;'"=HYPERLINK("http://evil")"""
    assert neutral("a; ' +1") == "a;' ' +1" and neutral("＝1") == "'＝1" and neutral(' "@SUM(A1)') == "' \"@SUM(A1)"
    assert neutral("Mozilla/5.0 (X11; Linux x86_64) a-b=c") == "Mozilla/5.0 (X11; Linux x86_64) a-b=c"
    assert neutral("\t" * 20_000) == "'" + "\t" * 20_000
