"""Signing in with a company account: a token that isn't right in every respect is refused, and nobody gets AWS."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from joserfc import jwt
from joserfc.jwk import OctKey

from app.audit.models import ActivityRow
from app.db import db
from app.oidc.errors import ProviderUnavailable, TokenRefused
from app.oidc.provider import Provider
from app.signin.company_service import NoMfaAtCompany, NoRole
from config import from_env
from tests.security.company import begin, come_back, enter
from tests.security.conftest import ELSEWHERE, Guest
from tests.security.test_admin_forms import cookie
from tests.security.test_who_may import about_others, address, method, rules
from tests.support.company import CLIENT_ID, CLIENT_SECRET, SETTINGS, Liar, new_key
from tests.support.databases import GOOD
from tests.support.sandbox import Sandbox, free_port

Claims = dict[str, Any]
FOR_EVERYONE = ("branding.", "security_txt.", "signin.stay", "company_signin.callback")
"""Endpoints that are no pages about others, and open all the same."""


def sign_ins(app: Flask) -> list[tuple[str, str, str, str]]:
    """(account, name, target, reason) of all that were recorded."""
    with app.app_context():
        rows = (
            db.session.query(ActivityRow).filter_by(event="sign-in").order_by(ActivityRow.at, ActivityRow.seq).all()
        )
        return [(row.account_id, row.user_name, row.target, row.reason) for row in rows]


def test_an_auditor_of_the_company_reads_and_has_no_power_at_aws(
    company: Flask, liar: Liar, sandbox: Sandbox
) -> None:
    before = sandbox.mark()
    guest = enter(company, liar)
    assert guest.path == "/compliance" and guest.user_name == "audrey@example.com", guest.text
    token = guest.token()
    for rule in rules(company):
        view = company.view_functions[rule.endpoint]
        if rule.endpoint in ("signin.sign_out", "overview.index", "signin.sign_in"):
            continue
        answer = guest.ask(method(rule), address(company, rule), {"csrf_token": token})
        if getattr(view, "needs_auditor", False):
            assert answer.status_code in (200, 404), rule
        elif about_others(company, rule):
            assert answer.status_code == 403 and 'data-refused="for-administrators"' in answer.text, rule
        elif not rule.endpoint.startswith(FOR_EVERYONE):
            assert answer.status_code == 403 and 'data-refused="for-iam-users"' in answer.text, rule
    assert guest.open("/").path == "/compliance"
    assert sandbox.mark() == before, "AWS was asked nothing"
    with company.app_context():
        assert "credentials" not in str(db.session.execute(db.text("select * from sessions")).all())
    known = {(account, name) for account, name, _, reason in sign_ins(company) if not reason}
    assert known == {(account, "company/audrey@example.com") for account in (sandbox.account_id, ELSEWHERE)}
    assert {target for *_, target, _ in sign_ins(company)} == {f"company {liar.issuer} u-42 audrey@example.com"}
    guest.go("POST", "/sign-out", {"csrf_token": guest.token()})
    assert guest.open("/compliance").path == "/sign-in"


def test_an_administrator_of_the_company_adds_exceptions_and_refreshes_nothing(
    company: Flask, liar: Liar, sandbox: Sandbox
) -> None:
    liar.claims = lambda usual: {**usual, "groups": "elsewhere"}  # one group may come as a text
    guest = enter(company, liar)
    assert guest.open(f"/compliance/exceptions?account={ELSEWHERE}").has("/compliance/exceptions")
    assert guest.open(f"/compliance?account={sandbox.account_id}").status == 404
    form = {"rule": "root-mfa", "reason": "safe", "owner": "boss", "until": "2099-01-01", "account": ELSEWHERE}
    guest.go("POST", "/compliance/exceptions", {**form, "csrf_token": guest.token()})
    assert guest.invalid == ["until"]
    soon = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    guest.go("POST", "/compliance/exceptions", {**form, "until": soon, "csrf_token": guest.token()})
    (made,) = guest.open(f"/compliance/exceptions?account={ELSEWHERE}").soup.select("[data-exception]")
    assert all(told in made.get_text() for told in ("audrey@example.com", "u-42", liar.issuer)), "who it was, in full"
    guest.go("POST", "/compliance/refresh", {"csrf_token": guest.token(), "account": ELSEWHERE})
    assert guest.notices == ["warning"] and not guest.open("/compliance").has("/compliance/refresh")


def unsigned(claims: Claims) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}."


def with_secret(claims: Claims) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET))


def by_a_stranger(claims: Claims) -> str:
    return jwt.encode({"alg": "ES256", "kid": "first"}, claims, new_key("first"))


WRONG: dict[str, tuple[Callable[[Claims], Claims], str]] = {
    "nonce of another sign-in": (lambda usual: {**usual, "nonce": "n"}, "nonce"),
    "no nonce": (lambda usual: {name: usual[name] for name in usual if name != "nonce"}, "nonce"),
    "for another client": (lambda usual: {**usual, "aud": "another"}, "aud"),
    "for several, and another": (lambda usual: {**usual, "aud": [CLIENT_ID, "x"], "azp": "x"}, "azp"),
    "of another issuer": (lambda usual: {**usual, "iss": "https://evil.example.com"}, "iss"),
    "expired": (lambda usual: {**usual, "exp": usual["iat"] - 3600, "iat": usual["iat"] - 7200}, "exp"),
    "without an end": (lambda usual: {name: usual[name] for name in usual if name != "exp"}, "exp"),
    "about nobody": (lambda usual: {**usual, "sub": ""}, "sub"),
    "about a list": (lambda usual: {**usual, "sub": ["u-42"]}, "sub"),
    "about too much": (lambda usual: {**usual, "sub": "u" * 300}, "sub"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_token_that_is_not_for_this_sign_in(company: Flask, liar: Liar, case: str) -> None:
    liar.claims, claim = WRONG[case]
    guest = enter(company, liar)
    assert guest.path == "/sign-in" and guest.refused_as == f"{TokenRefused.code}:{claim}", guest.text
    assert sign_ins(company)[-1][-1] == TokenRefused.code
    assert guest.open("/compliance").path == "/sign-in"


@pytest.mark.parametrize("sign", [unsigned, with_secret, by_a_stranger, lambda _: "nonsense", lambda _: "a.b.c"])
def test_a_token_with_no_signature_of_the_provider(company: Flask, liar: Liar, sign: Callable[[Claims], str]) -> None:
    liar.sign = sign
    guest = enter(company, liar)
    assert guest.path == "/sign-in" and guest.refused_as.startswith(f"{TokenRefused.code}:"), guest.text


def test_a_new_key_of_the_provider_is_asked_for(company: Flask, liar: Liar) -> None:
    assert enter(company, liar).path == "/compliance"
    liar.key = new_key("second")
    liar.published = [liar.key]
    assert enter(company, liar).path == "/compliance"
    assert liar.asked.count("/jwks") == 2


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"amr": ["pwd"]}, NoMfaAtCompany),
        ({"amr": None}, NoMfaAtCompany),
        ({"amr": [], "acr": "mfa"}, NoMfaAtCompany),
        ({"groups": ["everyone"]}, NoRole),
        ({"groups": None}, NoRole),
        ({"groups": [["audit"], 7]}, NoRole),
    ],
)
def test_who_has_no_mfa_or_no_group_stays_outside(
    company: Flask, liar: Liar, told: Claims, why: type[NoRole | NoMfaAtCompany]
) -> None:
    liar.claims = lambda usual: {**usual, **told}
    guest = enter(company, liar)
    assert guest.path == "/sign-in" and guest.refused_as == why.code, guest.text
    assert sign_ins(company)[-1][1:] == (
        "company/audrey@example.com", f"company {liar.issuer} audrey@example.com", why.code,
    )  # fmt: skip
    assert guest.open("/compliance").path == "/sign-in"


def test_an_answer_works_once_and_only_where_it_was_asked_for(company: Flask, liar: Liar) -> None:
    first, thief = Guest(company), Guest(company)
    first.open("/sign-in")
    told = liar.code_for(begin(first))
    assert come_back(thief, told).path == "/sign-in", "a browser that asked nothing"
    thief.open("/sign-in")
    begin(thief)
    assert come_back(thief, told).path == "/sign-in", "the answer to another question"
    assert come_back(first, {**told, "iss": "https://evil.example.com"}).path == "/sign-in", "of another provider"
    assert come_back(first, told).path == "/compliance"
    again = Guest(company)
    again.open("/sign-in")
    state = urlsplit(begin(again)).query.split("state=")[1].split("&")[0]
    assert come_back(again, {**told, "state": state}).refused_as == f"{TokenRefused.code}:code", "a replayed code"
    assert come_back(first, told).path == "/compliance", "still signed in, by the first time"


def test_what_was_in_the_browser_before_does_not_become_their_session(company: Flask, liar: Liar) -> None:
    guest = Guest(company)
    guest.open("/sign-in")
    told = liar.code_for(begin(guest))
    before = cookie(guest)
    come_back(guest, told)
    planted = Guest(company)
    planted.client.set_cookie("latchkey-8000", before, domain="127.0.0.1")
    assert planted.open("/compliance").path == "/sign-in"
    assert guest.path == "/compliance" and cookie(guest) != before


@pytest.mark.parametrize(
    "wanted", ["//evil.example.com/x", "https://evil.example.com", "/\\evil.example.com", "javascript:1"]
)
def test_it_leads_to_pages_of_this_site_only(company: Flask, liar: Liar, wanted: str) -> None:
    assert enter(company, liar, wanted).path == "/compliance"
    assert enter(company, liar, "/activity/everyone").path == "/activity/everyone"


def test_who_cancels_at_the_provider_starts_again(company: Flask, liar: Liar) -> None:
    guest = Guest(company)
    guest.open("/sign-in")
    state = liar.code_for(begin(guest))["state"]
    assert come_back(guest, {"error": "access_denied", "state": state}).refused_as == "not-completed"


@pytest.mark.parametrize(
    "broken",
    [
        {"issuer": "https://evil.example.com"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"jwks_uri": ""},
        {"authorization_endpoint": "https://evil.example.com/authorize"},
    ],
)
def test_a_provider_that_is_not_what_the_settings_say(company: Flask, liar: Liar, broken: Claims) -> None:
    liar.metadata = broken
    guest = Guest(company)
    guest.open("/sign-in")
    assert guest.open(begin(guest)).refused_as == ProviderUnavailable.code
    assert liar.asked == ["/.well-known/openid-configuration"]


def test_a_provider_that_is_down_or_leads_elsewhere(company: Flask, liar: Liar) -> None:
    liar.token_status = 307
    assert enter(company, liar).refused_as.startswith("company-sign-in-")
    assert "/elsewhere" not in liar.asked, "no redirect is followed with the secret"
    liar.token_status = 503
    assert enter(company, liar).refused_as.startswith("company-sign-in-")
    liar.token_status = 200
    guest = Guest(company)
    guest.open("/sign-in")
    told = liar.code_for(begin(guest))
    company.extensions["oidc-provider"] = Provider(f"http://127.0.0.1:{free_port()}", CLIENT_ID, CLIENT_SECRET)
    assert come_back(guest, told).refused_as == ProviderUnavailable.code
    assert guest.open(begin(guest)).refused_as == ProviderUnavailable.code


def test_an_address_that_failed_is_left_alone_for_a_moment(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hang(url: str, **_: object) -> None:
        asked.append(url)
        raise requests.ConnectTimeout

    monkeypatch.setattr("app.oidc.provider.requests.get", hang)
    provider = Provider(liar.issuer, CLIENT_ID, CLIENT_SECRET)
    for _ in range(5):
        with pytest.raises(ProviderUnavailable):
            provider.begin("http://127.0.0.1:8000/sign-in/company/callback")
    assert len(asked) == 1, "else strangers could keep every thread waiting for a provider that hangs"


def test_a_session_ends_where_its_provider_is_no_longer_the_companys(company: Flask, liar: Liar) -> None:
    guest = enter(company, liar)
    assert guest.open("/compliance").path == "/compliance"
    company.config["OIDC_ISSUER"] = "https://other.example.com"
    assert guest.open("/compliance").path == "/sign-in"


@pytest.mark.parametrize("verified", [False, "false", None])
def test_an_address_nobody_verified_names_nobody(company: Flask, liar: Liar, verified: object) -> None:
    liar.claims = lambda usual: {**usual, "email_verified": verified, "preferred_username": "x/alice"}
    enter(company, liar)
    assert sign_ins(company)[-1][1] == "company/x_alice"


def test_no_company_no_pages(portal: Flask) -> None:
    guest = Guest(portal)
    assert not guest.open("/sign-in").has("/sign-in/company")
    assert guest.ask("POST", "/sign-in/company", {"csrf_token": guest.token()}).status_code == 404
    assert guest.ask("GET", "/sign-in/company/callback").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"OIDC_ISSUER": "http://sso.example.com"}, "OIDC_ISSUER"),
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET is missing"),
        ({"OIDC_ADMIN_GROUPS": "", "OIDC_AUDITOR_GROUPS": ""}, "nobody could come in"),
        ({"OIDC_ADMIN_GROUPS": "x=999999999999"}, "not one of ACCOUNTS"),
        ({"OIDC_MFA_CLAIM": "amr"}, "CLAIM=VALUE"),
        ({"OIDC_GROUP_CLAIM": "a b"}, "name of a claim"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(SystemExit, match=told):
        from_env({**GOOD, **SETTINGS, "OIDC_ISSUER": "https://sso.example.com", **wrong})
