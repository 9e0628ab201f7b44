"""Names of browsers, as users know them, from the user agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.text.messages import _

if TYPE_CHECKING:
    from ua_parser import Result


def _parsed(user_agent: str) -> Result:
    from ua_parser import parse  # noqa: PLC0415 # its patterns, which the list of sessions and the activity need

    return parse(user_agent.encode(errors="replace").decode())  # it takes no lone surrogates


def browser_name(user_agent: str) -> str:
    """Name browser and system as in "Firefox on Linux". A browser can claim to be another, so this proves nothing."""
    found = _parsed(user_agent)
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown device")


def device_kind(user_agent: str) -> str:
    """Return what a browser runs on: "phone", "tablet", "computer", or "unknown"."""
    found = _parsed(user_agent)
    system = found.os.family if found.os else ""
    device = found.device.family if found.device else ""
    if "iPad" in device or "Tablet" in user_agent or (system == "Android" and "Mobile" not in user_agent):
        return "tablet"
    if system in {"Android", "iOS"}:
        return "phone"
    return "computer" if system else "unknown"
