"""The account's password policy in words, and which of its rules a password breaks. Pure."""

from __future__ import annotations

import string
from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

from app.aws.passwords import SYMBOLS, PasswordPolicy
from app.text.messages import _, ngettext

LONGEST = 128


class Rule(NamedTuple):
    """words: as people read it, in their language. pattern: what a browser tests it with. kept: the test."""

    words: str
    pattern: str
    kept: Callable[[str], bool]


_UPPERCASE = ("[A-Z]", string.ascii_uppercase)
_LOWERCASE = ("[a-z]", string.ascii_lowercase)
_DIGIT = ("[0-9]", string.digits)
_SYMBOL = (r"[!@#$%^&*()_+\-=\[\]{}|']", SYMBOLS)
_CLASSES = (_UPPERCASE, _LOWERCASE, _DIGIT, _SYMBOL)


def _has(characters: str) -> Callable[[str], bool]:
    return lambda password: any(each in characters for each in password)


def _kinds(password: str) -> int:
    return sum(_has(characters)(password) for _pattern, characters in _CLASSES)


def limits() -> list[Rule]:
    """Return what AWS itself accepts, whatever the account requires (IAM's model of a password)."""
    return [
        Rule(
            _("at most %(num)d characters", num=LONGEST),
            f"^.{{0,{LONGEST}}}$",
            lambda password: len(password) <= LONGEST,
        ),
        Rule(
            _("no emoji or characters such as €"),
            r"^[\t\n\r\x20-\xff]*$",
            lambda password: all(each in "\t\n\r" or " " <= each <= "\xff" for each in password),
        ),
    ]


def rules(policy: PasswordPolicy) -> list[Rule]:
    """Return what a new password must meet, in the order users read it."""
    found = [
        Rule(
            ngettext("at least %(num)d character", "at least %(num)d characters", policy.length),
            f"^.{{{policy.length},}}$",
            lambda password: policy.length <= len(password),
        ),
        *limits(),
    ]
    wanted = (
        (policy.uppercase, _("an uppercase letter"), _UPPERCASE),
        (policy.lowercase, _("a lowercase letter"), _LOWERCASE),
        (policy.digits, _("a digit"), _DIGIT),
        (policy.symbols, _("a symbol (%(symbols)s)", symbols=SYMBOLS), _SYMBOL),
    )
    found += [Rule(words, pattern, _has(characters)) for asked, words, (pattern, characters) in wanted if asked]
    if policy.character_classes:
        character_classes = [f"(?=.*{pattern})" for pattern, _characters in _CLASSES]
        enough = "|".join("".join(chosen) for chosen in combinations(character_classes, policy.character_classes))
        found.append(
            Rule(
                _(
                    "%(num)d of these kinds: uppercase letter, lowercase letter, digit, symbol (%(symbols)s)",
                    num=policy.character_classes,
                    symbols=SYMBOLS,
                ),
                f"^(?:{enough})",
                lambda password: _kinds(password) >= policy.character_classes,
            )
        )
    return found


def broken(policy: PasswordPolicy | None, password: str) -> list[str]:
    """Return each rule the password breaks, in words. If the policy is unknown, only AWS's own limits count."""
    return [rule.words for rule in (rules(policy) if policy else limits()) if not rule.kept(password)]
