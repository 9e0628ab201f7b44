"""Pages about the policies of an account: who has each, and what attaching one to a group would change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, current_app, request, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.audit.events import Event
from app.compliance import policies
from app.compliance.data import details_data
from app.compliance.data.details_rows import Details
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import states
from app.compliance.forms import GroupForm, PolicyFilterForm
from app.compliance.rules.policies import FORCED
from app.compliance.rules.verdicts import State
from app.compliance.views import bp as dashboard
from app.compliance.views import chosen_account, shown, watched
from app.db import db
from app.policy.documents import read, rendered
from app.web.exports import as_csv, as_json, attachment
from app.web.guards import auditors_too
from app.web.request_context import audit_of
from app.web.responses import page_number

bp = Blueprint("compliance_policies", __name__, url_prefix=f"{dashboard.url_prefix}/policies")
ON_A_PAGE = 50
Item = TypeVar("Item")


def _details(account_id: str) -> Details | None:
    with db.engine.connect() as connection:
        return details_data.read(connection, account_id)


def _forced(account_id: str) -> Mapping[str, State]:
    """What the rule says of each user."""
    query = select(CompliancePerson.user_name, CompliancePerson.verdicts)
    with db.engine.connect() as connection:
        found = connection.execute(query.where(CompliancePerson.account_id == account_id))
        return {name: State(says[FORCED]) for name, verdicts in found if FORCED in (says := states(verdicts))}


def _page_of(items: Sequence[Item]) -> tuple[Sequence[Item], int, int]:
    """Return the items on the page asked for, its number, and that of the last page."""
    number, last = page_number(), max(1, -(-len(items) // ON_A_PAGE))
    return items[(number - 1) * ON_A_PAGE : number * ON_A_PAGE], number, last


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """All policies, and how many users have each."""
    account, form = watched(), PolicyFilterForm(request.args)
    form.validate()
    details = _details(account.account_id)
    found = policies.matching(policies.listed(details), form.wanted) if details else []
    rows, number, last = _page_of(found)
    groups = GroupForm.blank()
    groups.offer(sorted(details.groups) if details else [])
    return shown(
        "compliance/policies.html",
        account,
        form,
        details=details,
        rows=rows,
        total=len(found),
        number=number,
        last=last,
        groups=groups,
        forced=_forced(account.account_id),
    )


@bp.get("/one")
@auditors_too
def one() -> ResponseReturnValue:
    """A policy: who has it and who doesn't, what is wrong with it, and what it says."""
    from app.policy.check.all_checks import check_attached, mentions_mfa  # noqa: PLC0415 # few requests need it

    account, under = watched(), request.args.get("under") != "no"
    details, policy = _asked(account.account_id)
    found = policies.people_of(details, policy, _forced(account.account_id), under=under)
    rows, number, last = _page_of(found)
    text = policies.pretty(details, policy.document)
    return shown(
        "compliance/policy.html",
        account,
        details=details,
        policy=policy,
        under=under,
        rows=rows,
        total=len(found),
        number=number,
        last=last,
        text=text,
        report=check_attached(text) if text else None,
        about_mfa=mentions_mfa(text),
        describe_ways=policies.describe_ways,
    )


def _asked(account_id: str) -> tuple[Details, policies.ListedPolicy]:
    """Return the details and the policy that the address names. Aborts with 404 where there is none."""
    details = _details(account_id)
    policy = policies.listed(details).get(request.args.get("id", "")) if details else None
    if details is None or policy is None:
        abort(404)
    return details, policy


@bp.get("/people.<any(csv, json):ending>")
@auditors_too
def people(ending: str) -> ResponseReturnValue:
    """The users who have a policy, or who don't, as a file."""
    account_id, under = chosen_account(), request.args.get("under") != "no"
    details, policy = _asked(account_id)
    audit_of(account_id).note(Event.COMPLIANCE_EXPORTED, f"{account_id}: {policy.name}.{ending}"[:256])
    found = policies.people_of(details, policy, _forced(account_id), under=under)
    rows = policies.rows_of(found, account_id, policy)
    text = as_csv(policies.COLUMNS, rows) if ending == "csv" else as_json(rows)
    answer = Response(stream_with_context(text), mimetype="text/csv" if ending == "csv" else "application/json")
    who = "under" if under else "not-under"
    answer.headers["Content-Disposition"] = attachment("policy", account_id, policy.name, who, ending=ending)
    return answer


@bp.get("/group")
@auditors_too
def group() -> ResponseReturnValue:
    """What changes if a policy is attached to a group, with the commands that do it."""
    from app.compliance import what_if  # noqa: PLC0415 # few requests need it

    account = watched()
    details = _details(account.account_id)
    form = GroupForm(request.args)
    form.offer(sorted(details.groups) if details else [])
    if details is None or not form.validate():
        abort(404)
    document = rendered(_document(form.document.data), account.account_id, details.partition)
    return shown(
        "compliance/group.html",
        account,
        form,
        change=what_if.change(details, form.group.data, document),
        commands=what_if.commands(details, form.group.data, document),
        replaces=what_if.replaced(details, document),
        text=json.dumps(document, indent=2),
    )


def _document(name: str) -> Mapping[str, Any]:
    configured: Mapping[str, Any] = current_app.config["FORCE_MFA_DOCUMENT"]
    return configured if name == "configured" else read(name)
