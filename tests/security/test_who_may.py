"""Every address x everyone: nobody gets further than the marks of the page say, by GET or by POST."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule

from tests.security.conftest import ELSEWHERE, Entering, Guest
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.sandbox import Sandbox

STATIC = ("static", "bootstrap.static")
CHANGING = ("Create", "Update", "Delete", "Enable", "Deactivate", "Resync", "Change", "Upload")


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint not in STATIC]


def address(app: Flask, rule: Rule) -> str:
    """Of a page, with whatever its address may hold."""
    values = {
        name: 1 if isinstance(kind, IntegerConverter) else _some(kind) for name, kind in rule._converters.items()
    }
    return app.url_map.bind("127.0.0.1").build(rule.endpoint, values)


def _some(kind: BaseConverter) -> str | int:
    if isinstance(kind, IntegerConverter):
        return 1
    return sorted(kind.items)[0] if isinstance(kind, AnyConverter) else "x"


def method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def marked(app: Flask, rule: Rule, mark: str) -> bool:
    return bool(getattr(app.view_functions[rule.endpoint], mark, False))


def changes_since(sandbox: Sandbox, seq: int) -> list[str]:
    found = [call["action"] for call in sandbox.calls(seq)]
    return [action for action in found if action.partition(":")[2].startswith(CHANGING)]


def last(sandbox: Sandbox) -> int:
    return int(sandbox.calls()[-1]["seq"])


def test_strangers_are_led_to_the_sign_in(portal: Flask, sandbox: Sandbox) -> None:
    before = last(sandbox)
    for rule in rules(portal):
        if marked(portal, rule, "is_public"):
            continue
        guest = Guest(portal)
        token = guest.token() if method(rule) == "POST" else ""
        answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token} if token else None)
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in"), rule
    assert last(sandbox) == before, "AWS was asked nothing"


def test_without_mfa_nothing_that_needs_it(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    """Also for an administrator, who at this point is a user like everyone."""
    guest = entering(mfa=False)
    token, before = guest.token(), last(sandbox)
    for rule in rules(portal):
        if marked(portal, rule, "needs_mfa"):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert (answer.status_code, answer.headers.get("Location")) == (302, "/"), rule
        elif marked(portal, rule, "needs_admin"):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert answer.status_code == 403, rule
    assert changes_since(sandbox, before) == []


def test_who_signed_in_long_ago_confirms_first(
    portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    guest = entering()
    token = guest.token()
    for _ in range(3):
        clock.move(14 * 60)
        assert guest.open("/").status == 200
    before = last(sandbox)
    for rule in rules(portal):
        if marked(portal, rule, "needs_confirmation"):
            answer = guest.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert (answer.status_code, answer.headers.get("Location")) == (303, "/sign-in"), rule
    assert changes_since(sandbox, before) == []


def test_pages_for_admins_exist_for_admins(
    portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[[], Guest]
) -> None:
    someone = entering()
    token = someone.token()
    for rule in rules(portal):
        if marked(portal, rule, "needs_admin"):
            answer = someone.ask(method(rule), address(portal, rule), {"csrf_token": token})
            assert answer.status_code == 403, rule

    key = sandbox.as_administrator("iam").create_access_key(UserName="elsewhere-admin")["AccessKey"]
    elsewhere = entering(Employee(sandbox, "elsewhere-admin", key["AccessKeyId"], key["SecretAccessKey"]))
    for query in ("", f"?account={sandbox.account_id}", "?account=", f"?account={ELSEWHERE}"):
        for page in ("/activity/everyone", "/activity/everyone.csv", "/activity/everyone.jsonl"):
            answer = elsewhere.ask("GET", page + query)
            assert "mallory" not in answer.text, f"{page}{query}: rows of an account that is not theirs"
    stranger = "AKIASTRANGERSTRANGER"
    Guest(portal).open("/sign-in").submit("Sign in with the key", access_key_id=stranger, secret_access_key="s" * 40)
    for someone in (elsewhere, entering_as_chief()):
        for page in ("/activity/everyone", "/activity/everyone.csv"):
            assert stranger not in someone.ask("GET", f"{page}?account=-").text, "it may be of the other account"

    assert "mallory" in entering_as_chief().open("/activity/everyone").text
