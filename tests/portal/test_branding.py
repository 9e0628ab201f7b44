"""The portal with an organization's name, logo, note and contact, and in a reader's own theme."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from app.settings.branding import LARGEST_LOGO
from config import from_env
from tests.support.databases import GOOD

BASE = "http://127.0.0.1:8000"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def portal(**settings: str) -> Flask:
    return create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://", **settings}))


def page(client: FlaskClient, path: str = "/sign-in") -> BeautifulSoup:
    return BeautifulSoup(client.get(path, base_url=BASE).text, "html.parser")


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (SVG, "image/svg+xml")])
def test_a_portal_bears_the_name_and_logo_of_its_organization(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "logo").write_bytes(content)
    client = portal(BRAND_NAME="Acme <Keys>", BRAND_LOGO=str(tmp_path / "logo")).test_client()
    shown = page(client)
    assert shown.title and shown.title.get_text().endswith("· Acme <Keys>")
    picture = shown.select_one("header img")
    assert picture and picture["alt"] == "" and "Acme <Keys>" in shown.select("header")[0].get_text()
    answer = client.get(str(picture["src"]), base_url=BASE)
    assert (answer.data, answer.mimetype) == (content, kind)
    assert "immutable" in answer.headers["Cache-Control"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_without_a_logo_there_is_none() -> None:
    client = portal().test_client()
    assert page(client).select_one("header img") is None
    missing = client.get("/logo", base_url=BASE)
    assert missing.status_code == 404 and missing.headers["Cache-Control"] == "no-store"


def test_a_note_and_a_contact_are_on_the_sign_in_page() -> None:
    settings = {"SIGN_IN_NOTE": "Use the <b>VPN</b> & wait.", "SUPPORT_CONTACT": "Help <help@example.com>"}
    shown = page(portal(**settings).test_client())
    assert "Use the <b>VPN</b> & wait." in shown.select("main")[0].get_text()
    assert shown.select_one("footer a[href='mailto:help@example.com']")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("BRAND_NAME", "x" * 41, "at most 40 characters"),
        ("SIGN_IN_NOTE", "two\nlines", "one line"),
        ("SUPPORT_CONTACT", "Help <http://example.com>", "a mail address or a link"),
        ("SUPPORT_CONTACT", "Help <javascript:alert(1)>", "a mail address or a link"),
        ("SUPPORT_CONTACT", "<help@example.com>", "set a name"),
        ("BRAND_LOGO", "/nowhere/logo.svg", "can’t read /nowhere/logo.svg"),
    ],
)
def test_what_is_wrong_is_said_at_the_start(setting: str, value: str, said: str) -> None:
    with pytest.raises(SystemExit, match=rf"\n- {setting}\b.*{re.escape(said)}"):
        from_env({**GOOD, setting: value})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a", "neither an SVG nor a PNG"),
        (b"<html>", "neither"),
        (PNG + bytes(LARGEST_LOGO), "larger than 64 KiB"),
    ],
)
def test_a_logo_is_a_small_picture(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "logo").write_bytes(content)
    with pytest.raises(SystemExit, match=said):
        from_env({**GOOD, "BRAND_LOGO": str(tmp_path / "logo")})


def choose(client: FlaskClient, theme: str, back: str = "/mfa/lost") -> str:
    """Press a button of the switch; the address it leads to."""
    token = page(client).select("form[action='/theme'] [name=csrf_token]")[0]["value"]
    answer = client.post("/theme", base_url=BASE, data={"csrf_token": token, "theme": theme, "back": back})
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_a_reader_chooses_a_theme_and_stays_on_the_page() -> None:
    client = portal().test_client()
    assert "data-bs-theme" not in page(client).select("html")[0].attrs, "the system's"
    for theme in ("dark", "light"):
        assert choose(client, theme) == "/mfa/lost"
        shown = page(client)
        assert shown.select("html")[0]["data-bs-theme"] == theme
        assert [each["value"] for each in shown.select("[aria-pressed=true]")] == [theme]
        assert shown.select("meta[name=color-scheme]")[0]["content"] == theme
    choose(client, "system")
    assert "data-bs-theme" not in page(client).select("html")[0].attrs


def test_the_switch_takes_nothing_that_was_made_up() -> None:
    client = portal().test_client()
    assert choose(client, '"><script>', back="//elsewhere.example") == "/"
    client.set_cookie("latchkey-8000-theme", '"><script>', domain="127.0.0.1")
    assert "data-bs-theme" not in page(client).select("html")[0].attrs
    refused = client.post("/theme", base_url=BASE, data={"theme": "dark"})
    assert refused.status_code == 400, "a form of another page"


def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    client = portal().test_client()
    token = page(client).select("form[action='/theme'] [name=csrf_token]")[0]["value"]
    answer = client.post("/theme", base_url=BASE, data={"csrf_token": token, "theme": "dark"})
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if "-theme=" in value)
    assert all(part in cookie for part in ("dark", "HttpOnly", "Path=/", "SameSite=Lax"))
