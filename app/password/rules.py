"""The account's password policy in words, and which of it a password breaks. Pure."""

from __future__ import annotations

import string
from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

from app.aws.passwords import SYMBOLS, PasswordPolicy

LONGEST = 128


class Rule(NamedTuple):
    """words: as people read it. pattern: what a browser tests it with. kept: the test."""

    words: str
    pattern: str
    kept: Callable[[str], bool]


_CLASS = {
    "an uppercase letter": ("[A-Z]", string.ascii_uppercase),
    "a lowercase letter": ("[a-z]", string.ascii_lowercase),
    "a digit": ("[0-9]", string.digits),
    "a symbol": (r"[!@#$%^&*()_+\-=\[\]{}|']", SYMBOLS),
}


def _has(characters: str) -> Callable[[str], bool]:
    return lambda password: any(each in characters for each in password)


def _kinds(password: str) -> int:
    return sum(_has(characters)(password) for _, characters in _CLASS.values())


def limits() -> list[Rule]:
    """What AWS itself takes, whatever the account asks for (IAM's model of a password)."""
    return [
        Rule(f"at most {LONGEST} characters", f"^.{{0,{LONGEST}}}$", lambda password: len(password) <= LONGEST),
        Rule(
            "no characters that AWS does not take, like € or emoji",
            r"^[\t\n\r\x20-\xff]*$",
            lambda password: all(each in "\t\n\r" or " " <= each <= "\xff" for each in password),
        ),
    ]


def rules(policy: PasswordPolicy) -> list[Rule]:
    """What a new password has to keep, in the order people read it."""
    found = [
        Rule(
            f"at least {policy.length} characters",
            f"^.{{{policy.length},}}$",
            lambda password: policy.length <= len(password),
        ),
        *limits(),
    ]
    wanted = {
        "an uppercase letter": policy.uppercase,
        "a lowercase letter": policy.lowercase,
        "a digit": policy.digits,
        "a symbol": policy.symbols,
    }
    for words, (pattern, characters) in _CLASS.items():
        if wanted[words]:
            told = f"{words} ({SYMBOLS})" if words == "a symbol" else words
            found.append(Rule(told, pattern, _has(characters)))
    if policy.character_classes:
        character_classes = [f"(?=.*{pattern})" for pattern, _ in _CLASS.values()]
        enough = "|".join("".join(chosen) for chosen in combinations(character_classes, policy.character_classes))
        found.append(
            Rule(
                f"{policy.character_classes} of these kinds: "
                f"uppercase letter, lowercase letter, digit, symbol ({SYMBOLS})",
                f"^(?:{enough})",
                lambda password: _kinds(password) >= policy.character_classes,
            )
        )
    return found


def broken(policy: PasswordPolicy | None, password: str) -> list[str]:
    """Every rule the password breaks, in words; of an unknown policy only what AWS always demands."""
    return [rule.words for rule in (rules(policy) if policy else limits()) if not rule.kept(password)]
