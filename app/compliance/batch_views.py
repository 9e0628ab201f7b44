"""Pages of exceptions for several users at once: choosing the users, and the batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.compliance import exception_batches
from app.compliance.auditor_views import bp
from app.compliance.data import queries
from app.compliance.data.people_data import read_named
from app.compliance.exception_views import by
from app.compliance.exceptions import NewException
from app.compliance.forms import ALL, STATES, FilterForm, SeveralForm
from app.compliance.people_names import who
from app.compliance.rules.rule import Rule
from app.compliance.rules.table import BY_ID, OF_PEOPLE, applying
from app.compliance.thresholds import terms_for
from app.compliance.views import WatchedAccount, chosen_account, shown, watched
from app.db import db
from app.text.messages import _, ngettext
from app.web.guards import admins_only, auditors_too
from app.web.request_context import audit_of, person
from app.web.responses import Undo, done, done_with_undo, here, page_number, whole_number

__all__ = ["bp"]
"""This module adds its pages to the blueprint of the rules."""
ON_A_PAGE = 100


def _chosen(account: WatchedAccount, rule_id: str) -> tuple[Rule, FilterForm, queries.Filter]:
    """Return the rule and the filters in the address. Aborts with 404 if there is no such rule."""
    if rule_id not in {rule.id for rule in applying(OF_PEOPLE, account.terms)}:
        abort(404)
    form = FilterForm(request.args)
    form.offer([], account.terms.service_users)
    form.validate()
    if "state" not in request.args:
        form.state.data = queries.NOT_PASSING
    state = "" if form.state.errors else form.state.data or ""
    return BY_ID[rule_id], form, replace(form.chosen(page_number()), rule=rule_id, state=state)


def _known(account_id: str) -> Callable[[Sequence[str]], Collection[str]]:
    def known(names: Sequence[str]) -> Collection[str]:
        with db.engine.connect() as connection:
            return read_named(connection, account_id, names)

    return known


@bp.get("/exceptions/several")
@admins_only
def choose_rule() -> ResponseReturnValue:
    """Lead from the exceptions to the users of a rule, to add exceptions for several of them."""
    account_id, rule = chosen_account(), request.args.get("rule", "")
    if rule not in BY_ID:
        abort(404)
    return redirect(url_for("compliance_audit.several", rule=rule, account=account_id), 303)


@bp.get("/rules/<rule>/exceptions")
@admins_only
def several(rule: str) -> ResponseReturnValue:
    """The users of a rule, and a form to add exceptions for several of them at once."""
    account = watched()
    chosen_rule, wanted, chosen = _chosen(account, rule)
    with db.engine.connect() as connection:
        found = queries.people(connection, account.account_id, chosen, ON_A_PAGE)
        evidence = (
            queries.evidence_of(connection, account.stored, found.rows, account.terms, chosen_rule)
            if account.stored
            else []
        )
    form = SeveralForm.blank(seen=found.total)
    form.offer(found.total, _known(account.account_id))
    return shown(
        "compliance/several.html",
        account,
        form,
        rule=chosen_rule,
        wanted=wanted,
        chosen=chosen,
        states=STATES,
        found=found,
        evidence=evidence,
        action=here(),
        address=_address,
        asks=current_app.config["EXCEPTION_APPROVAL"] == "1",
    )


def _address(**values: Any) -> str:
    """Return the address of the page with the same filters, except for `values`."""
    kept = {name: value for name, value in request.args.items() if value and name not in values}
    path = url_for("compliance_audit.several", rule=(request.view_args or {})["rule"])
    return f"{path}?{urlencode(kept | values)}"


@bp.post("/rules/<rule>/exceptions")
@admins_only
def several_post(rule: str) -> ResponseReturnValue:
    """Add an exception for each of the users."""
    account_id = chosen_account()
    terms_of = terms_for(current_app.config, account_id)
    account = watched()
    chosen_rule, _wanted, chosen = _chosen(account, rule)
    form = SeveralForm()
    with db.engine.connect() as connection:
        matching = [row.user_name for row in queries.everyone(connection, account_id, chosen)]
    form.offer(len(matching), _known(account_id))
    form.accept()
    if form.which.data == ALL and whole_number(request.form, "seen") != len(matching):
        raise exception_batches.ListChanged
    names = [*(matching if form.which.data == ALL else form.users.data), *form.named]
    wanted = NewException(chosen_rule.id, "", form.reason.data, form.owner.data, form.ends)
    asks = current_app.config["EXCEPTION_APPROVAL"] == "1"
    added = exception_batches.add_batch(
        db.engine, audit_of(account_id), account_id, wanted, names, by(), terms_of, needs_approval=asks
    )
    message = ngettext("%(num)d exception added.", "%(num)d exceptions added.", added.number)
    if asks:
        message = f"{message} {_('They count after another administrator approves them.')}"
    if added.left:
        left = ngettext(
            "%(num)d user already has this exception, or was deleted.",
            "%(num)d users already have this exception, or were deleted.",
            added.left,
        )
        message = f"{message} {left}"
    undo = Undo("compliance_audit.end_batch", {"account": account_id, "batch": added.batch})
    return done_with_undo(message, undo, "compliance_audit.exceptions", account=account_id)


@bp.get("/exceptions/batch")
@auditors_too
def batch() -> ResponseReturnValue:
    """The exceptions of a batch, with the state of each."""
    account = watched()
    with db.engine.connect() as connection:
        rows = queries.batch_of(connection, account.account_id, request.args.get("id", ""))
    if not rows:
        abort(404)
    number, last = page_number(), max(1, -(-len(rows) // ON_A_PAGE))
    return shown(
        "compliance/batch.html",
        account,
        rows=rows[(number - 1) * ON_A_PAGE : number * ON_A_PAGE],
        all_of_them=len(rows),
        first=rows[0],
        open=[row for row in rows if row.ended_at is None and row.until > account.terms.now],
        waiting=[row for row in rows if row.waits and row.ended_at is None and row.until > account.terms.now],
        number=number,
        last=last,
        rules=BY_ID,
        who=who,
    )


@bp.post("/exceptions/batch/approve")
@admins_only
def approve_batch() -> ResponseReturnValue:
    """Approve the exceptions of a batch."""
    account_id, named = chosen_account(), request.form.get("batch", "")
    terms_of = terms_for(current_app.config, account_id)
    approved, left = exception_batches.approve_batch(
        db.engine, audit_of(account_id), account_id, named, by(), terms_of
    )
    message = ngettext("%(num)d exception approved.", "%(num)d exceptions approved.", approved)
    if left:
        message = f"{message} {_('Another administrator must approve the one about you.')}"
    return done(message, "compliance_audit.exceptions", account=account_id)


@bp.post("/exceptions/batch/end")
@admins_only
def end_batch() -> ResponseReturnValue:
    """End the exceptions of a batch early, or reject them."""
    account_id, named = chosen_account(), request.form.get("batch", "")
    terms_of = terms_for(current_app.config, account_id)
    ended = exception_batches.end_batch(db.engine, audit_of(account_id), account_id, named, person().arn, terms_of)
    message = ngettext("%(num)d exception ended.", "%(num)d exceptions ended.", ended)
    undo = Undo("compliance_audit.restore_batch", {"account": account_id, "batch": named})
    return done_with_undo(message, undo, "compliance_audit.exceptions", account=account_id)


@bp.post("/exceptions/batch/restore")
@admins_only
def restore_batch() -> ResponseReturnValue:
    """Restore the exceptions of a batch that were just ended."""
    account_id, named = chosen_account(), request.form.get("batch", "")
    terms_of = terms_for(current_app.config, account_id)
    restored = exception_batches.restore_batch(
        db.engine, audit_of(account_id), account_id, named, person().arn, terms_of
    )
    message = ngettext("%(num)d exception restored.", "%(num)d exceptions restored.", restored)
    return done(message, "compliance_audit.exceptions", account=account_id)
