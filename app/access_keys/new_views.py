"""Pages of a new access key: create it, save its secret, check that it works, confirm."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from flask import Response, abort, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access_keys import saving, service
from app.access_keys.forms import SavedForm
from app.access_keys.views import bp, keys_of_mine, minutes_left, pending_key
from app.audit.events import STILL_RUNNING
from app.mfa.names import last_used
from app.sessions import current, slots
from app.sessions.contents import Confirming, NewAccessKey, Way
from app.text.messages import _
from app.web.guards import ask_to_confirm, recently_confirmed, with_mfa
from app.web.permissions import calls, needs
from app.web.rate_limits import codes_per_key
from app.web.request_context import audit, gateways, person
from app.web.responses import done, page, wants_part


@bp.post("/create")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:CreateAccessKey")
def create() -> ResponseReturnValue:
    """Create a key. The next page shows its secret."""
    pending, now = pending_key(), datetime.now(UTC)
    if pending and not service.still_there(pending, keys_of_mine(), now):
        slots.forget("new_key")
    noted = audit()
    with slots.making_key(now, now + STILL_RUNNING) as keep:
        if keep is None:
            return redirect(url_for("access_keys.new"), 303)
        made, kept = service.create(gateways().keys, noted, person(), now, keep)
    if kept:
        return redirect(url_for("access_keys.new"), 303)
    if kept is None:
        return _unsaved(made, ended=False), 503
    service.unsaved(noted, made)
    return _unsaved(made, ended=True), 409


@bp.errorhandler(service.TooManyAccessKeys)
@bp.errorhandler(service.SecretLost)
def no_key_to_show(error: service.TooManyAccessKeys | service.SecretLost) -> ResponseReturnValue:
    """Lead to the list of keys, from which one is deleted."""
    return done(error, "access_keys.index", "warning")


def _unsaved(made: NewAccessKey, *, ended: bool) -> str:
    # A sign-in or sign-out in this browser meanwhile made another session: this request leaves that alone.
    current.leave_session_alone()
    return render_template("access_keys/unsaved.html", access_key_id=made.access_key_id, ended=ended)


def _code_devices() -> list[str]:
    devices = gateways().iam.mfa_devices(person().user_name)
    return [device.serial_number for device in devices if device.gives_codes]


def _form(new: NewAccessKey, serial_numbers: list[str]) -> SavedForm:
    """Return the form. It asks for an MFA code only if the session was started with another key."""
    form = SavedForm()
    me = person()
    form.signed_in_with_it = me.access_key_id == new.access_key_id
    asked = serial_numbers if me.way is Way.ACCESS_KEY and not form.signed_in_with_it else []
    form.offer(asked, last_used(audit(), asked))
    return form


@bp.get("/new")
@with_mfa
@recently_confirmed
def new() -> ResponseReturnValue:
    """Show the new secret until it is saved."""
    pending = pending_key()
    if pending is None or not service.still_there(pending, keys_of_mine(), datetime.now(UTC)):
        return redirect(url_for("access_keys.index"))
    serial_numbers = _code_devices()
    return _new_page(pending, _form(pending, serial_numbers), serial_numbers)


def _new_page(pending: NewAccessKey, form: SavedForm, serial_numbers: list[str]) -> ResponseReturnValue:
    return page(
        "access_keys/new.html",
        form,
        new=pending,
        minutes=minutes_left(pending, datetime.now(UTC)),
        last_characters=service.LAST_CHARACTERS,
        devices=form.serial_number.choices,
        files=_texts(pending, serial_numbers),
        signed_in_with_it=form.signed_in_with_it,
        by_key=Way.ACCESS_KEY in current_app.config["SIGN_IN_METHODS"] and person().way is Way.ACCESS_KEY,
    )


def _csv(key: NewAccessKey) -> str:
    """What `aws configure import` reads: a User Name column, and no BOM."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(
        [
            ("User Name", "Access key ID", "Secret access key"),
            (person().user_name, key.access_key_id, key.secret_access_key),
        ]
    )
    return lines.getvalue()


def _texts(key: NewAccessKey, serial_numbers: list[str]) -> dict[str, str]:
    """Ready-made texts, by name."""
    profile = person().user_name
    mfa_serial = f"mfa_serial = {serial_numbers[0]}\n" if serial_numbers else ""
    region = current_app.config["AWS_REGION"]
    return {
        "credentials": f"[{profile}]\naws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n",
        "config": f"[profile {profile}]\nregion = {region}\n{mfa_serial}",
        "environment": f"export AWS_ACCESS_KEY_ID={key.access_key_id}\n"
        f"export AWS_SECRET_ACCESS_KEY={key.secret_access_key}\n",
    }


@bp.get("/new/accesskeys.csv")
@with_mfa
@recently_confirmed
def download() -> ResponseReturnValue:
    """Send the new key as a file for `aws configure import`."""
    pending = pending_key() or abort(404)
    answer = Response(_csv(pending), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{pending.access_key_id}.csv"'
    return answer


@bp.post("/new/sign-in")
@with_mfa
def sign_in() -> ResponseReturnValue:
    """Lead to the sign-in page, to sign in with the new key, and then back."""
    return ask_to_confirm(url_for("access_keys.new"), Confirming.NEW_KEY)


@bp.post("/new/prove")
@with_mfa
@calls("iam:ListMFADevices")
def prove() -> ResponseReturnValue:
    """Ask AWS whether the new key works now."""
    pending = pending_key()
    known = pending is not None and (pending.proven or service.is_propagated(gateways().sts, pending))
    if pending and known:
        slots.mark_proven(pending.access_key_id)
    if pending is None or not wants_part():
        return redirect(url_for("access_keys.new"), 303)
    if not known:
        return render_template("access_keys/proving.html", known=False)
    form = _form(pending, _code_devices())
    return render_template("access_keys/proving.html", known=True, form=form, devices=form.serial_number.choices)


@bp.post("/new")
@with_mfa
@codes_per_key
@calls("iam:ListMFADevices")
def new_post() -> ResponseReturnValue:
    """Forget the secret here, because the user has it. With a code, switch the session to the new key."""
    pending = pending_key()
    if pending is None:
        return redirect(url_for("access_keys.index"), 303)
    serial_numbers = _code_devices()
    form = _form(pending, serial_numbers)
    form.accept()
    service.check_saved(gateways().sts, person(), pending, form.last_characters.data)
    if form.code.data and form.serial_number.choices:
        _move(pending, form)
    saving.saved(audit(), pending.access_key_id)
    if not slots.forget_new_key():
        current.leave_session_alone()
        return redirect(url_for("access_keys.new"), 303)  # if the secret was sent as well, it is confirmed again
    return done(_("%(key)s is saved. We’ve erased its secret.", key=pending.access_key_id), "access_keys.index")


def _move(pending: NewAccessKey, form: SavedForm) -> None:
    lasts = current_app.config["ACCESS_KEY_SESSION_MAX"]
    serial_number = form.serial_number.data or form.serial_number.choices[0][0]
    credentials = service.move(gateways().sts, audit(), pending, serial_number, form.code.data, lasts)
    current.sign_in(service.signed_in_with(person(), pending.access_key_id), credentials, lasts)
