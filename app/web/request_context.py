"""What a view passes to its use case: the gateways of this process, and the audit log for this user."""

from __future__ import annotations

from contextlib import ExitStack
from typing import cast

from flask import Flask, current_app, g, request
from flask_login import current_user

from app.audit.log import Audit, audit_log
from app.aws.clients import Clients, using_credentials
from app.aws.gateways import Gateways
from app.credentials.labels import Labels
from app.db import db
from app.policy.permits import Permits
from app.sessions import current
from app.sessions.contents import Person
from app.sessions.refresh import keep_signed_in
from app.web.rate_limits import LONGEST_ADDRESS

NEEDS_NO_CREDENTIALS = ("static", "branding.logo", "security_txt.security_txt", "signin.sign_out")
ID_PARAMETERS = ("id", "key", "serial")
"""Query parameters that name one of the user's keys, certificates or devices: today's, then those of older links."""


def open_gateways(app: Flask, clients: Clients) -> None:
    """Open the gateways of this process."""
    app.extensions["clients"] = clients
    app.extensions["gateways"] = Gateways.of(clients)
    app.jinja_env.globals["sandbox_url"] = clients.sandbox_url


def lend_credentials() -> None:
    """Lend this request the credentials of its session, until `withdraw_credentials`.

    Raises what renewing them raises (`app.sessions.refresh`).
    """
    if request.endpoint in NEEDS_NO_CREDENTIALS:
        return
    keep_signed_in(gateways().signin)
    credentials = current.credentials()
    if credentials:
        g.lent = ExitStack()
        g.lent.enter_context(using_credentials(credentials))


def withdraw_credentials(_: BaseException | None) -> None:
    """After the request, even if it failed: nothing else in this process signs with its credentials."""
    lent: ExitStack | None = g.pop("lent", None)
    if lent:
        lent.close()


def gateways() -> Gateways:
    """Return the gateways to AWS."""
    return cast("Gateways", current_app.extensions["gateways"])


def person() -> Person:
    """Return who is signed in. Only for views that aren't public."""
    return cast("Person", current_user._get_current_object())


def permitted() -> Permits:
    """Return what the configured document permits the user who is signed in."""
    me = person()
    return Permits(current_app.config["FORCE_MFA_DOCUMENT"], me.account_id, me.partition, me.user_name, me.arn)


def mfa_present(me: Person | None = None) -> bool | None:
    """Return aws:MultiFactorAuthPresent of the session, None with a plain key. me: who is signed in, if at hand."""
    me = me or person()
    return True if me.with_mfa else None if me.access_key_id else False


def audit(account_id: str | None = None, user_name: str = "", user_id: str = "") -> Audit:
    """Return the audit log for the named user ("" for nobody known), by default the user who is signed in."""
    if account_id is None:
        me = current_user._get_current_object()
        inside = me.is_authenticated
        account_id, user_name, user_id = (me.account_id, me.recorded_name, me.user_id) if inside else ("", "", "")
    return Audit(audit_log(), account_id, user_name, address(), user_agent(), current.label(), user_id)


def labels(account_id: str = "", user_id: str = "") -> Labels:
    """Return the labels that a user gave their own devices and keys.

    By default, the user is the one who is signed in. Otherwise it must be one whose access key was proven.
    """
    if not account_id:
        account_id, user_id = person().account_id, person().user_id
    return Labels(db.engine, account_id, user_id)


def audit_of(account_id: str) -> Audit:
    """Return the audit log of an account the administrator looks after. It names one of another account."""
    me = person()
    at_home = me.account_id in (account_id, "")  # people who aren't IAM users belong to no account
    whose = me.recorded_name if at_home else f"{me.account_id}/{me.user_name}"
    return audit(account_id, whose, me.user_id)


def chosen_id() -> str:
    """Return the key ID, certificate ID or serial number that the query string names, "" where it names none."""
    return next((request.args[name] for name in ID_PARAMETERS if name in request.args), "")


def address() -> str:
    """Return the client's address, cut to the length that is stored."""
    return (request.remote_addr or "")[:LONGEST_ADDRESS]


def user_agent() -> str:
    """Return the browser's user agent, cut to the length that is stored."""
    return request.user_agent.string[:256]
