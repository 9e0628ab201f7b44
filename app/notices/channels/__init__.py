"""The channels by which notices are sent, as the settings configure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.notices.channels.smtp import SmtpChannel, SmtpOptions
from app.notices.messages import Channel


def configured(settings: Mapping[str, Any]) -> dict[str, Channel]:
    """Return the configured channels by name, {} for none. settings: as `config.from_env` has checked them."""
    channels: dict[str, Channel] = {}
    if settings["SMTP_SERVER"]:
        channels[SmtpChannel.name] = SmtpChannel(SmtpOptions.of(settings))
    return channels
