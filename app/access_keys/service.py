"""Rotating access keys. What is left to do follows from the keys AWS has; only a new secret waits in the session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from app.audit.events import SPREADING, STILL_RUNNING, Event
from app.audit.history import last_done
from app.audit.log import Attempt, Audit
from app.aws.access_keys import MOST_KEYS, AccessKey, AccessKeyGateway, LastUse
from app.aws.clients import AwsCredentials, start_read, using_credentials
from app.aws.passwords import PasswordGateway
from app.aws.sts import StsGateway
from app.credentials import lifecycle
from app.credentials.lifecycle import CredentialType
from app.errors import (
    CredentialsRefused,
    MfaNotRecognized,
    NoResponse,
    NotAllowed,
    NotFound,
    NotRecorded,
    PortalError,
    Refused,
    Throttled,
    WrongMfaCode,
)
from app.sessions.contents import SHOWN_FOR, NewAccessKey, Person, Way
from app.text.messages import N_, _, ngettext

LAST_CHARACTERS = 6
"""How many last characters of a new secret its user pastes to show that it was saved."""
ACCESS_KEY = CredentialType(
    "access key",
    MOST_KEYS,
    Event.ACCESS_KEY_CREATED,
    Event.ACCESS_KEY_ACTIVATED,
    Event.ACCESS_KEY_DEACTIVATED,
    Event.ACCESS_KEY_DELETED,
)


Kept = bool | None
"""Was the secret of a new key stored? None where nobody knows."""


class TooManyAccessKeys(Refused):
    """AWS allows two keys for each user, including inactive ones."""

    code = "too-many-access-keys"
    message = N_("You already have two access keys, including inactive ones. AWS allows no more. Delete one first.")


class SecretLost(PortalError):
    """The key was made, but its secret never arrived: not a refusal, because something changed."""

    code = "secret-lost"

    def __init__(self, access_key_ids: Sequence[str]) -> None:
        self.access_key_ids = access_key_ids
        super().__init__(
            ngettext(
                "AWS created the key %(keys)s, but its answer didn’t arrive, so nobody has its secret access key. "
                "Delete it, then create another.",
                "AWS created the keys %(keys)s, but its answers didn’t arrive, so nobody has their secret access "
                "keys. Delete them, then create another.",
                len(access_key_ids),
                keys=", ".join(access_key_ids),
            )
        )


class KeyNotActiveYet(Refused):
    """AWS doesn't recognize the new key yet."""

    code = "key-not-active-yet"
    message = N_("AWS hasn’t activated the new key yet. That takes a few seconds. Wait a moment, then try again.")


class WrongLastCharacters(Refused):
    """What was pasted isn't the end of the new secret."""

    code = "wrong-last-characters"
    field = "last_characters"


@dataclass(frozen=True)
class Due:
    """An access key and when it should be replaced."""

    key: AccessKey
    due_at: datetime
    age_days: int
    overdue: bool


def dated(keys: Sequence[AccessKey], longest: timedelta, now: datetime) -> list[Due]:
    """Return each key with its age and due date."""
    return [
        Due(key, key.created_at + longest, max(0, (now - key.created_at).days), now > key.created_at + longest)
        for key in keys
    ]


@dataclass(frozen=True)
class Uses:
    """When keys were last used, by key ID, without keys that couldn't be read. denied: the policy rules it out."""

    by_key: Mapping[str, LastUse]
    denied: bool = False


NO_USES = Uses({})


def last_uses(gateway: AccessKeyGateway, keys: Sequence[AccessKey]) -> Callable[[], Uses]:
    """Start to ask when each key was last used, in parallel with other reads. The result waits for it.

    What is denied, throttled or unanswered is missing in it: pages about keys work without. It raises nothing.
    """
    asked = [(key.access_key_id, start_read(partial(gateway.last_use, key.access_key_id))) for key in keys]

    def answered() -> Uses:
        by_key: dict[str, LastUse] = {}
        denied = False
        for access_key_id, answer in asked:
            try:
                by_key[access_key_id] = answer()
            except NotAllowed:
                denied = True
            except (Throttled, NoResponse, NotFound):
                continue
        return Uses(by_key, denied)

    return answered


def create(
    gateway: AccessKeyGateway, audit: Audit, person: Person, now: datetime, keep: Callable[[NewAccessKey], Kept]
) -> tuple[NewAccessKey, Kept]:
    """Create a key, and have its secret stored before anything else happens, because AWS shows it once.

    keep: stores it, and raises nothing. Raises TooManyAccessKeys, SecretLost (made, but the answer was lost),
    NotAllowed, NoResponse.
    """
    before = {key.access_key_id for key in gateway.list_for(person.user_name)}
    if len(before) >= ACCESS_KEY.most:
        raise TooManyAccessKeys()
    try:
        with audit.attempt(Event.ACCESS_KEY_CREATED) as attempt:
            made = gateway.create(person.user_name)
            attempt.target = made.access_key_id
            new = NewAccessKey(made.access_key_id, made.secret_access_key, now + SHOWN_FOR)
            return new, keep(new)
    except NoResponse as silence:
        orphans = [key.access_key_id for key in gateway.list_for(person.user_name) if key.access_key_id not in before]
        if orphans:
            raise SecretLost(orphans) from silence
        raise


def unsaved(audit: Audit, new: NewAccessKey) -> None:
    """Record that nobody has the secret of a created key, because the session that should store it had ended."""
    with suppress(NotRecorded):  # the entry that it was created exists, and the user sees the key in any case
        audit.note(Event.ACCESS_KEY_UNSAVED, new.access_key_id)


def still_there(new: NewAccessKey, keys: Sequence[AccessKey], now: datetime) -> bool:
    """Return False once AWS no longer lists the new key. A list right after creating it proves nothing."""
    listed = new.access_key_id in {key.access_key_id for key in keys}
    return listed or now - (new.until - SHOWN_FOR) < SPREADING


def is_propagated(sts: StsGateway, new: NewAccessKey) -> bool:
    """Does AWS recognize the new key yet? It takes a few seconds. Raises Throttled, NoResponse."""
    with using_credentials(AwsCredentials(new.access_key_id, new.secret_access_key)):
        try:
            sts.caller()
        except CredentialsRefused:
            return False  # not spread yet (observed: up to about 20 s)
    return True


def check_saved(sts: StsGateway, person: Person, new: NewAccessKey, typed: str) -> None:
    """Check that the new key works, and that the user has its secret.

    typed: the end of the secret, as the user pasted it. It isn't needed if they signed in with the key. Raises
    KeyNotActiveYet, WrongLastCharacters, Throttled, NoResponse.
    """
    if person.access_key_id == new.access_key_id:
        return
    if not new.proven and not is_propagated(sts, new):
        raise KeyNotActiveYet()
    if typed != new.secret_access_key[-LAST_CHARACTERS:]:
        raise WrongLastCharacters(
            _(
                "Those aren’t the last %(num)d characters of the new secret access key. Copy them from where you "
                "saved it.",
                num=LAST_CHARACTERS,
            )
        )


def move(
    sts: StsGateway, audit: Audit, new: NewAccessKey, serial_number: str, code: str, lasts: timedelta
) -> AwsCredentials:
    """Return an MFA session of the new key. Raises WrongMfaCode, MfaNotRecognized, NoResponse, about field `code`."""
    key = AwsCredentials(new.access_key_id, new.secret_access_key)
    try:
        with using_credentials(key), audit.attempt(Event.MFA_SESSION, serial_number):
            return sts.mfa_session(serial_number, code, lasts)
    except (WrongMfaCode, MfaNotRecognized, NoResponse) as refusal:
        refusal.field = "code"
        raise


def signed_in_with(person: Person, access_key_id: str) -> Person:
    """Return the person as signed in with this key."""
    return replace(person, access_key_id=access_key_id)


def other_ways_in(
    person: Person,
    keys: Sequence[AccessKey],
    without: Collection[str],
    passwords: PasswordGateway,
    methods: Collection[str],
) -> list[str]:
    """How the user can still sign in here without some keys, as phrases. Empty where no way remains.

    without: ids of the key that is to go, and of those whose secret nobody has confirmed to have.
    """
    ways = [
        _("access key %(key)s", key=key.access_key_id)
        for key in keys
        if key.active and key.access_key_id not in without and Way.ACCESS_KEY in methods
    ]
    if Way.AWS_SIGN_IN in methods:
        with suppress(NotAllowed):  # where the policy does not tell, nothing is promised
            if passwords.exists(person.user_name):
                ways.append(_("your console password"))
    return ways


def reconcile(keys: Sequence[AccessKey], audit: Audit, now: datetime) -> None:
    """Record the outcome of attempts whose outcome was unknown, as far as AWS's list of the user's keys shows it."""

    def made_by(attempt: Attempt) -> str:
        near = [key.id for key in keys if abs(key.created_at - attempt.at) < STILL_RUNNING]
        return next((each for each in near if not last_done(audit, (Event.ACCESS_KEY_CREATED,), each)), "")

    lifecycle.reconcile(ACCESS_KEY, keys, audit, now, made_by)
