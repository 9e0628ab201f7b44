"""Whatever is typed into any form: no page breaks, and nothing secret comes back."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.security.conftest import Entering, Guest
from tests.security.test_who_may import address, method, rules
from tests.support.clock import Clock

SECRET_FIELDS = ("secret_access_key", "old", "new", "again", "code", "verification_code")
FIELDS = (
    "first_code",
    "second_code",
    "access_key_id",
    "serial_number",
    "pasted",
    "last_characters",
    "understood",
    "anyway",
    "label",
    "next",
    "key",
    "id",
    "serial",
    "new_key",
)
LEAVES = ("signin.sign_out", "aws_signin.begin")
"""Forms that end or leave the session."""
typed = st.one_of(
    st.text(max_size=60),
    st.text("{}%<>'\"\\&;$`\x00\r\n\u202e\ud7ff😀", max_size=30),
    st.sampled_from(["", " ", "0" * 6, "123456", "AKIA" + "A" * 16, "arn:aws:iam::123456789012:mfa/x", "-----BEGIN"]),
    st.integers(0, 300).map(lambda length: "Ж" * length),
)
secret = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=14, max_size=44)


@pytest.fixture(scope="module")
def known() -> dict[str, Guest]:
    """Who is signed in, from example to example."""
    return {}


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a session has a past: an example alone would not fail again
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_form_breaks_and_none_tells_a_secret(
    data: st.DataObject, portal: Flask, entering: Entering, clock: Clock, known: dict[str, Guest]
) -> None:
    for rule in rules(portal):
        if method(rule) != "POST" or rule.endpoint in LEAVES:
            continue
        guest = known.get("guest") or known.setdefault("guest", entering())
        guest.csrf_token = guest.csrf_token or guest.token()
        hidden = {name: data.draw(secret) for name in SECRET_FIELDS}
        shown = {name: data.draw(typed) for name in FIELDS}
        where = address(portal, rule)
        answer = guest.ask("POST", where, {"csrf_token": guest.csrf_token, **shown, **hidden}, query_string=shown)
        if answer.status_code == 429:
            clock.move(301)
            continue
        assert answer.status_code < 500 or answer.status_code == 503, f"{where}: {answer.status_code}\n{shown}"
        seen = answer.text
        if "Location" in answer.headers:
            seen += guest.open(answer.headers["Location"]).html
            if guest.path.startswith("/sign-in"):
                del known["guest"]  # it asked for a new sign-in
        for name, value in hidden.items():
            assert value not in seen, f"{where} repeats {name}"


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(max_size=80),
    query=st.dictionaries(st.sampled_from(FIELDS), typed, max_size=4),
    sid=st.text("abc-_;,= é", max_size=60),
)
def test_no_address_and_no_cookie_breaks_a_page(portal: Flask, path: str, query: dict[str, str], sid: str) -> None:
    guest = Guest(portal)
    guest.client.set_cookie("latchkey-8000", sid, domain="127.0.0.1")
    for where in ("/sign-in", "/mfa/resync", "/oauth/callback", "/sign-in/aws", "/mfa/enroll"):
        assert guest.ask("GET", where, query_string=query).status_code < 500, where
    assert guest.ask("GET", "/" + path.replace("?", "").replace("#", "")).status_code < 500
