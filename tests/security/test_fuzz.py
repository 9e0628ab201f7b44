"""Whatever is typed into any form: no page breaks, and nothing secret comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from flask import Flask
from flask_wtf import FlaskForm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule
from wtforms import FileField
from wtforms.fields.core import UnboundField

from tests.security.conftest import Entering, Guest
from tests.security.test_who_may import address, marked, method, rules
from tests.support.clock import Clock

SECRET_FIELDS = ("secret_access_key", "old", "new", "again", "code", "verification_code")
IN_ADDRESSES = ("next", "key", "id", "serial", "new_key", "label", "entry", "number", "account", "user")
"""What pages take from addresses and from forms without a class."""
LEAVES = ("signin.sign_out", "aws_signin.begin")
"""Forms that end or leave the session."""
ANY = list(HealthCheck)
"""A session has a past and a sign-in takes its time: none of Hypothesis' own worries."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ODD = "{}%<>'\"\\&;$`\x00\r\n\t\u202e\u2028é😀=+@-"
FEW = settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=ANY)
"""Examples per form."""
typed = st.text(max_size=60)
known = st.sampled_from(
    ["123456", "AKIA" + "A" * 16, "arn:aws:iam::123456789012:mfa/x", "-----BEGIN X", "y", "2026-12-01"]
)
long = st.integers(1, 3000).map(lambda times: "Ж" * times)
anything = st.one_of(typed, st.text(ODD, max_size=40), known, long)


def kinds_of_form(kind: type[FlaskForm] = FlaskForm) -> Iterator[type[FlaskForm]]:
    """Every class of form there is."""
    for each in kind.__subclasses__():
        yield each
        yield from kinds_of_form(each)


def fields() -> dict[str, UnboundField[Any]]:
    """Every field of every form, by name."""
    return {name: field for form in kinds_of_form() for name in dir(form) if (field := _unbound(form, name))}


def _unbound(form: type[FlaskForm], name: str) -> UnboundField[Any] | None:
    found = getattr(form, name)
    return found if isinstance(found, UnboundField) else None


def filled(field: UnboundField[Any]) -> st.SearchStrategy[Any]:
    """What may be sent for it."""
    if issubclass(field.field_class, FileField):
        return st.binary(max_size=300).map(lambda content: (BytesIO(content), "file"))
    choices = field.kwargs.get("choices")
    offered = [str(each[0]) for each in choices] if isinstance(choices, list | tuple) else []
    return st.sampled_from(offered) | anything if offered else anything


def test_no_form_breaks_and_none_tells_a_secret(
    portal: Flask, entering: Entering, entering_as_chief: Callable[[], Guest], clock: Clock
) -> None:
    """Every form by every example, in one session: what one leaves behind the next one meets."""
    known_fields = fields()
    assert set(SECRET_FIELDS) <= set(known_fields)
    shown_fields = st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(IN_ADDRESSES, anything),
            **{name: filled(field) for name, field in known_fields.items() if name not in SECRET_FIELDS},
        },
    )
    hidden_fields = st.fixed_dictionaries(dict.fromkeys(SECRET_FIELDS, st.text(LETTERS, min_size=14, max_size=44)))
    guests = {False: entering(), True: entering_as_chief()}

    def send(rule: Rule, shown: dict[str, Any], hidden: dict[str, str]) -> None:
        chief = marked(portal, rule, "needs_admin")
        guest = guests[chief]
        guest.csrf_token = guest.csrf_token or guest.token()
        where = address(portal, rule)
        query = {name: value for name, value in shown.items() if isinstance(value, str)}
        form = {"csrf_token": guest.csrf_token, **shown, **hidden}
        answer = guest.ask("POST", where, form, query_string=query, content_type="multipart/form-data")
        if answer.status_code == 429:
            clock.move(301)
        assert answer.status_code < 500 or answer.status_code == 503, where
        assert not chief or answer.status_code != 403, where
        seen = answer.text
        if "Location" in answer.headers:
            seen += guest.open(answer.headers["Location"]).html
            if guest.path.startswith("/sign-in"):  # it asked for a new sign-in
                guests[chief] = entering_as_chief() if chief else entering()
        for name, value in hidden.items():
            assert value not in seen, f"{where} repeats {name}"

    for rule in rules(portal):
        if method(rule) == "POST" and rule.endpoint not in LEAVES:
            FEW(given(st.just(rule), shown_fields, hidden_fields)(send))()


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=ANY)
@given(
    path=st.text(max_size=80),
    query=st.dictionaries(st.sampled_from(IN_ADDRESSES), typed, max_size=4),
    sid=st.text("abc-_;,= é", max_size=60),
)
def test_no_address_and_no_cookie_breaks_a_page(portal: Flask, path: str, query: dict[str, str], sid: str) -> None:
    guest = Guest(portal)
    guest.client.set_cookie("latchkey-8000", sid, domain="127.0.0.1")
    for where in ("/sign-in", "/mfa/resync", "/oauth/callback", "/sign-in/aws", "/mfa/enroll"):
        assert guest.ask("GET", where, query_string=query).status_code < 500, where
    assert guest.ask("GET", "/" + path.replace("?", "").replace("#", "")).status_code < 500
