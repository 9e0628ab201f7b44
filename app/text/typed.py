"""What users type and paste, without what comes along unseen when text is copied. Pure, in linear time."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    # Unicode's Default_Ignorable_Code_Point: soft hyphen, zero-width blanks and joiners, direction marks, word
    # joiner, byte order mark, variation selectors, fillers, tags. Then marks of annotations and the blank of Braille.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ufff9-\ufffc\u2800]"
)
_FULL_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: " "}


def visible(text: str | None) -> str:
    """Return the text without invisible characters, with full-width letters, digits and signs as their usual forms.

    Letters of other alphabets that only look alike stay as they are.
    """
    return _INVISIBLE.sub("", text or "").translate(_FULL_WIDTH)


def without_blanks(text: str | None) -> str:
    """Return `visible` text without blanks and line breaks, which come along when a key is copied."""
    return "".join(visible(text).split())


_WITHIN_CODES = frozenset(".,_'’·・･•∙‧․。､٫٬−")
"""What is allowed between the digits of a code, beside blanks and dashes."""


LONGEST_CODE = 256
"""Characters within which a code is looked for."""


def code(text: str | None) -> str:
    """Return a code as its digits 0 to 9, whatever digits it was typed in, without what is between them.

    Other characters stay, so that what is no code is recognized as such.
    """
    seen = visible(text)
    return "".join(_digit(char) for char in seen[:LONGEST_CODE]) + seen[LONGEST_CODE:]


def _digit(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    between = char.isspace() or char in _WITHIN_CODES or unicodedata.category(char) == "Pd"
    return "" if between else char
