"""Find out what a document means: its account, with placeholders filled in and variables in AWS's spelling.

A placeholder like YOUR-ACCOUNT-ID matches nothing, and neither does another tool's spelling of a variable. The author
means the account and the variable, so check, explain, the rehearsal and the portal all evaluate that. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.policy.documents import PARTITIONS, PLACEHOLDER, rendered, statements_of, texts_of
from app.policy.patterns import Pattern, variable_key
from app.policy.places import Place, cut
from app.policy.reference.key_types import type_of
from app.policy.reference.request_context import Presence, condition_key

_FEDERATED = (
    "saml:",
    "cognito-identity.amazonaws.com:",
    "accounts.google.com:",
    "graph.facebook.com:",
    "www.amazon.com:",
    "token.actions.githubusercontent.com:",
)
"""Prefixes of the condition keys of people who come through an identity provider."""
FOREIGN = re.compile(
    r"(?:[&#%@]|\$\$|\$!|\\+\$|%24)\{[^{}]*\}|\$\{![^{}]*\}|\$?\{\{[^{}]*\}\}|(?<![$&#%@!{])\{[^{}]*\}|\$\([^()]*\)"
    r"|<aws:[^<>]*>|(?<=/)<[^<>/]*>$|\$aws:\w+|\$\{[^{}]*$"
)
"""Variables as other tools spell them: Terraform's &{...} and $${...}, CloudFormation's ${!...}, a shell's \\${...},
and typos: $aws:username, <username>, one that is never closed."""
_ID = re.compile(r"[0-9]{12}")


def resources_of(statement: Mapping[str, Any]) -> list[str]:
    """Return the texts of Resource or NotResource."""
    return texts_of(statement.get("Resource", statement.get("NotResource")))


def whereabouts(statements: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return (partition, account ID) that a document is written for, from its resources, else from the users it
    allows something.

    The account is PLACEHOLDER if neither names one.
    """
    arns = [(partition, account) for _, partition, _, account in arns_of(statements)]
    asked = list(_asked_of_users(statements))
    nearly = [_completed(account) for _, account in arns if re.fullmatch(r"[0-9]*[0-9?][0-9?]*\*?", account)]
    return (
        _usual(partition for partition, _ in arns if partition in PARTITIONS)
        or _usual(partition for partition, _ in asked if partition in PARTITIONS)
        or "aws",
        _usual(account for _, account in arns if _ID.fullmatch(account))
        or next(filter(_ID.fullmatch, nearly), "")
        or _usual(account for _, account in asked if _ID.fullmatch(account))
        or PLACEHOLDER,
    )


def _usual(names: Iterable[str]) -> str:
    """Return the most frequent text, the first of several. "" if there are none."""
    return next((name for name, _ in Counter(names).most_common(1)), "")


def _asked_of_users(statements: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return (partition, account ID) of the users that statements allow something, by their conditions. "" if left
    open.

    The conditions of a deny don't count: it may apply to users of another account.
    """
    for statement in (each for each in statements if each["Effect"] == "Allow"):
        for operator, keys in (statement.get("Condition") or {}).items():
            negated = "not" in operator.lower()
            for key, given in keys.items():
                values = [str(each) for each in texts_of(given)]
                if key.lower() == "aws:principalarn":
                    parts = [value.split(":", 5) for value in values if value.startswith("arn:")]
                    yield from ((each[1], "" if negated else each[4]) for each in parts if len(each) > 4)
                elif key.lower() == "aws:principalaccount" and not negated:
                    yield from (("", value) for value in values)


def arns_of(statements: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, str, str]]:
    """Yield (index of the statement, partition, service, account) of its resources. The ARNs may be incomplete."""
    for index, statement in enumerate(statements):
        for text in resources_of(statement):
            parts = text.split(":", 5)
            if parts[0] == "arn" and len(parts) > 2:
                account = "".join(parts[4:5])
                whole = len(parts) == 5 and _ID.fullmatch(account.removesuffix("*"))
                yield index, parts[1], parts[2], account.removesuffix("*") if whole else account


def _completed(account: str) -> str:
    """Return an account ID that a pattern like "1234*" matches."""
    return account.replace("?", "0").replace("*", "0" * (13 - len(account)))


def no_account(text: str) -> bool:
    """Return whether the text in an ARN's account is not 12 digits, empty, "aws", or a wildcard for one of these."""
    if text in ("", "aws", "cloudfront", PLACEHOLDER) or "${" in text:
        return False
    digits = re.sub(r"[*?]", "", text)
    if digits != text:
        return not (digits.isascii() and (digits.isdigit() or not digits) and len(digits) <= 12)
    return _ID.fullmatch(text) is None


def is_variable(inside: str) -> bool:
    """Return whether AWS replaces this variable, given without ${ and }, with a value."""
    key = variable_key(inside)
    return not key or type_of(key) is not None or key.lower().startswith(_FEDERATED)


def matches_nobody(inside: str) -> bool:
    """Return whether a variable has no value in any request of an IAM user."""
    key = variable_key(inside)
    known = condition_key(key) if key else None
    return (
        not is_variable(inside)
        or key.lower().startswith(_FEDERATED)
        or (known is not None and known.presence is Presence.NEVER)
    )


def repaired_text(text: str) -> str:
    """Return the text with variables in AWS's spelling, if it is clear which one is meant."""

    def mended(found: re.Match[str]) -> str:
        inside = found[0].removeprefix("%24").strip("&#%@$!(){}<>\\").strip()
        return f"${{{inside}}}" if ":" in inside and is_variable(inside) else found[0]

    return FOREIGN.sub(mended, text)


def repaired(document: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """Return the document with placeholders for the account filled in and variables in AWS's spelling.

    document: one that `evaluation.compiled` accepts, with its statements in a list.
    """

    def text(given: str) -> str:
        parts = given.split(":", 5)
        if parts[0] == "arn" and len(parts) > 4 and no_account(parts[4]):
            parts[4] = account_id
        return repaired_text(":".join(parts))

    return _with_texts(document, text)


def _with_texts(document: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The document, every text changed that can hold an ARN or a variable: of resources and of conditions."""

    def value(given: Any) -> Any:
        if isinstance(given, list):
            return [value(each) for each in given]
        return change(given) if isinstance(given, str) else given

    def statement(written: Mapping[str, Any]) -> dict[str, Any]:
        changed = {
            element: value(given) if element in ("Resource", "NotResource") else given
            for element, given in written.items()
        }
        if written.get("Condition"):
            changed["Condition"] = {
                operator: {key: value(given) for key, given in keys.items()}
                for operator, keys in written["Condition"].items()
            }
        return changed

    return {**document, "Statement": [statement(each) for each in statements_of(document)]}


def meant(document: Mapping[str, Any], account_id: str, partition: str) -> dict[str, Any]:
    """The document as it is judged for an account: rendered, then repaired. What `evaluation.compiled` takes."""
    return repaired(rendered(document, account_id, partition), account_id)


def in_account(document: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    """The document as it is meant, moved to another account in the partition aws.

    Its own account and partition change wherever they are named, so it says there what it says in its own account.
    document: one that `evaluation.compiled` takes.
    """
    partition, its_account = whereabouts(statements_of(document))
    its_account = account_id if its_account == PLACEHOLDER else its_account
    # The two change places: ARNs of the other account must still match nothing.
    moved = {its_account: account_id, account_id: its_account}

    def text(written: str) -> str:
        parts = written.split(":", 5)
        if parts[0] != "arn" or len(parts) < 5:
            return re.sub(r"(?<![0-9])[0-9]{12}(?![0-9])", lambda found: moved.get(found[0], found[0]), written)
        if parts[1] == partition:
            parts[1] = "aws"
        is_pattern = re.search(r"[0-9][*?]|[*?][0-9]", parts[4]) is not None
        own = is_pattern and Pattern(parts[4], variables=False).matches(its_account, {})
        parts[4] = account_id if own else moved.get(parts[4], parts[4])
        return ":".join(parts)

    return _with_texts(meant(document, its_account, partition), text)


@dataclass(frozen=True)
class Repair:
    """One thing of a document that is judged as it is meant. written, read_as: at most 80 characters of each."""

    place: Place
    written: str
    read_as: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        place = self.place
        where = {"statement": place.statement, "sid": place.sid, "element": place.element}
        return where | {"written": self.written, "read_as": self.read_as}

    def __str__(self) -> str:
        """For people."""
        return f"{self.place}: {self.written} is read as {self.read_as}."


def repairs(document: Mapping[str, Any], account_id: str) -> Iterator[Repair]:
    """What `repaired` changes, each spelling once a statement and element. document, account_id: as there."""
    reported: set[tuple[Place, str]] = set()
    for index, statement in enumerate(statements_of(document)):
        for element, text in texts_of_statement(statement):
            place = Place(index, statement.get("Sid") or None, element)
            for written, read_as in _changes(text, account_id):
                if (place, written) not in reported:
                    reported.add((place, written))
                    yield Repair(place, cut(written), cut(read_as))


def _changes(text: str, account_id: str) -> Iterator[tuple[str, str]]:
    parts = text.split(":", 5)
    if parts[0] == "arn" and len(parts) > 4 and no_account(parts[4]):
        yield parts[4], "the account’s ID" if account_id == PLACEHOLDER else account_id
    for found in FOREIGN.finditer(text):
        if (read_as := repaired_text(found[0])) != found[0]:
            yield found[0], read_as


def texts_of_statement(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(element, text) of everything in a statement that can hold an ARN or a variable."""
    element = "Resource" if "Resource" in statement else "NotResource"
    yield from ((element, each) for each in resources_of(statement))
    for keys in (statement.get("Condition") or {}).values():
        for given in keys.values():
            yield from (("Condition", str(each)) for each in texts_of(given))
