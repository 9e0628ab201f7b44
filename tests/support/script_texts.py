"""Texts in scripts, where no translator sees them, and the attributes in which pages give scripts their texts."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|String\.raw`[^`]*`"""  # comments and patterns
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)""",
    re.DOTALL,
)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_EXPRESSION = re.compile(r"\$\{[^}]*\}")
_WORDS = re.compile(r"(?<![\w-])[A-Z][a-z]+(?![\w-])|[a-z]{2,}[,.:…]? [a-z]")
"""A word with a capital, or two words."""


def english(script: str) -> set[str]:
    """Return the strings of a script that could be English: a word with a capital, or two words."""
    texts = [found["text"][1:-1] for found in _TOKEN.finditer(script) if found["text"]]
    return {text for text in texts if _WORDS.search(_EXPRESSION.sub("", text))}


def read_by(script: str) -> set[str]:
    """Return the attributes for texts that a script reads; "data-say-idle-" where it appends the rest."""
    found = re.findall(r"\.(say[A-Z]\w*)|(data-say-[\w-]*)", _COMMENT.sub("", script))
    return {attribute or "data-" + re.sub("[A-Z]", lambda one: "-" + one[0].lower(), key) for key, attribute in found}


def written_by(template: str) -> set[str]:
    """Return the attributes for texts that a template writes; "data-say-idle-" where an expression is the rest."""
    return set(re.findall(r"\b(data-say-[\w-]*)(?:\{\{[^}]*\}\})?=", template))
