"""The first page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from app.access_keys.inactive import inactive_since
from app.access_keys.views import unsaved
from app.aws.iam import MfaDevice
from app.credentials.max_age import access_key_max_age
from app.credentials.observed import report_observed
from app.mfa.device_views import replaced_device
from app.mfa.devices import may_add_virtual_device
from app.mfa.leftovers import reconcile
from app.mfa.views import enrollment_under_way, reported_devices
from app.overview.service import Known, Limits, known, load_inventory, state_of
from app.overview.todo import Situation, Waiting, later, to_do
from app.sessions import current, slots
from app.sessions.console_links import alias_beside, console_url
from app.web.forms import EmptyForm
from app.web.navigation import say_mfa_is_on
from app.web.permissions import answer, offered
from app.web.request_context import audit, gateways, permitted, person
from app.web.responses import page

bp = Blueprint("overview", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Before MFA, say how to set it up. With MFA, list everything that is due or missing, worst first."""
    reconcile(gateways().iam, audit(), person().user_name, datetime.now(UTC))
    return _with_mfa() if person().with_mfa else _before_mfa()


def _before_mfa() -> ResponseReturnValue:
    me, iam = person(), gateways().iam
    alias = alias_beside(iam, me)
    devices = reported_devices()
    if devices:
        say_mfa_is_on()
    return page(
        "overview/before_mfa.html",
        EmptyForm.blank(),
        devices=devices,
        alias=alias(),
        enrolling=enrollment_under_way(devices) is not None,
        ends_at=current.session_ends_at(),
    )


def _with_mfa() -> ResponseReturnValue:
    me, aws, now = person(), gateways(), datetime.now(UTC)
    has, alias = load_inventory(aws, me, key_uses="key-last-use" in offered())
    report_observed(
        me,
        mfa_devices=has.devices,
        access_keys=known(has.keys),
        has_password=has.password.fact is not None if isinstance(has.password, Known) else None,
        ssh_keys=known(has.ssh_keys),
        certificates=known(has.certificates),
    )
    if isinstance(has.keys, Known):
        has = replace(has, inactive_since=inactive_since(has.keys.fact, audit(), now))
    new, enrolling = slots.new_key(now), enrollment_under_way(has.devices)
    unfinished = Waiting(
        new.access_key_id if new else "",
        enrolling.serial_number if enrolling else "",
        [each.access_key_id for each in unsaved(has.keys.fact if isinstance(has.keys, Known) else (), now)],
        replaced_device(has.devices),
    )
    limits = Limits(access_key_max_age(current_app.config, me.account_id))
    situation = Situation(has, unfinished, limits, now)
    return page(
        "overview/with_mfa.html",
        EmptyForm.blank(),
        has=has,
        key_limit=limits.key_age.days,
        items=to_do(situation),
        later=later(situation),
        alias=alias,
        console_url=console_url(me, alias),
        second_device_missing=len(has.devices) == 1 and _may_add_another(has.devices),
        ends_at=current.session_ends_at(),
        key_state=state_of(me.access_key_id, has.keys),
    )


def _may_add_another(devices: Sequence[MfaDevice]) -> bool:
    me, serials = person(), sorted(device.serial_number for device in devices)
    return answer(("another-device", *serials), lambda: may_add_virtual_device(me, permitted(), devices))
