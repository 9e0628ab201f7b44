"""The provider signs people out: OpenID Connect Back-Channel Logout 1.0.

The provider itself sends the request, so it has no session and no form's token. What counts is the signature of its
logout token.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, current_app, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.audit.history import colleagues_since
from app.audit.log import Audit, audit_log
from app.errors import NotRecorded
from app.oidc.errors import LogoutRefused, ProviderUnavailable
from app.sessions.contents import Colleague
from app.sessions.open_sessions import end_sessions_begun
from app.signin.company_provider import provider
from app.signin.company_service import label_of
from app.signin.company_views import bp
from app.web.guards import public
from app.web.rate_limits import limiter
from app.web.request_context import address, user_agent

if TYPE_CHECKING:
    from app.oidc.logout import Logout

__all__ = ["bp"]
"""The page is added to those of the sign-in."""
log = logging.getLogger(__name__)
LONGEST_TOKEN = 16_384
REFUSED_TOKENS = "300 per 5 minutes"
"""From one address. Good tokens don't count, because the provider sends those of a whole company from one address."""


def _refused(answer: Response) -> bool:
    return answer.status_code == HTTPStatus.BAD_REQUEST


@bp.post("/logout")
@public
@limiter.limit(REFUSED_TOKENS, deduct_when=_refused)
def backchannel_logout() -> ResponseReturnValue:
    """End the sessions that the provider's logout token is about."""
    try:
        with provider().logout(request.form.get("logout_token", "")[:LONGEST_TOKEN]) as logout:
            ended = _end(logout)
    except (LogoutRefused, ProviderUnavailable) as refusal:
        log.warning("a sign-out of the provider was refused: %s", refusal.full_code)
        status = 400 if isinstance(refusal, LogoutRefused) else 503
        return {"error": "invalid_request", "error_description": refusal.full_code}, status
    log.info("the provider signed someone out: %d sessions ended", ended)
    return "", 200


@bp.record
def _without_token_of_a_form(state: BlueprintSetupState) -> None:
    state.app.extensions["csrf"].exempt(backchannel_logout)


def _end(logout: Logout) -> int:
    """End the sessions, and record it for each account of the person. Raises StoreDown.

    Only sessions that began before the provider signed them out, or up to CLOCKS_APART_S later: in another process a
    token that is sent again ends those too. With a `sid`, later sessions of the same `sid` end along with such a one.
    """
    config = current_app.config
    known_as = Colleague.id_of(config["OIDC_ISSUER"], logout.subject) if logout.subject else ""
    label = label_of(config["OIDC_ISSUER"], logout.session) if logout.session else ""
    accounts = frozenset({*config["OIDC_ADMIN_GROUPS"], *config["OIDC_AUDITOR_GROUPS"]})
    since = datetime.now(UTC) - config["SIGN_IN_SESSION_MAX"]
    ended = 0
    for person in colleagues_since(audit_log(), accounts, since, known_as):
        theirs = end_sessions_begun(Colleague.owner_with(person.user_id), logout.until, label)
        ended += theirs
        for account_id in person.account_ids if theirs else ():
            who = (
                person.recorded_name,
                address(),
                user_agent(),
                "",
                person.user_id,
            )  # no session: the provider has none
            with suppress(NotRecorded):  # the sessions are ended; the log has why
                Audit(audit_log(), account_id, *who).note(Event.SIGN_OUT_BY_COMPANY)
    return ended
