"""Parsers for the settings of notices: the mail server, the sender, and addresses that are posted to."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import ssl
from urllib.parse import urlsplit

from app.notices.mail_address import MailAddress, mail_address
from app.oidc.addresses import is_safe
from app.settings.table import Reading
from app.settings.values import listed, one_of

SECURITY = ("starttls", "tls", "plain", "plain-on-network")


def is_this_machine(host: str) -> bool:
    """Is it the name or an address of the machine itself?"""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def smtp_server(text: str, at: Reading) -> tuple[str, int] | None:
    """Return host and port of the mail server, 0 for the usual port. None where it isn't set."""
    if not text:
        return None
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?", text)
    if not found or (found[3] and not 1 <= int(found[3]) <= 65535):
        at.wrong(f"{at.name} is {text!r}: set HOST or HOST:PORT, like smtp.example.com:587.")
        return None
    return found[1] or found[2], int(found[3] or 0)


def smtp_security(text: str, at: Reading) -> str:
    """Return a word of SECURITY. `plain` is for a server on this machine only."""
    chosen = str(one_of(*SECURITY)(text, at))
    server = at.values["SMTP_SERVER"]
    if server and chosen == "plain" and not is_this_machine(server[0]):
        at.wrong(
            f"{at.name} is plain, but {server[0]} isn’t this machine. Set starttls or tls. If everyone on the "
            "network between may read the mails, set plain-on-network."
        )
    return chosen


def smtp_user(text: str, at: Reading) -> str:
    """Return the name for the mail server, "" for no login. It needs a connection that others can't read."""
    if text and at.values["SMTP_SECURITY"] == "plain-on-network":
        at.wrong(
            f"{at.name} is set, but SMTP_SECURITY is plain-on-network: the password could be read. Set starttls."
        )
    return text


def smtp_password(text: str, at: Reading) -> str:
    """Return the password. Not repeated, because it is a secret."""
    if bool(text) != bool(at.values["SMTP_USER"]):
        missing, there = (at.name, "SMTP_USER") if not text else ("SMTP_USER", at.name)
        at.wrong(f"{missing} is missing: {there} is set. Set both, or none.")
    return text


def smtp_from(text: str, at: Reading) -> tuple[str, MailAddress | None]:
    """Return name and address of the sender, from `NAME <MAIL>` or `MAIL`. Needed with SMTP_SERVER."""
    if not text:
        if at.values["SMTP_SERVER"]:
            at.wrong(
                f"{at.name} is missing: SMTP_SERVER is set. Set the sender, like Latchkey <latchkey@example.com>."
            )
        return "", None
    found = re.fullmatch(r"(?:([^<>]*)<([^<>]+)>|([^<>]+))", text.strip())
    address = mail_address(found[2] or found[3]) if found else None
    if not found or address is None or not text.isprintable():
        at.wrong(f"{at.name} is {text!r}: set MAIL or NAME <MAIL>, like Latchkey <latchkey@example.com>.")
        return "", None
    return (found[1] or "").strip().strip('"'), address


def ca_file(text: str, at: Reading) -> str:
    """Return the path of a PEM file with certificate authorities, "" for none."""
    if text:
        try:
            ssl.create_default_context(cafile=text)
        except (OSError, ssl.SSLError):
            at.wrong(f"{at.name}: {text} can’t be read as certificates. Set the path of a PEM file.")
    return text


def hook(text: str, at: Reading) -> str:
    """Return the address of a webhook, "" for none. Not repeated, because who has it can often post there."""
    if text and not _is_hook(text):
        at.wrong(
            f"{at.name} isn’t the address of a webhook: set https://HOST/PATH, or http://127.0.0.1:PORT/PATH, "
            "without a user name and without a part after #."
        )
    return text


def _is_hook(url: str) -> bool:
    if not is_safe(url) or len(url) > 2000 or not url.isascii() or not url.isprintable() or " " in url:
        return False
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return False
    return parts.username is None and not parts.fragment and port != 0


def hook_secrets(text: str, at: Reading) -> tuple[str, ...]:
    """Return the secrets that messages of the webhook are signed with, each 24 to 64 bytes. Never repeated."""
    found = tuple(listed(text))
    if at.values["WEBHOOK_URL"] and not found:
        at.wrong(f"{at.name} is missing: WEBHOOK_URL is set. {_MAKE_ONE}")
    elif found and not at.values["WEBHOOK_URL"]:
        at.wrong(f"WEBHOOK_URL is missing: {at.name} is set. Set both, or none.")
    if any(not 24 <= _secret_length(secret) <= 64 for secret in found):
        at.wrong(f"{at.name}: each must be whsec_ and 24 to 64 bytes in base64. {_MAKE_ONE}")
    return found


_MAKE_ONE = "Make one: echo whsec_$(openssl rand -base64 32)"


def _secret_length(secret: str) -> int:
    """Return how many bytes the secret has, 0 if it can't be read."""
    if not secret.startswith("whsec_"):
        return 0
    try:
        return len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        return 0
