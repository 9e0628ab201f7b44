"""The channels through which notices are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.notices.channels.http import HttpOptions
from app.notices.channels.slack import SlackChannel
from app.notices.channels.smtp import SmtpChannel, SmtpOptions
from app.notices.channels.teams import TeamsChannel
from app.notices.channels.webhook import WebhookChannel
from app.notices.content import Brand
from app.notices.messages import Channel


def configured(settings: Mapping[str, Any]) -> dict[str, Channel]:
    """Return the configured channels by name, {} for none. settings: as `config.from_env` has checked them."""
    channels: dict[str, Channel] = {}
    brand = Brand.of(settings)
    if settings["SMTP_SERVER"]:
        channels[SmtpChannel.name] = SmtpChannel(SmtpOptions.of(settings))
    if url := settings["WEBHOOK_URL"]:
        channels[WebhookChannel.name] = WebhookChannel(HttpOptions.of(settings, url), settings["WEBHOOK_SECRETS"])
    if url := settings["SLACK_WEBHOOK_URL"]:
        channels[SlackChannel.name] = SlackChannel(HttpOptions.of(settings, url), brand)
    if url := settings["TEAMS_WEBHOOK_URL"]:
        channels[TeamsChannel.name] = TeamsChannel(HttpOptions.of(settings, url), brand)
    return channels
