"""Everything that happens before and after a request, in order, each with its reason.

A step that answers ends the request: later steps and the view never see it. What happens around Flask (proxies,
probes, the line in the log) is in `app.factory`. What a blueprint does before its own pages is beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from app.sessions import current, slots
from app.sessions.stores import StoreDown
from app.web import error_pages, guards, permissions, refused, request_context, security
from app.web.rate_limits import limiter

Hook = Callable[[], ResponseReturnValue | None]


class Step(NamedTuple):
    """What happens, and why there. An extension adds its own step to the application instead."""

    what: Hook | Callable[[Flask], None]
    why: str
    extension: bool = False


def _known_to_the_log() -> None:
    request.environ["latchkey.endpoint"] = request.endpoint or ""
    request.environ["latchkey.session"] = current.known_label()


def _lists_in_files() -> None:
    current_app.config["LIST_FILES"].read_changed(current_app.config)


def _with_a_session() -> None:
    """Raises StoreDown where nobody can tell what the browser's session holds."""
    if current.session_unavailable() and request.endpoint != "static":
        raise StoreDown("no session to work with")


def before(large_uploads: Hook) -> tuple[Step, ...]:
    """Return the steps before a request. large_uploads: raises the limit of a page that takes large files."""
    return (
        Step(_lists_in_files, "who may open what is as the files of accounts and administrators say now"),
        Step(_known_to_the_log, "what is refused below is also in the log, by page and session"),
        Step(_with_a_session, "no step below works without knowing who it is"),
        Step(security.from_our_own_pages, "a forged form is refused before anything is read or done"),
        Step(security.one_name, "only under one name do cookie and AWS's redirect work"),
        Step(request_context.lend_credentials, "the session's AWS credentials are renewed, and sign what follows"),
        Step(guards.require_sign_in, "signed in is the rule: nothing below answers a stranger, but for public pages"),
        Step(large_uploads, "only for those who may use that page, and before a form is read"),
        Step(security.only_text, "reads the form: a broken one is refused before anything looks into it"),
        Step(slots.drop_what_is_over, "no secret outlives its time, whichever page is opened"),
        Step(refused.drop_what_is_over, "nor does anything that was typed"),
        Step(CSRFProtect().init_app, "a form must come from this very session", extension=True),
        Step(limiter.init_app, "counts only what got so far; forged forms use up nobody's tries", extension=True),
        Step(error_pages.show_what_waits, "the answer to the form that was sent to this page"),
        Step(permissions.explain_what_cannot_work, "what the policy rules out is said, and AWS is not asked"),
    )


def register(app: Flask, large_uploads: Hook) -> None:
    """Add all steps to the application, in their order."""
    app.after_request(security.add_headers)  # the first is called last: every answer has them, error pages as well
    for step in before(large_uploads):
        add: Callable[[Any], Any] = (lambda init: init(app)) if step.extension else app.before_request
        add(step.what)
    app.teardown_request(request_context.withdraw_credentials)  # even if a request broke
