"""What a page says, with a stable code beside the sentence. Tests and scripts use the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from flask import flash, get_flashed_messages
from wtforms import ValidationError

from app.errors import PortalError
from app.monitoring.logs import request_id


class Sentence(str):
    """A sentence with the code of what it says; "" for none. Pages have the code as `data-field-error`."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, text: str, code: str = "") -> Sentence:
        made = super().__new__(cls, text)
        made.code = code
        return made


class FieldError(ValidationError):
    """What is wrong with a field of a form. code: stable name of this reason, unique within the field."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(Sentence(text, code))


def code_of(text: str) -> str:
    """Return the code of a sentence, "" where it has none."""
    return text.code if isinstance(text, Sentence) else ""


def tell(sentence: str | PortalError, category: str, code: str = "") -> None:
    """Show a sentence, or what a refusal says, at the top of the next page. category: "success", "info", ...

    The code, of a refusal its own, becomes that page's `data-refused`. With it goes the ID of this request, under
    which the log has what happened.
    """
    code = sentence.full_code if isinstance(sentence, PortalError) else code
    flash(str(sentence), f"{category} {code} {request_id()}" if code else category)


def _flashed() -> list[tuple[str, str]]:
    return cast("list[tuple[str, str]]", get_flashed_messages(with_categories=True))


def notices(with_categories: bool = True) -> list[tuple[str, str]] | list[str]:
    """Return Flask's `get_flashed_messages` for templates: (category, sentence), without the codes."""
    messages = [(category.partition(" ")[0], text) for category, text in _flashed()]
    return messages if with_categories else [text for _, text in messages]


def code_of_notices(*, serious: bool = False) -> str:
    """Return the code of the first message at the top that has one, else "". serious: of warnings and errors only."""
    return next((code for category, code, _ in _with_codes() if not (serious and category == "info")), "")


def reference_of_notices() -> str:
    """Return the ID of the request that the first warning or error with a code is about, else ""."""
    return next((reference for category, _, reference in _with_codes() if category != "info"), "")


def _with_codes() -> Iterator[tuple[str, str, str]]:
    """(category, code, ID of the request) of messages with a code. One of the release before has no ID."""
    for flashed, _ in _flashed():
        category, code, reference, *_ = [*flashed.split(" "), "", ""]
        if code:
            yield category, code, reference
