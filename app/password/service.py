"""Changing, setting and removing the console password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from threading import Lock

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.passwords import LoginProfile, PasswordGateway, PasswordPolicy
from app.errors import NoResponse, NotAllowed, NotFound, PortalError, Refused
from app.password.rules import broken
from app.sessions.contents import Person
from app.text.messages import N_, _

TOO_WEAK = 2
"""zxcvbn scores from 0 (guessed at once) to 4; below this a password is questioned."""


class WeakPassword(Refused):
    """The password meets the account's rules, but is easy to guess."""

    code = "weak-password"
    field = "new"


class PasswordOutcomeUnknown(NoResponse):
    """AWS doesn't show which password is right."""

    code = "password-outcome-unknown"
    message = N_(
        "AWS didn’t answer, so we don’t know whether your password was changed. Try again with the current one. "
        "If AWS rejects it, your password is already the new one."
    )


class NoPassword(Refused):
    """The user has no password to change."""

    code = "no-password"
    message = N_("You have no console password.")


def readable_policy(gateway: PasswordGateway) -> PasswordPolicy | None:
    """Return the account's policy, None if the user can't read it (the tutorial's policy grants it on nothing)."""
    try:
        return gateway.policy()
    except NotAllowed:
        return None


def shown_profile(gateway: PasswordGateway, user_name: str) -> tuple[bool, LoginProfile | None]:
    """Return whether there is no password, as far as AWS shows it, and what it shows of one.

    Some policies allow changing it, but not reading it. If there is no password then, AWS says so when it is changed.
    """
    try:
        profile = gateway.profile(user_name)
    except NotAllowed:
        return False, None
    return profile is None, profile


@dataclass(frozen=True)
class Strength:
    """How hard a password is to guess."""

    score: int
    """zxcvbn's, 0 to 4."""
    why: str
    """A sentence about what makes it weak. "" if nothing does, or nothing that zxcvbn names."""
    words: str
    """A sentence that says how hard."""


_WORDS = (
    N_("Very weak: it would be guessed at once."),
    N_("Weak: it would be guessed easily."),
    N_("Fair."),
    N_("Strong."),
    N_("Very strong."),
)


REASONS = {
    "Straight rows of keys are easy to guess.": N_("Rows of keys next to each other are easy to guess."),
    "Short keyboard patterns are easy to guess.": N_("Short patterns on the keyboard are easy to guess."),
    'Repeats like "aaa" are easy to guess.': N_("Repeated characters like “aaa” are easy to guess."),
    'Repeats like "abcabcabc" are only slightly harder to guess than "abc".': N_(
        "Repeats like “abcabcabc” are hardly harder to guess than “abc”."
    ),
    'Sequences like "abc" or "6543" are easy to guess.': N_("Sequences like “abc” or “6543” are easy to guess."),
    "Recent years are easy to guess.": N_("Recent years are easy to guess."),
    "Dates are often easy to guess.": N_("Dates are easy to guess."),
    "This is a top-10 common password.": N_("It’s one of the ten most common passwords."),
    "This is a top-100 common password.": N_("It’s one of the hundred most common passwords."),
    "This is a very common password.": N_("It’s a very common password."),
    "This is similar to a commonly used password.": N_("It’s similar to a common password."),
    "A word by itself is easy to guess.": N_("A single word is easy to guess."),
    "Names and surnames by themselves are easy to guess.": N_("A name alone is easy to guess."),
    "Common names and surnames are easy to guess.": N_("Common names are easy to guess."),
}
"""What zxcvbn warns of (its `feedback.py`), and how we say it."""

MOST_READINGS = 32
"""Ways to read a password's digits and signs as letters ("p4$s") that are tried: each costs a search of its own."""


MOST_CHARACTERS = 32
"""Characters of a password that are judged at once: the time it takes grows faster than their number."""
_JUDGING = Lock()
"""One password at a time in a process, because judging takes CPU, and other requests wait for it."""
_PATIENCE = 5.0
"""Seconds to wait for others' passwords to be judged."""


class StrengthCheckBusy(PortalError):
    """Other passwords are being judged."""

    code = "strength-check-busy"
    status = 429
    message = N_("Too many passwords are being checked right now. Try again in a moment.")


def truncate_for_zxcvbn(password: str) -> str:
    """Return at most MOST_CHARACTERS of a password, in a form that zxcvbn judges quickly.

    Where zxcvbn would have to try many readings, it gets the first of them instead: that is as easy to guess or
    easier.
    """
    from zxcvbn.matching import L33T_TABLE, relevant_l33t_subtable  # noqa: PLC0415 # its lists of words: few judge a password

    password = password[:MOST_CHARACTERS]
    readings = relevant_l33t_subtable(password, L33T_TABLE)
    if prod(len(signs) + 1 for signs in readings.values()) <= MOST_READINGS:
        return password
    letters = {sign: letter for letter, signs in L33T_TABLE.items() for sign in signs}
    return password.translate(str.maketrans("".join(letters), "".join(letters.values())))


def strength(person: Person, password: str) -> Strength:
    """Judge a password with zxcvbn, which also gets the names of its user. Raises StrengthCheckBusy.

    The strength of a long one is that of its beginning or its end, whichever is higher.
    """
    if not password:
        return Strength(0, "", _(_WORDS[0]))
    from zxcvbn import zxcvbn  # noqa: PLC0415 # as above

    parts = {truncate_for_zxcvbn(password), truncate_for_zxcvbn(password[-MOST_CHARACTERS:])}
    if not _JUDGING.acquire(timeout=_PATIENCE):
        raise StrengthCheckBusy
    try:
        judged = [zxcvbn(part, user_inputs=[person.user_name, person.account_id, "aws", "amazon"]) for part in parts]
    finally:
        _JUDGING.release()
    found = max(judged, key=lambda each: int(each["score"]))
    score = int(found["score"])
    why = REASONS.get(str(found["feedback"]["warning"]), "")
    return Strength(score, _(why) if why else "", _(_WORDS[score]))


def examine(policy: PasswordPolicy | None, person: Person, new: str, *, anyway: bool) -> None:
    """Check a new password before AWS is asked. Raises Refused with all broken rules at once, or WeakPassword."""
    if problems := broken(policy, new):
        raise Refused(_("This password breaks these rules: %(rules)s.", rules="; ".join(problems)), field="new")
    found = strength(person, new)
    if found.score < TOO_WEAK and not anyway:
        why = found.why or _("It’s one of the first that attackers try.")
        raise WeakPassword(
            _("This password is easy to guess. %(why)s Choose another, or tick the box below.", why=why)
        )


def change(gateway: PasswordGateway, audit: Audit, person: Person, old: str, new: str) -> None:
    """Change the password, with the current one (ChangePassword).

    Raises WrongOldPassword, PasswordPolicyViolation, NotAllowed, NoPassword, PasswordOutcomeUnknown.
    """
    try:
        with audit.attempt(Event.PASSWORD_CHANGED, person.arn):
            gateway.change(old, new)
    except NotFound as none:
        raise NoPassword(request_id=none.request_id) from none
    except NoResponse as silence:
        raise PasswordOutcomeUnknown(request_id=silence.request_id) from silence


def give(gateway: PasswordGateway, audit: Audit, person: Person, new: str, *, exists: bool) -> None:
    """Set a password without the current one: a first one, or another in place of a forgotten one.

    exists: does the user have one? Raises PasswordPolicyViolation, AlreadyExists, NotFound, NotAllowed, NoResponse.
    """
    act: Callable[[str, str], None] = gateway.replace if exists else gateway.create
    with audit.attempt(Event.PASSWORD_SET, person.arn):
        act(person.user_name, new)


def remove(gateway: PasswordGateway, audit: Audit, person: Person) -> None:
    """Remove the password, so the user can't sign in to the console (DeleteLoginProfile).

    Raises NotFound, NotAllowed, NoResponse.
    """
    with audit.attempt(Event.PASSWORD_REMOVED, person.arn):
        gateway.remove(person.user_name)
