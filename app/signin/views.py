"""Sign-in pages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

import config
from app.audit.events import Event
from app.aws.clients import AwsCredentials
from app.aws.signin import OAuthClient, oauth_client_for
from app.credentials.observed import report_observed
from app.errors import NotRecorded
from app.mfa.names import last_used, names_at_sign_in
from app.sessions import current, just_read, slots
from app.sessions.contents import PendingSignIn, Person, Way
from app.signin import service
from app.signin.company_provider import sign_out_address
from app.signin.forms import AccessKeyForm, CodeForm
from app.text.messages import N_, _
from app.web import error_pages, refused
from app.web.guards import accounts_to_watch, public
from app.web.known_browsers import note_sign_in
from app.web.permissions import calls
from app.web.rate_limits import CHANGES, codes_per_key, limiter, per_address, per_key, this_person, typed_key_id
from app.web.request_context import audit, audit_of, gateways, labels
from app.web.responses import done, here, local_path, page, page_at, where_they_were
from app.web.sentences import tell

bp = Blueprint("signin", __name__)
bp.register_error_handler(NotRecorded, error_pages.error_page)  # the portal's trouble: nothing typed is wrong

LONGEST_PATH = 200
"""Of a page to come back to; ours are shorter."""
ENDED = N_("Your session ended. Nothing changed in AWS. Sign in to continue.")
ENDED_ON = {
    "mfa.enroll": N_(
        "Your session ended, and your QR code no longer works. If you scanned it, delete that entry, the newest one, "
        "from your app. Then sign in and start again."
    ),
    "access_keys.new": N_(
        "Your session ended, so we can’t show the secret of your new access key again. Sign in again. If you didn’t "
        "save the secret, delete that key."
    ),
}
"""The same for a user who was on a page whose secret ended with the session, by its endpoint."""


START_AGAIN = N_("That sign-in started in another browser or has expired. Sign in again.")
_MINUTES = config.BETWEEN_KEY_AND_CODE.seconds // 60
WHYS = {
    "late": N_("You have %(minutes)d minutes to enter your MFA code. Start again with your access key."),
    "elsewhere": START_AGAIN,
}
"""Why the user is at the sign-in page, by a word in its address, so that nothing is stored for it."""


def asked_for() -> str:
    """Return where the page or form says the user goes after signing in, or "". The page passes it to its forms."""
    wanted = request.values.get("next", "")
    return local_path(wanted, "") if len(wanted) <= LONGEST_PATH else ""


def ask_to_sign_in() -> ResponseReturnValue:
    """Answer people without a session (for Flask-Login): sign in, then back to where they were going.

    Nothing is stored for them yet. So visitors fill no table, and a late request of a session that has ended doesn't
    replace the cookie of the one that followed it.
    """
    where: dict[str, str] = {}
    back = where_they_were()
    if back != "/":
        where["next"] = back
    if current.session_was_lost() or request.method == "POST":
        where["ended"] = "yes"
    return redirect(url_for("signin.sign_in") + (f"?{urlencode(where)}" if where else ""), 303)


@bp.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    """Show the ways to sign in."""
    if current_user.is_authenticated and not current.confirming() and not refused.waits(here()):
        return redirect(url_for("overview.index"))
    if "ended" in request.args:
        tell(_(ENDED_ON.get(page_at(asked_for()), ENDED)), "warning", "session-ended")
    elif why := WHYS.get(request.args.get("why", "")):
        tell(_(why, minutes=_MINUTES), "warning", request.args["why"])
    elif "next" in request.args and "_flashes" not in session:
        tell(_("Sign in to open that page."), "info", "sign-in-first")
    aws = gateways().signin
    return page(
        "signin/sign_in.html",
        _key_form(),
        ways=current_app.config["SIGN_IN_METHODS"],
        elsewhere=oauth_client_for(current_app.config["PUBLIC_URL"])[0] is OAuthClient.CROSS,
        confirming=current.confirming(),
        wanted=asked_for() or current.next_page(),
        signed_out_of=request.args.get("out"),
        aws_sign_out=aws.sign_out_url(aws.url),
        company_sign_out=sign_out_address() if request.args.get("out") == Way.COMPANY else "",
        minutes=config.BEFORE_MFA.seconds // 60,
        company=bool(current_app.config["OIDC_ISSUER"]),
    )


def _key_form() -> AccessKeyForm:
    form = AccessKeyForm()
    form.by_password = Way.AWS_SIGN_IN in current_app.config["SIGN_IN_METHODS"]
    return form


@bp.post("/sign-in")
@public
@limiter.limit(per_address, methods=["POST"])
@limiter.limit(per_key, key_func=typed_key_id, methods=["POST"])
@calls("iam:ListMFADevices")
def sign_in_post() -> ResponseReturnValue:
    """Check the key, then sign the user in, or lead to the code."""
    if Way.ACCESS_KEY not in current_app.config["SIGN_IN_METHODS"]:
        abort(404)
    form = _key_form()
    form.accept()
    key = AwsCredentials(form.access_key_id.data, form.secret_access_key.data)
    aws, asked_at = gateways(), datetime.now(UTC)
    with audit("", "").refusals(Event.SIGN_IN, key.access_key_id):
        known = service.present_key(aws.sts, aws.iam, current_app.config["ACCOUNTS"], key)

    who, now, wanted = known.identity, datetime.now(UTC), asked_for()
    if known.devices:
        slots.begin_sign_in(
            PendingSignIn(
                account_id=who.account_id,
                user_name=who.user_name,
                path=who.path,
                partition=who.partition,
                serial_numbers=[device.serial_number for device in known.code_devices],
                access_key_id=key.access_key_id,
                secret_access_key=key.secret_access_key,
                until=now + config.BETWEEN_KEY_AND_CODE,
                user_id=who.user_id,
            )
        )
        if wanted:
            current.remember_next(wanted)
        return done("", "signin.code")
    identity = (who.account_id, who.user_name, who.path, who.partition)
    person = Person(*identity, False, now, key.access_key_id, user_id=who.user_id)
    current.make_way_for(person.owner)
    note_sign_in(audit(who.account_id, who.user_name, who.user_id), key.access_key_id)
    current.sign_in(person, key, config.BEFORE_MFA)
    report_observed(person, mfa_devices=known.devices, read_at=asked_at)
    just_read.pass_on(person, known.devices)
    return redirect(local_path(wanted or current.pop_next(), url_for("overview.index")), 303)


@bp.get("/sign-in/first")
@public
def first() -> ResponseReturnValue:
    """Show how to sign in with a temporary password: AWS requires another one, and some policies MFA first."""
    account, partition = min(current_app.config["ACCOUNTS"]), current_app.config["AWS_PARTITION"]
    way = service.first_way_in(
        current_app.config["FORCE_MFA_DOCUMENT"], account, partition, current_app.config["AWS_REGION"]
    )
    return page(
        "signin/temporary_password.html",
        way=way,
        ways=current_app.config["SIGN_IN_METHODS"],
        at_aws=Way.AWS_SIGN_IN,
        note=_(service.NOTE_ABOUT_THE_CIRCLE),
    )


@bp.get("/sign-in/code")
@public
def code() -> ResponseReturnValue:
    """Ask for the code of the user's device."""
    pending = slots.pending_sign_in(datetime.now(UTC))
    if pending is None:
        return _too_late()
    form = CodeForm.blank()
    whose = audit(pending.account_id, pending.user_name, pending.user_id)
    names = names_at_sign_in(pending, labels(pending.account_id, pending.user_id))
    form.offer(names, last_used(whose, pending.serial_numbers))
    return page("signin/code.html", form, pending=pending)


@bp.post("/sign-in/code")
@public
@limiter.limit(per_address, methods=["POST"])
@codes_per_key
def code_post() -> ResponseReturnValue:
    """Turn key and code into an MFA session."""
    pending = slots.pending_sign_in(datetime.now(UTC))
    if pending is None:
        return _too_late()
    form = CodeForm()
    form.offer(names_at_sign_in(pending, labels(pending.account_id, pending.user_id)))
    form.accept()
    lasts = current_app.config["ACCESS_KEY_SESSION_MAX"]
    serial_number, audit_log = form.serial_number.data, audit(pending.account_id, pending.user_name, pending.user_id)
    with (
        audit_log.refusals(Event.SIGN_IN, pending.access_key_id),
        audit_log.attempt(Event.MFA_SESSION, serial_number),
    ):
        credentials = service.give_code(gateways().sts, pending.credentials, serial_number, form.code.data, lasts)
    note_sign_in(audit_log, pending.access_key_id)
    current.sign_in(pending.person(datetime.now(UTC)), credentials, lasts)
    return redirect(local_path(current.pop_next(), url_for("overview.index")), 303)


def _too_late() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(url_for("overview.index"), 303)
    return redirect(url_for("signin.sign_in", why="late"), 303)


@bp.post("/sign-in/cancel")
@public
def cancel() -> ResponseReturnValue:
    """Drop the key that waits for its code."""
    slots.forget("pending_sign_in")
    return done("", "signin.sign_in")


@bp.post("/sign-in/stay")
@limiter.limit(CHANGES, key_func=this_person)
def stay() -> ResponseReturnValue:
    """Keep the session in use, for the page that says it is about to end (`static/session.js`)."""
    return asdict(current.session_left())


@bp.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End the session. It works, and says so, even if it had ended already."""
    way = current_user.way if current_user.is_authenticated else None
    noted = [audit_of(account) for account in accounts_to_watch()] if way is Way.COMPANY else [audit()] if way else []
    if current_user.is_authenticated:
        just_read.drop(current_user)
    current.sign_out()
    for each in noted:
        with suppress(NotRecorded):  # nobody stays signed in for want of a record; the log has why
            each.note(Event.SIGN_OUT)
    elsewhere = {"out": way.value} if way in (Way.AWS_SIGN_IN, Way.COMPANY) else {}
    return done(_("You are signed out."), "signin.sign_in", **elsewhere)
