"""The pages of campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from app.compliance.campaigns import progress_chart, service
from app.compliance.campaigns.forms import CampaignForm
from app.compliance.campaigns.messages import sample
from app.compliance.campaigns.models import CampaignState, Outcome
from app.compliance.campaigns.steps import MANAGER, steps
from app.compliance.data import details_data
from app.compliance.forms import GroupForm
from app.compliance.people_names import who
from app.compliance.rules.table import BY_ID, OF_PEOPLE, applying
from app.compliance.views import WatchedAccount, chosen_account, shown, watched
from app.compliance.views import bp as dashboard
from app.db import db
from app.notices import queries
from app.notices.addresses import address_book
from app.notices.channels.outcomes import said
from app.notices.content import Brand
from app.notices.notice import MAIL
from app.notices.notice import State as Sending
from app.notices.outbox import outbox
from app.notices.rendering import render
from app.notices.texts.campaign import PLACEHOLDERS
from app.policy.documents import rendered
from app.policy.render import Setup, as_attachment
from app.text.messages import N_, _
from app.web.exports import as_csv, attachment
from app.web.guards import admins_only, auditors_too
from app.web.request_context import audit_of, person
from app.web.responses import done, page_number, whole_number

bp = Blueprint("campaigns", __name__, url_prefix=f"{dashboard.url_prefix}/campaigns")
STATES = {
    CampaignState.DRAFT: (N_("Draft"), "off"),
    CampaignState.RUNNING: (N_("Running"), "good"),
    CampaignState.PAUSED: (N_("Paused"), "warn"),
    CampaignState.ENDED: (N_("Ended"), "off"),
}
"""Labels and tones."""
OUTCOMES = {
    "": N_("Not done"),
    Outcome.DONE: N_("Done"),
    Outcome.EXCEPTED: N_("Excepted"),
    Outcome.DELETED: N_("Deleted"),
}
COLUMNS = ("user_name", "user_id", "joined_at", "left_at", "left", "last_notice", "channel", "state", "at",
           "problem")  # fmt: skip
GROUP = "EC2MFA"
STEPS = {
    "campaign-announcement": N_("Announcement"),
    "campaign-reminder": N_("Reminder"),
    "campaign-day": N_("Deadline: last reminder"),
    "campaign-manager": N_("Message to managers, or to administrators for users without one"),
}
SENDING = {
    Sending.WAITING: N_("waiting"),
    Sending.SENDING: N_("being sent"),
    Sending.SENT: N_("sent"),
    Sending.FAILED: N_("is tried again"),
    Sending.DEAD: N_("couldn’t be sent"),
    Sending.CANCELLED: N_("cancelled"),
}
"""Labels of the states of notices."""
NAMED = 25
"""Users without an address that the page names."""


def today() -> date:
    """Return the day in NOTICES_TIME_ZONE."""
    return datetime.now(current_app.config["NOTICES_TIME_ZONE"]).date()


def _form(account: WatchedAccount, form: CampaignForm) -> CampaignForm:
    form.offer(applying(OF_PEOPLE, account.terms), today())
    return form


def campaign_of(account: WatchedAccount, number: int) -> Any:
    """Return the account's campaign of this number. Aborts with 404 if there is none."""
    return service.one(db.engine, account.account_id, number) or abort(404)


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """The account's campaigns."""
    account = watched()
    campaigns = service.listed(db.engine, account.account_id)
    return shown(
        "compliance/campaigns.html",
        account,
        campaigns=campaigns,
        states=STATES,
        rules=BY_ID,
        missing=missing(),
    )


def missing() -> str:
    """Return what keeps campaigns from reaching users: "mail", the only channel to them, "worker", or ""."""
    if MAIL not in outbox().channels:
        return "mail"
    return "worker" if queries.no_worker(db.engine, datetime.now(UTC)) else ""


@bp.get("/new")
@admins_only
def new() -> ResponseReturnValue:
    """The form of a new campaign, filled in for missing MFA, or from another campaign."""
    account = watched()
    copied = service.one(db.engine, account.account_id, whole_number(request.args, "copy") or 0)
    begins = today() + timedelta(days=1)
    values: dict[str, Any] = {
        "rule": request.args.get("rule", "mfa"),
        "search": request.args.get("text", ""),
        "begins": begins,
        "deadline": begins + timedelta(days=30),
    }
    if copied:
        own = ("name", "rule", "search", "to_managers", "joins", "own_subject", "own_text")
        values |= {name: getattr(copied, name) for name in own}
        values |= {
            "name": _("%(name)s (copy)", name=copied.name)[:80],
            "ahead": ", ".join(map(str, copied.ahead)),
            "deadline": begins + (copied.deadline - copied.begins),
        }
    form = _form(account, CampaignForm.blank(**values))
    context = {"missing": missing(), "placeholders": PLACEHOLDERS}
    return shown("compliance/campaign_new.html", account, form, **context)


@bp.post("/new")
@admins_only
def new_post() -> ResponseReturnValue:
    """Create a draft."""
    account = watched()
    form = _form(account, CampaignForm())
    form.accept()
    audit = audit_of(account.account_id)
    number = service.create(db.engine, audit, account.account_id, form.chosen, person().arn)
    sentence = _("Draft created. Check it, then start the campaign.")
    return done(sentence, "campaigns.one", account=account.account_id, number=number)


@bp.get("/<number:number>")
@auditors_too
def one(number: int) -> ResponseReturnValue:
    """A campaign: its steps, users and progress."""
    account = watched()
    campaign = campaign_of(account, number)
    progress = service.progress(db.engine, campaign, today())
    wanted = request.args.get("left")
    chosen = wanted if wanted in OUTCOMES else None
    with db.engine.connect() as connection:
        rows, total = service.users(connection, campaign, outcome=chosen, page=page_number())
        asked = list(_asked(connection, campaign, begun=bool(progress.users)))
    parts = render(*sample(campaign, asked[0] if asked else "jane.doe"), "en", Brand.of(current_app.config))
    nowhere = address_book(current_app).unknown(account.account_id, asked)
    all_steps = steps(campaign.begins, campaign.deadline, campaign.ahead, to_managers=campaign.to_managers)
    return shown(
        "compliance/campaign.html",
        account,
        campaign=campaign,
        progress=progress,
        chart=progress_chart.burn_down(progress.days),
        charts=progress_chart,
        steps=all_steps,
        manager=MANAGER,
        rule=BY_ID.get(campaign.rule),
        asked=len(asked),
        nowhere=nowhere[:NAMED],
        nowhere_number=len(nowhere),
        sample=parts,
        rows=rows,
        total=total,
        number=page_number(),
        last=-(-total // service.ON_A_PAGE),
        chosen=chosen,
        states=STATES,
        outcomes=OUTCOMES,
        kinds=STEPS,
        sending=SENDING,
        said=said,
        who=who,
        missing=missing(),
        today=today(),
        at=f"{current_app.config['NOTICES_AT']:%H:%M}",
        groups=_groups(account.account_id),
        commands=_commands(account),
    )


def _asked(connection: Connection, campaign: Any, *, begun: bool) -> Iterable[str]:
    """Yield the names of users who are asked, or would be if the campaign hasn't begun. None after its end."""
    if campaign.state == CampaignState.ENDED:
        return ()
    if begun:
        return service.still_asked(connection, campaign.id)
    patterns = current_app.config["SERVICE_USERS"]
    return service.would_be_asked(connection, campaign.account_id, campaign, patterns)


def _groups(account_id: str) -> GroupForm:
    with db.engine.connect() as connection:
        details = details_data.read(connection, account_id)
    form = GroupForm.blank()
    form.offer(sorted(details.groups) if details else [])
    return form


def _commands(account: WatchedAccount) -> str:
    """Return the AWS CLI commands that attach the configured policy to the group of AWS's tutorial."""
    partition = account.terms.partition
    document = rendered(current_app.config["FORCE_MFA_DOCUMENT"], account.account_id, partition)
    return as_attachment(Setup(document, account.account_id, partition, GROUP))


@bp.get("/<number:number>/users.csv")
@auditors_too
def users(number: int) -> ResponseReturnValue:
    """The campaign's users as CSV."""
    account_id = chosen_account()
    campaign = service.one(db.engine, account_id, number) or abort(404)
    with db.engine.connect() as connection:
        rows, _total = service.users(connection, campaign, size=None)

    def lines() -> Iterator[dict[str, Any]]:
        for row, latest in rows:
            yield {
                "user_name": row.user_name,
                "user_id": row.user_id,
                "joined_at": row.joined_at.isoformat(),
                "left_at": row.left_at.isoformat() if row.left_at else "",
                "left": row.left,
                "last_notice": latest.kind if latest else "",
                "channel": latest.channel if latest else "",
                "state": latest.state if latest else "",
                "at": latest.at.isoformat() if latest else "",
                "problem": latest.problem if latest else "",
            }

    answer = Response(as_csv(COLUMNS, lines()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = attachment("campaign", account_id, campaign.name, ending="csv")
    return answer
