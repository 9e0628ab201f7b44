"""Pages of the audit log, and of your open sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, current_app, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from app.activity import labels, queries
from app.activity.export import FORMATS
from app.activity.forms import EveryoneForm, FilterForm
from app.audit.events import Event
from app.audit.log import audit_log
from app.mfa.leftovers import reconcile
from app.notices.kinds import KINDS
from app.notices.queries import of_user
from app.sessions import current
from app.sessions.open_sessions import end_sessions, open_sessions
from app.text.messages import _, ngettext
from app.web.exports import attachment
from app.web.forms import EmptyForm
from app.web.guards import accounts_to_watch, auditors_too, with_mfa
from app.web.request_context import audit, audit_of, gateways, person
from app.web.responses import done, page, whole_number

bp = Blueprint("activity", __name__, url_prefix="/activity")


def _older(found: queries.PageOfEntries, endpoint: str) -> str:
    """Address of the next page, with the same filters."""
    return _with_filters(url_for(endpoint), before=found.older) if found.older else ""


def _with_filters(address: str, before: int | None = None) -> str:
    chosen: dict[str, object] = {name: value for name, value in request.args.items() if name != "before" and value}
    return f"{address}?{urlencode(chosen | ({'before': before} if before else {}))}"


@bp.get("")
@with_mfa
def index() -> ResponseReturnValue:
    """List the audit log's entries of the user."""
    me, form = person(), FilterForm(request.args)
    if not accounts_to_watch():
        form.offer_own()
    form.validate()
    reconcile(gateways().iam, audit(), me.user_name, datetime.now(UTC))
    engine, chosen = audit_log().engine, form.chosen(own_id=me.user_id)
    found = queries.entries(engine, me.account_id, chosen, datetime.now(UTC), whole_number(request.args, "before"))
    return page(
        "activity/mine.html",
        form,
        found=found,
        labels=labels,
        older=_older(found, "activity.index"),
        unidentified=queries.has_unidentified(engine, me.account_id, me.user_name),
        notices=[] if request.args else of_user(engine, me.account_id, me.user_id),
        kinds=KINDS,
    )


@bp.get("/<number:seq>/not-me")
@with_mfa
def not_me(seq: int) -> ResponseReturnValue:
    """Say what to do about an entry that wasn't caused by the user."""
    me = person()
    entry = queries.entry(audit_log().engine, me.account_id, me.user_id, seq, datetime.now(UTC))
    if entry is None:
        abort(404)
    return page(
        "activity/not_me.html",
        EmptyForm.blank(),
        entry=entry,
        labels=labels,
        note=labels.note(entry, me.arn),
    )


@bp.get("/sessions")
@with_mfa
def sessions() -> ResponseReturnValue:
    """List the user's sessions of this portal."""
    return page(
        "activity/sessions.html",
        EmptyForm.blank(),
        sessions=open_sessions(person().owner),
        this=current.label(),
    )


@bp.post("/sessions/end")
@with_mfa
def end_session() -> ResponseReturnValue:
    """End one session, or all but this one."""
    label = request.form.get("label", "")
    others = [session.label for session in open_sessions(person().owner) if session.label != current.label()]
    chosen = others if label == "others" else [label] if label in others else []
    for each in chosen:
        audit().note(Event.SESSION_ENDED, each)
    ended = end_sessions(person().owner, chosen) if chosen else 0
    message = _("You have no other open session.")
    if ended:
        message = ngettext("%(num)d session ended.", "%(num)d sessions ended.", ended)
    entry = whole_number(request.form, "entry")
    if entry:
        return done(_("%(result)s Continue with step 2.", result=message), "activity.not_me", seq=entry)
    if not ended:
        return done(message, "activity.sessions", "info", code="nothing-ended")
    return done(message, "activity.sessions")


def _everyone_form() -> EveryoneForm:
    form = EveryoneForm(request.args)
    watched = accounts_to_watch()
    form.account.choices = [(account, account) for account in watched]
    if set(watched) >= current_app.config["ACCOUNTS"]:  # whose account is not known may be of any
        form.account.choices.append(("-", _("Unknown (failed sign-ins)")))
    if form.account.data not in [value for value, _label in form.account.choices]:
        form.account.data = watched[0]
    form.validate()
    return form


def _account(form: EveryoneForm) -> str:
    return "" if form.account.data == "-" else str(form.account.data)


@bp.get("/everyone")
@auditors_too
def everyone() -> ResponseReturnValue:
    """List the audit log's entries of an account."""
    form = _everyone_form()
    chosen = form.chosen(form.user.data or "")
    found = queries.entries(
        audit_log().engine, _account(form), chosen, datetime.now(UTC), whole_number(request.args, "before")
    )
    exports = {ending: _with_filters(url_for("activity.export", ending=ending)) for ending in FORMATS}
    return page(
        "activity/everyone.html",
        form,
        found=found,
        labels=labels,
        older=_older(found, "activity.everyone"),
        exports=exports,
    )


@bp.get(f"/everyone.<any({', '.join(FORMATS)}):ending>")
@auditors_too
def export(ending: str) -> ResponseReturnValue:
    """Send the entries of the page as a file."""
    form = _everyone_form()
    if form.errors:
        abort(400)
    account_id = _account(form)
    # In the audit log of the account that is exported, so that its administrators see it.
    audit_of(account_id or person().account_id).note(Event.AUDIT_LOG_EXPORTED, f"{account_id or 'nobody'}.{ending}")
    content_type, written = FORMATS[ending]
    rows = queries.rows(audit_log().engine, account_id, form.chosen(form.user.data or ""))
    answer = Response(stream_with_context(written(rows)), mimetype=content_type)
    about = "activity", account_id or "unknown", form.user.data or ""
    answer.headers["Content-Disposition"] = attachment(*about, ending=ending)
    return answer
