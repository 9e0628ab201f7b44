"""Whatever is typed into any form: no page breaks, and nothing secret comes back."""

from __future__ import annotations

import random
from collections.abc import Callable

from flask import Flask
from hypothesis import HealthCheck, given, settings
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
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ODD = "{}%<>'\"\\&;$`\x00\r\n\t\u202e\u2028é😀=+@-"
TYPED: tuple[Callable[[random.Random], str], ...] = (
    lambda chance: "",
    lambda chance: "".join(chance.choices(ODD, k=chance.randint(1, 40))),
    lambda chance: "".join(chr(chance.randint(1, 0xD7FF)) for _ in range(chance.randint(1, 40))),
    lambda chance: "Ж" * chance.randint(1, 3000),
    lambda chance: chance.choice(
        ["123456", "AKIA" + "A" * 16, "arn:aws:iam::123456789012:mfa/x", "-----BEGIN X", "y"]
    ),
)
ROUNDS = 3
typed = st.text(max_size=60)


def test_no_form_breaks_and_none_tells_a_secret(portal: Flask, entering: Entering, clock: Clock) -> None:
    """By a seeded chance: a session has a past, which Hypothesis could not repeat to make an example smaller."""
    chance, guest = random.Random(20260101), entering()
    token = guest.token()
    posting = [rule for rule in rules(portal) if method(rule) == "POST" and rule.endpoint not in LEAVES]
    for rule in posting * ROUNDS:
        hidden = {name: "".join(chance.choices(LETTERS, k=chance.randint(14, 44))) for name in SECRET_FIELDS}
        shown = {name: chance.choice(TYPED)(chance) for name in FIELDS}
        where = address(portal, rule)
        answer = guest.ask("POST", where, {"csrf_token": token, **shown, **hidden}, query_string=shown)
        if answer.status_code == 429:
            clock.move(301)
        assert answer.status_code < 500 or answer.status_code == 503, f"{where}: {answer.status_code}\n{shown}"
        seen = answer.text
        if "Location" in answer.headers:
            seen += guest.open(answer.headers["Location"]).html
            if guest.path.startswith("/sign-in"):  # it asked for a new sign-in
                guest = entering()
                token = guest.token()
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
