"""Pages of the sign-in through AWS Sign-In."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

import config
from app.audit.events import Event
from app.aws.signin import OAuthClient
from app.errors import NotRecorded, Refused, SignInNotPermitted
from app.policy.documents import SIGN_IN_ACTIONS, sign_in_statement
from app.sessions import current, slots
from app.sessions.contents import PendingAwsSignIn, Way
from app.signin import aws_service as service
from app.signin.forms import VerificationCodeForm
from app.signin.views import asked_for
from app.text.messages import _
from app.web import error_pages
from app.web.guards import public
from app.web.known_browsers import note_sign_in
from app.web.permissions import calls
from app.web.rate_limits import limiter, per_address
from app.web.request_context import audit, gateways
from app.web.responses import local_path, page
from app.web.sentences import tell

bp = Blueprint("aws_signin", __name__)
bp.register_error_handler(NotRecorded, error_pages.error_page)  # the portal's trouble: nothing typed is wrong

ACCOUNT = "ACCOUNT-ID"
"""Replaces the account ID in what a visitor may read."""
DENIED = ("access_denied", "unauthorized_client", "INSUFFICIENT_PERMISSIONS")


class ForeignState(Refused):
    """A callback that answers no question of this session. An attacker may want to sign the user in as themselves."""

    code = "foreign-state"


@bp.before_request
def only_where_offered() -> None:
    """Answer 404 where SIGN_IN_METHODS doesn't list this way to sign in."""
    if Way.AWS_SIGN_IN not in current_app.config["SIGN_IN_METHODS"]:
        abort(404)


@bp.post("/sign-in/aws")
@public
@limiter.limit(per_address, methods=["POST"])
def sign_in_post() -> ResponseReturnValue:
    """Lead to AWS, by way of its sign-out where an old console session must not answer."""
    inside = current_user.is_authenticated
    pending = service.begin(
        gateways().signin,
        current_app.config["PUBLIC_URL"],
        datetime.now(UTC),
        # For someone signed in already, an open console session says nothing new.
        sign_out_first="sign_out_first" in request.form or inside,
        expected_user_id=current_user.user_id if inside else "",
        back=url_for("mfa.finished") if inside else "",
    )
    slots.begin_aws_sign_in(pending)
    if not inside and (wanted := asked_for()):
        current.remember_next(wanted)
    if pending.client is OAuthClient.CROSS:
        return redirect(url_for("aws_signin.sign_in"), 303)
    return redirect(service.address_at_aws(gateways().signin, pending), 303)


def nothing_pending() -> bool:
    """Start over without asking AWS: pages elsewhere can send people here, over and over."""
    return slots.pending_aws_sign_in(datetime.now(UTC)) is None


@bp.get("/oauth/callback")
@public
@limiter.limit(per_address, exempt_when=nothing_pending)
def callback() -> ResponseReturnValue:
    """Finish the sign-in: AWS sends the browser back here, on this machine."""
    pending = slots.pending_aws_sign_in(datetime.now(UTC))
    if pending is None:
        if current_user.is_authenticated:
            return redirect(url_for("overview.index"), 303)
        return redirect(url_for("signin.sign_in", why="elsewhere"), 303)
    if not hmac.compare_digest(request.args.get("state", "").encode(), pending.state.encode()):
        audit().note(Event.SIGN_IN, Way.AWS_SIGN_IN, ForeignState())
        return redirect(url_for("signin.sign_in", why="elsewhere"), 303)
    if "code" in request.args:
        return _finish(request.args["code"][:512])
    slots.forget("pending_aws_sign_in")
    if request.args.get("error") in DENIED:
        audit().note(Event.SIGN_IN, Way.AWS_SIGN_IN, SignInNotPermitted())
        return redirect(url_for("aws_signin.stopped", why="not-permitted"), 303)
    tell(_("AWS didn’t complete the sign-in. Start again."), "warning", "not-completed")
    return redirect(url_for("signin.sign_in"), 303)


@bp.get("/sign-in/aws")
@public
def sign_in() -> ResponseReturnValue:
    """Show how to open AWS in a new tab, and a field for what it shows."""
    pending = slots.pending_aws_sign_in(datetime.now(UTC))
    if pending is None or pending.client is OAuthClient.SAME:
        return redirect(url_for("signin.sign_in"), 303)
    form, address = VerificationCodeForm.blank(), service.address_at_aws(gateways().signin, pending)
    return page("signin/aws_code.html", form, address=address, pending=pending)


@bp.post("/sign-in/aws/code")
@public
@limiter.limit(per_address, methods=["POST"])
@calls("iam:ListMFADevices", "iam:DeactivateMFADevice")
def code() -> ResponseReturnValue:
    """Finish the sign-in with the pasted verification code."""
    form = VerificationCodeForm()
    pending = slots.pending_aws_sign_in(datetime.now(UTC))
    if pending is None:
        if current_user.is_authenticated and current_user.with_mfa:
            return redirect(url_for("overview.index"), 303)
        return redirect(url_for("signin.sign_in", why="elsewhere"), 303)
    form.accept()
    return _finish(service.read_verification_code(form.verification_code.data, pending))


def _finish(code: str) -> ResponseReturnValue:
    """Exactly one request gets here with a pending sign-in."""
    aws, now = gateways(), datetime.now(UTC)
    pending = slots.take_aws_sign_in(now)
    if pending is None:
        return redirect(url_for("overview.index"), 303)
    with service.ended_by_refusals(audit()):
        arrived = service.finish(aws.signin, aws.sts, aws.iam, current_app.config["ACCOUNTS"], pending, code)
    return _enter(arrived, pending, now)


@bp.errorhandler(service.NotArrived)
def not_arrived(error: service.NotArrived) -> ResponseReturnValue:
    """Explain what can be explained. Otherwise lead back to the sign-in page, which says what was wrong."""
    whys = {
        SignInNotPermitted: "not-permitted",
        service.SignedInWithoutCode: "no-code",
        service.IamRefusesSession: "iam-refuses",
        service.DifferentUser: "someone-else",
    }
    why = whys.get(type(error.refusal))
    if why:
        slots.remember_at_aws(getattr(error.refusal, "user_name", ""))
        return redirect(url_for("aws_signin.stopped", why=why), 303)
    tell(error.refusal, "danger")
    return redirect(url_for("signin.sign_in"), 303)


def _enter(arrived: service.Arrived, pending: PendingAwsSignIn, now: datetime) -> ResponseReturnValue:
    person = arrived.person(now)
    current.make_way_for(person.owner)
    note_sign_in(audit(person.account_id, person.user_name, person.user_id), Way.AWS_SIGN_IN)
    lasts = current_app.config["SIGN_IN_SESSION_MAX"] if arrived.with_mfa else config.BEFORE_MFA
    current.sign_in_through_aws(person, arrived.tokens, lasts)
    if not (pending.expected_user_id and arrived.with_mfa):
        tell(_("You’re signed in as %(name)s.", name=person.user_name), "success")
    return redirect(local_path(current.pop_next() or pending.back, url_for("overview.index")), 303)


@bp.get('/sign-in/aws/stopped/<any("not-permitted", "no-code", "iam-refuses", "someone-else"):why>')
@public
def stopped(why: str) -> ResponseReturnValue:
    """Say why the sign-in stopped, and how to continue. Visitors don't see whose portal this is."""
    account = current_user.account_id if current_user.is_authenticated else ACCOUNT
    partition = current_app.config["AWS_PARTITION"]
    statement = json.dumps(sign_in_statement(account, partition), indent=2)
    return page(
        "signin/aws_stopped.html", why=why, user_name=slots.at_aws(), statement=statement, actions=SIGN_IN_ACTIONS
    )
