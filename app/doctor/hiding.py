"""Keeps the values of settings out of what the doctor says. Pure.

A value may be a secret where none belongs, so no value of any setting is repeated, and no line of a file that a
setting names. Readers of the output have the settings at hand, under the name that each sentence begins with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from app.doctor.finding import Finding

HIDDEN = "…"
_QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"|“([^”\n]*)”")
_USER_INFO = re.compile(r"//[^/\s@]+@")
_QUERY = re.compile(r"(?<=[A-Za-z0-9/])\?[^\s'\"]+=[^\s'\"]+")
_PRIVATE = ("endpoint", "local_address", "issuer", "key_id")
"""Facts that name something of the installation's own."""
_SHORTEST = 4
"""Characters of a part of a value that is hidden outside of quotes: shorter ones are words like `1` or `aws`."""

_LONG_WORD = 12
"""Characters of a word that is hidden by itself: shorter ones may be words of the sentence."""


def without_values(sentence: str, values: Iterable[str]) -> str:
    """Return the sentence without what comes from these values, or from a part of one."""
    texts = [value for value in values if value]
    sentence = _QUOTED.sub(lambda quoted: _hide_quoted(quoted, texts), sentence)
    for piece in sorted({piece for value in texts for piece in _pieces(value)}, key=len, reverse=True):
        sentence = sentence.replace(piece, HIDDEN)
    return without_url_secrets(sentence)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the text without these secrets, which are hidden wherever they are, also in parts that a comma ends."""
    for secret in sorted({part for each in secrets for part in _secret_parts(each)}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return without_url_secrets(text)


def without_url_secrets(text: str) -> str:
    """Return the text without the user, password and query of any URL in it."""
    return _QUERY.sub(f"?{HIDDEN}", _USER_INFO.sub(f"//{HIDDEN}@", text))


def for_others(finding: Finding) -> Finding:
    """Return the finding without names and addresses of the installation, for someone who helps."""
    facts = dict(finding.facts)
    private = {name for name in _PRIVATE if name in facts}
    if facts.get("official"):  # AWS's own endpoint
        private.discard("endpoint")
    if "Amazon" in str(facts.get("issuer")):
        private.discard("issuer")
    says = finding.says
    for word in sorted((str(facts[name]) for name in private), key=len, reverse=True):
        says = says.replace(word, HIDDEN) if word else says
    if finding.code.endswith("-untrusted"):  # the reason may have the host name that isn't in the certificate
        says = re.sub(r"'[^']*'", HIDDEN, says)
    return replace(finding, says=says, facts={**facts, **dict.fromkeys(private, HIDDEN)})


def _hide_quoted(quoted: re.Match[str], values: list[str]) -> str:
    content = next(group for group in quoted.groups() if group is not None)
    known = any(content in value or content in repr(value) for value in values)
    return HIDDEN if content and known else quoted[0]


def _pieces(value: str) -> Iterator[str]:
    """The value as it may be repeated: as it is, as Python writes it, line by line, part by part, word by word."""
    yield from (word for word in re.split(r"[^\w-]+", value) if len(word) >= _LONG_WORD)
    for text in (
        value,
        value.strip(),
        value.lower(),
        value.upper(),
        repr(value),
        *value.splitlines(),
        *value.split(","),
    ):
        if len(text.strip()) >= _SHORTEST:
            yield text.strip()


def _secret_parts(secret: str) -> Iterator[str]:
    for part in (secret, secret.strip(), *(each.strip() for each in secret.split(","))):
        if len(part) >= 6:
            yield part
            yield part.rpartition(":")[2] if len(part.rpartition(":")[2]) >= 6 else part
