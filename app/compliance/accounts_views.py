"""The page of all accounts side by side, and its file."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, abort, current_app, request
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.compliance.all_accounts import (
    AGES,
    EVERY,
    FAILED,
    FIRST,
    MISSING,
    AllAccounts,
    Chosen,
    all_accounts,
    file_columns,
    file_rows,
)
from app.compliance.forms import AccountsForm
from app.compliance.rules.table import BY_ID
from app.compliance.views import address_with, bp, shown, watched
from app.db import db
from app.text.messages import _, ngettext
from app.web.exports import as_csv, attachment
from app.web.guards import accounts_to_watch, auditors_too
from app.web.request_context import audit
from app.web.responses import page_number

MOST_UNITS = 60
"""Units to choose from. Where there are more, the text finds them."""


@bp.get("/accounts")
@auditors_too
def accounts() -> ResponseReturnValue:
    """All accounts side by side, each as of its last visit."""
    account, form = watched(), AccountsForm(request.args)
    found = _found(form)
    chosen = None if form.rule.errors else BY_ID.get(form.rule.data or "")
    return shown("compliance/accounts.html", account, form, found=found, chosen=chosen, address=address_with)


@bp.get("/accounts.csv")
@auditors_too
def accounts_file() -> ResponseReturnValue:
    """What the page shows, with all accounts that match, as a file."""
    form = AccountsForm(request.args)
    found = _found(form, whole=True)
    if form.errors:
        abort(400)
    audit().note(Event.COMPLIANCE_EXPORTED, "accounts.csv")
    answer = Response("".join(as_csv(file_columns(found), file_rows(found))), mimetype="text/csv")
    answer.headers["Content-Disposition"] = attachment("accounts", ending="csv")
    return answer


def _found(form: AccountsForm, *, whole: bool = False) -> AllAccounts:
    """Return what the form asks for, and set what there is to choose from."""
    now, watched_ids, named = datetime.now(UTC), accounts_to_watch(), current_app.config["WATCHED_ACCOUNTS"].named
    with db.engine.connect() as connection:
        known = all_accounts(connection, watched_ids, Chosen(), now, named)
        _offer(form, known)
        form.validate()
        return all_accounts(connection, watched_ids, form.chosen(page_number()), now, named, whole=whole)


def _offer(form: AccountsForm, known: AllAccounts) -> None:
    form.columns.choices = [
        (FIRST, _("The most important")), ("mfa", _("MFA")), ("keys", _("Access keys and certificates")),
        ("unused", _("Unused credentials")), ("root", _("The root user")), ("passwords", _("Password policy")),
        ("policies", _("Policies and tags")), ("tls", _("TLS certificates")), (EVERY, _("Every rule")),
    ]  # fmt: skip
    form.rule.choices = [("", _("Any")), *((rule.id, rule.name) for rule in known.rules)]
    units = known.units if len(known.units) <= MOST_UNITS else []
    form.unit.choices = [("", _("All units")), *((unit, unit) for unit in units)]
    form.sources.choices = [
        ("", _("Any age")),
        *((str(days), ngettext("Older than %(num)d day", "Older than %(num)d days", days)) for days in AGES),
        (MISSING, _("Missing")),
        (FAILED, _("The last sync failed")),
    ]
