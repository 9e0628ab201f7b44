"""Find the policy in what people paste: files of any tool, answers of commands, resources of templates, statements.

`aws iam get-policy-version` prints a document within PolicyVersion.Document, others within PolicyDocument, a template
within a resource, and the API URL-encodes it. If there is exactly one document in it, that one is evaluated. Pure.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.policy.texts import plain_text
from app.text.messages import _

DEEPEST = 24
"""Levels of a document within something else: `get-account-authorization-details` has six."""
_TRUST = "AssumeRolePolicyDocument"
"""Who may take a role: no identity policy."""


def decoded(given: bytes) -> str:
    """Decode a policy's text: UTF-8 with or without a byte order mark, or UTF-16 with one (from PowerShell's ">").

    Raises UnicodeDecodeError for any other encoding.
    """
    utf_16 = given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return given.decode("utf-16" if utf_16 else "utf-8-sig")


@dataclass(frozen=True)
class Unwrapped:
    """What a text contains. document: the one to evaluate, None if there is none or more than one.

    within: where it was, "PolicyVersion.Document", "" if it was the whole. sentence, remedy: what to say if there
    isn't exactly one document, otherwise empty.
    """

    document: Any
    within: str = ""
    sentence: str = ""
    remedy: str = ""


def unwrapped(given: Any) -> Unwrapped:
    """Return the one policy document in parsed JSON, or what it is instead. Anything with a Statement counts as a
    document.
    """
    given = _unquoted(given)
    if isinstance(given, Mapping) and "Statement" not in given:
        if _is_statement(given):
            return Unwrapped(
                None,
                sentence=_("This is one statement, not a policy."),
                remedy=_('Put it in the Statement list of a policy: {"Version": "2012-10-17", "Statement": [ … ]}.'),
            )
        return _within(given)
    if isinstance(given, list) and given:
        if all(map(_is_statement, given)):
            return Unwrapped(
                None,
                sentence=_("This is a list of statements, not a policy."),
                remedy=_('Make it the Statement of a policy: {"Version": "2012-10-17", "Statement": [ … ]}.'),
            )
        return _within(given)
    return _of_a_template(given, "This policy") or Unwrapped(given)


def _is_statement(given: Any) -> bool:
    return isinstance(given, Mapping) and "Effect" in given and not {"Action", "NotAction"}.isdisjoint(given)


def _unquoted(given: Any) -> Any:
    """Parse JSON within a JSON text, URL-encoded or not. Anything else is returned as it is."""
    if not isinstance(given, str):
        return given
    text = plain_text(given).strip()
    if not text.startswith(("{", "[", '"')):
        return given
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return given
    return _unquoted(inner) if isinstance(inner, str) and len(inner) < len(given) else inner


def _within(given: Any) -> Unwrapped:
    found = list(_documents(given, (), DEEPEST))
    if not found:
        return _without_document(given)
    if len(found) > 1:
        named = ", ".join(path for path, _ in found[:3]) + (f" and {len(found) - 3} more" if found[3:] else "")
        return Unwrapped(
            None,
            sentence=_("This contains %(found)s policies, not one: %(named)s.", found=len(found), named=named),
            remedy=_("Paste one of them, from { to }."),
        )
    [(path, document)] = found
    return _of_a_template(document, f"The policy under {path}") or Unwrapped(document, path)


def _of_a_template(document: Any, what: str) -> Unwrapped | None:
    """Describe a document that is only complete after a deployment."""
    function = next(_functions(document, DEEPEST), "")
    if not function:
        return None
    return Unwrapped(
        None,
        sentence=_(
            "%(what)s contains CloudFormation functions (%(function)s), so it’s only complete after deployment.",
            what=what,
            function=function,
        ),
        remedy=_("Paste the policy as AWS has it: what aws iam get-policy-version prints."),
    )


_NAMING = frozenset(
    {"AttachedPolicies", "DefaultVersionId", "PolicyArn", "PolicyNames", "VersionId", "PolicyId", "Arn"}
)
"""Keys in answers of the AWS CLI about policies that have no document."""


def _without_document(given: Any) -> Unwrapped:
    """Describe JSON without a Statement anywhere. It may still be a policy that lacks one."""
    if not isinstance(given, Mapping) or given.keys() <= {"Version", "Id"}:
        return Unwrapped(given)
    for name, value in given.items():
        if isinstance(value, Mapping | list) and difflib.get_close_matches(str(name).lower(), ["statement"], 1, 0.8):
            return _misspelt_statement(str(name), value)
    keys = set(_keys(given, DEEPEST))
    if _TRUST in keys:
        return Unwrapped(
            None,
            sentence=_("This contains only a trust policy. It says who can assume a role, not what users can do."),
            remedy=_("Paste a permissions policy: what aws iam get-policy-version or get-role-policy prints."),
        )
    if keys & _NAMING:
        return Unwrapped(
            None,
            sentence=_("This lists the names of policies, but not what is in them."),
            remedy=_(
                "Paste what aws iam get-policy-version prints, or for an inline policy get-user-policy "
                "or get-group-policy."
            ),
        )
    names = ", ".join(str(name)[:40] for name in list(given)[:3])
    return Unwrapped(
        None,
        sentence=_("There is no policy in this. It has %(names)s.", names=names),
        remedy=_("Paste the policy itself, from { to }: it has Version and Statement."),
    )


def _misspelt_statement(name: str, value: Any) -> Unwrapped:
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, Mapping) and not {"actions", "not_actions", "effect"}.isdisjoint(inner):
        return Unwrapped(
            None,
            sentence=_("This is a policy as Terraform writes it, with statement, actions and resources."),
            remedy=_("Paste the policy as AWS has it: what aws iam get-policy-version prints."),
        )
    return Unwrapped(
        None,
        sentence=_("“%(name)s” isn’t a policy element. AWS spells it Statement.", name=name[:40]),
        remedy=_('Write "Statement", and "Version" beside it. Capital letters matter.'),
    )


def _keys(given: Any, deeper: int) -> Iterator[str]:
    """Yield all keys in it."""
    inner = given.values() if isinstance(given, Mapping) else given if isinstance(given, list) else ()
    if isinstance(given, Mapping):
        yield from map(str, given)
    if deeper:
        for value in inner:
            yield from _keys(value, deeper - 1)


def _documents(given: Any, path: tuple[str, ...], deeper: int) -> Iterator[tuple[str, Any]]:
    """Yield (path, document) of everything with a Statement. Of a managed policy's versions, only the default one."""
    given = _unquoted(given)
    if isinstance(given, Mapping):
        if "Statement" in given:
            yield ".".join(path) or "it", given
            return
        inner = [(str(name), value) for name, value in given.items() if name != _TRUST]
    elif isinstance(given, list):
        in_force = [each for each in given if isinstance(each, Mapping) and each.get("IsDefaultVersion") is True]
        chosen = in_force if len(in_force) == 1 else given
        inner = [(_name(each, number), each) for number, each in enumerate(chosen)]
    else:
        return
    if deeper:
        for name, value in inner:
            yield from _documents(value, (*path, name[:80]), deeper - 1)


def _name(given: Any, number: int) -> str:
    """Return what an entry in a list calls itself."""
    names = ("PolicyName", "UserName", "GroupName", "RoleName", "VersionId", "name")
    said = next((given[name] for name in names if isinstance(given.get(name), str)), None) if _is_map(given) else None
    return said or str(number)


def _is_map(given: Any) -> bool:
    return isinstance(given, Mapping)


def _functions(given: Any, deeper: int) -> Iterator[str]:
    """Yield the CloudFormation functions in it."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            if str(name).startswith("Fn::") or (name == "Ref" and len(given) == 1):
                yield str(name)
            elif deeper:
                yield from _functions(value, deeper - 1)
    elif isinstance(given, list) and deeper:
        for value in given:
            yield from _functions(value, deeper - 1)
