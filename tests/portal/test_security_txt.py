"""Someone who found a weakness learns where to report it: `/.well-known/security.txt` (RFC 9116)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from app.factory import create_app
from app.web.security_txt import text_of
from config import from_env
from tests.support.databases import GOOD

PATH = "/.well-known/security.txt"
PUBLIC = "https://latchkey.example.com"


def fields(text: str) -> list[tuple[str, str]]:
    """Its fields in their order. Every line is one."""
    found = [re.fullmatch(r"([A-Z][A-Za-z-]+): (\S.*)", line) for line in text.splitlines()]
    assert all(found) and text.endswith("\n")
    return [(each[1], each[2]) for each in found if each]


def test_the_file_says_where_to_report_until_when_and_which_site_it_is_of() -> None:
    settings = {
        "SECURITY_CONTACT": "security@example.com, https://example.com/report,tel:+49-30-1234567",
        "SECURITY_POLICY_URL": "https://example.com/disclosure",
        "PUBLIC_URL": PUBLIC,
    }
    app = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://", **settings}))
    answer = app.test_client().get(PATH, base_url=PUBLIC)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert "Set-Cookie" not in answer.headers, "nobody is remembered for reading it"
    told = fields(answer.text)
    assert [value for name, value in told if name == "Contact"] == [
        "mailto:security@example.com",
        "https://example.com/report",
        "tel:+49-30-1234567",
    ], "the preferred one first"
    once = {name: value for name, value in told if name != "Contact"}
    assert len(told) == len(once) + 3
    assert once["Canonical"] == PUBLIC + PATH and once["Policy"] == "https://example.com/disclosure"
    left = datetime.fromisoformat(once["Expires"]) - datetime.now(UTC)
    assert timedelta(days=28) < left < timedelta(days=31), "RFC 9116 recommends less than a year"


def test_the_file_stays_the_same_for_a_day_and_never_expires_while_it_is_served() -> None:
    days = [datetime(2026, 12, 31, hour, 59, tzinfo=UTC) + timedelta(days=day) for day in (0, 1) for hour in (0, 23)]
    made = [dict(fields(text_of(["mailto:a@example.com"], "", PUBLIC, now)))["Expires"] for now in days]
    assert made == ["2027-01-30T00:00:00Z"] * 2 + ["2027-01-31T00:00:00Z"] * 2


def test_a_portal_on_this_machine_names_no_address_that_is_not_https() -> None:
    told = fields(text_of(["mailto:a@example.com"], "", "http://127.0.0.1:8000", datetime.now(UTC)))
    assert {name for name, _ in told} == {"Contact", "Expires", "Preferred-Languages"}


def test_without_a_contact_there_is_no_such_page() -> None:
    app = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"}))
    assert app.test_client().get(PATH, base_url="http://127.0.0.1:8000").status_code == 404


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECURITY_CONTACT", "http://example.com/report"),
        ("SECURITY_CONTACT", "the security team"),
        ("SECURITY_CONTACT", "security@example.com\nPolicy: https://elsewhere.example.com"),
        ("SECURITY_CONTACT", "javascript:alert(1)"),
        ("SECURITY_POLICY_URL", "http://example.com/policy"),
        ("SECURITY_POLICY_URL", "https://example.com/a\nContact: mailto:b@example.com"),
    ],
)
def test_what_is_no_contact_is_refused_at_the_start(setting: str, value: str) -> None:
    with pytest.raises(SystemExit, match=rf"\n- {setting}\b.*https://"):
        from_env({**GOOD, setting: value})
