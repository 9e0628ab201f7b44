"""Pages of access keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from flask import Blueprint, current_app, redirect, url_for
from flask.typing import ResponseReturnValue

from app.access_keys import saving, service
from app.access_keys.forms import ConfirmationForm
from app.access_keys.inactive import DELETE_AFTER, inactive_since
from app.access_keys.rotation import rotation
from app.audit.events import Event
from app.audit.history import last_done
from app.aws.access_keys import RECORDED_SINCE, AccessKey
from app.credentials import lifecycle
from app.credentials.labels import Type
from app.credentials.max_age import access_key_max_age
from app.credentials.observed import report_observed
from app.sessions import slots
from app.sessions.contents import NewAccessKey
from app.sessions.open_sessions import open_sessions
from app.text.messages import N_, _
from app.web.forms import EmptyForm
from app.web.guards import recently_confirmed, with_mfa
from app.web.permissions import calls, needs, offered
from app.web.rate_limits import CHANGES, limiter, this_person
from app.web.request_context import audit, chosen_id, gateways, labels, person
from app.web.responses import NoLongerThere, Undo, done, done_with_undo, page
from app.web.sentences import Sentence

LAST_USE = "key-last-use"
"""The feature that shows when keys were last used."""

bp = Blueprint("access_keys", __name__, url_prefix="/access-keys")
limiter.limit(CHANGES, key_func=this_person, methods=["POST"])(bp)


def keys_of_mine() -> list[AccessKey]:
    """Return the user's keys, as AWS lists them."""
    return gateways().keys.list_for(person().user_name)


def chosen(keys: list[AccessKey]) -> AccessKey:
    """Return the key that the address's `id` names. Raises NoLongerThere, which says so of one that was deleted."""
    wanted = chosen_id()
    found = next((key for key in keys if key.access_key_id == wanted), None)
    if found is None:
        was_deleted = last_done(audit(), (Event.ACCESS_KEY_DELETED,), wanted) is not None
        raise NoLongerThere("access key", wanted, was_deleted, "access_keys.index")
    return found


def pending_key() -> NewAccessKey | None:
    """Return the key whose secret waits in this session, None without one."""
    return slots.new_key(datetime.now(UTC))


@bp.get("")
@with_mfa
@needs("iam:ListAccessKeys")
def index() -> ResponseReturnValue:
    """List the user's access keys, with the next step of a rotation."""
    now = datetime.now(UTC)
    keys, new = keys_of_mine(), pending_key()
    may_ask = LAST_USE in offered()
    asked = service.last_uses(gateways().keys, keys if may_ask else ())
    service.reconcile(keys, audit(), now)
    since = inactive_since(keys, audit(), now)
    report_observed(person(), access_keys=keys)
    longest = access_key_max_age(current_app.config, person().account_id)
    if new and not service.still_there(new, keys, now):
        new = None
    uses = asked()
    return page(
        "access_keys/index.html",
        EmptyForm.blank(),
        keys=service.dated(keys, longest, now)[::-1],
        new=new,
        minutes=minutes_left(new, now) if new else 0,
        unsaved=unsaved(keys, now),
        full=len(keys) >= service.ACCESS_KEY.most,
        rotation=rotation(keys, uses, since, now),
        inactive_since=since,
        notes=labels().all_of(Type.ACCESS_KEY),
        max_age=longest.days,
        uses=uses if may_ask else None,
        recorded_since=RECORDED_SINCE,
    )


def minutes_left(new: NewAccessKey, now: datetime) -> int:
    """Return for how many more minutes, at least 1, the secret of a new key is shown."""
    return max(1, round((new.until - now).total_seconds() / 60))


LAST_WAY_IN = N_("This key is your only way to sign in. Tick the box, or cancel.")
GONE_OR_SAVED = N_("Nothing was deleted. The key no longer exists, or its secret access key was saved.")


@bp.post("/lost")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:DeleteAccessKey")
def delete_lost() -> ResponseReturnValue:
    """Delete, in one click, a key whose secret nobody has."""
    wanted, now = chosen_id(), datetime.now(UTC)
    if wanted not in {each.access_key_id for each in unsaved(keys_of_mine(), now)}:
        return done(_(GONE_OR_SAVED), "access_keys.index", "info", code="gone-or-saved")
    lifecycle.delete(service.ACCESS_KEY, gateways().keys, audit(), person().user_name, wanted)
    slots.discard_new_key()
    labels().remove(Type.ACCESS_KEY, wanted)
    return done(_("%(key)s is deleted.", key=wanted), "access_keys.index")


@bp.post("/have")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys")
def have() -> ResponseReturnValue:
    """Record that the user has the secret: they saved it, but didn't confirm it in time."""
    wanted = chosen_id()
    if wanted in {each.access_key_id for each in unsaved(keys_of_mine(), datetime.now(UTC)) if each.lost}:
        saving.saved(audit(), wanted)
    return redirect(url_for("access_keys.index"), 303)


def unsaved(keys: Sequence[AccessKey], now: datetime) -> list[saving.Unsaved]:
    """Return the keys of the user who is signed in whose secret nobody is known to have."""
    me, pending = person(), slots.new_key(now)
    return saving.unsaved_keys(
        keys,
        audit(),
        now,
        in_hand=lambda: {me.access_key_id, pending.access_key_id if pending else "", slots.new_key_meanwhile(now)},
        open_sessions=lambda: {each.label for each in open_sessions(me.owner)},
    )


def _without_saved_secret(keys: Sequence[AccessKey]) -> set[str]:
    """Ids of keys that nobody may be able to sign in with: created here, and nobody confirmed to have the secret."""
    pending = pending_key()
    waits = {pending.access_key_id} if pending else set()
    return waits | {each.access_key_id for each in unsaved(keys, datetime.now(UTC))}


@bp.get("/deactivate")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:UpdateAccessKey")
def deactivate() -> ResponseReturnValue:
    """Say what deactivating means."""
    return _confirmation_page("deactivate", ConfirmationForm.blank())


@bp.get("/delete")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:DeleteAccessKey")
def delete() -> ResponseReturnValue:
    """Say what deleting means."""
    return _confirmation_page("delete", ConfirmationForm.blank())


def _confirmation_page(act: str, form: ConfirmationForm) -> ResponseReturnValue:
    me, keys = person(), keys_of_mine()
    key = chosen(keys)
    unproven = _without_saved_secret(keys) - {key.access_key_id}
    ways = _other_ways_in(keys, {key.access_key_id, *unproven})
    now = datetime.now(UTC)
    since = inactive_since([key], audit(), now).get(key.access_key_id)
    return page(
        "access_keys/deactivate_or_delete.html", form, act=act, key=key, ways=ways, last=key.active and not ways,
        here=key.active and key.access_key_id == me.access_key_id,
        note=labels().all_of(Type.ACCESS_KEY).get(key.access_key_id, ""),
        inactive_since=since, wait_until=since + DELETE_AFTER if since and now < since + DELETE_AFTER else None,
        unproven=[each.access_key_id for each in keys if each.active and each.access_key_id in unproven],
    )  # fmt: skip


def _other_ways_in(keys: Sequence[AccessKey], without: Collection[str]) -> list[str]:
    methods = current_app.config["SIGN_IN_METHODS"]
    return service.other_ways_in(person(), keys, without, gateways().passwords, methods)


@bp.post("/deactivate")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:UpdateAccessKey")
@calls("iam:GetLoginProfile")
def deactivate_post() -> ResponseReturnValue:
    """Deactivate, which can be undone. Asks only about the last way in, and the key of this session."""
    return _deactivate_or_delete("deactivate")


@bp.post("/delete")
@with_mfa
@recently_confirmed
@needs("iam:ListAccessKeys", "iam:DeleteAccessKey")
@calls("iam:GetLoginProfile")
def delete_post() -> ResponseReturnValue:
    """Delete, which can't be undone."""
    return _deactivate_or_delete("delete")


def _deactivate_or_delete(act: str) -> ResponseReturnValue:
    form, me, aws = ConfirmationForm(), person(), gateways()
    keys = keys_of_mine()
    wanted = chosen_id()
    key = next((each for each in keys if each.access_key_id == wanted), None)
    if key is None:
        return done(_("That key no longer exists."), "access_keys.index", "info", code="not-listed")
    last = key.active and not _other_ways_in(keys, {wanted, *_without_saved_secret(keys)})
    form.validate_on_submit()
    if key.active and (last or wanted == me.access_key_id) and not form.asked.data:
        return redirect(url_for(f"access_keys.{act}", id=wanted), 303)  # from a row: the question comes first
    if last and not form.understood.data:
        form.understood.errors = [*form.understood.errors, Sentence(_(LAST_WAY_IN), "last-way-in")]
        return _confirmation_page(act, form)
    pending = pending_key()
    if pending and pending.access_key_id == wanted:
        slots.forget("new_key")
    if act == "delete":
        lifecycle.delete(service.ACCESS_KEY, aws.keys, audit(), me.user_name, wanted)
        labels().remove(Type.ACCESS_KEY, wanted)
        return done(_("%(key)s is deleted.", key=wanted), "access_keys.index")
    lifecycle.set_active(service.ACCESS_KEY, aws.keys, audit(), me.user_name, wanted, active=False)
    undo = Undo("access_keys.activate", values={"id": wanted})
    return done_with_undo(_("%(key)s is inactive now.", key=wanted), undo, "access_keys.index")


@bp.post("/activate")
@with_mfa
@recently_confirmed
@needs("iam:UpdateAccessKey")
@calls("iam:ListAccessKeys")
def activate() -> ResponseReturnValue:
    """Undo a deactivation."""
    wanted = chosen_id()
    if wanted not in {key.access_key_id for key in keys_of_mine()}:
        return done(_("That key no longer exists."), "access_keys.index", "info", code="not-listed")
    lifecycle.set_active(service.ACCESS_KEY, gateways().keys, audit(), person().user_name, wanted, active=True)
    return done(_("%(key)s is active again.", key=wanted), "access_keys.index")
