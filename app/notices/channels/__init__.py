"""The channels through which notices are sent. Only those that are set up are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.notices.content import Brand
from app.notices.messages import Channel


def configured(settings: Mapping[str, Any]) -> dict[str, Channel]:
    """Return the configured channels by name, {} for none. settings: as `config.from_env` has checked them."""
    channels: dict[str, Channel] = {}
    brand = Brand.of(settings)
    if settings["SMTP_SERVER"]:
        from app.notices.channels.smtp import SmtpChannel, SmtpOptions  # noqa: PLC0415 # see above

        channels[SmtpChannel.name] = SmtpChannel(SmtpOptions.of(settings))
    if settings["WEBHOOK_URL"] or settings["SLACK_WEBHOOK_URL"] or settings["TEAMS_WEBHOOK_URL"]:
        channels |= _over_http(settings, brand)
    return channels


def _over_http(settings: Mapping[str, Any], brand: Brand) -> dict[str, Channel]:
    from app.notices.channels.http import HttpOptions  # noqa: PLC0415 # see above
    from app.notices.channels.slack import SlackChannel  # noqa: PLC0415 # see above
    from app.notices.channels.teams import TeamsChannel  # noqa: PLC0415 # see above
    from app.notices.channels.webhook import WebhookChannel  # noqa: PLC0415 # see above

    channels: dict[str, Channel] = {}
    if url := settings["WEBHOOK_URL"]:
        channels[WebhookChannel.name] = WebhookChannel(HttpOptions.of(settings, url), settings["WEBHOOK_SECRETS"])
    if url := settings["SLACK_WEBHOOK_URL"]:
        channels[SlackChannel.name] = SlackChannel(HttpOptions.of(settings, url), brand)
    if url := settings["TEAMS_WEBHOOK_URL"]:
        channels[TeamsChannel.name] = TeamsChannel(HttpOptions.of(settings, url), brand)
    return channels
