"""The credential report in every form that AWS's tools print it in, and what only looks like one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.compliance.data.credential_report import CredentialReport, NotAReport, parse
from app.sandbox.operations.credential_report import HEADER
from tests.compliance.test_report import ALICE, ROOT, SAID_LAST, WHOLE

IN_BASE64 = base64.b64encode(WHOLE.encode()).decode()
MADE = datetime(2026, 9, 1, 12, tzinfo=UTC)
ISO = MADE.isoformat()
LINES = "\n".join(IN_BASE64[at : at + 76] for at in range(0, len(IN_BASE64), 76))
INDENTED = "\n".join(f"  {line}" for line in LINES.split("\n"))
ANSWER = {"Content": IN_BASE64, "GeneratedTime": ISO, "ReportFormat": "text/csv"}


def same(report: CredentialReport) -> bool:
    return [person.user_name for person in report.people] == ["alice", "bob"]


WITH_TIME = {
    "json": json.dumps(ANSWER),
    "json, indented": json.dumps(ANSWER, indent=4),
    "json, seconds": json.dumps(ANSWER | {"GeneratedTime": MADE.timestamp()}),
    "json of Python, bytes as text": json.dumps(
        ANSWER | {"Content": str(WHOLE.encode()), "GeneratedTime": str(MADE)}
    ),
    "json of Python, text": json.dumps(ANSWER | {"Content": WHOLE}),
    "yaml": f"Content: {IN_BASE64}\nGeneratedTime: '{ISO}'\nReportFormat: text/csv\n",
    "yaml, without quotes": f"---\nContent: {IN_BASE64}\nGeneratedTime: {MADE}\nReportFormat: text/csv\n",
    "yaml, in quotes": f"Content: \"{IN_BASE64}\"\nGeneratedTime: '{ISO}'\nReportFormat: text/csv\n",
    "yaml, a block": f"Content: |\n{INDENTED}\nGeneratedTime: '{ISO}'\nReportFormat: text/csv\n",
    "yaml, binary": f"Content: !!binary |\n{INDENTED}\nGeneratedTime: '{ISO}'\nReportFormat: text/csv\n",
    "yaml, folded": f"Content: >-\n{INDENTED}\nGeneratedTime: '{ISO}'\nReportFormat: text/csv\n",
    "yaml, wrapped in quotes": f"Content: '{LINES.replace(chr(10), chr(10) + '  ')}'\nGeneratedTime: '{ISO}'\n",
    "yaml-stream": f"- Content: {IN_BASE64}\n  GeneratedTime: '{ISO}'\n  ReportFormat: text/csv\n",
    "text": f"{IN_BASE64}\t{ISO}\ttext/csv\n",
}
WITHOUT_TIME = {
    "csv": WHOLE,
    "tabs": WHOLE.replace(",", "\t"),
    "base64": IN_BASE64,
    "base64, wrapped": LINES + "\n",
    "base64 in json": json.dumps(IN_BASE64),
    "base64 in yaml": f"{IN_BASE64}\n...\n",
    "bytes of Python": str(WHOLE.encode()),
    "csv after a prompt": f"$ aws iam get-credential-report --query Content --output text | base64 -d\n{WHOLE}",
    "csv after blank lines": f"\n\n{WHOLE}",
    "csv with a mark of Excel": f"sep=,\n{WHOLE}",
    "base64 after a prompt": f"$ aws iam get-credential-report --query Content --output text\n{IN_BASE64}\n",
    "base64 of certutil": f"-----BEGIN CERTIFICATE-----\n{LINES}\n-----END CERTIFICATE-----\n",
    "base64 of utf-8 with a mark": base64.b64encode(b"\xef\xbb\xbf" + WHOLE.encode()).decode(),
}
ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "utf-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "lines of windows": lambda text: text.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("form", [*WITH_TIME, *WITHOUT_TIME])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_form_is_read_in_every_encoding(form: str, encoding: str) -> None:
    text = {**WITH_TIME, **WITHOUT_TIME}[form]
    report = parse(ENCODINGS[encoding](text))
    assert same(report) and report.exact == (form in WITH_TIME)
    if form in WITH_TIME:
        assert report.made_at == MADE
    else:
        assert parse(ENCODINGS[encoding](text), MADE).made_at == MADE, "when it was made is what somebody says"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"{'-' * 4000}\n|  GetCredentialReport  |\n+--------+\n|  Content  |  {IN_BASE64}  |\n", "table"),
        (base64.b64encode(b"a picture, or something else that is no report at all").decode(), "base64-of-others"),
        (IN_BASE64[:-5], "base64-damaged"),
        (IN_BASE64[: len(IN_BASE64) // 8 * 4], "cut-short"),
        (f"{IN_BASE64[:-5]}\t{ISO}\ttext/csv", "base64-damaged"),
        (f'"{IN_BASE64}', "unclosed"),
        ("", "nothing"),
        ("\r\n", "nothing"),
        (json.dumps({**ANSWER, "Content": IN_BASE64[:-5]}), "base64-damaged"),
        (json.dumps({**ANSWER, "Content": 7}), "json"),
        (json.dumps({**ANSWER, "GeneratedTime": "2026-09-01T12:00:00"}), "json"),
        (json.dumps({**ANSWER, "GeneratedTime": 1e300}), "json"),
        (json.dumps({**ANSWER, "GeneratedTime": True}), "json"),
        (json.dumps(ANSWER)[:-60], "json"),
        (f"{{'Content': {WHOLE.encode()!r}, 'GeneratedTime': datetime.datetime(2026, 9, 1)}}", "python"),
        (f"Content: {IN_BASE64}\nReportFormat: text/csv\n", "yaml"),
        (f"Content: {IN_BASE64[:-5]}\nGeneratedTime: '{ISO}'\n", "base64-damaged"),
        (WHOLE.replace(",", ";"), "columns"),
        (f"<GetCredentialReportResponse><Content>{IN_BASE64}</Content></GetCredentialReportResponse>", "xml"),
        ("<!DOCTYPE html><html>", "markup"),
        ("\nContent       : {117, 115, 101}\nGeneratedTime : 9/1/2026 12:00:00 PM\n", "powershell"),
        ("\n".join([HEADER, ROOT, ALICE[:50]]).replace(",", "\t"), "cut-short"),
    ],
)  # fmt: skip
def test_what_is_not_one_is_called_what_it_is(content: str, why: str) -> None:
    with pytest.raises(NotAReport) as told:
        parse(content.encode())
    assert told.value.diagnosis == why
    assert str(told.value).endswith(SAID_LAST)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(NotAReport):
        parse(WHOLE.encode(encoding))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([*WITH_TIME.values(), *WITHOUT_TIME.values()]), st.integers(0, 6000), st.binary(max_size=8))
def test_no_damage_breaks_the_reader(text: str, at: int, junk: bytes) -> None:
    content = text.encode()
    for damaged in (content[:at], content[:at] + junk + content[at:], junk + content):
        try:
            parse(damaged)
        except NotAReport as told:
            assert told.diagnosis and str(told).endswith(SAID_LAST)
