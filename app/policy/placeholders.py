"""What stands in a document where an account or a variable should: named as it is spelt, and judged as it is meant.

A placeholder matches nothing, and neither does another tool's spelling of a variable. People mean something by both,
so what is missing from the rest of the document is asked as if they were right. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.policy.condition_lines import type_of
from app.policy.documents import PLACEHOLDER
from app.policy.findings import Finding, Place, Severity, cut
from app.policy.patterns import variable_key
from app.policy.regions import miscounted, wrong_account
from app.policy.request_context import Presence, condition_key

_FEDERATED = (
    "saml:",
    "cognito-identity.amazonaws.com:",
    "accounts.google.com:",
    "graph.facebook.com:",
    "www.amazon.com:",
    "token.actions.githubusercontent.com:",
)
"""Keys of people who come through an identity provider begin so."""
_FOREIGN = re.compile(
    r"(?:[&#%@]|\$\$|\$!)\{[^{}]*\}|\$\{![^{}]*\}|\{\{[^{}]*\}\}|(?<![$&#%@!{])\{[^{}]*\}|\$\([^()]*\)"
)
"""Variables as other tools spell them: Terraform's &{...} and $${...}, CloudFormation's ${!...}, and slips."""
_OF_AWS = re.compile(r"\$\{([^{}]*)\}")
_TOOLS = {"&": "Terraform’s", "$$": "Terraform’s", "${!": "CloudFormation’s"}


AS_MEANT = ("account-malformed", "no-such-variable")
"""Codes of findings about what is judged as it is meant, where that is plain."""


def no_account(text: str) -> bool:
    """Can it be no account in an ARN: neither 12 digits, nor nothing, nor "aws", nor a wildcard for one?"""
    if text in ("", "aws", "cloudfront", PLACEHOLDER) or "${" in text:
        return False
    digits = re.sub(r"[*?]", "", text)
    if digits != text:
        return not (digits.isascii() and (digits.isdigit() or not digits) and len(digits) <= 12)
    return re.fullmatch(r"[0-9]{12}", text) is None


def _resources(statement: Mapping[str, Any]) -> list[str]:
    named = statement.get("Resource", statement.get("NotResource"))
    return named if isinstance(named, list) else [named]


def accounts_missing(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Placeholders where an ARN has its account, each once a statement."""
    for index, statement in enumerate(statements):
        place = Place(index, statement.get("Sid") or None, "Resource" if "Resource" in statement else "NotResource")
        for account in dict.fromkeys(each.split(":", 5)[4] for each in _resources(statement) if each.count(":") > 3):
            if miscounted(account):
                yield wrong_account(place, account)
            elif no_account(account):
                yield Finding(
                    "account-malformed",
                    Severity.ERROR,
                    place,
                    f"“{cut(account)}” isn’t an account ID, so this matches nothing.",
                    f"Replace {cut(account)} with the 12 digits of the account ID.",
                )


def variables_misspelt(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Variables in another tool's spelling, and names that are no variable, each once a statement.

    statements: of a document whose version has variables.
    """
    for index, statement in enumerate(statements):
        told: set[str] = set()
        for element, text in _texts(statement):
            place = Place(index, statement.get("Sid") or None, element)
            for written in [each[0] for each in _FOREIGN.finditer(text)]:
                if written not in told:
                    told.add(written)
                    yield _foreign(place, written)
            for found in _OF_AWS.finditer(text):
                written = found[0]
                if written not in told and not _is_variable(found[1]) and not _FOREIGN.search(written):
                    told.add(written)
                    yield Finding(
                        "no-such-variable",
                        Severity.ERROR,
                        place,
                        f"{cut(written)} isn’t an AWS policy variable. It has no value, so this matches nobody.",
                        "Compare its spelling with the condition keys in the IAM User Guide. "
                        "The name of an IAM user is ${aws:username}.",
                        cut(written),
                    )


def _foreign(place: Place, written: str) -> Finding:
    tool = next((name for start, name in _TOOLS.items() if written.startswith(start)), "another tool’s")
    meant = repaired_text(written)
    return Finding(
        "no-such-variable",
        Severity.ERROR,
        place,
        f"{cut(written)} is {tool} spelling. In AWS it is plain text, so this matches nobody.",
        f"Write {cut(meant)}." if meant != written else "Write it as AWS does, like ${aws:username}.",
        cut(written),
    )


def _texts(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(element, text) of everything a variable can stand in."""
    element = "Resource" if "Resource" in statement else "NotResource"
    yield from ((element, each) for each in _resources(statement))
    for keys in (statement.get("Condition") or {}).values():
        for given in keys.values():
            yield from (("Condition", str(each)) for each in (given if isinstance(given, list) else [given]))


def _is_variable(inside: str) -> bool:
    """Is it, without ${ and }, something AWS puts a value in for?"""
    key = variable_key(inside)
    return not key or type_of(key) is not None or key.lower().startswith(_FEDERATED)


def stands_for_nobody(inside: str) -> bool:
    """Has a variable no value in any request of an IAM user?"""
    key = variable_key(inside)
    known = condition_key(key) if key else None
    return (
        not _is_variable(inside)
        or key.lower().startswith(_FEDERATED)
        or (known is not None and known.presence is Presence.NEVER)
    )


def repaired_text(text: str) -> str:
    """Variables in AWS's spelling, where it is plain which one is meant."""

    def mended(found: re.Match[str]) -> str:
        inside = found[0].strip("&#%@$!(){}").strip()
        return f"${{{inside}}}" if ":" in inside and _is_variable(inside) else found[0]

    return _FOREIGN.sub(mended, text)


def repaired(document: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """A document as it is meant: placeholders filled with the account, variables in AWS's spelling."""

    def resource(text: str) -> str:
        parts = text.split(":", 5)
        if len(parts) > 4 and no_account(parts[4]):
            parts[4] = account_id
        return repaired_text(":".join(parts))

    def values(given: Any) -> Any:
        if isinstance(given, list):
            return [values(each) for each in given]
        return repaired_text(given) if isinstance(given, str) else given

    def statement(written: Mapping[str, Any]) -> dict[str, Any]:
        mended = dict(written)
        for element in ("Resource", "NotResource"):
            if element in mended:
                named = mended[element]
                mended[element] = [resource(each) for each in named] if isinstance(named, list) else resource(named)
        if mended.get("Condition"):
            mended["Condition"] = {
                operator: {key: values(given) for key, given in keys.items()}
                for operator, keys in mended["Condition"].items()
            }
        return mended

    return {**document, "Statement": [statement(each) for each in document["Statement"]]}
