"""Pages about the past: the list of a past day, what changed between two days, and the trend of each rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint, Response, abort, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.compliance import charts, past
from app.compliance.data import daily, history
from app.compliance.data.queries import Filter
from app.compliance.history_forms import ChangesForm, DayForm
from app.compliance.rules.rule import Rule
from app.compliance.rules.table import BY_ID, RULES, applies, applying
from app.compliance.views import WatchedAccount, shown, watched
from app.compliance.views import bp as dashboard
from app.db import db
from app.web.guards import auditors_too
from app.web.request_context import audit_of
from app.web.responses import page_number

bp = Blueprint("compliance_history", __name__, url_prefix=f"{dashboard.url_prefix}/history")
ON_A_PAGE = 25
SPANS = {"month": 31, "year": 366}
"""Days that a trend shows, by name in the address."""
A_MONTH, A_YEAR = timedelta(days=30), timedelta(days=365)


def _today(account: WatchedAccount) -> date:
    return account.terms.now.date()


def _day_form(account: WatchedAccount) -> DayForm:
    """Return the checked form with the values in the address. Default: today."""
    form = DayForm(request.args) if "day" in request.args else DayForm.blank(day=_today(account))
    with db.engine.connect() as connection:
        form.offer(lambda day: history.why_no_list(connection, account.account_id, day, _today(account)))
        if "day" in request.args:
            form.validate()
    return form


def _changes_form(account: WatchedAccount) -> ChangesForm:
    """Return the checked form with the values in the address. Default: the last week."""
    with db.engine.connect() as connection:
        first, today = history.first_day(connection, account.account_id), _today(account)
    asked = {"before", "after"} <= request.args.keys()
    week = max(first, today - timedelta(days=7)) if first else today
    after = today if week < today else None  # on the first day, there is no later one to compare with
    form = ChangesForm(request.args) if asked else ChangesForm.blank(before=week, after=after)
    form.offer(first, today)
    if asked:
        form.validate()
    return form


class Trend(NamedTuple):
    """A rule, and how many users fail it: now, a month and a year ago. None: no results of that time."""

    rule: Rule
    now: int | None
    month: int | None
    year: int | None


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """What can be asked about the past, and the trend of each rule in short."""
    account = watched()
    today = _today(account)
    with db.engine.connect() as connection:
        then = [daily.latest(connection, account.account_id, day) for day in (today, today - A_MONTH, today - A_YEAR)]
        whole = history.whole_since(connection, account.account_id)

    def failing(rule: Rule) -> list[int | None]:
        return [found[1].of(rule.id).failed if found and rule.id in found[1].rules else None for found in then]

    return shown(
        "compliance/history.html",
        account,
        day_form=_day_form(account),
        changes_form=_changes_form(account),
        trends=[Trend(rule, *failing(rule)) for rule in applying(RULES, account.terms)],
        known=bool(then[0]),
        whole=whole,
    )


@bp.get("/list")
@auditors_too
def listed() -> ResponseReturnValue:
    """The list of a past day: its figures by rule, and the users of one rule."""
    account = watched()
    form, of_day = _asked(account)
    rule, found = request.args.get("rule", ""), list[past.Result]()
    if of_day and rule:
        if rule not in BY_ID or rule not in of_day.figures.rules:
            abort(404)
        found = list(past.results(db.engine, of_day, Filter(rule=rule, state=form.state.data or "")))
    rows, number, last = _page_of(found)
    return shown(
        "compliance/history_list.html",
        account,
        form,
        past=of_day,
        rules=[BY_ID[each] for each in of_day.figures.rules if each in BY_ID] if of_day else [],
        chosen=BY_ID[rule] if of_day and rule else None,
        rows=rows,
        total=len(found),
        number=number,
        last=last,
    )


def _asked(account: WatchedAccount) -> tuple[DayForm, history.PastDay | None]:
    """Return the form, and the day it names. None: it is refused, or there are no results yet."""
    form, today = _day_form(account), _today(account)
    with db.engine.connect() as connection:
        if form.errors or history.why_no_list(connection, account.account_id, form.day.data, today):
            return form, None
        return form, history.past_day(connection, account.account_id, form.day.data, today)


@bp.get("/list.<any(csv, json):ending>")
@auditors_too
def listed_file(ending: str) -> ResponseReturnValue:
    """The list of a past day as a file."""
    account = watched()
    form, of_day = _asked(account)
    rule = request.args.get("rule", "")
    if of_day is None or (rule and rule not in of_day.figures.rules):
        abort(404)
    found = past.results(db.engine, of_day, Filter(rule=rule, state=form.state.data or ""))
    text = past.list_as(ending, of_day, found, datetime.now(UTC))
    return _file(account, text, f"{of_day.day}", ending)


@bp.get("/changes")
@auditors_too
def changes() -> ResponseReturnValue:
    """Who started or stopped failing which rule between two days."""
    account = watched()
    form = _changes_form(account)
    found = _changed(account, form)
    rows, number, last = _page_of(found)
    with db.engine.connect() as connection:
        whole = history.whole_since(connection, account.account_id)
    return shown(
        "compliance/history_changes.html",
        account,
        form,
        rows=rows,
        total=len(found),
        began=sum(each.fails_after for each in found),
        number=number,
        last=last,
        whole=whole,
        rules=BY_ID,
        deleted=history.DELETED,
    )


def _changed(account: WatchedAccount, form: ChangesForm) -> list[history.VerdictChange]:
    if form.errors or not form.comparable:
        return []
    with db.engine.connect() as connection:
        return history.verdict_changes(connection, account.account_id, form.before.data, form.after.data)


@bp.get("/changes.<any(csv, json):ending>")
@auditors_too
def changes_file(ending: str) -> ResponseReturnValue:
    """The same as a file."""
    account = watched()
    form = _changes_form(account)
    if form.errors or not form.comparable:
        abort(404)
    text = past.changes_as(ending, account.account_id, _changed(account, form))
    return _file(account, text, f"changes-{form.before.data}-{form.after.data}", ending)


def _file(account: WatchedAccount, text: Iterator[str], name: str, ending: str) -> Response:
    """Return a file, and note it in the audit log."""
    audit_of(account.account_id).note(Event.COMPLIANCE_EXPORTED, f"{account.account_id}.{name}.{ending}")
    answer = Response(stream_with_context(text), mimetype="text/csv" if ending == "csv" else "application/json")
    file_name = f"compliance-{account.account_id}-{name}.{ending}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return answer


def _page_of(items: Sequence[Any]) -> tuple[Sequence[Any], int, int]:
    """Return the items on the page asked for, its number, and that of the last page."""
    last = max(1, -(-len(items) // ON_A_PAGE))
    number = min(page_number(), last)
    return items[(number - 1) * ON_A_PAGE : number * ON_A_PAGE], number, last


@bp.get("/rules/<rule>")
@auditors_too
def trend(rule: str) -> ResponseReturnValue:
    """How many users failed a rule, by day of a month, or by week of a year."""
    account = watched()
    span = request.args.get("span", "month")
    if not applies(rule, account.terms) or span not in SPANS:
        abort(404)
    with db.engine.connect() as connection:
        found = daily.days(connection, account.account_id, account.terms.now, back=SPANS[span])
    if span == "year":
        found = daily.by_week(found)
    found = [(day, figures) for day, figures in found if rule in figures.rules]
    return shown(
        "compliance/history_trend.html",
        account,
        rule=BY_ID[rule],
        span=span,
        chart=charts.failing(found, rule),
        charts=charts,
        rows=[(day, figures.of(rule)) for day, figures in reversed(found)],
    )
