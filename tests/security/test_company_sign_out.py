"""Sessions of company accounts end early: by an administrator, or by a logout token of the provider."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.audit.models import ActivityRow
from app.db import db
from app.oidc.logout import EVENT, LATE_S
from app.sessions.stores import StoreDown
from app.signin.company_logout import REFUSED_TOKENS
from tests.security.company import enter
from tests.security.conftest import ELSEWHERE, Guest
from tests.security.test_company_sign_in import Claims, by_a_stranger, unsigned, with_secret
from tests.support.clock import Clock
from tests.support.company import CLIENT_ID, Liar
from tests.support.sandbox import Sandbox

LOGOUT = "/sign-in/company/logout"


def token_of(liar: Liar, **more: Any) -> Claims:
    """The claims of a good logout token. A claim that is None is left out."""
    claims = {
        "iss": liar.issuer,
        "aud": CLIENT_ID,
        "sub": "u-42",
        "iat": int(time.time()),
        "exp": int(time.time()) + 120,
        "jti": secrets.token_hex(8),
        "events": {EVENT: {}},
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def send(app: Flask, token: str) -> tuple[int, str]:
    """The provider sends a token, without a session and a form's token. Returns the status, and what was wrong."""
    answer = Guest(app).ask("POST", LOGOUT, {"logout_token": token})
    assert answer.headers["Cache-Control"] == "no-store" and "Set-Cookie" not in answer.headers
    return answer.status_code, str((answer.get_json(silent=True) or {}).get("error_description", ""))


def inside(guest: Guest) -> bool:
    return guest.open("/compliance").path == "/compliance"


def noted(app: Flask, event: str) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.query(ActivityRow).filter_by(event=event, phase="done").order_by(ActivityRow.at)
        return [(row.account_id, row.user_name) for row in rows]


def with_session(sid: str) -> Callable[[Claims], Claims]:
    return lambda usual: {**usual, "sid": sid}


def test_the_provider_signs_someone_out_everywhere(company: Flask, liar: Liar, sandbox: Sandbox) -> None:
    one, other = enter(company, liar), enter(company, liar)
    liar.claims = lambda usual: {**usual, "sub": "u-43", "email": "bob@example.com"}
    bob = enter(company, liar)
    before = len(noted(company, "sign-out-by-company"))
    assert send(company, liar.signed(token_of(liar))) == (200, "")
    assert [inside(each) for each in (one, other, bob)] == [False, False, True]
    told = noted(company, "sign-out-by-company")[before:]
    assert set(told) == {(account, "company/audrey@example.com") for account in (sandbox.account_id, ELSEWHERE)}
    assert send(company, liar.signed(token_of(liar, sub="nobody"))) == (200, ""), "it isn't told who is here"
    assert inside(bob)


def test_one_session_of_the_provider(company: Flask, liar: Liar) -> None:
    liar.claims = with_session("at-work")
    work, tab = enter(company, liar), enter(company, liar)
    liar.claims = with_session("at-home")
    home = enter(company, liar)
    assert send(company, liar.signed(token_of(liar, sid="at-work"))) == (200, "")
    assert [inside(each) for each in (work, tab, home)] == [False, False, True]
    assert send(company, liar.signed(token_of(liar, sid="at-home", sub=None))) == (200, ""), "without a subject"
    assert not inside(home)


WRONG: dict[str, tuple[Callable[[int], dict[str, Any]], str]] = {
    "for another client": (lambda _: {"aud": "another"}, "aud"),
    "for nobody": (lambda _: {"aud": None}, "aud"),
    "of another issuer": (lambda _: {"iss": "https://evil.example.com"}, "iss"),
    "about nobody": (lambda _: {"sub": None}, "sub"),
    "about a list": (lambda _: {"sub": ["u-42"]}, "sub"),
    "about an empty name": (lambda _: {"sub": ""}, "sub"),
    "about too much": (lambda _: {"sub": "u" * 300}, "sub"),
    "an odd session": (lambda _: {"sid": 7}, "sid"),
    "of no event": (lambda _: {"events": None}, "events"),
    "of another event": (lambda _: {"events": {"http://schemas.openid.net/event/other": {}}}, "events"),
    "of an event that is no object": (lambda _: {"events": {EVENT: "yes"}}, "events"),
    "events in a list": (lambda _: {"events": [EVENT]}, "events"),
    "an ID token": (lambda _: {"nonce": "n"}, "nonce"),
    "without an id": (lambda _: {"jti": None}, "jti"),
    "without a time": (lambda _: {"iat": None}, "iat"),
    "a time in words": (lambda _: {"iat": "now"}, "iat"),
    "too old": (lambda now: {"iat": now - LATE_S - 3600, "exp": None}, "iat"),
    "of the future": (lambda now: {"iat": now + 3600}, "iat"),
    "expired": (lambda now: {"exp": now - 3600}, "exp"),
}


def test_a_token_that_is_not_right_signs_nobody_out(company: Flask, liar: Liar) -> None:
    guest = enter(company, liar)
    for case, (more, claim) in WRONG.items():
        found = send(company, liar.signed(token_of(liar, **more(int(time.time())))))
        assert found == (400, f"company-logout-refused:{claim}"), case
    for sign in (unsigned, with_secret, by_a_stranger, lambda _: "nonsense", lambda _: "a.b.c", lambda _: ""):
        assert send(company, sign(token_of(liar))) == (400, "company-logout-refused:token")
    assert inside(guest)


def test_a_token_counts_once_and_ends_no_later_session(company: Flask, liar: Liar, clock: Clock) -> None:
    guest = enter(company, liar)
    token = liar.signed(token_of(liar))
    assert send(company, token) == (200, "") and not inside(guest)
    assert send(company, token) == (400, "company-logout-refused:jti")
    clock.move(120)
    again = enter(company, liar)
    company.extensions["oidc-provider"]._used.clear()  # as another replica, which hasn't seen the token
    assert send(company, token) == (200, "") and inside(again), "this sign-in is of later"


def test_what_a_copied_token_still_ends_in_another_process(company: Flask, liar: Liar, clock: Clock) -> None:
    def again(token: str) -> None:
        company.extensions["oidc-provider"]._used.clear()  # another process hasn't seen it
        assert send(company, token) == (200, "")

    liar.claims = with_session("of-monday")
    everything, of_monday = liar.signed(token_of(liar)), liar.signed(token_of(liar, sid="of-monday"))
    clock.move(30)
    soon = enter(company, liar)
    clock.move(60)
    later = enter(company, liar)
    again(of_monday)
    assert [inside(soon), inside(later)] == [False, False], (
        "one began within a minute, so the sid's later ones end too"
    )
    clock.move(10)
    latest = enter(company, liar)
    again(of_monday)
    again(everything)
    assert inside(latest), "none began within a minute"


def test_a_token_counts_again_if_its_sessions_could_not_be_ended(
    company: Flask, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = enter(company, liar)
    token = liar.signed(token_of(liar))
    found: list[int] = []

    def down(*_: object) -> int:
        found.append(send(company, token)[0])  # a second request with it while the first one is under way
        raise StoreDown("the store does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(type(company.session_interface), "end", down)
        assert Guest(company).ask("POST", LOGOUT, {"logout_token": token}).status_code == 503
    assert found == [400], "two at once are one"
    assert inside(guest)
    assert send(company, token) == (200, "") and not inside(guest), "the provider sends it again"
    assert send(company, token) == (400, "company-logout-refused:jti")


def test_a_whole_company_is_signed_out_from_one_address(
    company: Flask, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(company.config, "SIGN_IN_LIMIT_PER_ADDRESS", "3 per 5 minutes")
    guest, client = enter(company, liar), company.test_client(use_cookies=False)

    def ask(token: str, address: str = "192.0.2.66") -> int:
        told = {"data": {"logout_token": token}, "base_url": company.config["PUBLIC_URL"]}
        return client.post(LOGOUT, **told, environ_base={"REMOTE_ADDR": address}).status_code

    most = int(REFUSED_TOKENS.split()[0])
    assert {ask("nonsense") for _ in range(most - 1)} == {400}
    gone = {ask(liar.signed(token_of(liar, sub=f"gone-{number}"))) for number in range(5)}
    assert gone == {200} and inside(guest), "good ones count neither as sign-ins nor as refused"
    assert [ask("nonsense"), ask("nonsense")] == [400, 429], "only so many that are refused"
    assert ask(liar.signed(token_of(liar)), "192.0.2.67") == 200 and not inside(guest), "of another address"


def test_strangers_cannot_make_the_portal_ask_the_provider_over_and_over(company: Flask, liar: Liar) -> None:
    enter(company, liar)
    asked = len(liar.asked)
    for _ in range(5):
        assert send(company, by_a_stranger(token_of(liar)))[0] == 400
    assert len(liar.asked) == asked, "its keys were read a moment ago"
    down = Liar()
    with down:
        address = down.issuer
    provider = type(company.extensions["oidc-provider"])(address, CLIENT_ID, "secret")
    company.extensions["oidc-provider"] = provider
    assert send(company, liar.signed(token_of(liar))) == (503, "company-sign-in-unavailable")


def test_signing_out_leads_to_the_provider_where_it_has_such_a_page(company: Flask, liar: Liar) -> None:
    def leads_to() -> str:
        guest = enter(company, liar)
        guest.go("POST", "/sign-out", {"csrf_token": guest.token()})
        assert guest.path == "/sign-in" and not inside(guest)
        found = guest.open("/sign-in?out=company").soup.select("[data-company-sign-out] a")
        return str(found[0]["href"]) if found else ""

    assert leads_to() == "", "none is announced"
    for page in ("https://elsewhere.example.com/logout", "http://evil.example.com/", "javascript:alert(1)", 7):
        liar.metadata = {"end_session_endpoint": page}
        company.extensions["oidc-provider"]._known.clear()
        assert leads_to() == "", page
    liar.metadata = {"end_session_endpoint": f"{liar.issuer}/logout?realm=staff"}
    company.extensions["oidc-provider"]._known.clear()
    address = urlsplit(leads_to())
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{liar.issuer}/logout"
    assert parse_qs(address.query) == {
        "realm": ["staff"],
        "client_id": [CLIENT_ID],
        "post_logout_redirect_uri": [f"{company.config['PUBLIC_URL']}/sign-in"],
    }, "no token is in the address"


@pytest.fixture
def chief(company: Flask, entering_as_chief: Callable[..., Guest]) -> Guest:
    return entering_as_chief(company)


def test_an_administrator_ends_one_session_or_all(company: Flask, liar: Liar, chief: Guest) -> None:
    liar.claims = lambda usual: {**usual, "sub": "u-77", "email": "carol@example.com"}
    one, other = enter(company, liar), enter(company, liar)

    def shown(guest: Guest) -> list[str]:
        page = guest.open("/compliance/sessions").soup
        hers = [each for each in page.select("[data-colleague]") if "carol" in each.get_text()]
        return [str(each["data-of-session"]) for panel in hers for each in panel.select("[data-of-session]")]

    labels = shown(chief)
    assert len(labels) == 2
    (user,) = {
        str(each["data-colleague"]) for each in chief.soup.select("[data-colleague]") if "carol" in each.get_text()
    }
    assert not one.open("/compliance/sessions").soup.select("main form[method=post]"), "an auditor only reads"
    one.go("POST", "/compliance/sessions/end", {"csrf_token": one.token(), "user": user, "label": ""})
    assert one.status == 403 and inside(other)
    form = {"csrf_token": chief.token(), "user": user}
    chief.go("POST", "/compliance/sessions/end", {**form, "label": labels[0]})
    assert chief.notices == ["success"] and sorted([inside(one), inside(other)]) == [False, True]
    chief.go("POST", "/compliance/sessions/end", {**form, "label": labels[0]})
    assert chief.notices == ["info"], "twice is once"
    enter(company, liar)
    chief.go("POST", "/compliance/sessions/end", {**form, "label": ""})
    assert shown(chief) == [] and not inside(one) and not inside(other)
    for odd in ({"user": ""}, {"user": "AIDAADMIN"}, {"user": "oidc-nobody"}):
        chief.go("POST", "/compliance/sessions/end", {**form, **odd, "label": ""})
        assert chief.notices == ["info"] and inside(chief), odd
    assert noted(company, "somebodys-sessions-ended")[-1][1] == "Administrator"


def test_nobody_sees_people_of_other_accounts(company: Flask, liar: Liar, chief: Guest) -> None:
    liar.claims = lambda usual: {**usual, "sub": "u-99", "email": "eve@example.com", "groups": ["elsewhere"]}
    eve = enter(company, liar)
    assert eve.open("/compliance/sessions").soup.select("[data-colleague]"), "an administrator of the other account"
    assert "eve@example.com" not in chief.open("/compliance/sessions").text
    assert chief.open(f"/compliance/sessions?account={ELSEWHERE}").status == 404
