"""Starting, pausing and ending a campaign."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app
from flask.typing import ResponseReturnValue

from app.compliance.campaigns import service
from app.compliance.campaigns.models import CampaignState
from app.compliance.campaigns.views import bp, campaign_of, missing, today
from app.compliance.views import chosen_account, shown, watched
from app.db import db
from app.errors import NotFound
from app.notices.notice import MAIL
from app.notices.outbox import outbox
from app.text.dates import written
from app.text.messages import _
from app.web.guards import admins_only
from app.web.request_context import audit_of
from app.web.responses import done

__all__ = ["bp"]
"""This module adds its pages to the blueprint of campaigns."""


@bp.post("/<number:number>/start")
@admins_only
def start(number: int) -> ResponseReturnValue:
    """Start a draft, or continue a paused campaign. Without mail nobody would get anything."""
    account_id = chosen_account()
    campaign = service.one(db.engine, account_id, number) or abort(404)
    if missing() == MAIL:
        sentence = _("Set up mail before you start a campaign. Nothing was changed.")
        return done(sentence, "campaigns.one", "warning", code="no-mail", account=account_id, number=number)
    return _moved(number, CampaignState.RUNNING, _started(campaign))


def _started(campaign: Any) -> str:
    if campaign.state == CampaignState.PAUSED:
        return _("Campaign resumed.")
    if campaign.begins > today():
        return _("Campaign started. The first notices go out on %(day)s.", day=written(campaign.begins))
    at = f"{current_app.config['NOTICES_AT']:%H:%M}"
    return _("Campaign started. The first notices go out within an hour, at %(time)s or later.", time=at)


@bp.post("/<number:number>/pause")
@admins_only
def pause(number: int) -> ResponseReturnValue:
    """Pause a campaign: nothing more is sent until it is started again."""
    return _moved(number, CampaignState.PAUSED, _("Campaign paused. Notices that weren’t sent yet were cancelled."))


@bp.get("/<number:number>/end")
@admins_only
def end(number: int) -> ResponseReturnValue:
    """Ask before a campaign is ended, or a draft is discarded."""
    account = watched()
    campaign = campaign_of(account, number)
    if campaign.state == CampaignState.ENDED:
        raise NotFound(_("This campaign has already ended."))
    return shown(
        "compliance/campaign_end.html",
        account,
        campaign=campaign,
        progress=service.progress(db.engine, campaign, today()),
        waiting=service.waiting(db.engine, number),
        today=today(),
    )


@bp.post("/<number:number>/end")
@admins_only
def end_post(number: int) -> ResponseReturnValue:
    """End a campaign for good, or discard a draft."""
    campaign = service.one(db.engine, chosen_account(), number) or abort(404)
    if campaign.state == CampaignState.DRAFT:
        return _moved(number, CampaignState.ENDED, _("Draft discarded."))
    return _moved(number, CampaignState.ENDED, _("Campaign ended. Notices that weren’t sent yet were cancelled."))


def _moved(number: int, to: CampaignState, sentence: str) -> ResponseReturnValue:
    account_id = chosen_account()
    service.move(db.engine, audit_of(account_id), account_id, number, to, outbox())
    return done(sentence, "campaigns.one", account=account_id, number=number)


@bp.errorhandler(NotFound)
def changed_meanwhile(refusal: NotFound) -> ResponseReturnValue:
    """Show the campaigns as they are now."""
    return done(refusal, "campaigns.index", "warning", account=chosen_account())
