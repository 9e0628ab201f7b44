"""Read the text of a policy, and find what IAM would refuse or understand differently from how it looks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.policy.check.findings import Finding, Severity
from app.policy.check.iam_refusals import refused
from app.policy.documents import PLACEHOLDER, statements_of
from app.policy.evaluation import WITH_VARIABLES, PolicyError, compiled
from app.policy.places import DOCUMENT, Place, cut
from app.policy.texts import WHOLE, extracted, what_it_is
from app.policy.unwrap import unwrapped
from app.text.messages import _

LARGEST = 6144
"""Characters of a managed policy, white space not counted (IAM quotas)."""
_SIZE_OF_ID = 12


@dataclass
class Reading:
    """What was read. document: None if it can't be evaluated."""

    size: int
    findings: list[Finding] = field(default_factory=list)
    document: dict[str, Any] | None = None
    statements: list[Mapping[str, Any]] = field(default_factory=list)


def read_text(text: str) -> Reading:
    """Read a document and find everything that is wrong with its form. Raises nothing."""
    given = extracted(text)
    text = given.text
    reading = Reading(_size(text))
    twice: list[str] = []

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                twice.append(name)
            found[name] = value
        return found

    try:
        document = json.loads(text, object_pairs_hook=once, parse_constant=no_number)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text, and no page can show it
    except UnicodeEncodeError:
        reading.findings.append(_unreadable(_("It has characters that are only half of one (surrogates).")))
        return reading
    except RecursionError:
        reading.findings.append(_unreadable(_("It is nested too deeply to be a policy.")))
        return reading
    except ValueError as error:
        reading.findings.append(Finding("not-json", Severity.ERROR, DOCUMENT, *what_it_is(text, error)))
        return reading
    found = unwrapped(document)
    if given.around and not found.sentence:
        reading.findings.append(
            Finding("wrapped", Severity.NOTE, DOCUMENT, given.around, _("Use only the policy when you attach it."))
        )
    if found.within:
        reading.size = _size(json.dumps(found.document, ensure_ascii=False, separators=(",", ":")))
        reading.findings.append(
            Finding(
                "wrapped",
                Severity.NOTE,
                DOCUMENT,
                _(
                    "The policy is nested under %(within)s. Only that part was checked.",
                    within=cut(found.within, 200),
                ),
                _("Use only that part when you attach it."),
            )
        )
    if reading.size > LARGEST and not found.sentence:
        reading.findings.append(
            Finding(
                "too-long",
                Severity.ERROR,
                DOCUMENT,
                _(
                    "It has %(size)s characters without spaces. IAM allows %(most)s in a managed policy.",
                    size=f"{reading.size:,}",
                    most=f"{LARGEST:,}",
                ),
                _("Shorten lists with wildcards, or spread the statements over two policies."),
            )
        )
    for name in dict.fromkeys(twice):
        reading.findings.append(
            Finding(
                "repeated-element",
                Severity.ERROR,
                DOCUMENT,
                _("%(name)s appears twice in the same place, and only one of them counts.", name=cut(repr(name))),
                _("Merge the two, or split them into two statements."),
            )
        )
    if found.sentence:
        reading.findings.append(_grammar(DOCUMENT, found.sentence, found.remedy))
    else:
        _read_document(found.document, reading)
    return reading


def no_number(text: str) -> float:
    """Refuse NaN and Infinity, which json.loads accepts and JSON doesn't have. Raises ValueError."""
    raise ValueError(f"{text} is no value of JSON")


def _size(text: str) -> int:
    """Return the characters as IAM counts them, with the account ID in place of the placeholder."""
    placeholders = text.count(f":{PLACEHOLDER}:")
    return len("".join(text.split())) + placeholders * (_SIZE_OF_ID - len(PLACEHOLDER))


def _grammar(place: Place, sentence: str, remedy: str) -> Finding:
    return Finding("grammar", Severity.ERROR, place, sentence, remedy)


def _unreadable(sentence: str) -> Finding:
    return Finding("not-json", Severity.ERROR, DOCUMENT, sentence, _(WHOLE))


@dataclass(frozen=True)
class Problem:
    """What is wrong with a document's form. iam: IAM's message if IAM refuses the document for it."""

    place: Place
    sentence: str
    remedy: str
    iam: str


def grammar_problems(document: Any) -> list[Problem]:
    """Yield why IAM refuses a document (MalformedPolicyDocument), statement by statement. Empty if it doesn't.

    document: parsed JSON. Its size is checked elsewhere, because IAM's limits depend on the kind of policy.
    """
    if not isinstance(document, dict):
        return [
            Problem(DOCUMENT, _("A policy is a JSON object."), _("Paste the whole document, from { to }."), _SYNTAX)
        ]
    problems = [
        Problem(
            DOCUMENT,
            _("%(name)s isn’t a policy element.", name=cut(repr(name))),
            _("Remove it. A policy has Version and Statement."),
            _SYNTAX,
        )
        for name in document
        if name not in ("Version", "Id", "Statement")
    ]
    if not isinstance(document.get("Id", ""), str):
        problems.append(
            Problem(Place(element="Id"), _("Id must be text."), _("Put it in quotes, or remove it."), _SYNTAX)
        )
    try:
        compiled({**document, "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    except PolicyError as error:
        problems.append(
            Problem(Place(element="Version"), error.problem, _('Write "Version": "2012-10-17".'), error.iam)
        )
    statements = statements_of(document)
    if statements:
        return [*problems, *_of_statements(statements)]
    return [
        *problems,
        Problem(DOCUMENT, _("The policy has no Statement."), _("Write a list of statements."), _SYNTAX),
    ]


_SYNTAX = "Syntax errors in policy."


def _read_document(document: Any, reading: Reading) -> None:
    problems = grammar_problems(document)
    reading.findings.extend(_grammar(each.place, each.sentence, each.remedy) for each in problems)
    if not isinstance(document, dict):
        return
    statements = statements_of(document)
    if document.get("Version") != WITH_VARIABLES:
        reading.findings.extend(_plain_text(statements, {each.place.statement for each in problems}))
    if not problems:
        if "Version" not in document:
            reading.findings.append(
                Finding(
                    "missing-version",
                    Severity.WARNING,
                    DOCUMENT,
                    _("It has no Version, so AWS reads it as version 2008-10-17, which has no policy variables."),
                    _('Write "Version": "2012-10-17".'),
                )
            )
        reading.document = {"Version": document.get("Version", "2008-10-17"), "Statement": statements}
        reading.statements = statements


def _of_statements(statements: Sequence[Any]) -> Iterator[Problem]:
    sids: set[str] = set()
    for index, statement in enumerate(statements):
        sid = statement.get("Sid") if isinstance(statement, dict) else None
        place = Place(index, sid if isinstance(sid, str) and sid else None)
        try:
            compiled({"Version": WITH_VARIABLES, "Statement": [statement]})
        except PolicyError as error:
            yield Problem(
                place,
                error.problem,
                _("IAM refuses the whole document until this is right."),
                error.iam,
            )
            continue
        for why in refused(statement):
            yield Problem(Place(index, place.sid, why.element), why.sentence, why.remedy, why.iam)
        if not place.sid:
            continue
        where = Place(index, place.sid, "Sid")
        if not re.fullmatch(r"[A-Za-z0-9]+", place.sid):
            yield Problem(
                where,
                _("A Sid can contain only letters and digits."),
                _("Remove spaces and punctuation."),
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*",
            )
        if place.sid in sids:
            yield Problem(
                where,
                _("Another statement has the same Sid."),
                _("Give each its own."),
                "Statement IDs (SID) in a single policy must be unique.",
            )
        sids.add(place.sid)


def _plain_text(statements: Sequence[Any], broken: set[int | None]) -> Iterator[Finding]:
    """Yield policy variables in a document whose Version doesn't have any."""
    for index, statement in enumerate(statements):
        if index not in broken and "${" in json.dumps(statement):
            yield Finding(
                "variables-not-replaced",
                Severity.ERROR,
                Place(index, statement.get("Sid") or None),
                _(
                    "Variables like ${aws:username} are plain text in a policy of this version, so this "
                    "matches nobody."
                ),
                _('Write "Version": "2012-10-17".'),
            )
