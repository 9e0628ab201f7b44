"""Pages about notices, for administrators."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from flask import Blueprint, current_app, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement

from app.audit.events import Event
from app.compliance.data.people_data import read_names
from app.db import db
from app.errors import NotFound
from app.notices import queries
from app.notices.addresses import AddressBook, address_book
from app.notices.channels.outcomes import said
from app.notices.kinds import KINDS
from app.notices.models import NoticeRow
from app.notices.notice import MAIL, State
from app.notices.outbox import outbox
from app.text.messages import N_, _, ngettext
from app.web.forms import EmptyForm
from app.web.guards import accounts_here, accounts_to_administer, admins_only, auditors_too
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit_of
from app.web.responses import done, page, whole_number

bp = Blueprint("notices", __name__, url_prefix="/notices")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)

SHOWN = {
    "failed": (N_("Not sent"), (State.DEAD, State.FAILED)),
    "waiting": (N_("Waiting"), (State.WAITING, State.SENDING)),
    "sent": (N_("Sent"), (State.SENT,)),
    "cancelled": (N_("Cancelled"), (State.CANCELLED,)),
}
"""The lists of the page, by their name in its address. It opens with the first that isn't empty."""
STATES = {
    State.WAITING: (N_("waiting"), "info"),
    State.SENDING: (N_("being sent"), "info"),
    State.SENT: (N_("sent"), "good"),
    State.FAILED: (N_("will be tried again"), "warn"),
    State.DEAD: (N_("not sent"), "bad"),
    State.CANCELLED: (N_("cancelled"), "off"),
}
MOST_NAMES = 1000


def _accounts() -> list[str]:
    """Return the reader's accounts, and "" (notices about no account) for readers who watch all of them."""
    mine = accounts_here()
    return [*mine, ""] if set(mine) >= current_app.config["ACCOUNTS"] else mine


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """List notices in one of the states, with what went wrong."""
    now, accounts = datetime.now(UTC), _accounts()
    figures = queries.figures(db.engine, now, accounts)
    counts = {name: sum(figures.states.get(state, 0) for state in states) for name, (_label, states) in SHOWN.items()}
    chosen = request.args.get("show", "")
    chosen = chosen if chosen in SHOWN else next((name for name in SHOWN if counts[name]), "sent")
    found = queries.listed(db.engine, accounts, SHOWN[chosen][1], whole_number(request.args, "before"))
    older = url_for("notices.index", show=chosen, before=found[queries.PAGE - 1].id) if _is_more(found) else ""
    return page(
        "notice_pages/index.html",
        EmptyForm.blank(),
        found=found[: queries.PAGE],
        older=older,
        shown=SHOWN,
        chosen=chosen,
        counts=counts,
        channels=sorted(outbox().channels),
        silent=figures.no_worker(now),
        kinds=KINDS,
        states=STATES,
        said=said,
        administered=set(accounts_to_administer()) | ({""} if "" in accounts else set()),
    )


def _is_more(found: Collection[NoticeRow]) -> bool:
    return len(found) > queries.PAGE


@bp.get("/addresses")
@auditors_too
def addresses() -> ResponseReturnValue:
    """List users whose mail address isn't known."""
    book = address_book(current_app)
    without = {account: _without(book, account) for account in accounts_here()}
    return page("notice_pages/addresses.html", without=without, most=MOST_NAMES, mail=MAIL in outbox().channels)


def _without(book: AddressBook, account_id: str) -> list[str]:
    with db.engine.connect() as connection:
        names = read_names(connection, account_id)
    return book.unknown(account_id, names)


def _chosen() -> tuple[NoticeRow, list[ColumnElement[bool]]]:
    """Return the notice that the form names, if it is about one of the reader's accounts. Raises NotFound."""
    number = whole_number(request.form, "number")
    mine = [NoticeRow.account_id.in_(_accounts()), NoticeRow.id == number]
    with db.engine.connect() as connection:
        found = queries.rows(connection, *mine, most=1) if number else []
    if not found:
        raise NotFound
    return found[0], mine


@bp.post("/again")
@admins_only
def send_again() -> ResponseReturnValue:
    """Send a failed or cancelled notice again."""
    row, mine = _chosen()
    audit_of(row.account_id).note(Event.NOTICE_SENT_AGAIN, f"{row.kind} to {row.user_name}, number {row.id}")
    with db.engine.begin() as connection:
        number = queries.send_again(connection, datetime.now(UTC), *mine)
    outbox().ring()
    if not number:
        return done(_("This notice has already been sent or is waiting."), "notices.index", "info", code="not-failed")
    return done(_("The notice will be sent again."), "notices.index", show="waiting")


@bp.post("/all-again")
@admins_only
def send_all_again() -> ResponseReturnValue:
    """Send all failed notices again."""
    accounts = _accounts()
    for account in accounts:
        audit_of(account).note(Event.NOTICE_SENT_AGAIN, "all that failed")
    which = NoticeRow.account_id.in_(accounts), NoticeRow.state.in_((State.DEAD.value, State.FAILED.value))
    with db.engine.begin() as connection:
        number = queries.send_again(connection, datetime.now(UTC), *which)
    outbox().ring()
    message = ngettext("%(num)d notice will be sent again.", "%(num)d notices will be sent again.", number)
    return done(message, "notices.index", show="waiting")


@bp.post("/cancel")
@admins_only
def cancel() -> ResponseReturnValue:
    """Cancel a notice that isn't sent yet."""
    row, mine = _chosen()
    audit_of(row.account_id).note(Event.NOTICE_CANCELLED, f"{row.kind} to {row.user_name}, number {row.id}")
    with db.engine.begin() as connection:
        number = outbox().cancel(connection, *mine)
        [left] = queries.rows(connection, *mine, most=1)
    if number and left.state == State.SENDING:
        message = _("A worker already has the notice. It is cancelled, unless it is being sent at this moment.")
        return done(message, "notices.index", "info", code="being-sent", show="waiting")
    if not number:
        return done(_("The notice was already sent or cancelled."), "notices.index", "info", code="not-waiting")
    return done(_("The notice was cancelled."), "notices.index", show="cancelled")
