"""What notices say, as text and as HTML, and what a name in them can't do."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup

from app.factory import create_app
from app.notices.content import Brand
from app.notices.examples import example
from app.notices.kinds import KINDS, Group
from app.notices.messages import Parts
from app.notices.pages import PAGES
from app.notices.rendering import render
from app.notices.texts.campaign import fill_in, unknown_placeholders
from app.text.lines import one_line
from config import from_env
from tests.support.databases import GOOD
from tests.support.notices import BRAND

SECURITY = [name for name, kind in KINDS.items() if kind.group is Group.SECURITY]
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=https://evil.example/x>', "<a href='https://evil.example'>Sign in</a>",
    "{{ 7 * 7 }}{% include 'x' %}", "%(user)s %s {user} {link}", "eve\r\nBcc: all@example.com\r\n\r\nhello",
    "\u202eevil\u2066\u2028\u0000\x1b[31m", "https://evil.example/sign-in", "www.evil.example", "evil.example/login",
    "</title></style></bdi>", "🔑👩🏽\u200d💻", "\ud800",
]  # fmt: skip
LINK = re.compile(r"https?://\S+|www\.\S+|\b[\w.-]+\.[a-z]{2,}/\S*", re.I)
"""What mail programs take for a link, roughly."""


def said(kind: str, brand: Brand = BRAND, /, **changes: Any) -> Parts:
    return render(kind, {**example(kind), **changes}, "en", brand)


def links(html: str) -> list[str]:
    return [str(link["href"]) for link in BeautifulSoup(html, "html.parser").select("a")]


def test_every_page_that_notices_link_to_is_one_of_the_portal() -> None:
    urls = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"})).url_map.bind("127.0.0.1")
    for endpoint, path in PAGES.items():
        parts = re.findall(r"\{(\w+)\}", path)
        values = dict.fromkeys(parts, 17)
        assert urls.build(endpoint, values) == path.format(**values)


@pytest.mark.parametrize("kind", KINDS)
def test_both_texts_say_the_same(kind: str) -> None:
    parts = said(kind)
    read = BeautifulSoup(parts.html, "html.parser")
    assert read.title and read.title.get_text() == parts.subject and len(read.select("h1")) == 1
    for element in read.select("h1, h2, p, bdi"):
        for line in element.get_text().splitlines():
            assert " ".join(line.split()) in " ".join(parts.text.split())
    assert sorted(links(parts.html)) == sorted(re.findall(r"https://\S+", parts.text))
    assert all(len(line) <= 78 or "://" in line or ": " in line for line in parts.text.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_loads_nothing_and_tracks_nobody(kind: str) -> None:
    html = said(kind).html
    read = BeautifulSoup(html, "html.parser")
    assert not read.select("img, link, script, iframe, object, form, base, video, svg, [background], [src]")
    assert not re.search(r"url\(|@import|expression", html)
    for address in links(html):
        parts = urlsplit(address)
        assert address.startswith("https://keys.example.com/") and not parts.fragment
        assert not parts.path.startswith("/sign-in"), "no link signs in"
        assert set(parts.query.split("&")) <= {"", "account=123456789012", "rule=key-age"}


@pytest.mark.parametrize("kind", SECURITY)
def test_a_security_notice_says_when_and_where_and_what_to_do(kind: str) -> None:
    parts = said(kind)
    text = " ".join(parts.text.split())
    assert "3 May 2026, 10:00 UTC" in text and "jane.doe" in parts.subject
    assert "Wasn’t this you?" in text and "contact IT help desk (help@example.com) right away" in text
    assert "You can’t turn off security notices." in text
    if kind.startswith("seen-"):
        assert "This wasn’t done in Latchkey." in text and "2 May 2026, 10:00 UTC" in text
        assert "https://keys.example.com/activity" in links(parts.html)
    else:
        assert "Firefox on Linux" in text and "203.0.113.7" in text
        assert "https://keys.example.com/activity/17/not-me" in links(parts.html)


@pytest.mark.parametrize(
    ("kind", "changes", "subject"),
    [
        ("key-age", {"days": 14}, "Replace your access key within 14 days"),
        ("key-age", {"days": 1}, "Replace your access key within 1 day"),
        ("key-age", {"days": 0}, "Replace your access key now"),
        ("certificate-expiry", {"days": 1}, "Your signing certificate expires in 1 day"),
        ("certificate-expiry", {"days": -3}, "Your signing certificate has expired"),
        ("campaign-announcement", {}, "Set up MFA by 31 May 2026"),
        ("campaign-announcement", {"own_subject": "", "own_text": ""}, "Set up MFA"),
        ("campaign-reminder", {"days": 1}, "1 day left: Set up MFA"),
        ("campaign-day", {}, "Due today: Set up MFA"),
        ("campaign-manager", {}, "Deadline passed: Set up MFA"),
        ("rule-worse", {}, "Over the limit: Access keys are rotated on time"),
        ("digest", {}, "Weekly summary of Production (123456789012)"),
        ("digest", {"account_name": ""}, "Weekly summary of 123456789012"),
    ],
)
def test_subjects(kind: str, changes: dict[str, Any], subject: str) -> None:
    assert said(kind, **changes).subject == subject


def test_a_summary_says_what_changed_in_the_week() -> None:
    text = said("digest").text
    for line in (
        "31 of 240 users are non-compliant.", "Every user has an MFA device: 12 (7 fewer)",
        "Access keys are rotated on time: 21 (3 more)", "No unused credentials: 4 (as before)",
        "build-agent: Access keys are rotated on time, until 8 May 2026",
        "2 notices couldn’t be sent.", "5 users have no address for notices.",
    ):  # fmt: skip
        assert line in text


def test_times_are_also_told_in_the_zone_of_the_settings() -> None:
    text = said("password-changed", BRAND._replace(time_zone=ZoneInfo("Europe/Berlin"))).text
    assert "When: 3 May 2026, 10:00 UTC (3 May 2026, 12:00 in Europe/Berlin)" in text


def test_without_a_contact_readers_are_sent_to_their_administrator() -> None:
    assert "Questions? Ask your administrator." in said("test", BRAND._replace(contact=None)).text


def _data(name: str) -> dict[str, Any]:
    return {
        **dict.fromkeys(("user", "name", "target", "title", "account_name", "user_agent"), name),
        "people": [{"user": name, "account": name}],
        "rules": [{"rule": name, "title": name, "failing": 1}],
        "exceptions": [{"user": name, "title": name, "until": "2026-05-08"}],
    }


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["access-key-created", "seen-mfa-device-deactivated", "campaign-manager", "digest"])
def test_a_name_is_only_a_name(kind: str, name: str) -> None:
    """In HTML it adds no element and no link, in the text no line and no link, and in the subject no line."""
    plain, hostile = said(kind, **_data("x")), said(kind, **_data(name))

    def tags(html: str) -> list[str]:
        return [element.name for element in BeautifulSoup(html, "html.parser").find_all(True)]

    assert tags(hostile.html) == tags(plain.html) and links(hostile.html) == links(plain.html)
    assert hostile.subject.splitlines() == [hostile.subject]
    assert LINK.findall(hostile.text) == LINK.findall(plain.text)
    shown = BeautifulSoup(hostile.html, "html.parser").get_text()
    assert LINK.findall(shown) == []
    assert hostile.text.count("\n\n") == plain.text.count("\n\n")
    for part in hostile:
        assert one_line(name) in part.replace("\u2060", "") or part == hostile.html
        part.encode()
    assert one_line(name) in shown.replace("\u2060", "")


def test_an_own_text_has_values_for_its_placeholders() -> None:
    own = "Hello {user},\n\nby {deadline} ({days} days): {link}\n{unknown} {user.__class__} {{user}}"
    parts = said("campaign-reminder", own_text=own, own_subject="{campaign}\r\nBcc: x", user="{link}<b>")
    assert parts.subject == "MFA for everyone Bcc: x"
    assert "Hello {link}<b>," in parts.text and "by 31 May 2026 (7 days): https://keys.example.com/" in parts.text
    assert "{unknown} {user.__class__}" in parts.text
    assert "Hello {link}&lt;b&gt;," in parts.html
    assert unknown_placeholders(own) == ["unknown", "user.__class__"]
    assert fill_in("{user}", {"user": "{user}"}) == "{user}"


def test_a_link_of_a_campaign_leads_to_a_page_of_the_portal_only() -> None:
    for fix in ("https://evil.example/", "activity.not_me", "//evil.example", ""):
        assert links(said("campaign-reminder", fix=fix).html) == ["https://keys.example.com/"]
    assert links(said("campaign-reminder", fix="ssh_keys.index").html) == ["https://keys.example.com/ssh-keys"]


def test_data_without_what_a_kind_needs_is_an_error_and_no_empty_notice() -> None:
    with pytest.raises(KeyError):
        render("key-age", {}, "en", BRAND)
    with pytest.raises(KeyError):
        render("no-such-kind", {}, "en", BRAND)
