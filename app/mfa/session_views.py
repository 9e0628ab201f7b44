"""Pages to start an MFA session, and what is possible with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from app.aws.iam import MfaDevice
from app.credentials.observed import report_observed
from app.mfa import upgrading
from app.mfa.command_line import commands
from app.mfa.devices import may_add_virtual_device
from app.mfa.forms import CodeForm, EmptyForm
from app.mfa.names import last_used
from app.mfa.own_names import names_of_mine
from app.mfa.views import bp, devices_for_page, devices_of_mine, reported_devices
from app.sessions import current, just_read, slots
from app.sessions.console_links import alias_beside, console_url
from app.sessions.contents import Upgrade, Way
from app.web import error_pages
from app.web.guards import with_mfa
from app.web.navigation import say_mfa_is_on
from app.web.permissions import calls
from app.web.rate_limits import codes_per_key
from app.web.request_context import audit, gateways, permitted, person
from app.web.responses import done, page, wants_part


@bp.errorhandler(upgrading.CodeAlreadyUsed)
def code_already_used(error: upgrading.CodeAlreadyUsed) -> ResponseReturnValue:
    """Ask for the next code."""
    if error.upgrade:
        slots.keep_upgrade(error.upgrade)
    return error_pages.refusal_page(error)


def _upgrade() -> Upgrade | None:
    """The upgrade under way; or one for a device that was enabled elsewhere."""
    known = slots.upgrade()
    if known:
        return known
    devices = [device for device in devices_of_mine() if device.gives_codes]
    if not devices:
        return None
    newest = max(devices, key=lambda device: device.enabled_at)
    return Upgrade(newest.serial_number, enabled_at=newest.enabled_at, used=[])


def _waiting_page(template: str, upgrade: Upgrade) -> ResponseReturnValue:
    wait = (upgrade.next_try_at or upgrade.enabled_at) - datetime.now(UTC)
    seconds = max(0, -(-wait // timedelta(seconds=1)))
    return page(template, EmptyForm.blank(), seconds=seconds, upgrade=upgrade)


def _activate_page(upgrade: Upgrade) -> ResponseReturnValue:
    if upgrade.code:
        return _waiting_page("mfa/waiting.html", upgrade)
    return page("mfa/activate.html", _offered(CodeForm(), upgrade, devices_for_page()), upgrade=upgrade)


def _sent_code(upgrade: Upgrade) -> CodeForm:
    """The form that was sent. AWS is asked for the devices only if it names another than the one just set up."""
    form, begun = CodeForm(), slots.upgrade()
    if begun and form.serial_number.data in (None, "", begun.serial_number):
        form.offer([begun.serial_number])
        return form
    return _offered(form, upgrade, devices_of_mine())


def _offered(form: CodeForm, upgrade: Upgrade, mine: Sequence[MfaDevice]) -> CodeForm:
    devices = [device for device in mine if device.gives_codes]
    if len(devices) > 1:
        begun = slots.upgrade()
        used = begun.serial_number if begun else last_used(audit(), [device.serial_number for device in devices])
        form.offer(names_of_mine(devices), used)
    else:
        form.offer({upgrade.serial_number: upgrade.serial_number})
    return form


@bp.get("/activate")
def activate() -> ResponseReturnValue:
    """Ask for the next code, or show what the page waits for. Users who came through AWS enter the code there."""
    if person().with_mfa:
        return redirect(url_for("mfa.finished"))
    upgrade = _upgrade()
    if upgrade is None and not devices_of_mine():
        return redirect(url_for("mfa.enroll"))
    say_mfa_is_on()
    if person().way is Way.AWS_SIGN_IN:
        return page("mfa/sign_in_again.html", EmptyForm.blank())
    if upgrade is None:
        return page("mfa/security_key_only.html")
    return _activate_page(upgrade)


@bp.post("/activate")
@codes_per_key
@calls("iam:ListMFADevices")
def activate_post() -> ResponseReturnValue:
    """Accept the next code."""
    upgrade = _upgrade()
    if person().with_mfa or upgrade is None or person().way is Way.AWS_SIGN_IN:
        return done("", "mfa.activate")
    form = _sent_code(upgrade)
    form.accept()
    if form.serial_number.data != upgrade.serial_number:
        upgrade = replace(upgrade, serial_number=form.serial_number.data)
    return _advance(upgrading.take_code(upgrade, form.code.data))


@bp.post("/activate/continue")
@calls("iam:ListMFADevices")
def activate_continue() -> ResponseReturnValue:
    """Try the code that waits."""
    upgrade = slots.upgrade()
    if person().with_mfa or upgrade is None or not upgrade.code:
        return done("", "mfa.activate")
    EmptyForm().accept()
    return _advance(upgrade)


@bp.post("/activate/another")
def another_code() -> ResponseReturnValue:
    """Drop the code that waits, and ask for another."""
    upgrade = slots.upgrade()
    if upgrade and upgrade.code:
        slots.keep_upgrade(upgrading.without_code(upgrade))
    return done("", "mfa.activate")


def _advance(upgrade: Upgrade) -> ResponseReturnValue:
    lasts, now = current_app.config["ACCESS_KEY_SESSION_MAX"], datetime.now(UTC)
    mine = upgrading.devices_beside(gateways().iam, person().user_name, upgrade, now)
    step = upgrading.advance(gateways().sts, audit(), upgrade, now, lasts)
    if isinstance(step, Upgrade):
        slots.keep_upgrade(step)
        if wants_part():
            return _waiting_page("mfa/_waiting.html", step)
        return redirect(url_for("mfa.activate"), 303)
    current.upgrade_in_place(step, lasts)
    devices = mine()
    # A list without the device that STS has just accepted is older than that.
    if devices is not None and any(device.serial_number == upgrade.serial_number for device in devices):
        report_observed(person(), mfa_devices=devices, read_at=now)
        just_read.pass_on(person(), devices)
    return done("", "mfa.finished")


@bp.get("/finished")
@with_mfa
def finished() -> ResponseReturnValue:
    """Show what is possible with MFA: the console and the command line."""
    return _use_aws_page("mfa/finished.html")


@bp.get("/command-line")
@with_mfa
def command_line() -> ResponseReturnValue:
    """Show the commands for the AWS CLI."""
    return _use_aws_page("mfa/command_line.html")


def _use_aws_page(template: str) -> ResponseReturnValue:
    me, iam, permits = person(), gateways().iam, permitted()
    alias = alias_beside(iam, me)
    devices = reported_devices()
    codes_of = [device.serial_number for device in devices if device.gives_codes]
    region = current_app.config["AWS_REGION"]
    return page(
        template,
        console_url=console_url(me, alias()),
        region=region,
        say=commands(me, region, codes_of[0] if codes_of else "", str(current_app.jinja_env.globals["sandbox_url"])),
        by_password=Way.AWS_SIGN_IN in current_app.config["SIGN_IN_METHODS"],
        devices=codes_of,
        one_device=len(devices) == 1,
        may_add=may_add_virtual_device(me, permits, devices),
    )
