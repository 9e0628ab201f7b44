"""Parsers for types of values that several settings have. What isn't valid is reported with `at.wrong`."""

from __future__ import annotations

from datetime import timedelta

from app.settings.table import Parser, Reading


def whole(low: int, high: int) -> Parser:
    """A whole number from `low` to `high`."""

    def parse(text: str, at: Reading) -> int:
        if text.isdecimal() and low <= int(text) <= high:
            return int(text)
        at.wrong(f"{at.name} is {text!r}: set a whole number from {low} to {high}.")
        return low

    return parse


def minutes(low: int, high: int) -> Parser:
    """A whole number of minutes from `low` to `high`, as a timedelta."""
    number = whole(low, high)
    return lambda text, at: timedelta(minutes=number(text, at))


def days(low: int, high: int) -> Parser:
    """A whole number of days from `low` to `high`, as a timedelta."""
    number = whole(low, high)
    return lambda text, at: timedelta(days=number(text, at))


def optional(parse: Parser) -> Parser:
    """None where the setting isn't set."""
    return lambda text, at: parse(text, at) if text else None


def one_of(*choices: str) -> Parser:
    """One of these words. "" among them: or nothing."""

    def parse(text: str, at: Reading) -> str:
        if text not in choices:
            named = ", ".join(choice for choice in choices if choice)
            at.wrong(
                f"{at.name} is {text!r}: set {'one of ' if len(choices) > 2 else ''}{named}"
                f"{', or nothing' if '' in choices else ''}."
            )
        return text

    return parse


def listed(text: str) -> list[str]:
    """Return the parts of a list with commas, without blanks around them and without empty parts."""
    return [part.strip() for part in text.split(",") if part.strip()]
