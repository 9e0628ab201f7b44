"""The dashboard: an account's figures, the users behind them, and what to tell the users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, request, url_for
from flask.typing import ResponseReturnValue

from app.activity.queries import ids_under
from app.audit.events import Event
from app.audit.log import audit_log
from app.compliance import charts, labels, policies, service, tables
from app.compliance.data import daily, details_data, details_updates, due, queries, refresh_runs
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import Archive, Arrival, How
from app.compliance.data.outdated import are_outdated
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.forms import FilterForm
from app.compliance.refresh import Gateways
from app.compliance.rules.facts import Named
from app.compliance.rules.service_users import class_unknown, is_service_user, tag_keys
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import BY_ID, OF_PEOPLE, applying
from app.compliance.rules.verdicts import State
from app.compliance.standard_results import result_of
from app.compliance.standards.standard import Standard, items_by_rule
from app.compliance.thresholds import standards_of, terms_for
from app.db import db
from app.errors import CredentialsRefused
from app.sessions import current
from app.sessions.contents import owner_of
from app.sessions.open_sessions import end_all_sessions, open_sessions
from app.text.messages import _, ngettext
from app.web.forms import EmptyForm
from app.web.guards import (
    accounts_here,
    accounts_to_administer,
    accounts_to_watch,
    admins_only,
    auditors_too,
    setting_with_heirs,
)
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit, audit_of, gateways, person
from app.web.responses import done, page, page_number

bp = Blueprint("compliance", __name__, url_prefix="/compliance")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


class WatchedAccount(NamedTuple):
    """The account that a page is about, judged as of now."""

    account_id: str
    stored: AccountRow | None
    """None: nothing is known yet."""
    terms: Terms
    terms_of: TermsOf
    behind: bool
    """Some verdicts are still out of date, because they are many or another process is at work."""

    @property
    def name(self) -> str:
        """ "123456789012 (alias)"."""
        alias = self.stored.user_list.get("alias") if self.stored else ""
        return f"{self.account_id} ({alias})" if alias else self.account_id

    @property
    def tags_unknown(self) -> bool:
        """Are users service users by their tags, which no authorization details have shown yet?"""
        return bool(tag_keys(self.terms.service_users)) and not (self.stored and self.stored.details_at)

    @property
    def standards(self) -> tuple[Standard, ...]:
        """Those that the account follows, the one of the dashboard first."""
        return standards_of(current_app.config, self.account_id)


def chosen_account() -> str:
    """Return the account asked for, or the first if none is. Aborts with 404 if the person mustn't see it."""
    watched = accounts_here()
    asked = request.values.get("account") or (person().account_id if person().account_id in watched else watched[0])
    if asked not in watched:
        abort(404)
    return asked


def watched() -> WatchedAccount:
    """Return the account asked for, judged as of now."""
    account_id = chosen_account()
    terms_of = terms_for(current_app.config, account_id)
    stored, behind = due.glance(db.engine, account_id, terms_of)
    terms = terms_of(stored.user_list.get("others") if stored else None)
    if stored and are_outdated(stored, terms):
        details_updates.judge_stored_in_background(db.engine, account_id, terms_of)
        behind = True
    return WatchedAccount(account_id, stored, terms, terms_of, behind)


def shown(template: str, account: WatchedAccount, form: Any = None, **context: Any) -> ResponseReturnValue:
    """Render a page about an account."""
    administers = account.account_id in accounts_to_administer()
    return page(
        template,
        form,
        account=account,
        administers=administers,
        lists_problems=current_app.config["LIST_FILES"].problems if administers else (),
        may_refresh=administers and person().account_id == account.account_id,
        several=len(accounts_to_watch()) > 1,
        labels=labels,
        is_service_user=lambda row: is_service_user(Named.of(row), account.terms),
        items=items_by_rule(account.standards, account.terms),
        State=State,
        day=timedelta(days=1),  # exceptions are stored with the moment after their last day
        **context,
    )


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """The account's figures."""
    account = watched()
    now = account.terms.now
    with db.engine.connect() as connection:
        history = daily.days(connection, account.account_id, now)
        run = refresh_runs.latest(connection, account.account_id, now)
    figures = history[-1][1] if history else daily.Figures()
    rules = tables.worst_first(tables.on_dashboard(account.standards, account.terms, figures), figures)
    waiting = [] if account.stored and account.stored.details_at else [each for each in rules if each.needs_details]
    return shown(
        "compliance/index.html",
        account,
        EmptyForm.blank(),
        figures=figures,
        before=daily.a_week_before(history),
        run=run,
        rules=[rule for rule in rules if rule not in waiting],
        waiting=len(waiting),
        standards=[result_of(standard, account.terms, figures) for standard in account.standards],
        charts=charts,
        adoption=charts.adoption(history),
        key_ages=charts.key_ages(history),
        by_arn=setting_with_heirs(),
    )


@bp.post("/refresh")
@admins_only
def refresh() -> ResponseReturnValue:
    """Begin a refresh of the account with the person's own credentials."""
    account_id, me, aws = chosen_account(), person(), gateways()
    if me.account_id != account_id:
        return done(
            _("To refresh this account, sign in to it."),
            "compliance.index",
            "warning",
            account=account_id,
        )
    credentials = current.credentials()
    if credentials is None:
        raise CredentialsRefused
    asked = Gateways(aws.user_list, aws.account, aws.iam, aws.passwords)
    terms_of = terms_for(current_app.config, account_id)
    arrival = Arrival(How.FETCHED, me.arn, Archive.of(current_app.config))
    work = service.begin_refresh(db.engine, asked, audit(), account_id, me.arn, credentials, terms_of, arrival)
    service.in_background(work)
    return done("", "compliance.index", account=account_id)


@bp.errorhandler(refresh_runs.RefreshAlreadyRunning)
def refresh_already_running(refusal: refresh_runs.RefreshAlreadyRunning) -> ResponseReturnValue:
    """Show the dashboard, which shows how far the other refresh is."""
    return done(refusal, "compliance.index", "info", account=chosen_account())


@bp.get("/progress")
@auditors_too
def progress() -> ResponseReturnValue:
    """The progress of the refresh, as JSON for the page that waits for it."""
    with db.engine.connect() as connection:
        run = refresh_runs.latest(connection, chosen_account(), datetime.now(UTC))
    running = run is not None and run.state is refresh_runs.RunState.RUNNING
    return {"running": running, "share": run.share if run else 0, "read": run.users_read if run else 0}


def _filter(account: WatchedAccount) -> FilterForm:
    form = FilterForm(request.args)
    form.offer(applying(OF_PEOPLE, account.terms), account.terms.service_users)
    form.validate()
    return form


def address_with(endpoint: str, **values: Any) -> str:
    """Return an address with the same filters, except for `values`."""
    kept = {name: value for name, value in request.args.items() if value and name not in ("page", *values)}
    query = kept | {name: value for name, value in values.items() if value and name not in ("ending",)}
    path = url_for(endpoint, **{name: value for name, value in values.items() if name == "ending"})
    return f"{path}?{urlencode(query)}" if query else path


@bp.get("/people")
@auditors_too
def people() -> ResponseReturnValue:
    """Users, by filter."""
    account = watched()
    form = _filter(account)
    chosen = form.chosen(page_number())
    with db.engine.connect() as connection:
        found = queries.people(connection, account.account_id, chosen)
    return shown(
        "compliance/people.html",
        account,
        form,
        found=found,
        chosen=chosen,
        address=address_with,
        problems=tables.problems(found.rows, chosen.rules),
        tags_unknown=account.tags_unknown,
    )


@bp.get("/people.<any(csv, json, 'ocsf.json', 'asff.json', html, zip):ending>")
@auditors_too
def export(ending: str) -> ResponseReturnValue:
    """The findings behind the page, as a file."""
    from app.compliance.evidence.downloads import download  # noqa: PLC0415 # with all formats, which few requests need
    from app.compliance.evidence.files import Export  # noqa: PLC0415 # as above

    account = watched()
    form = _filter(account)
    if form.errors or account.stored is None:
        abort(400 if form.errors else 404)
    only = request.args.get("standard", "")
    if only and only not in (standard.id for standard in account.standards):
        abort(404)
    chosen = Export.of(
        db.engine,
        account.stored,
        account.terms,
        account.standards,
        current_app.config,
        form.chosen(),
        only,
        behind=account.behind,
    )
    if ending in WHOLE_ONLY and not chosen.whole:
        abort(400)
    audit_of(account.account_id).note(Event.COMPLIANCE_EXPORTED, f"{account.account_id}.{ending}")
    return download(chosen, ending)


WHOLE_ONLY = ("html", "zip")
"""Files to give to others: a report or pack of some results would look as if it had all."""


@bp.get("/reminders")
@admins_only
def reminders() -> ResponseReturnValue:
    """A message for the users that match the filter, and their names, to copy."""
    account = watched()
    form = _filter(account)
    chosen = form.chosen()
    with db.engine.connect() as connection:
        names = [row.user_name for row in queries.everyone(connection, account.account_id, chosen)]
    return shown(
        "compliance/reminders.html",
        account,
        form,
        names=names,
        message=labels.announcement(chosen.rule, account.name),
        chosen=chosen,
        back=address_with("compliance.people"),
        rules=BY_ID,
    )


@bp.get("/people/<name>")
@auditors_too
def one(name: str) -> ResponseReturnValue:
    """A user: every finding, its history, and what to tell the user."""
    account = watched()
    with db.engine.connect() as connection:
        row = queries.person(connection, account.account_id, name)
        if row is None or account.stored is None:
            abort(404)
        findings = queries.findings_of(connection, account.stored, row, account.terms)
        details = details_data.read(connection, account.account_id) if row.forced else None
        return shown(
            "compliance/person.html",
            account,
            EmptyForm.blank(),
            row=row,
            class_unknown=class_unknown(Named.of(row), account.terms),
            findings=sorted(findings, key=lambda finding: labels.WORST_FIRST.index(finding.verdict.state)),
            advice=labels.advice(findings),
            changes=queries.changes(connection, account.account_id, row),
            exceptions=queries.exceptions(connection, account.account_id, account.terms.now, name),
            message=labels.message(name, account.name, findings),
            mfa_reset=labels.mfa_reset(name),
            works=next((each.works for each in findings if each.works), None),
            policies=policies.policies_of(details, name) if details else [],
            describe_ways=policies.describe_ways,
            rules=BY_ID,
            signed_in=open_sessions(*_owners(row)),
        )


def _owners(row: PersonRow) -> list[str]:
    """Return the owners of the user's sessions. Without a unique id, that is who signed in under their name."""
    longest = max(current_app.config["ACCESS_KEY_SESSION_MAX"], current_app.config["SIGN_IN_SESSION_MAX"])
    since = datetime.now(UTC) - longest
    ids = [row.user_id] if row.user_id else ids_under(audit_log().engine, row.account_id, row.user_name, since)
    return [owner_of(row.account_id, user_id) for user_id in ids]


@bp.post("/people/<name>/sessions/end")
@admins_only
def end_sessions(name: str) -> ResponseReturnValue:
    """End all sessions of a user in this portal."""
    account_id = chosen_account()
    with db.engine.connect() as connection:
        row = queries.person(connection, account_id, name) or abort(404)
    with audit_of(account_id).attempt(Event.USER_SESSIONS_ENDED, row.arn):
        ended = end_all_sessions(*_owners(row))
    message = (
        ngettext("%(num)d session ended.", "%(num)d sessions ended.", ended) if ended else _("No open sessions.")
    )
    return done(message, "compliance.one", name=name, account=account_id)
