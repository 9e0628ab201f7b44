"""The page of a user's calendar, and the calendar itself, which calendar programs fetch without signing in."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, abort, current_app, request, url_for
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.compliance.data import queries
from app.compliance.data.account_data import read_account
from app.compliance.data.judgements import subject_of
from app.compliance.notices.calendar import Calendars, DueDate, as_ics, due_dates
from app.compliance.thresholds import terms_for
from app.db import db
from app.text.messages import _
from app.web.guards import public, with_mfa
from app.web.rate_limits import limiter
from app.web.request_context import audit, person
from app.web.responses import done, page

bp = Blueprint("calendar", __name__)
WRONG_CODES = "120 per 5 minutes"
"""Per address. Right ones aren't counted: the calendar programs of a whole company may have one address."""


def _calendars() -> Calendars:
    config = current_app.config
    return Calendars(db.engine, (config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]))


@bp.get("/calendar")
@with_mfa
def index() -> ResponseReturnValue:
    """Show the user's due dates, and the address of their calendar if there is one."""
    me, calendars = person(), _calendars()
    found = calendars.find(me.account_id, me.user_id)
    address = current_app.config["PUBLIC_URL"] + url_for(".feed", code=calendars.code(found)) if found else ""
    dates = sorted(_dates(me.account_id, me.user_name, me.user_id, datetime.now(UTC)), key=lambda each: each.day)
    return page("calendar/index.html", address=address, dates=dates, today=datetime.now(UTC).date())


@bp.post("/calendar")
@with_mfa
def index_post() -> ResponseReturnValue:
    """Create the user's calendar, or give it a new address."""
    me, calendars = person(), _calendars()
    had_one = calendars.find(me.account_id, me.user_id)
    audit().note(Event.CALENDAR_ADDRESS_CREATED)
    calendars.replace(me.account_id, me.user_id, me.user_name, datetime.now(UTC))
    if had_one:
        message = _("Your calendar has a new address. The old one no longer works.")
    else:
        message = _("Your calendar was created. Subscribe to its address.")
    return done(message, ".index")


@bp.post("/calendar/end")
@with_mfa
def end() -> ResponseReturnValue:
    """Delete the user's calendar. Its address stops working."""
    me = person()
    audit().note(Event.CALENDAR_ADDRESS_REMOVED)
    _calendars().end(me.account_id, me.user_id)
    return done(_("Your calendar was removed. Its address no longer works."), ".index")


def _was_wrong(response: Response) -> bool:
    """Return whether a code was tried that belongs to no calendar. A request without one is not stored."""
    return response.status_code == HTTPStatus.NOT_FOUND and bool(request.args.get("code"))


@bp.get("/calendar.ics")
@public
@limiter.limit(WRONG_CODES, deduct_when=_was_wrong)
def feed() -> ResponseReturnValue:
    """Return a calendar to a calendar program, without key IDs and without links that sign in."""
    found = _calendars().opened_by(request.args.get("code", ""))
    if found is None or found.account_id not in current_app.config["ACCOUNTS"]:
        abort(404)
    dates = _dates(found.account_id, found.user_name, found.user_id, found.created_at)
    name = _("%(brand)s: due dates", brand=current_app.config["BRAND_NAME"])
    whose, link = f"{found.account_id}/{found.user_id}", current_app.config["PUBLIC_URL"]
    return Response(as_ics(dates, name, whose, link, datetime.now(UTC)), mimetype="text/calendar")


def _dates(account_id: str, user_name: str, user_id: str, named_at: datetime) -> list[DueDate]:
    """Return a user's due dates. named_at: a time at which they had this name, which may be another's now."""
    terms_of: Any = terms_for(current_app.config, account_id)
    with db.engine.connect() as connection:
        stored = read_account(connection, account_id)
        row = queries.person_by_id(connection, account_id, user_id, user_name, named_at)
    if stored is None or row is None:
        return []
    return list(due_dates(subject_of(row, stored), terms_of(stored.user_list.get("others"))))
