"""The sessions of people with a company account: who is signed in, and signing them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.audit.history import Colleague as SignedIn
from app.audit.history import colleagues_since
from app.audit.log import audit_log
from app.compliance.views import bp as dashboard
from app.compliance.views import chosen_account, shown, watched
from app.sessions import current
from app.sessions.contents import Colleague
from app.sessions.open_sessions import end_sessions, open_sessions
from app.sessions.stores import OpenSession
from app.text.messages import _, ngettext
from app.web.guards import admins_only, auditors_too
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit_of
from app.web.responses import done

bp = Blueprint("compliance_sessions", __name__, url_prefix=dashboard.url_prefix)
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


class Inside(NamedTuple):
    """Someone who is signed in with a company account."""

    person: SignedIn
    sessions: list[OpenSession]


def _of(account_id: str, user_id: str = "") -> list[Inside]:
    """Return who may look at the account and is signed in, the latest sign-in first. user_id: only this person."""
    since = datetime.now(UTC) - current_app.config["SIGN_IN_SESSION_MAX"]
    people = colleagues_since(audit_log(), [account_id], since, user_id)
    found = [Inside(each, list(open_sessions(Colleague.owner_with(each.user_id)))) for each in people]
    return [each for each in found if each.sessions]


@bp.get("/sessions")
@auditors_too
def index() -> ResponseReturnValue:
    """Who is signed in with a company account."""
    account = watched()
    return shown("compliance/sessions.html", account, inside=_of(account.account_id), this=current.label())


@bp.post("/sessions/end")
@admins_only
def end() -> ResponseReturnValue:
    """End one session of a person, or all of them."""
    account_id, user_id, label = chosen_account(), request.form.get("user", ""), request.form.get("label", "")
    found = _of(account_id, user_id) if user_id else []
    chosen = [session.label for each in found for session in each.sessions if label in ("", session.label)]
    if not chosen:
        message = _("These sessions have already ended.")
        return done(message, "compliance_sessions.index", "info", code="nothing-ended", account=account_id)
    with audit_of(account_id).attempt(Event.USER_SESSIONS_ENDED, found[0].person.recorded_name):
        ended = end_sessions(Colleague.owner_with(user_id), chosen)
    message = ngettext("%(num)d session ended.", "%(num)d sessions ended.", ended)
    return done(message, "compliance_sessions.index", account=account_id)
