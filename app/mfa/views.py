"""Pages to set up MFA: the QR code, its two codes, and what others need of the user's devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from app.aws.iam import MfaDevice
from app.credentials.observed import report_observed
from app.mfa import qr, service
from app.mfa.codes import drift_message
from app.mfa.devices import start_where_free
from app.mfa.forms import EmptyForm, EnrollForm
from app.mfa.leftovers import without_qr_code
from app.mfa.names import entry_in_app, name_at_aws
from app.mfa.own_names import keep_name
from app.sessions import just_read, slots
from app.sessions.console_links import readable_alias
from app.sessions.contents import SHOWN_FOR, Enrollment, Upgrade
from app.text.messages import _, ngettext
from app.web import error_pages
from app.web.guards import recently_confirmed
from app.web.permissions import calls, needs
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit, gateways, mfa_present, permitted, person
from app.web.responses import done, page
from app.web.sentences import tell

bp = Blueprint("mfa", __name__, url_prefix="/mfa")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


def devices_of_mine() -> list[MfaDevice]:
    """Return the user's MFA devices, as AWS lists them."""
    return gateways().iam.mfa_devices(person().user_name)


def devices_for_page() -> Sequence[MfaDevice]:
    """Return the same for a page that shows them. After a form that has just read them, AWS isn't asked again."""
    mine = just_read.passed_on(person())
    return devices_of_mine() if mine is None else mine


def reported_devices() -> Sequence[MfaDevice]:
    """Return the same. If AWS is asked, its answer is reported. A form has reported what it passes on."""
    mine = just_read.passed_on(person())
    if mine is None:
        mine = devices_of_mine()
        report_observed(person(), mfa_devices=mine)
    return mine


def enrollment_under_way(mine: Sequence[MfaDevice]) -> Enrollment | None:
    """The enrollment that this session has begun, as long as its codes are waited for. mine: the person's devices.

    What is over stays in the session until a form or its time removes it, but no page shows it.
    """
    kept = slots.enrollment()
    return kept if kept and service.still_waits(audit(), kept, mine) else None


@bp.get("/enroll")
@recently_confirmed
def enroll() -> ResponseReturnValue:
    """Show the QR code and two fields, or the button that creates them."""
    mine, kept = devices_for_page(), slots.enrollment()
    if mine and not person().with_mfa:
        return done(_("You already have an MFA device. Enter a code to sign in with it."), "mfa.activate")
    waits = enrollment_under_way(mine)
    trusted = kept is not None and kept.serial_number in {device.serial_number for device in mine}
    if kept and not waits and not trusted:
        tell(service.EnrollmentReplaced(), "warning")
        if person().with_mfa:
            return redirect(url_for("mfa.devices"))
    if mine and not waits:
        return redirect(url_for("mfa.devices"))
    return _enroll_page(waits, EnrollForm.blank())


def _enroll_page(pending: Enrollment | None, form: EnrollForm) -> ResponseReturnValue:
    if pending is None:
        return page("mfa/start.html", EmptyForm.blank(), lost=without_qr_code(audit(), datetime.now(UTC)))
    form.qr_code.data, form.label.data = pending.attempt_id, form.label.data or pending.label
    return page("mfa/enroll.html", form, enrollment=pending, **_shown(pending))


def _shown(pending: Enrollment) -> dict[str, str]:
    """What pages show of the seed: the link for apps, its picture, and how apps list it."""
    account = readable_alias(gateways().iam, person()) or person().account_id
    uri = qr.otpauth_uri(pending, account)
    return {"uri": uri, "picture": qr.svg(uri), "label": qr.label(pending, account)}


@bp.get("/enroll/print")
@recently_confirmed
def print_qr_code() -> ResponseReturnValue:
    """Show the QR code on a page to print and seal. Once its two codes were entered, no page shows it again."""
    waits = enrollment_under_way(devices_of_mine())
    if waits is None:
        return redirect(url_for("mfa.enroll"))
    device = name_at_aws(waits.serial_number)
    return page("mfa/print.html", EmptyForm.blank(), enrollment=waits, device=device, **_shown(waits))


@bp.post("/enroll/begin")
@recently_confirmed
@needs("iam:CreateVirtualMFADevice", later=("iam:EnableMFADevice",))
@calls("iam:ListMFADevices", "iam:DeleteVirtualMFADevice")
def begin() -> ResponseReturnValue:
    """Create a device, perhaps after an earlier attempt."""
    mine = devices_of_mine() if person().with_mfa else []
    kept, waits = slots.enrollment(), enrollment_under_way(mine)
    slots.forget("enrollment")
    if waits is None and mine:  # a page that was open too long
        return done(_("That QR code no longer works. Add the device again."), "mfa.devices", "warning")
    again = (waits.serial_number, waits.replaced_device) if waits and person().with_mfa else ("", None)
    asked = (gateways().iam, audit(), person(), permitted(), mine, *again)

    def keep(enrollment: Enrollment) -> None:
        label, backup = (waits.label, waits.backup) if waits else ("", False)
        slots.keep_enrollment(replace(enrollment, remade=kept is not None, label=label, backup=backup))

    start_where_free(*asked, mfa_present(), keep)
    if not person().with_mfa:
        just_read.pass_on(person(), [])  # else nothing would have begun
    return done("", "mfa.enroll")


@bp.errorhandler(service.MfaAlreadyEnabled)
def already_enabled(error: service.MfaAlreadyEnabled) -> ResponseReturnValue:
    """Continue with the device that exists by now."""
    slots.forget("enrollment")
    if person().with_mfa:
        return done(error, "mfa.devices", "info")
    return done(error, "mfa.activate", "info")


@bp.errorhandler(service.EnrollmentReplaced)
def enrollment_replaced(error: service.EnrollmentReplaced) -> ResponseReturnValue:
    """Start again."""
    slots.forget("enrollment")
    return done(error, "mfa.enroll", "warning")


@bp.errorhandler(service.StaleCodes)
def stale_codes(error: service.StaleCodes) -> ResponseReturnValue:
    """Ask for two fresh codes."""
    slots.keep_enrollment(error.asked_again)
    return error_pages.refusal_page(error)


@bp.post("/enroll")
@recently_confirmed
@needs("iam:EnableMFADevice")
@calls("iam:ListMFADevices")
def enroll_post() -> ResponseReturnValue:
    """Set up the device with its first two codes."""
    pending, form = slots.enrollment(), EnrollForm()
    if pending is None and not person().with_mfa and devices_of_mine():
        return redirect(url_for("mfa.enroll"), 303)  # another tab has turned MFA on: that page says so
    if pending is None:
        minutes = SHOWN_FOR.seconds // 60
        message = ngettext(
            "Your QR code has expired. It is kept for %(num)d minute. Start again.",
            "Your QR code has expired. It is kept for %(num)d minutes. Start again.",
            minutes,
        )
        return done(message, "mfa.enroll", "warning", code="qr-code-over")
    form.newest, now = pending.attempt_id, datetime.now(UTC)
    form.accept()
    first, second = form.first_code.data, form.second_code.data
    found = service.enable(gateways().iam, audit(), person(), pending, first, second, now)
    slots.forget("enrollment")
    keep_name(pending.serial_number, form.label.data)
    if drift := drift_message(found):
        tell(drift, "warning", "clock-drift")
    if not person().with_mfa:
        # This is their first device. With another one they could not have come here without MFA.
        mine = [MfaDevice(pending.serial_number, now)]
        report_observed(person(), mfa_devices=mine)
        just_read.pass_on(person(), mine)
        slots.keep_upgrade(Upgrade(pending.serial_number, enabled_at=now, used=[first, second]))
        return done(_("Your phone is now your MFA device."), "mfa.activate")
    if pending.replaced_device:
        slots.keep_replacing(pending.replaced_device)
        return redirect(url_for("mfa.replaced"), 303)
    if pending.backup:
        message = _(
            "Your backup works. Now delete the entry “%(entry)s” from your app, and keep the others. "
            "Then seal the printout.",
            entry=entry_in_app(pending.serial_number),
        )
        return done(message, "mfa.devices")
    return done(_("Device added."), "mfa.devices")


@bp.post("/enroll/cancel")
@calls("iam:DeleteVirtualMFADevice")
def cancel() -> ResponseReturnValue:
    """Remove the device that was never set up."""
    pending = slots.enrollment()
    if pending:
        service.cancel(gateways().iam, audit(), pending)
        slots.forget("enrollment")
    onwards = "mfa.devices" if person().with_mfa else "overview.index"
    return done(_("Setup cancelled. Nothing is left at AWS."), onwards)
