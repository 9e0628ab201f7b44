"""The pages of campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from flask.typing import ResponseReturnValue

from app.compliance.campaigns import progress_chart, service
from app.compliance.campaigns.forms import CampaignForm
from app.compliance.campaigns.messages import sample
from app.compliance.campaigns.models import CampaignState, Left
from app.compliance.campaigns.steps import MANAGER, steps
from app.compliance.data import details_data
from app.compliance.forms import GroupForm
from app.compliance.people_names import who
from app.compliance.rules.table import BY_ID, OF_PEOPLE, applying
from app.compliance.views import WatchedAccount, chosen_account, shown, watched
from app.compliance.views import bp as dashboard
from app.db import db
from app.errors import NotFound
from app.notices.addresses import address_book
from app.notices.content import Brand
from app.notices.notice import State as Sending
from app.notices.outbox import outbox
from app.notices.rendering import render
from app.policy.documents import rendered
from app.policy.render import Setup, as_attachment
from app.text.dates import written
from app.text.messages import N_, _
from app.web.exports import as_csv
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
LEFT = {
    "": N_("Still asked"),
    Left.DONE: N_("Done"),
    Left.EXCEPTED: N_("Excepted"),
    Left.DELETED: N_("Deleted"),
}
COLUMNS = ("user_name", "user_id", "joined_at", "left_at", "left", "last_notice", "channel", "state", "at")
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


def _today() -> date:
    return datetime.now(current_app.config["NOTICES_TIME_ZONE"]).date()


def _form(account: WatchedAccount, form: CampaignForm) -> CampaignForm:
    form.offer(applying(OF_PEOPLE, account.terms), _today())
    return form


def _campaign(account: WatchedAccount, number: int) -> Any:
    return service.one(db.engine, account.account_id, number) or abort(404)


@bp.get("")
@auditors_too
def index() -> ResponseReturnValue:
    """The account's campaigns."""
    account = watched()
    campaigns = service.listed(db.engine, account.account_id)
    return shown(
        "compliance/campaigns.html", account, campaigns=campaigns, states=STATES, rules=BY_ID, ready=_ready()
    )


def _ready() -> bool:
    """Return whether mail is set up, the only channel to users."""
    return "mail" in outbox().channels


@bp.get("/new")
@admins_only
def new() -> ResponseReturnValue:
    """The form of a new campaign, filled in for missing MFA, or from another campaign."""
    account = watched()
    copied = service.one(db.engine, account.account_id, whole_number(request.args, "copy") or 0)
    begins = _today() + timedelta(days=1)
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
    return shown("compliance/campaign_new.html", account, _form(account, CampaignForm.blank(**values)))


@bp.post("/new")
@admins_only
def new_post() -> ResponseReturnValue:
    """Create a draft."""
    account = watched()
    form = _form(account, CampaignForm())
    form.accept()
    audit = audit_of(account.account_id)
    number = service.create(db.engine, audit, account.account_id, form.chosen, person().arn)
    told = _("Draft created. Check it, then start the campaign.")
    return done(told, "campaigns.one", account=account.account_id, number=number)


@bp.get("/<number:number>")
@auditors_too
def one(number: int) -> ResponseReturnValue:
    """A campaign: its steps, users and progress."""
    account = watched()
    campaign = _campaign(account, number)
    progress = service.progress(db.engine, campaign, _today())
    left = request.args.get("left")
    chosen = left if left in LEFT else None
    with db.engine.connect() as connection:
        rows, total = service.users(connection, campaign, left=chosen, page=page_number())
        if campaign.state == CampaignState.DRAFT:
            patterns = current_app.config["SERVICE_USERS"]
            asked = list(service.would_be_asked(connection, account.account_id, campaign, patterns))
        else:
            asked = list(service.still_asked(connection, number))
    parts = render(*sample(campaign, asked[0] if asked else "jane.doe"), "en", Brand.of(current_app.config))
    nowhere = service.without_address(asked, account.account_id, address_book(current_app))
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
        how=LEFT,
        kinds=STEPS,
        sending=SENDING,
        who=who,
        ready=_ready(),
        today=_today(),
        groups=_groups(account.account_id),
        commands=_commands(account),
    )


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
        for row, told in rows:
            yield {
                "user_name": row.user_name,
                "user_id": row.user_id,
                "joined_at": row.joined_at.isoformat(),
                "left_at": row.left_at.isoformat() if row.left_at else "",
                "left": row.left,
                "last_notice": told.kind if told else "",
                "channel": told.channel if told else "",
                "state": told.state if told else "",
                "at": told.at.isoformat() if told else "",
            }

    answer = Response(as_csv(COLUMNS, lines()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="campaign-{number}.csv"'
    return answer


@bp.post("/<number:number>/start")
@admins_only
def start(number: int) -> ResponseReturnValue:
    """Start a draft, or continue a paused campaign. Without mail nobody would get anything."""
    account_id = chosen_account()
    campaign = service.one(db.engine, account_id, number) or abort(404)
    if not _ready():
        told = _("Set up mail before you start a campaign. Nothing was changed.")
        return done(told, "campaigns.one", "warning", code="no-mail", account=account_id, number=number)
    return _moved(number, CampaignState.RUNNING, _started(campaign))


def _started(campaign: Any) -> str:
    if campaign.state == CampaignState.PAUSED:
        return _("Campaign resumed.")
    if campaign.begins > _today():
        return _("Campaign started. The first notices go out on %(day)s.", day=written(campaign.begins))
    at = f"{current_app.config['NOTICES_AT']:%H:%M}"
    return _("Campaign started. The first notices go out within an hour, not before %(time)s.", time=at)


@bp.post("/<number:number>/pause")
@admins_only
def pause(number: int) -> ResponseReturnValue:
    """Pause a campaign: nothing more is sent until it is started again."""
    return _moved(number, CampaignState.PAUSED, _("Campaign paused. Notices that weren’t sent yet were cancelled."))


@bp.post("/<number:number>/end")
@admins_only
def end(number: int) -> ResponseReturnValue:
    """End a campaign for good."""
    return _moved(number, CampaignState.ENDED, _("Campaign ended. Notices that weren’t sent yet were cancelled."))


def _moved(number: int, to: CampaignState, told: str) -> ResponseReturnValue:
    account_id = chosen_account()
    service.move(db.engine, audit_of(account_id), account_id, number, to, outbox())
    return done(told, "campaigns.one", account=account_id, number=number)


@bp.errorhandler(NotFound)
def changed_meanwhile(refusal: NotFound) -> ResponseReturnValue:
    """Show the campaigns as they are now."""
    return done(refusal, "campaigns.index", "warning", account=chosen_account())
