"""The notices of a campaign. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.compliance.campaigns.steps import Step
from app.compliance.rules.table import BY_ID
from app.notices.notice import Notice
from app.text.messages import _


def message_data(campaign: Any) -> dict[str, Any]:
    """Return the data that all notices of a campaign have. campaign: a row of `campaigns`."""
    rule = BY_ID.get(campaign.rule)
    return {
        "campaign": campaign.name,
        "title": (_(rule.fix.action) if rule.fix else rule.name) if rule else campaign.name,
        "told": rule.message if rule else "",
        "deadline": campaign.deadline.isoformat(),
        "account": campaign.account_id,
    }


def notice(campaign: Any, step: Step, user: Any, today: date) -> Notice:
    """Return a user's notice of a step. user: a row of `campaign_users`."""
    return Notice(
        kind=step.kind,
        account_id=campaign.account_id,
        user_name=user.user_name,
        user_id=user.user_id,
        idempotency_key=f"campaign:{campaign.id}:{user.user_name}:{user.joined_at.isoformat()}:{step.code}"[:160],
        data=_to_user(campaign, user.user_name, today),
        campaign_id=campaign.id,
    )


def _to_user(campaign: Any, user_name: str, today: date) -> dict[str, Any]:
    own: Mapping[str, str] = {"own_subject": campaign.own_subject, "own_text": campaign.own_text}
    data = {**message_data(campaign), "user": user_name, "days": max(0, (campaign.deadline - today).days)}
    rule = BY_ID.get(campaign.rule)
    if rule and rule.fix:
        data |= {"fix": rule.fix.endpoint, "fix_label": _(rule.fix.action)}
    return data | {name: text for name, text in own.items() if text}


def sample(campaign: Any, user_name: str) -> tuple[str, dict[str, Any]]:
    """Return kind and data of the announcement for a user, as of the first day."""
    return "campaign-announcement", _to_user(campaign, user_name, campaign.begins)
