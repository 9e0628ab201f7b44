"""The page about the account."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.account import service
from app.aws.clients import start_read
from app.errors import InvalidValue
from app.password.rules import rules
from app.password.service import readable_policy
from app.sessions.console_links import alias_beside, console_url
from app.text.messages import _
from app.web.guards import accounts_to_watch, with_mfa
from app.web.request_context import gateways, person
from app.web.responses import done, page

bp = Blueprint("account", __name__, url_prefix="/account")

LONGEST_MARKER = 320
"""As IAM's model says."""


@bp.get("")
@with_mfa
def index() -> ResponseReturnValue:
    """Show AWS's counts, the password policy in words, and the account's users, a page at a time."""
    me, aws = person(), gateways()
    marker = request.args.get("marker", "")[:LONGEST_MARKER]
    alias = alias_beside(aws.iam, me)
    summary = start_read(aws.account.summary)
    policy = start_read(lambda: readable_policy(aws.passwords))
    users = service.if_allowed(lambda: aws.account.users(marker))
    known = policy()
    return page(
        "account/index.html",
        alias=alias(),
        console_url=console_url(me, alias()),
        summary=service.if_allowed(summary),
        policy=known,
        rules=rules(known) if known else None,
        users=users,
        marker=marker,
        looks_after=me.account_id in accounts_to_watch(),
    )


@bp.errorhandler(InvalidValue)
def no_such_page(_refusal: InvalidValue) -> ResponseReturnValue:
    """AWS doesn't know the `marker` of the address, the only value the page sends it."""
    return done(_("That page of the list no longer exists. This is the first one."), "account.index", "info")
