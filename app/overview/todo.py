"""A person's to-do list: a table of rules over what AWS has and what waits in the session. Pure.

Before MFA there is one thing to do, and the page says it by itself; this is the list for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from app.access_keys.inactive import DELETE_AFTER
from app.access_keys.service import dated
from app.overview.service import Credentials, Known, Limits
from app.public_keys.service import expiring
from app.text.dates import written
from app.text.messages import _


class Urgency(IntEnum):
    """Worst first."""

    NOW = 0
    """Something is lost, or refused, if it waits."""
    DUE = 1
    """Past its time, or a way in more than is needed."""
    SOON = 2


@dataclass(frozen=True)
class Item:
    """One thing to do. code: of its kind. endpoint and values: of the page where it is done; label: its button."""

    urgency: Urgency
    code: str
    what: str
    why: str
    label: str
    endpoint: str
    values: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    """Id or serial number of what this is about."""
    days_left: int | None = None
    """Days until it is due, less than 0 where it is overdue; None where nothing is due on a day."""
    last_used_at: datetime | None = None
    """When AWS says it was last used; None where it was never used, or where AWS doesn't say."""


@dataclass(frozen=True)
class Waiting:
    """What this session holds that is not finished."""

    new_key: str = ""
    """Key id whose secret waits to be saved."""
    enrolling: str = ""
    """Serial number of a device that waits for its first codes."""
    unsaved_keys: Collection[str] = ()
    """Ids of keys whose secret nobody is known to have."""
    replaced: str = ""
    """Serial number of a device whose successor works already."""


@dataclass(frozen=True)
class Situation:
    """What the rules judge."""

    has: Credentials
    waiting: Waiting
    limits: Limits
    now: datetime


Rule = Callable[[Situation], Iterator[Item]]


def _secret_waits(situation: Situation) -> Iterator[Item]:
    if key := situation.waiting.new_key:
        why = f"The secret of {key} is shown a few minutes more, then never again."
        yield Item(Urgency.NOW, "save-key", "Save your new access key", why, "Save it", "access_keys.new", about=key)


def _secret_is_lost(situation: Situation) -> Iterator[Item]:
    for key in situation.waiting.unsaved_keys:
        why = f"You haven’t confirmed that you saved the secret access key of {key}. AWS shows it only once."
        what = f"Save or delete access key {key}"
        yield Item(Urgency.NOW, "save-or-delete-key", what, why, "Your access keys", "access_keys.index", about=key)


def _no_device(situation: Situation) -> Iterator[Item]:
    if not situation.has.devices and not situation.waiting.enrolling:
        why = "You have no MFA device now. This session still has MFA, your next one will not."
        yield Item(Urgency.NOW, "set-up-mfa", "Set up MFA again", why, "Your MFA devices", "mfa.devices")


def _device_waits(situation: Situation) -> Iterator[Item]:
    if serial := situation.waiting.enrolling:
        why = f"{serial} waits for two codes. Its QR code is still good."
        what = "Finish setting up your MFA device"
        yield Item(Urgency.NOW, "finish-device", what, why, "Continue", "mfa.enroll", about=serial)


def _old_device_counts(situation: Situation) -> Iterator[Item]:
    if (serial := situation.waiting.replaced) and serial in {
        device.serial_number for device in situation.has.devices
    }:
        why = f"Your new device works, and {serial} still counts, too."
        yield Item(
            Urgency.DUE,
            "remove-old-device",
            "Give up your old MFA device",
            why,
            "Continue",
            "mfa.replaced",
            about=serial,
        )


def _temporary_password(situation: Situation) -> Iterator[Item]:
    password = situation.has.password
    if isinstance(password, Known) and password.fact and password.fact.reset_required:
        why = "Whoever set it may know it. The AWS console asks for another one before it lets you in."
        what = "Replace your temporary console password"
        yield Item(Urgency.NOW, "temporary-password", what, why, "Change it", "password.index")


def _old_keys(situation: Situation) -> Iterator[Item]:
    if not isinstance(situation.has.keys, Known):
        return
    keys = dated([key for key in situation.has.keys.fact if key.active], situation.limits.key_age, situation.now)
    for due in keys[:1]:  # of two the older is to go in any case
        left, about = due.due_at - situation.now, due.key.access_key_id
        said = f"{due.key.access_key_id} was made on {due.key.created_at:%-d %B %Y}"
        if due.overdue:
            late = -left.days - 1
            why = f"{said}, and was due to be replaced {_days(late)} ago." if late else f"{said}, and is due today."
            yield Item(
                Urgency.DUE,
                "key-overdue",
                "Replace your access key",
                why,
                "Rotate it",
                "access_keys.index",
                about=about,
                days_left=-late,
            )
        elif left <= situation.limits.warning:
            when = f"in {_days(left.days)}" if left.days else "within a day"
            why = f"{said}, and is due to be replaced {when}."
            yield Item(
                Urgency.SOON,
                "key-due-soon",
                "Replace your access key soon",
                why,
                "Rotate it",
                "access_keys.index",
                about=about,
                days_left=left.days,
            )


def _with_last_use(situation: Situation, item: Item) -> Item:
    """The item about a key, with a further sentence where AWS was asked and said when it was last used."""
    use = situation.has.key_uses.by_key.get(item.about)
    if use is None or use.at is None:
        return item
    used = _("%(key)s was last used on %(day)s.", key=item.about, day=written(use.at))
    return replace(item, why=f"{item.why} {used}", last_used_at=use.at)


def _two_keys(situation: Situation) -> Iterator[Item]:
    if not isinstance(situation.has.keys, Known) or situation.waiting.new_key:
        return
    keys = [key for key in situation.has.keys.fact if key.access_key_id not in situation.waiting.unsaved_keys]
    if len(keys) > 1 and all(key.active for key in keys):
        older, newer = keys[0].access_key_id, keys[1].access_key_id
        what = _("Deactivate your older access key")
        why = _("You have two. Use %(newer)s everywhere, then deactivate %(older)s.", newer=newer, older=older)
        label = _("Show access keys")
        item = Item(Urgency.DUE, "retire-key", what, why, label, "access_keys.index", about=older)
        yield _with_last_use(situation, item)
    for key in keys:
        since, key_id = situation.has.inactive_since.get(key.access_key_id), key.access_key_id
        if key.active or since is None or situation.now - since < DELETE_AFTER:
            continue
        what = _("Delete your inactive access key")
        day = written(since)
        why = _("%(key)s has been inactive since %(day)s. If nothing has broken, delete it.", key=key_id, day=day)
        page, values = "access_keys.delete", {"id": key_id}
        item = Item(Urgency.SOON, "delete-key", what, why, _("Delete the key"), page, values, about=key_id)
        yield _with_last_use(situation, item)


def _certificates(situation: Situation) -> Iterator[Item]:
    if not isinstance(situation.has.certificates, Known):
        return
    for held, state in expiring(situation.has.certificates.fact, situation.now):
        what = "Replace your signing certificate" + ("" if state == "expired" else " soon")
        until = f"{held.certificate.not_after:%-d %B %Y}" if held.certificate else ""
        over = f"{held.id} expired on {until}. If nothing misses it, delete it."
        why = over if state == "expired" else f"{held.id} expires on {until}; whatever uses it stops then."
        urgency = Urgency.DUE if state == "expired" else Urgency.SOON
        code = "certificate-expired" if state == "expired" else "certificate-expires-soon"
        yield Item(urgency, code, what, why, "Your certificates", "certificates.index", about=held.id)


RULES: tuple[Rule, ...] = (
    _secret_waits,
    _secret_is_lost,
    _device_waits,
    _no_device,
    _temporary_password,
    _old_device_counts,
    _old_keys,
    _two_keys,
    _certificates,
)


def _days(number: int) -> str:
    return f"{number} day" + ("" if number == 1 else "s")


def to_do(situation: Situation, rules: Iterable[Rule] = RULES) -> list[Item]:
    """Everything due or missing, worst first; within one urgency in the order of the rules."""
    return sorted((item for rule in rules for item in rule(situation)), key=lambda item: item.urgency)
