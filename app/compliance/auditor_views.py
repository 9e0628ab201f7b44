"""Pages for the auditor: each rule with its figures and evidence, exceptions, and the credential report."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, current_app, request
from flask.typing import ResponseReturnValue

from app.compliance import service
from app.compliance.data import daily, queries
from app.compliance.data.details_formats import LARGEST_UPLOAD
from app.compliance.data.kept_sources import Archive, Arrival, How
from app.compliance.forms import STATES, ReportForm
from app.compliance.rules.table import BY_ID, RULES, applies, applying, demanded
from app.compliance.standard_results import ItemState, result_of
from app.compliance.standards.shipped import ids
from app.compliance.thresholds import terms_for
from app.compliance.views import WatchedAccount, chosen_account, shown, watched
from app.compliance.views import bp as dashboard
from app.db import db
from app.text.messages import ngettext
from app.web.guards import accounts_to_administer, admins_only, auditors_too
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit_of, person
from app.web.responses import done, page_number

bp = Blueprint("compliance_audit", __name__, url_prefix=dashboard.url_prefix)
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)
ON_A_PAGE = 200
OFFERED = 1000
"""Names to choose from in the form of an exception. Others can be typed."""


@bp.get("/rules")
@auditors_too
def index() -> ResponseReturnValue:
    """Every rule and its figures."""
    account = watched()
    with db.engine.connect() as connection:
        over = queries.exceptions(connection, account.account_id, account.terms.now)
    return shown(
        "compliance/rules.html",
        account,
        figures=_figures(account),
        rules=applying(RULES, account.terms),
        demanded=demanded,
        exceptions=over,
        by_id=BY_ID,
    )


@bp.get("/rules/<rule>")
@auditors_too
def rule(rule: str) -> ResponseReturnValue:
    """A rule: the users who don't pass, with the evidence."""
    account = watched()
    if not applies(rule, account.terms):
        abort(404)
    chosen = BY_ID[rule]
    state = request.args.get("state", queries.NOT_PASSING)
    number = page_number()
    wanted = queries.Filter(rule=rule, state="" if state == "any" else state, page=number)
    with db.engine.connect() as connection:
        history = daily.days(connection, account.account_id, account.terms.now, back=1)
        found: queries.PageOfPeople | None = None
        evidence: list[tuple[Any, queries.RuleFinding]] = []
        if account.stored is not None and chosen.about_account:
            all_of_them = queries.findings_of_account(connection, account.stored, account.terms)
            evidence = [(None, finding) for finding in all_of_them if finding.rule.id == rule]
        elif account.stored is not None:
            found = queries.people(connection, account.account_id, wanted, ON_A_PAGE)
            evidence += queries.evidence_of(connection, account.stored, found.rows, account.terms, chosen)
    return shown(
        "compliance/rule.html",
        account,
        rule=chosen,
        requirement=demanded(chosen, account.terms),
        count=(history[-1][1] if history else daily.Figures()).of(rule),
        found=found,
        evidence=evidence,
        state_wanted=state,
        states=STATES,
        last=found.last if found else 1,
        number=number,
    )


@bp.get("/standards")
@auditors_too
def standards() -> ResponseReturnValue:
    """The standards that the account follows, and how much of each is judged."""
    account = watched()
    figures = _figures(account)
    return shown(
        "compliance/standards.html",
        account,
        results=[result_of(standard, account.terms, figures) for standard in account.standards],
        states=ItemState,
        shipped=ids(),
    )


@bp.get("/standards/<standard>")
@auditors_too
def standard(standard: str) -> ResponseReturnValue:
    """A standard: every item, with what is known of it or why it isn't judged."""
    account = watched()
    chosen = next((each for each in account.standards if each.id == standard), None) or abort(404)
    result = result_of(chosen, account.terms, _figures(account))
    return shown("compliance/standard.html", account, result=result, states=ItemState, demanded=demanded)


def _figures(account: WatchedAccount) -> daily.Figures:
    with db.engine.connect() as connection:
        history = daily.days(connection, account.account_id, account.terms.now, back=1)
    return history[-1][1] if history else daily.Figures()


@bp.get("/report")
@admins_only
def report() -> ResponseReturnValue:
    """How to get a credential report and authorization details, and a form to upload them."""
    return shown("compliance/report.html", watched(), ReportForm.blank())


@bp.post("/report")
@admins_only
def report_post() -> ResponseReturnValue:
    """Import an uploaded credential report, or authorization details."""
    account_id, form = chosen_account(), ReportForm()
    form.accept()
    content, terms_of = form.report.data.read(LARGEST_UPLOAD + 1), terms_for(current_app.config, account_id)
    arrival = Arrival(How.UPLOADED, person().arn, Archive.of(current_app.config))
    imported = service.import_upload(
        db.engine, audit_of(account_id), account_id, content, form.when, terms_of, arrival
    )
    message = ngettext("Report uploaded: %(num)d user.", "Report uploaded: %(num)d users.", imported.users)
    if imported.details:
        message = ngettext("Details uploaded: %(num)d user.", "Details uploaded: %(num)d users.", imported.users)
        return done(message, "compliance_policies.index", account=account_id)
    return done(message, "compliance.index", account=account_id)


def allow_large_report() -> None:
    """Before a request's body is read, allow administrators a larger body where they upload a report."""
    if request.endpoint == "compliance_audit.report_post" and accounts_to_administer():
        request.max_content_length = LARGEST_UPLOAD + 64 * 1024
