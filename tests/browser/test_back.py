"""After an error, Back and reload show pages and send nothing again. Every form is refused once on its page."""

from __future__ import annotations

import re
from itertools import count
from urllib.parse import urlsplit

import pytest
from werkzeug.routing import Map

from app.errors import NotAllowed
from tests.browser.conftest import Surfing
from tests.support import hands
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.sandbox import Sandbox

TYPED = "input[type=text], input[type=password], textarea"
FILLED_IN = f"main form[method=post]:has({TYPED})"
MAY_BE_FILLED_IN = re.compile(
    r"""<form\b[^>]*\bmethod="?post\b(?:(?!</form).)*(?:<textarea\b|type="?(?:text|password)\b)""", re.S
)
"""What the HTML of a page has where FILLED_IN may match."""
CHOOSE = """([forms, number, typed]) => {
  const form = document.querySelectorAll(forms)[number];
  form?.setAttribute("id", "walked");
  return form && [...form.querySelectorAll(typed)]
    .filter((field) => field.checkVisibility({ visibilityProperty: true }))
    .map((field) => [field.name, field.type]);
}"""
"""Marks a form. Returns name and type of each field that a user sees; null where there is no such form."""
SHOWS = """(names) => [
  document.querySelector("main [role=alert]")?.innerText,
  Object.fromEntries(names.map((name) => [name, document.querySelector(`[name="${name}"]`)?.value])),
]"""
"""The first alert of the page, and what these fields hold."""


def pages(url_map: Map) -> list[str]:
    """Every address without a variable part that can be opened, except those of files."""
    rules = [rule for rule in url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    return sorted(rule.rule for rule in rules if "." not in rule.rule and rule.rule not in ("/oauth/callback",))


def walk(surfer: Surfer, paths: list[str]) -> set[str]:
    """Send nonsense in every form of these pages. Returns the addresses where it was refused."""
    refused, page, sent = set(), surfer.page, []
    surfer.listen("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    for path in paths:
        answer = page.request.get(surfer.url + path)
        if not MAY_BE_FILLED_IN.search(answer.text()) or urlsplit(answer.url).path != path:
            continue
        for number in count():
            page.goto(surfer.url + path)
            fields = page.evaluate(CHOOSE, [FILLED_IN, number, TYPED])
            if fields is None:
                break
            typed = dict(fields)
            hands.write(page, "#walked", **dict.fromkeys(typed, "nonsense"))
            with page.expect_navigation():
                page.evaluate("document.getElementById('walked').requestSubmit()")
            page.wait_for_load_state()
            told, shown = page.evaluate(SHOWS, list(typed))
            if told is None:
                continue
            refused.add(path)
            before, sent[:] = surfer.heading, []
            assert told, path
            for name, kind in typed.items():
                assert kind != "password" or shown[name] == "", f"{path} shows what was typed into {name} again"
            assert page.reload(), path
            assert surfer.heading == before, path
            assert page.go_back(), f"{path}: Back leads nowhere"
            assert surfer.heading, path
            assert page.go_forward(), path
            assert surfer.heading == before, path
            assert sent == [], f"{path}: sent again"
    return refused


def test_back_and_reload_after_every_forms_error(surfing: Surfing, nadia: Employee, url_map: Map) -> None:
    everywhere, stranger = pages(url_map), surfing(fresh=True)
    assert walk(stranger, everywhere) == {"/sign-in"}
    stranger.sign_in(nadia)
    stranger.open("/mfa/enroll")
    stranger.submit("/mfa/enroll/begin")
    phone = stranger.scan()
    before_mfa = walk(stranger, everywhere)
    assert before_mfa >= {"/mfa/enroll", "/mfa/hardware", "/password"}, before_mfa
    stranger.open("/mfa/enroll")
    stranger.give_two_codes(phone)
    assert "/mfa/activate" in walk(stranger, ["/mfa/activate"])
    stranger.open("/mfa/activate")
    stranger.upgrade(phone)
    stranger.open("/access-keys")
    stranger.submit("/access-keys/create")
    inside = walk(stranger, everywhere)
    assert inside >= {
        "/access-keys/new",
        "/certificates/new",
        "/mfa/hardware",
        "/mfa/resync",
        "/password/new",
        "/ssh-keys/new",
    }, inside
    at_sign_in = surfing(fresh=True)
    at_sign_in.sign_in(nadia)
    assert "/sign-in/code" in walk(at_sign_in, ["/sign-in/code"])


@pytest.fixture
def admin(surfing: Surfing, sandbox: Sandbox, clock: Clock) -> Surfer:
    """Signed in with MFA."""
    opened, facts = surfing(fresh=True), sandbox.user("Administrator")
    opened.sign_in(Employee(sandbox, "Administrator", facts["access_key_id"], facts["secret_access_key"]))
    clock.move(60)
    opened.submit("/sign-in/code", code=sandbox.code(facts["mfa"]["seed"]))
    return opened


def test_back_and_reload_after_every_error_of_administrators(admin: Surfer, url_map: Map) -> None:
    theirs = [path for path in pages(url_map) if path.startswith(("/compliance", "/policy"))]
    assert "/compliance/exceptions" in walk(admin, theirs)


def test_back_and_reload_after_a_button_that_aws_refused(surfing: Surfing, nadia: Employee) -> None:
    surfer = surfing(fresh=True)
    surfer.arrive_with_mfa(nadia)
    nadia.denied("iam:DeleteAccessKey")
    surfer.open(f"/access-keys/delete?id={nadia.access_key_id}")
    surfer.page.locator("#understood").check()
    sent: list[str] = []
    surfer.listen("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    surfer.submit("/access-keys/delete")
    assert surfer.refused_as == NotAllowed.code and "iam:DeleteAccessKey" in surfer.text
    assert surfer.path == "/access-keys/delete", "the page of the form"
    assert len(sent) == 1
    surfer.open("/mfa")
    assert surfer.page.go_back(), "Back to the error shows a page"
    assert surfer.has("/access-keys/delete") and surfer.refused_as == ""
    assert surfer.page.reload() and len(sent) == 1, "and nothing is sent again"


def test_what_was_typed_is_there_after_the_error_and_no_secret_is(surfer: Surfer) -> None:
    surfer.open("/sign-in?next=/access-keys")
    surfer.submit("/sign-in", access_key_id="AKIAWRONG", secret_access_key="x" * 40)
    assert surfer.value("access_key_id") == "AKIAWRONG" and surfer.value("secret_access_key") == ""
    assert surfer.wrong == {"access_key_id": "shape"} and "next=/access-keys" in surfer.page.url
    surfer.page.reload()
    assert surfer.wrong == {} == dict.fromkeys(surfer.invalid), "the error is shown once"


def test_a_page_that_shows_what_was_pasted_can_be_reloaded(admin: Surfer) -> None:
    admin.open("/policy/check")
    admin.submit("/policy/check", document='{"Version": "2012-10-17", "Statement": []}')
    said = admin.text
    admin.page.reload()
    assert admin.text == said and admin.value("document").startswith('{"Version"')
    admin.open("/policy")
    assert admin.page.go_back() and admin.text == said
