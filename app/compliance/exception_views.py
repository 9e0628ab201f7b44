"""Pages of exceptions to the rules: the list, and one exception at a time."""

from __future__ import annotations

from itertools import islice

from flask import current_app, request
from flask.typing import ResponseReturnValue

from app.compliance import exceptions, tables
from app.compliance.auditor_views import bp
from app.compliance.data import queries
from app.compliance.forms import ExceptionForm
from app.compliance.people_names import who
from app.compliance.rules.table import BY_ID, OF_PEOPLE, RULES, applying
from app.compliance.rules.verdicts import State
from app.compliance.thresholds import terms_for
from app.compliance.views import chosen_account, shown, watched
from app.db import db
from app.errors import NotFound
from app.text.messages import _
from app.web.guards import admins_only, auditors_too
from app.web.request_context import audit_of, person
from app.web.responses import Undo, done, done_with_undo, whole_number

OFFERED = 1000
"""Names to choose from in the form of an exception. Others can be typed."""


@bp.get("/exceptions", endpoint="exceptions")
@auditors_too
def list_exceptions() -> ResponseReturnValue:
    """The exceptions in force and over, and a form for a new one."""
    account = watched()
    form = ExceptionForm.blank(rule=request.args.get("rule", RULES[0].id), user_name=request.args.get("user", ""))
    form.offer(applying(RULES, account.terms))
    with db.engine.connect() as connection:
        in_force = queries.exceptions(connection, account.account_id, account.terms.now)
        over = queries.exceptions(connection, account.account_id, account.terms.now, over=True)
        waiting = []
        for group in tables.grouped(queries.waiting(connection, account.account_id, account.terms.now)):
            someone = queries.person(connection, account.account_id, group.first.user_name) if group.alone else None
            waiting.append((group, exceptions.may_approve(group.first, someone, by())))
        failing = queries.everyone(connection, account.account_id, queries.Filter(state=State.FAIL))
        names = [row.user_name for row in islice(failing, OFFERED)]
    return shown(
        "compliance/exceptions.html",
        account,
        form,
        in_force=tables.grouped(in_force),
        waiting=waiting,
        over=tables.grouped(over),
        rules=BY_ID,
        of_people=applying(OF_PEOPLE, account.terms),
        names=names,
        who=who,
    )


@bp.post("/exceptions")
@admins_only
def exceptions_post() -> ResponseReturnValue:
    """Add an exception."""
    account_id, form = chosen_account(), ExceptionForm()
    terms_of = terms_for(current_app.config, account_id)
    form.offer(applying(RULES, terms_of(None)))
    form.accept()
    wanted = exceptions.NewException(
        form.rule.data, form.user_name.data, form.reason.data, form.owner.data, form.ends
    )
    asks = current_app.config["EXCEPTION_APPROVAL"] == "1"
    exceptions.add_exception(db.engine, audit_of(account_id), account_id, wanted, by(), terms_of, needs_approval=asks)
    message = (
        _("Exception added. It counts when another administrator approves it.") if asks else _("Exception added.")
    )
    return done(message, "compliance_audit.exceptions", account=account_id)


def by() -> exceptions.By:
    """Return the administrator who asks."""
    return exceptions.By(person().arn, person().user_id)


@bp.post("/exceptions/approve")
@admins_only
def approve_exception() -> ResponseReturnValue:
    """Let an exception count that another administrator asked for."""
    account_id, number = chosen_account(), whole_number(request.form, "number") or 0
    terms_of = terms_for(current_app.config, account_id)
    exceptions.approve_exception(db.engine, audit_of(account_id), account_id, number, by(), terms_of)
    return done(_("Exception approved."), "compliance_audit.exceptions", account=account_id)


@bp.errorhandler(exceptions.AnotherPersonNeeded)
def another_person_needed(refusal: exceptions.AnotherPersonNeeded) -> ResponseReturnValue:
    """Show the exceptions."""
    return done(refusal, "compliance_audit.exceptions", "warning", account=chosen_account())


@bp.errorhandler(exceptions.ExceptionAlreadyExists)
def exception_already_exists(refusal: exceptions.ExceptionAlreadyExists) -> ResponseReturnValue:
    """Show the exceptions, which have it."""
    return done(refusal, "compliance_audit.exceptions", "info", account=chosen_account())


@bp.errorhandler(NotFound)
def exception_over(refusal: NotFound) -> ResponseReturnValue:
    """Show the exceptions, where it is over."""
    return done(refusal, "compliance_audit.exceptions", "warning", account=chosen_account())


@bp.post("/exceptions/end")
@admins_only
def end_exception() -> ResponseReturnValue:
    """End an exception early."""
    account_id, number = chosen_account(), whole_number(request.form, "number") or 0
    terms_of = terms_for(current_app.config, account_id)
    exceptions.end_exception(db.engine, audit_of(account_id), account_id, number, person().arn, terms_of)
    undo = Undo("compliance_audit.restore_exception", {"account": account_id, "number": str(number)})
    return done_with_undo(_("Exception ended."), undo, "compliance_audit.exceptions", account=account_id)


@bp.post("/exceptions/restore")
@admins_only
def restore_exception() -> ResponseReturnValue:
    """Undo that an exception was ended."""
    account_id, number = chosen_account(), whole_number(request.form, "number") or 0
    terms_of = terms_for(current_app.config, account_id)
    exceptions.restore_exception(db.engine, audit_of(account_id), account_id, number, person().arn, terms_of)
    return done(_("Exception restored."), "compliance_audit.exceptions", account=account_id)
