"""Pages of access keys."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import life_cycle, people, waiting
from app.access_keys import service
from app.access_keys.forms import CutForm, SavedForm
from app.audit import STILL_RUNNING
from app.aws.access_keys import RECORDED_SINCE, AccessKey
from app.compliance.selfseen import seen
from app.compliance.terms import key_age
from app.current import audit, gateways, person
from app.errors import MfaNotRecognized, PortalError, Unanswered, WrongMfaCode
from app.fields import EmptyForm
from app.guards import ask_to_confirm, recently_confirmed, with_mfa
from app.limits import CHANGES, codes_per_key, limiter, this_person
from app.offering import offered
from app.pages import done, page, refuse
from app.records import Confirming, NewAccessKey, Way
from app.stores import StoreDown

LAST_USE = "key-last-use"
"""The feature that shows when keys were last used."""

bp = Blueprint("access_keys", __name__, url_prefix="/access-keys")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


def _keys() -> list[AccessKey]:
    return gateways().keys.of(person().user_name)


def _chosen(keys: list[AccessKey]) -> AccessKey:
    """The key of the address's `key`; 404 for any other."""
    wanted = request.args.get("key", "")
    return next((key for key in keys if key.access_key_id == wanted), None) or abort(404)


@bp.get("")
@with_mfa
def index() -> ResponseReturnValue:
    """One's keys, and the next step of a rotation, whoever began it."""
    now = datetime.now(UTC)
    keys, new = _keys(), _new()
    may_ask = LAST_USE in offered()
    uses = service.last_uses(gateways().keys, keys if may_ask else ())
    service.settle(keys, audit(), now)
    seen(person(), access_keys=keys)
    longest = key_age(current_app.config, person().account_id)
    if new and not service.still_there(new, keys, now):
        new = None
    return page(
        "access_keys/index.html",
        EmptyForm(formdata=None),
        keys=service.dated(keys, longest, now),
        new=new,
        full=len(keys) >= service.ACCESS_KEY.most,
        both_active=len(keys) > 1 and all(key.active for key in keys),
        max_age=longest.days,
        uses=uses() if may_ask else None,
        recorded_since=RECORDED_SINCE,
    )


@bp.post("/create")
@with_mfa
@recently_confirmed
def create() -> ResponseReturnValue:
    """Make a key; its secret is on the next page."""
    pending, now = _new(), datetime.now(UTC)
    if pending and not service.still_there(pending, _keys(), now):
        waiting.forget("new_key")
    if not waiting.claim_new_key(now, now + STILL_RUNNING):
        return redirect(url_for("access_keys.new"), 303)
    noted = audit()
    try:
        made = service.create(gateways().keys, noted, person(), now)
    except PortalError as told:
        waiting.give_up_new_key()
        if isinstance(told, service.AlreadyTwo | service.SecretLost):
            return done(str(told), "access_keys.index", "warning")
        raise
    try:
        kept = waiting.keep_new_key(made)
    except StoreDown:
        current_app.logger.exception("whether the secret of %s was kept is not known", made.access_key_id)
        return _unsaved(made, ended=False), 503
    if kept:
        return redirect(url_for("access_keys.new"), 303)
    service.unsaved(noted, made)
    return _unsaved(made, ended=True), 409


def _unsaved(made: NewAccessKey, *, ended: bool) -> str:
    # Whoever signed in or out in this browser meanwhile has a session of their own: this request leaves it alone.
    people.leave_session_alone()
    return render_template("access_keys/unsaved.html", access_key_id=made.access_key_id, ended=ended)


def _new() -> NewAccessKey | None:
    return waiting.new_key(datetime.now(UTC))


def _code_devices() -> list[str]:
    devices = gateways().iam.mfa_devices(person().user_name)
    return [device.serial_number for device in devices if device.gives_codes]


def _form(new: NewAccessKey, serial_numbers: list[str]) -> SavedForm:
    """Asks for a code only where the session stands on another key."""
    form = SavedForm()
    me = person()
    form.signed_in_with_it = me.access_key_id == new.access_key_id
    form.offer(serial_numbers if me.way is Way.ACCESS_KEY and not form.signed_in_with_it else [])
    return form


@bp.get("/new")
@with_mfa
def new() -> ResponseReturnValue:
    """The new secret, until it is saved."""
    pending = _new()
    if pending is None or not service.still_there(pending, _keys(), datetime.now(UTC)):
        return redirect(url_for("access_keys.index"))
    serial_numbers = _code_devices()
    return _new_page(pending, _form(pending, serial_numbers), serial_numbers)


def _new_page(pending: NewAccessKey, form: SavedForm, serial_numbers: list[str]) -> ResponseReturnValue:
    left = pending.until - datetime.now(UTC)
    return page(
        "access_keys/new.html",
        form,
        new=pending,
        minutes=max(1, round(left.total_seconds() / 60)),
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
def download() -> ResponseReturnValue:
    """The new key as a file for `aws configure import`."""
    pending = _new() or abort(404)
    answer = Response(_csv(pending), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{pending.access_key_id}.csv"'
    return answer


@bp.post("/new/sign-in")
@with_mfa
def sign_in() -> ResponseReturnValue:
    """Off to the door, to sign in with the new key; back to its page afterwards."""
    return ask_to_confirm(url_for("access_keys.new"), Confirming.NEW_KEY)


@bp.post("/new/prove")
@with_mfa
def prove() -> ResponseReturnValue:
    """See whether AWS knows the new key by now."""
    pending = _new()
    if pending and not pending.proven and service.proven(gateways().sts, pending):
        waiting.mark_proven(pending.access_key_id)
    return redirect(url_for("access_keys.new"), 303)


@bp.post("/new")
@with_mfa
@codes_per_key
def saved() -> ResponseReturnValue:
    """The person has the secret: forget it here; move the session to the new key where a code came along."""
    pending = _new()
    if pending is None:
        return redirect(url_for("access_keys.index"), 303)
    serial_numbers = _code_devices()
    form = _form(pending, serial_numbers)
    if not form.validate_on_submit():
        return _new_page(pending, form, serial_numbers)
    try:
        service.check_saved(gateways().sts, person(), pending, form.last_characters.data)
        if form.code.data and form.serial_number.choices:
            _move(pending, form)
    except PortalError as refusal:
        form.code.data = ""
        refuse(form, refusal)
        return _new_page(pending, form, serial_numbers)
    if not waiting.forget_new_key():
        people.leave_session_alone()
        return redirect(url_for("access_keys.new"), 303)  # where the secret went along, it is confirmed once more
    return done(f"{pending.access_key_id} is saved. Its secret is not kept here any more.", "access_keys.index")


def _move(pending: NewAccessKey, form: SavedForm) -> None:
    lasts = current_app.config["SESSION_MAX"]
    serial_number = form.serial_number.data or form.serial_number.choices[0][0]
    try:
        credentials = service.move(gateways().sts, audit(), pending, serial_number, form.code.data, lasts)
    except (WrongMfaCode, MfaNotRecognized, Unanswered) as refusal:
        refusal.field = "code"
        raise
    people.sign_in(service.stands_on(person(), pending.access_key_id), credentials, lasts)


@bp.get("/deactivate")
@with_mfa
@recently_confirmed
def deactivate() -> ResponseReturnValue:
    """What deactivating means."""
    return _cut_page("deactivate", CutForm(formdata=None))


@bp.get("/delete")
@with_mfa
@recently_confirmed
def delete() -> ResponseReturnValue:
    """What deleting means."""
    return _cut_page("delete", CutForm(formdata=None))


def _cut_page(act: str, form: CutForm) -> ResponseReturnValue:
    me, doors = person(), gateways()
    methods = current_app.config["SIGN_IN_METHODS"]
    keys = _keys()
    key = _chosen(keys)
    ways = service.other_ways_in(me, keys, key.access_key_id, doors.passwords, methods)
    return page(
        "access_keys/cut.html", form, act=act, key=key, ways=ways, last=key.active and not ways,
        here=key.access_key_id == me.access_key_id,
    )  # fmt: skip


@bp.post("/deactivate")
@with_mfa
@recently_confirmed
def deactivate_post() -> ResponseReturnValue:
    """Deactivate: can be undone."""
    return _cut("deactivate")


@bp.post("/delete")
@with_mfa
@recently_confirmed
def delete_post() -> ResponseReturnValue:
    """Delete: cannot."""
    return _cut("delete")


def _cut(act: str) -> ResponseReturnValue:
    form, me, doors = CutForm(), person(), gateways()
    keys = _keys()
    wanted = request.args.get("key", "")
    key = next((each for each in keys if each.access_key_id == wanted), None)
    if key is None:
        return done("That key is gone already.", "access_keys.index", "info")
    ways = service.other_ways_in(me, keys, wanted, doors.passwords, current_app.config["SIGN_IN_METHODS"])
    form.validate_on_submit()
    if key.active and not ways and not form.understood.data:
        form.understood.errors = [*form.understood.errors, "This is your last way in. Tick the box, or go back."]
        return _cut_page(act, form)
    pending = _new()
    if pending and pending.access_key_id == wanted:
        waiting.forget("new_key")
    if act == "delete":
        life_cycle.delete(service.ACCESS_KEY, doors.keys, audit(), me.user_name, wanted)
        return done(f"{wanted} is deleted.", "access_keys.index")
    life_cycle.set_active(service.ACCESS_KEY, doors.keys, audit(), me.user_name, wanted, active=False)
    return done(f"{wanted} is inactive. If something still needs it, activate it again.", "access_keys.index")


@bp.post("/activate")
@with_mfa
@recently_confirmed
def activate() -> ResponseReturnValue:
    """Undo a deactivation."""
    wanted = request.args.get("key", "")
    if wanted not in {key.access_key_id for key in _keys()}:
        return done("That key is gone.", "access_keys.index", "info")
    life_cycle.set_active(service.ACCESS_KEY, gateways().keys, audit(), person().user_name, wanted, active=True)
    return done(f"{wanted} is active again.", "access_keys.index")
