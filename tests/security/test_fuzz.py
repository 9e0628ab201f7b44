"""Whatever users type into forms, no page breaks, and no secret is shown again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule
from wtforms import FileField
from wtforms.fields.core import UnboundField

from tests.security.conftest import Entering, Guest
from tests.security.places import People, fields
from tests.security.test_who_may import address, method, rules
from tests.support.clock import Clock
from tests.support.sandbox import Sandbox

SECRET_FIELDS = ("secret_access_key", "old", "new", "again")
"""Other entries are shown again so that users can fix them. `test_attacks` checks that MFA codes are not."""
IN_ADDRESSES = (
    "next", "key", "id", "serial", "label", "entry", "number", "user", "before", "page", "marker", "out", "error",
    "ended",
)  # fmt: skip
"""Parameters that pages read from addresses and from forms without a class."""
WITH_FIELDS = {
    "access_keys.new_post", "certificates.new_post", "certificates.upload", "compliance_audit.exceptions_post",
    "compliance_audit.report_post", "mfa.activate_post", "mfa.enroll_post", "mfa.hardware_post", "mfa.resync_post",
    "password.index_post", "password.new_post", "policies.check_post", "signin.sign_in_post", "signin.code_post",
    "ssh_keys.new_post",
}  # fmt: skip
"""Forms to be filled in: each refuses what was typed at least once."""
LEAVES = ("signin.sign_out", "aws_signin.sign_in_post")
"""Forms that end or leave the session."""
ANY = list(HealthCheck)
"""Health checks to suppress: sessions keep their state between examples, and signing in is slow."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
ODD = "{}%<>'\"\\&;$`\x00\r\n\t\u202e\u2028é😀=+@-"
FEW = settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=ANY)
"""Examples per form."""
typed = st.text(max_size=60)
soon = f"{date.today() + timedelta(days=9)}"
known = st.sampled_from(["123456", "AKIA" + "A" * 16, "arn:aws:iam::123456789012:mfa/x", "-----BEGIN X", "y", soon])
long = st.integers(1, 3000).map(lambda times: "Ж" * times)
anything = st.one_of(typed, st.text(ODD, max_size=40), known, long)


def filled(field: UnboundField[Any]) -> st.SearchStrategy[Any]:
    """Values that may be sent for the field."""
    if issubclass(field.field_class, FileField):
        return st.binary(max_size=300).map(lambda content: (BytesIO(content), "file"))
    choices = field.kwargs.get("choices")
    offered = [str(each[0]) for each in choices] if isinstance(choices, list | tuple) else []
    return st.sampled_from(offered) | anything if offered else anything


def test_no_form_breaks_and_none_tells_a_secret(
    portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[[], Guest], clock: Clock
) -> None:
    """Send every example in every form, on its page. Each example runs on what the ones before it left."""
    known_fields, people = fields(), People(portal, sandbox, entering, entering_as_chief)
    assert set(SECRET_FIELDS) <= set(known_fields)
    shown_fields = st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(IN_ADDRESSES, anything),
            **{name: filled(field) for name, field in known_fields.items() if name not in SECRET_FIELDS},
            "account": st.just(sandbox.account_id),
        },
    )
    hidden_fields = st.fixed_dictionaries(dict.fromkeys(SECRET_FIELDS, st.text(LETTERS, min_size=14, max_size=44)))
    refused: set[str] = set()

    def send(rule: Rule, shown: dict[str, Any], hidden: dict[str, str]) -> None:
        guest, where = people.at(rule), address(portal, rule)
        query = {name: value for name, value in shown.items() if isinstance(value, str)}
        form = {"csrf_token": guest.csrf_token, **shown, **hidden}
        answer = guest.ask("POST", where, form, query_string=query, content_type="multipart/form-data")
        no_text = any("\0" in value for value in query.values())
        assert answer.status_code < 500 and answer.status_code != 403, f"{where}: {answer.status}"
        assert (answer.status_code == 400) == no_text, f"{where}: {answer.status}"
        if answer.status_code == 429:
            clock.move(301)
        seen = answer.text
        if "Location" in answer.headers:
            seen += guest.open(answer.headers["Location"]).html
            refused.update({rule.endpoint} if guest.status == 422 else ())
            if guest.path in ("/sign-in", "/sign-in/code") and rule.endpoint != "signin.code_post":
                people.was_led_to_sign_in(guest)
        for name, value in hidden.items():
            assert value not in seen, f"{where} repeats {name}"

    for rule in rules(portal):
        if method(rule) == "POST" and rule.endpoint not in LEAVES:
            FEW(given(st.just(rule), shown_fields, hidden_fields)(send))()
    assert refused >= WITH_FIELDS, f"never sent from their page: {WITH_FIELDS - refused}"


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
