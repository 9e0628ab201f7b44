"""A user's to-do list: a table of rules over what AWS shows and what waits in the session. Pure.

Before MFA there is one thing to do, which the page says without a list. This list is for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from app.access_keys.inactive import DELETE_AFTER
from app.access_keys.service import dated
from app.overview.service import Credentials, Known, Limits
from app.public_keys.service import expiring, successor
from app.text.dates import written
from app.text.messages import _, ngettext


class Urgency(IntEnum):
    """Worst first."""

    NOW = 0
    """Something is lost, or refused, if it waits."""
    DUE = 1
    """Overdue, or a way to sign in that isn't needed."""
    SOON = 2


@dataclass(frozen=True)
class Item:
    """One thing to do. code: stable name. endpoint and values: of the page where it is done. label: its button."""

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
    """What this session holds that isn't finished."""

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
        what = _("Save your new access key")
        why = _("We show the secret access key of %(key)s for a few more minutes, then never again.", key=key)
        yield Item(Urgency.NOW, "save-key", what, why, _("Save the key"), "access_keys.new", about=key)


def _secret_is_lost(situation: Situation) -> Iterator[Item]:
    for key in situation.waiting.unsaved_keys:
        why = _(
            "You haven’t confirmed that you saved the secret access key of %(key)s. AWS shows it only once.", key=key
        )
        what, label = _("Save or delete access key %(key)s", key=key), _("Show access keys")
        yield Item(Urgency.NOW, "save-or-delete-key", what, why, label, "access_keys.index", about=key)


def _no_device(situation: Situation) -> Iterator[Item]:
    if not situation.has.devices and not situation.waiting.enrolling:
        why = _("You have no MFA device. This session still has MFA, but your next one won’t.")
        yield Item(Urgency.NOW, "set-up-mfa", _("Set up MFA again"), why, _("Show MFA devices"), "mfa.devices")


def _device_waits(situation: Situation) -> Iterator[Item]:
    if serial := situation.waiting.enrolling:
        why = _("Enter two codes for %(device)s. Its QR code still works.", device=serial)
        what = _("Finish setting up your MFA device")
        yield Item(Urgency.NOW, "finish-device", what, why, _("Continue setup"), "mfa.enroll", about=serial)


def _old_device_counts(situation: Situation) -> Iterator[Item]:
    if (serial := situation.waiting.replaced) and serial in {
        device.serial_number for device in situation.has.devices
    }:
        why = _("Your new device works, and %(device)s also still works.", device=serial)
        yield Item(
            Urgency.DUE,
            "remove-old-device",
            _("Remove your old MFA device"),
            why,
            _("Remove the old device"),
            "mfa.replaced",
            about=serial,
        )


def _temporary_password(situation: Situation) -> Iterator[Item]:
    password = situation.has.password
    if isinstance(password, Known) and password.fact and password.fact.reset_required:
        why = _("The person who set it may know it. The AWS console asks you for another one before you can sign in.")
        what = _("Replace your temporary console password")
        yield Item(Urgency.NOW, "temporary-password", what, why, _("Change password"), "password.index")


def _old_keys(situation: Situation) -> Iterator[Item]:
    if not isinstance(situation.has.keys, Known):
        return
    keys = dated([key for key in situation.has.keys.fact if key.active], situation.limits.key_age, situation.now)
    for due in keys[:1]:  # the older of two has to be deleted in any case
        left, about = due.due_at - situation.now, due.key.access_key_id
        day = written(due.key.created_at)
        if due.overdue:
            late = -left.days - 1
            why = ngettext(
                "You created %(key)s on %(day)s. It was due to be rotated %(num)d day ago.",
                "You created %(key)s on %(day)s. It was due to be rotated %(num)d days ago.",
                late,
                key=about,
                day=day,
            )
            if not late:
                why = _("You created %(key)s on %(day)s. It’s due to be rotated today.", key=about, day=day)
            yield Item(
                Urgency.DUE,
                "key-overdue",
                _("Rotate your access key"),
                why,
                _("Rotate the key"),
                "access_keys.index",
                about=about,
                days_left=-late,
            )
        elif left <= situation.limits.warning:
            why = ngettext(
                "You created %(key)s on %(day)s. It’s due to be rotated in %(num)d day.",
                "You created %(key)s on %(day)s. It’s due to be rotated in %(num)d days.",
                left.days,
                key=about,
                day=day,
            )
            if not left.days:
                why = _("You created %(key)s on %(day)s. It’s due to be rotated within a day.", key=about, day=day)
            yield Item(
                Urgency.SOON,
                "key-due-soon",
                _("Rotate your access key soon"),
                why,
                _("Rotate the key"),
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
        old, new = keys[0].access_key_id, keys[1].access_key_id
        what = _("Deactivate your old access key")
        why = _("You have two. Use %(new)s everywhere, then deactivate %(old)s.", new=new, old=old)
        label = _("Show access keys")
        item = Item(Urgency.DUE, "retire-key", what, why, label, "access_keys.index", about=old)
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
    certificates = situation.has.certificates.fact
    for ends, state in expiring(certificates, situation.now):
        if ends.certificate is None:
            continue
        day, next_one = written(ends.certificate.not_after), successor(certificates, ends, situation.now)
        if state == "expired":
            what = _("Delete your expired signing certificate")
            why = _("%(id)s expired on %(day)s. If nothing needs it any more, delete it.", id=ends.id, day=day)
        elif next_one:
            what = _("Deactivate the signing certificate that expires soon")
            why = _("%(id)s expires on %(day)s. Use %(next)s instead.", id=ends.id, day=day, next=next_one.id)
        else:
            what = _("Replace your signing certificate")
            why = _("%(id)s expires on %(day)s. Anything that uses it will stop working.", id=ends.id, day=day)
        urgency = Urgency.DUE if state == "expired" else Urgency.SOON
        code = "certificate-expired" if state == "expired" else "certificate-expires-soon"
        yield Item(urgency, code, what, why, _("Show certificates"), "certificates.index", about=ends.id)


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


@dataclass(frozen=True)
class Later:
    """Something that is due on a day, and not yet. about: the key's ID. on: from when on."""

    what: str
    about: str
    on: datetime


def later(situation: Situation) -> list[Later]:
    """Return what waits for its day, soonest first: inactive access keys that are to be deleted."""
    if not isinstance(situation.has.keys, Known):
        return []
    inactive = {key.access_key_id for key in situation.has.keys.fact if not key.active}
    due = {key: since + DELETE_AFTER for key, since in situation.has.inactive_since.items() if key in inactive}
    return [
        Later(_("Delete the inactive access key %(key)s on or after %(day)s.", key=key, day=written(on)), key, on)
        for key, on in sorted(due.items(), key=lambda each: each[1])
        if on > situation.now
    ]


def to_do(situation: Situation, rules: Iterable[Rule] = RULES) -> list[Item]:
    """Return everything that is due or missing, worst first; within one urgency in the order of the rules."""
    return sorted((item for rule in rules for item in rule(situation)), key=lambda item: item.urgency)
