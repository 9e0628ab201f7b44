"""Pages for users whose codes are refused or whose device is lost: open also during sign-in."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.aws.clients import using_credentials
from app.aws.iam import MfaDevice
from app.mfa import devices as service
from app.mfa.forms import ResyncForm
from app.mfa.names import names_at_sign_in
from app.mfa.own_names import names_of_mine
from app.mfa.rescue_notes import rescue_note, rescue_note_to_fill_in
from app.mfa.views import bp, devices_of_mine
from app.sessions import slots
from app.text.messages import _
from app.web.guards import public
from app.web.permissions import calls
from app.web.rate_limits import codes_per_key, limiter, per_address
from app.web.request_context import audit, chosen_id, gateways, labels, person
from app.web.responses import done, page


def _whose() -> tuple[str, dict[str, str], str]:
    """Return (user name, names of devices by serial number, endpoint to open afterwards). Visitors have none."""
    pending = slots.pending_sign_in(datetime.now(UTC))
    if pending:
        return (
            pending.user_name,
            names_at_sign_in(pending, labels(pending.account_id, pending.user_id)),
            "signin.code",
        )
    if not current_user.is_authenticated:
        return "", {}, "signin.sign_in"
    back = "mfa.devices" if person().with_mfa else "mfa.activate"
    return person().user_name, names_of_mine([device for device in devices_of_mine() if device.gives_codes]), back


@bp.get("/resync")
@public
def resync() -> ResponseReturnValue:
    """Ask for two codes in a row, from which AWS works out how far the device's clock is off."""
    names, back = _whose()[1:]
    if not names:
        return redirect(url_for(back))
    form = ResyncForm.blank()
    form.offer(names, chosen_id())
    return page("mfa/resync.html", form, back=url_for(back))


@bp.post("/resync")
@public
@limiter.limit(per_address)
@codes_per_key
@calls("iam:ListMFADevices", "iam:ResyncMFADevice")
def resync_post() -> ResponseReturnValue:
    """Resync with the credentials of the session. A plain key may do that."""
    user_name, names, back = _whose()
    if not names:
        return redirect(url_for(back), 303)
    form = ResyncForm()
    form.offer(names)
    form.accept()
    pending = slots.pending_sign_in(datetime.now(UTC))
    audit_log = audit(pending.account_id, pending.user_name, pending.user_id) if pending else audit()
    asked = (user_name, form.serial_number.data, form.first_code.data, form.second_code.data)
    with using_credentials(pending.credentials) if pending else nullcontext():
        service.resync(gateways().iam, audit_log, *asked)
    return done(_("Fixed. Wait for the next code, then sign in with it."), back)


@bp.get("/lost")
@public
def lost() -> ResponseReturnValue:
    """Show the note for an administrator, who alone can help after a device is lost."""
    pending, now = slots.pending_sign_in(datetime.now(UTC)), datetime.now(UTC)
    mine: list[MfaDevice] = []
    names: dict[str, str] = {}
    back = "signin.sign_in"
    if pending:
        mine, back = [MfaDevice(serial_number, now) for serial_number in pending.serial_numbers], "signin.code"
        names = names_at_sign_in(pending, labels(pending.account_id, pending.user_id))
    elif current_user.is_authenticated:
        mine, back = devices_of_mine(), "mfa.devices" if person().with_mfa else "overview.index"
        names = names_of_mine(mine)
    wanted = chosen_id()
    gone = next((device for device in mine if len(mine) == 1 or device.serial_number == wanted), None)
    note = ""
    if gone:
        who = pending.person(now) if pending else person()
        note = rescue_note(who.user_name, who.arn, gone, others=len(mine) > 1)
    otherwise = url_for(back, next=request.args.get("next") if back == "signin.sign_in" else None)
    note_to_fill_in = "" if mine else rescue_note_to_fill_in()
    return page(
        "mfa/lost.html",
        note=note,
        note_to_fill_in=note_to_fill_in,
        devices=mine,
        names=names,
        gone=gone,
        back=otherwise,
    )
