"""Pages of the sign-in with a company account, at an OpenID Connect provider."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.audit.events import Event
from app.errors import NotRecorded, PortalError
from app.oidc.errors import TokenRefused
from app.sessions import current, slots
from app.sessions.contents import Colleague, PendingCompanySignIn, Way
from app.signin import company_service as service
from app.signin.aws_views import ForeignState
from app.signin.company_provider import callback as callback_address
from app.signin.company_provider import provider
from app.signin.views import asked_for
from app.text.messages import _
from app.web import error_pages
from app.web.guards import accounts_of_groups, public
from app.web.rate_limits import limiter, per_address
from app.web.request_context import audit
from app.web.responses import done, local_path
from app.web.sentences import tell

bp = Blueprint("company_signin", __name__, url_prefix="/sign-in/company")
bp.register_error_handler(NotRecorded, error_pages.error_page)

AT_THE_PROVIDER = timedelta(minutes=10)
"""How long its answer is waited for."""


@bp.record
def _open(state: BlueprintSetupState) -> None:
    """Make the provider of this process; nothing is asked yet."""
    of = state.app.config
    if of["OIDC_ISSUER"]:
        from app.oidc.provider import Provider  # noqa: PLC0415 # OpenID Connect's libraries, which most portals never need

        made = Provider(of["OIDC_ISSUER"], of["OIDC_CLIENT_ID"], of["OIDC_CLIENT_SECRET"])
        state.app.extensions["oidc-provider"] = made


@bp.before_request
def only_where_offered() -> None:
    """These pages do not exist where OIDC_ISSUER isn't set."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)


class _Ended(Exception):
    """The sign-in is over, and nobody is signed in. It says why."""

    def __init__(self, refusal: PortalError) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@contextmanager
def _ended_by_refusals(name: str = "") -> Iterator[None]:
    """Record a refusal inside the block, and raise _Ended for it."""
    try:
        yield
    except PortalError as refusal:
        who = f"company/{name}" if name else ""
        audit("", who).note(Event.SIGN_IN, _target(name), refusal)
        raise _Ended(refusal) from refusal


def _target(*parts: str) -> str:
    return " ".join((Way.COMPANY, current_app.config["OIDC_ISSUER"], *filter(None, parts)))[:512]


@bp.errorhandler(_Ended)
def ended(error: _Ended) -> ResponseReturnValue:
    """Back to the ways in, which say what was wrong."""
    tell(error.refusal, "danger")
    return redirect(url_for("signin.sign_in"), 303)


@bp.post("")
@public
@limiter.limit(per_address, methods=["POST"])
def sign_in() -> ResponseReturnValue:
    """Off to the provider."""
    if current_user.is_authenticated:
        return redirect(url_for("overview.index"), 303)
    acr = [value for claim, value in sorted(current_app.config["OIDC_MFA_CLAIM"]) if claim == "acr"]
    with _ended_by_refusals():
        asked = provider().begin(callback_address(), " ".join(acr))
    until = datetime.now(UTC) + AT_THE_PROVIDER
    slots.begin_company_sign_in(PendingCompanySignIn(asked.state, asked.nonce, asked.verifier, until))
    if wanted := asked_for():
        current.remember_next(wanted)
    return redirect(asked.address, 303)


def nothing_pending() -> bool:
    """Then nothing is tried either; and any page elsewhere can send people here, over and over."""
    return slots.pending_company_sign_in(datetime.now(UTC)) is None


@bp.get("/callback")
@public
@limiter.limit(per_address, exempt_when=nothing_pending)
def callback() -> ResponseReturnValue:
    """The provider sends the browser back here."""
    now = datetime.now(UTC)
    pending = slots.pending_company_sign_in(now)
    if pending is None:
        if current_user.is_authenticated:
            return redirect(url_for("overview.index"), 303)
        return redirect(url_for("signin.sign_in", why="elsewhere"), 303)
    issuer = current_app.config["OIDC_ISSUER"]
    ours = hmac.compare_digest(request.args.get("state", "").encode(), pending.state.encode())
    if not ours or request.args.get("iss", issuer) != issuer:  # RFC 9207: of no other provider
        audit("", "").note(Event.SIGN_IN, _target(), ForeignState())
        return redirect(url_for("signin.sign_in", why="elsewhere"), 303)
    pending = slots.take_company_sign_in(now)
    if pending is None:
        return redirect(url_for("signin.sign_in"), 303)
    if "code" not in request.args:
        return done(
            _("The sign-in wasn’t completed. Start again."), "signin.sign_in", "warning", code="not-completed"
        )
    return _finish(pending, request.args["code"], now)


def _finish(pending: PendingCompanySignIn, code: str, now: datetime) -> ResponseReturnValue:
    config = current_app.config
    with _ended_by_refusals():
        if len(code) > 4096:
            raise TokenRefused(diagnosis="code")
        claims = provider().finish(callback_address(), code, pending.nonce, pending.verifier)
    named = [*config["OIDC_ADMIN_GROUPS"].values(), *config["OIDC_AUDITOR_GROUPS"].values()]
    with _ended_by_refusals(service.name_of(claims)):
        colleague = service.colleague_of(
            config["OIDC_ISSUER"],
            claims,
            config["OIDC_GROUP_CLAIM"],
            frozenset().union(*named),
            config["OIDC_MFA_CLAIM"],
            now,
        )
    return _enter(colleague, service.session_at_provider(claims))


def _enter(colleague: Colleague, session: str) -> ResponseReturnValue:
    """session: id of the provider's session, "" where it tells none."""
    current.make_way_for(colleague.owner)
    if session:
        current.name_session(service.label_of(colleague.issuer, session))
    for account in {
        *accounts_of_groups(colleague.groups, "ADMINS"),
        *accounts_of_groups(colleague.groups, "AUDITORS"),
    }:
        recorded = audit(account, colleague.recorded_name, colleague.user_id)
        recorded.note(Event.SIGN_IN, _target(colleague.subject, colleague.user_name))
    current.sign_in_colleague(colleague, current_app.config["SIGN_IN_SESSION_MAX"])
    tell(_("You’re signed in as %(name)s.", name=colleague.user_name), "success")
    return redirect(local_path(current.pop_next(), url_for("compliance.index")), 303)
