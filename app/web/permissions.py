"""Offer only what can work: links that the configured document rules out aren't shown, and their pages say why.

What the document just doesn't grant may come from another policy of the user. There AWS decides, and its refusal
names the permission as well (`app.web.error_pages`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Any, TypeVar

from cachetools import TTLCache
from flask import Flask, current_app, render_template, request
from flask_login import current_user
from werkzeug.exceptions import Forbidden

from app.policy.features import BY_CODE, Need, offers, ruled_out
from app.text.messages import _
from app.web.request_context import mfa_present, permitted, person

View = TypeVar("View", bound=Callable[..., Any])
_NEEDS = {need.action: need for feature in reversed(BY_CODE.values()) for need in reversed(feature.needs)}
"""Action to what it is authorized on, as the first feature that has it says."""


def needs(*actions: str, later: Collection[str] = ()) -> Callable[[View], View]:
    """Mark a view with the IAM actions it asks for and can't do without, like "iam:UpdateAccessKey".

    Where the policy rules one out, the page says so and AWS is not asked. later: what the page it leads to can't do
    without. Pages that manage with less say themselves what is missing.
    """
    return _mark(tuple(_NEEDS[action] for action in (*actions, *later)), frozenset(actions))


def calls(*actions: str) -> Callable[[View], View]:
    """Mark a view with further IAM actions it may ask for, and can do without, or says itself what is missing."""
    return _mark((), frozenset(actions))


def _mark(what: tuple[Need, ...], actions: frozenset[str]) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.needed = needed_by(view) + what  # type: ignore[attr-defined]  # marks on a function, read below
        view.called = called_by(view) | actions  # type: ignore[attr-defined]
        return view

    return mark


def needed_by(view: object) -> tuple[Need, ...]:
    """Return what a view can't do without."""
    found: tuple[Need, ...] = getattr(view, "needed", ())
    return found


def called_by(view: object) -> frozenset[str]:
    """Return the IAM actions a view may ask for."""
    found: frozenset[str] = getattr(view, "called", frozenset())
    return found


Found = TypeVar("Found")
_lock = Lock()
SECONDS_KEPT = 60
"""How long an answer counts: a document can go by the time of day."""


def offered() -> frozenset[str]:
    """Return the codes of the features that the document grants the user, as they are signed in now."""
    me = current_user._get_current_object()
    if not me.is_authenticated:
        return frozenset()
    mfa = mfa_present(me)
    return _kept((me.arn, mfa), lambda: offers(permitted(), mfa))


def denied(endpoint: str, *, with_mfa: bool = False) -> Sequence[Need]:
    """Return what an endpoint needs and the document rules out for the user. Empty where it can work.

    with_mfa: once they have MFA. Otherwise as they are signed in now.
    """
    needed = needed_by(current_app.view_functions.get(endpoint))
    if not needed:
        return ()
    me = person()
    mfa = True if with_mfa else mfa_present(me)

    def find() -> Sequence[Need]:
        permits = permitted()
        return tuple(need for need in needed if ruled_out(need, permits, mfa))

    return _kept((me.arn, mfa, endpoint), find)


def answer(about: tuple[str, ...], find: Callable[[], Found]) -> Found:
    """Return what the document says about this for the user who is signed in, found at most `SECONDS_KEPT` ago."""
    return _kept((person().arn, *about), find)


def _kept(key: object, find: Callable[[], Found]) -> Found:
    """What the document says. A page asks about every link of it, and the answer stays while the document does."""
    known: TTLCache[object, Found] = current_app.extensions["ruled-out"]
    with _lock:
        if key in known:
            return known[key]
    found = find()
    with _lock:
        known[key] = found
    return found


def may(endpoint: str) -> bool:
    """For templates: can this endpoint work for the user?"""
    return not denied(endpoint)


def register(app: Flask) -> None:
    """Add what templates ask."""
    app.jinja_env.globals.update(may=may, offered=offered)
    app.extensions["ruled-out"] = TTLCache(50_000, SECONDS_KEPT)


class NotOffered(Forbidden):
    """The configured document rules out what an endpoint needs."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.endpoint = endpoint


def explain_what_cannot_work() -> None:
    """Stop a request for what the configured document rules out for the user. Raises NotOffered."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint is None or not needed_by(view) or not current_user.is_authenticated:
        return
    if not current_user.with_mfa and getattr(view, "needs_mfa", False):
        return  # its own guard leads to the overview
    if denied(request.endpoint):
        raise NotOffered(request.endpoint)


def explanation(endpoint: str) -> str:
    """Return the page that says what is missing for an endpoint."""
    lacks = denied(endpoint)
    later = not person().with_mfa and not denied(endpoint, with_mfa=True)
    code = "mfa-first" if later else "not-offered"
    note = "" if later else _note(lacks)
    return render_template("not_offered.html", note=note, later=later, refused_with=code)


def _note(lacks: Sequence[Need]) -> str:
    """Return what the user can send to an administrator: the actions the policy lacks, and on what."""
    return _(
        "Please allow me to do this myself. My policy (Force_MFA) doesn’t allow\n%(actions)s\non %(resource)s",
        actions="\n".join(need.action for need in lacks),
        resource=lacks[0].on.pattern(permitted()),
    )
