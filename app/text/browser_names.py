"""Names of browsers, as people know them, from what a browser says of itself."""

from __future__ import annotations

from ua_parser import parse


def browser_name(user_agent: str) -> str:
    """Name browser and system as in "Firefox on Linux". A browser can claim to be another, so this proves nothing."""
    found = parse(user_agent.encode(errors="replace").decode())  # its parser takes no lone surrogates
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "unknown device"
