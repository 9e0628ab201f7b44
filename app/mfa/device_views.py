"""Pages of MFA after setup: the devices a user has, and what users can do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.audit.events import Event
from app.audit.history import last_done
from app.aws.iam import MfaDevice
from app.aws.signin import OAuthClient, oauth_client_for
from app.credentials.labels import Type
from app.credentials.observed import report_observed
from app.errors import PortalError
from app.mfa import devices as service
from app.mfa import leftovers
from app.mfa.forms import DeviceNameForm, EmptyForm, HardwareTokenForm
from app.mfa.hardware_tokens import add_hardware_token
from app.mfa.names import entry_in_app
from app.mfa.own_names import forget_name, keep_name, labels_of_mine, names_of_mine
from app.mfa.service import DeviceNameTaken, LeftoverDevice
from app.mfa.views import bp, devices_of_mine, enrollment_under_way
from app.policy.documents import sign_in_client
from app.sessions import current, slots
from app.sessions.console_links import console_url, readable_alias
from app.sessions.contents import Enrollment, ReplacedDevice, Upgrade
from app.text.messages import _
from app.web import error_pages
from app.web.guards import ask_to_confirm, recently_confirmed, with_mfa
from app.web.permissions import calls, needs
from app.web.request_context import audit, chosen_id, gateways, labels, permitted, person
from app.web.responses import NoLongerThere, done, page

TIME_TO_REPLACE = timedelta(minutes=10)
"""Where the old device goes first, the MFA session must last at least this long."""


def _chosen(devices: list[MfaDevice]) -> MfaDevice:
    """Return the device of the address's `id`. Aborts with 404 for any other, with another text if it was removed."""
    wanted = chosen_id()
    found = next((device for device in devices if device.serial_number == wanted), None)
    if found is None:
        was_deleted = last_done(audit(), (Event.MFA_DEVICE_DEACTIVATED, Event.MFA_DEVICE_DELETED), wanted) is not None
        raise NoLongerThere("MFA device", wanted, was_deleted, "mfa.devices")
    return found


@bp.errorhandler(DeviceNameTaken)
@bp.errorhandler(LeftoverDevice)
@bp.errorhandler(service.DeviceNotDeleted)
@bp.errorhandler(service.LastDevice)
@bp.errorhandler(service.NoReplacementAllowed)
@bp.errorhandler(service.WouldLockOut)
def not_with_these_devices(error: PortalError) -> ResponseReturnValue:
    """Lead to the list of devices, which shows why. Before MFA there is no list."""
    return done(error, "mfa.devices", "warning") if person().with_mfa else error_pages.refusal_page(error)


@bp.get("")
@with_mfa
def devices() -> ResponseReturnValue:
    """List the user's devices, and what they can do with each."""
    iam, me, permits = gateways().iam, person(), permitted()
    leftovers.reconcile(iam, audit(), me.user_name, datetime.now(UTC))
    mine = devices_of_mine()
    report_observed(me, mfa_devices=mine)
    return page(
        "mfa/devices.html",
        DeviceNameForm.blank(),
        devices=mine,
        names=names_of_mine(mine),
        labels=labels_of_mine(mine),
        replacing=replaced_device(mine),
        enrolling=enrollment_under_way(mine),
        free=service.free_serial_number(me, permits, mine),
        full=len(mine) >= service.MOST_DEVICES,
        left_behind=[
            (serial_number, may_delete, leftovers.deletion_note(me.user_name, serial_number))
            for serial_number, may_delete in leftovers.left_behind(audit(), permits, mine)
        ],
        may_deactivate=permits.allows("iam:DeactivateMFADevice", me.arn),
        may_resync=permits.allows("iam:ResyncMFADevice", me.arn),
        may_enable=permits.allows("iam:EnableMFADevice", me.arn),
        console_url=console_url(me, readable_alias(iam, me)),
    )


@bp.post("/add")
@with_mfa
@recently_confirmed
@needs(later=("iam:EnableMFADevice",))
@calls("iam:ListMFADevices", "iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice")
def add() -> ResponseReturnValue:
    """Start to add another virtual device, or a backup to print."""
    form, backup = DeviceNameForm(), "backup" in request.form
    form.accept()
    label = _("Printed backup") if backup else form.label.data
    # AWS shows serial numbers to everyone in the account, so none says which device is a printed backup.
    named = "" if backup else label
    free = service.free_serial_number(person(), permitted(), devices_of_mine(), named=named)
    if not free:
        return done(_("You can’t add another virtual MFA device."), "mfa.devices", "warning")
    return _begin(free, label=label, backup=backup)


def _begin(
    serial_number: str, replaces: ReplacedDevice | None = None, label: str = "", *, backup: bool = False
) -> ResponseReturnValue:
    def keep(enrollment: Enrollment) -> None:
        slots.keep_enrollment(changed(enrollment, label=label, backup=backup))

    mine = devices_of_mine()
    asked = (gateways().iam, audit(), person(), permitted(), mine, serial_number, replaces)
    service.start_where_free(*asked, keep=keep)
    return redirect(url_for("mfa.print_qr_code" if backup else "mfa.enroll"), 303)


@bp.post("/name")
@with_mfa
@calls("iam:ListMFADevices")
def name() -> ResponseReturnValue:
    """Store the name of a device, for its user only. AWS has no place for it."""
    form, mine = DeviceNameForm(), {device.serial_number for device in devices_of_mine()}
    form.accept()
    serial_number = form.serial_number.data
    if serial_number not in mine:
        return done(_("That device was already removed."), "mfa.devices", "info")
    audit().note(Event.CREDENTIAL_LABELED, serial_number)
    labels().put(Type.MFA_DEVICE, serial_number, form.label.data, datetime.now(UTC), existing=mine)
    return done(_("Name saved.") if form.label.data else _("Name removed."), "mfa.devices")


@bp.get("/replace")
@with_mfa
@recently_confirmed
@needs("iam:DeactivateMFADevice")
def replace() -> ResponseReturnValue:
    """Say what replacing a device will do, before it does it."""
    mine = devices_of_mine()
    old = _chosen(mine)
    plan = _plan(mine, old)
    if plan.old_first and _time_left() < TIME_TO_REPLACE:
        return ask_to_confirm(request.full_path)
    names = names_of_mine(mine)
    return page("mfa/replace.html", EmptyForm.blank(), old=old, plan=plan, name=names[old.serial_number])


def _plan(mine: list[MfaDevice], old: MfaDevice) -> service.Replacement:
    me = person()
    return service.plan_replacement(me, permitted(), mine, old, _sign_in_options())


def _sign_in_options() -> service.SignInOptions:
    me = person()
    client = "localhost" if oauth_client_for(current_app.config["PUBLIC_URL"])[0] is OAuthClient.SAME else "remote"
    region = current_app.config["AWS_REGION"]
    resource = sign_in_client(me.partition, me.account_id, region, client)
    return service.SignInOptions(current_app.config["SIGN_IN_METHODS"], resource)


def _time_left() -> timedelta:
    return (current.session_ends_at() or datetime.now(UTC)) - datetime.now(UTC)


@bp.post("/replace")
@with_mfa
@recently_confirmed
@needs("iam:DeactivateMFADevice")
@calls("iam:ListMFADevices", "iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice")
def replace_post() -> ResponseReturnValue:
    """Start the new device. Where the user can have only one, deactivate the old one first."""
    mine = devices_of_mine()
    old = _chosen(mine)
    plan = _plan(mine, old)
    if plan.old_first:
        if _time_left() < TIME_TO_REPLACE:
            return ask_to_confirm(url_for("mfa.replace", id=old.serial_number))
        service.deactivate(gateways().iam, audit(), person(), old.serial_number)
        forget_name(old.serial_number)
    replaces = None if plan.old_first else ReplacedDevice(old.serial_number, old.enabled_at)
    return _begin(plan.serial_number, replaces)


def replaced_device(mine: Sequence[MfaDevice]) -> str:
    """Serial number of the device that this session has replaced and that is still there, or "".

    mine: the person's devices. A later one of the same serial number is another device.
    """
    old = slots.replacing()
    return next((device.serial_number for device in mine if old and old.is_same(device)), "")


@bp.get("/replaced")
@with_mfa
def replaced() -> ResponseReturnValue:
    """Say that the new device works and the old one is still to be removed."""
    mine = devices_of_mine()
    old = replaced_device(mine)
    if not old:
        return redirect(url_for("mfa.devices"))
    return page("mfa/replaced.html", EmptyForm.blank(), old=old, name=names_of_mine(mine)[old])


@bp.post("/replaced")
@with_mfa
@recently_confirmed
@needs("iam:DeactivateMFADevice")
@calls("iam:ListMFADevices", "iam:DeleteVirtualMFADevice")
def replaced_post() -> ResponseReturnValue:
    """Remove the old device."""
    old = slots.replacing()
    others = {device.serial_number for device in devices_of_mine() if not (old and old.is_same(device))}
    if old is None or old.serial_number in others:
        slots.forget("replacing")
        return redirect(url_for("mfa.devices"), 303)
    answer = _removed(old.serial_number, _("Device replaced."))
    slots.forget("replacing")
    return answer


def _removed(serial_number: str, sentence: str) -> ResponseReturnValue:
    service.remove(gateways().iam, audit(), person(), permitted(), serial_number, _sign_in_options())
    forget_name(serial_number)
    if entry := entry_in_app(serial_number):
        sentence += " " + _("Delete the entry “%(entry)s” from your app, and keep the others.", entry=entry)
    return done(sentence, "mfa.devices")


@bp.get("/remove")
@with_mfa
@recently_confirmed
@needs("iam:DeactivateMFADevice")
def remove() -> ResponseReturnValue:
    """Say what removing a device means."""
    mine = devices_of_mine()
    old = _chosen(mine)
    if len(mine) == 1:
        return done(service.LastDevice(), "mfa.devices", "warning")
    others = [each for each in mine if each != old]
    return page("mfa/remove.html", EmptyForm.blank(), old=old, others=others, names=names_of_mine(mine))


@bp.post("/remove")
@with_mfa
@recently_confirmed
@needs("iam:DeactivateMFADevice")
@calls("iam:ListMFADevices", "iam:DeleteVirtualMFADevice")
def remove_post() -> ResponseReturnValue:
    """Remove one of several devices."""
    serial_number = chosen_id()
    if serial_number not in {device.serial_number for device in devices_of_mine()}:
        return done(_("That device was already removed."), "mfa.devices", "info")
    return _removed(serial_number, _("Device removed."))


@bp.post("/clear")
@with_mfa
@needs("iam:DeleteVirtualMFADevice")
@calls("iam:ListMFADevices")
def clear() -> ResponseReturnValue:
    """Delete a virtual device that was deactivated and still exists."""
    permits, serial_number = permitted(), chosen_id()
    if (serial_number, True) not in leftovers.left_behind(audit(), permits, devices_of_mine()):
        return done(_("That device was already deleted."), "mfa.devices", "info")
    service.clear(gateways().iam, audit(), serial_number)
    forget_name(serial_number)
    return done(_("Unused device deleted."), "mfa.devices")


@bp.get("/hardware")
@recently_confirmed
@needs("iam:EnableMFADevice")
def hardware() -> ResponseReturnValue:
    """Ask for a token's number and two codes."""
    if not person().with_mfa and devices_of_mine():
        return redirect(url_for("mfa.activate"))
    return page("mfa/hardware.html", HardwareTokenForm.blank())


@bp.post("/hardware")
@recently_confirmed
@needs("iam:EnableMFADevice")
@calls("iam:ListMFADevices")
def hardware_post() -> ResponseReturnValue:
    """Set up a hardware token."""
    form, now = HardwareTokenForm(), datetime.now(UTC)
    if not person().with_mfa and devices_of_mine():
        return redirect(url_for("mfa.activate"), 303)
    form.accept()
    number, codes = form.serial_number.data, (form.first_code.data, form.second_code.data)
    add_hardware_token(gateways().iam, audit(), person(), number, *codes)
    keep_name(number, form.label.data)
    if not person().with_mfa:
        report_observed(person(), mfa_devices=[MfaDevice(number, now)])  # their first
        slots.keep_upgrade(Upgrade(number, enabled_at=now, used=list(codes)))
        return done(_("The token is now your MFA device."), "mfa.activate")
    return done(_("Device added."), "mfa.devices")
