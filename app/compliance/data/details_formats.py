"""The formats in which authorization details are uploaded: JSON or YAML, whole or page by page. Pure.

`aws iam get-account-authorization-details` prints one object with the lists of all pages. `--no-paginate` prints
one page, `--output yaml-stream` a list of pages. Files of several pages can be joined, and PowerShell writes UTF-16.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from app.compliance.data.report_formats import decoded
from app.errors import Refused
from app.text.messages import N_, _

LARGEST = 64 * 1024 * 1024
"""Bytes. Details of 5,000 users, 1,500 policies and 1,000 roles have about 30 million."""
LARGEST_UPLOAD = 32 * 1024 * 1024
"""Bytes that a page takes: many pages are served at once. The command takes more."""
DEEPEST = 60
"""Levels of objects and lists. AWS writes about a dozen."""
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
"""What a page has (IAM API reference, GetAccountAuthorizationDetails)."""
Page = Mapping[str, Any]


class NotDetails(Refused):
    """The file isn't an account's authorization details, or not all of them."""

    code = "not-details"
    diagnoses = frozenset(
        {
            "xml", "markup", "python", "table", "text", "powershell", "archive", "not-text", "empty", "report",
            "neither", "no-lists", "not-json", "not-yaml", "cut-short", "too-deep", "references", "too-large",
            "no-users", "mixes-accounts", "collected-before", "more-pages", "twice", "no-list", "future", "older",
            "incomplete", "other-account", "value", "other-arn", "time", "document", "tag",
        }
    )  # fmt: skip
    message = N_("These aren’t the authorization details of an account. Nothing was changed.")
    field = "report"


def wrong_form(what: str, diagnosis: str) -> NotDetails:
    """Return the refusal of a file in a form that can't be read. what: a sentence that says which."""
    how = _(
        "Save the output of this command: aws iam get-account-authorization-details --output json. "
        "Nothing was changed."
    )
    return NotDetails(f"{what} {how}", diagnosis=diagnosis)


_KEYS = "|".join((*LISTS, "IsTruncated", "Marker"))
_YAML = re.compile(rf"(?:---\s*\n)?(?:- )?(?:{_KEYS}):", re.ASCII)
_NAMED = (
    (r"<(?:\?xml|\w+Response\b)", "xml", N_("This is XML, an answer from the AWS API.")),
    (r"<", "markup", N_("This is a web page or XML.")),
    (r"\{'|\[\{'", "python", N_("These are the details as Python prints them.")),
    (r"-{5}|\+-|\|", "table", N_("These are the details printed as a table.")),
    (r"(?:USER|GROUP|ROLE)DETAILLIST\t|POLICIES\t|(?:True|False)$", "text", N_("These are the details as text.")),
    (r"\w+\s+: ", "powershell", N_("This is an object as PowerShell prints it.")),
    (r"PK\x03\x04", "archive", N_("This is an archive or a spreadsheet.")),
)
"""What files start with that are uploaded in place of details, and what they are."""


_REPORT = "user,", '"user",', "user\t"
"""How the titles of a credential report begin."""


def holds_details(content: bytes) -> bool:
    """Is this a file of details rather than a credential report? It may still be incomplete."""
    try:
        text = decoded(content).lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError:
        return False
    return "DetailList" in text and not text.startswith(_REPORT)  # a user of a report may have it in their name


def pages_of(content: bytes) -> list[Page]:
    """Return the pages in a file, in their order. Raises NotDetails."""
    if len(content) > LARGEST:
        too_large = _("This file is larger than the details of any account. Nothing was changed.")
        raise NotDetails(too_large, diagnosis="too-large")
    try:
        text = decoded(content).strip("\ufeff \t\r\n")
    except UnicodeDecodeError as error:
        raise wrong_form(_("This isn’t a text file."), "not-text") from error
    if not text:
        raise wrong_form(_("This file is empty."), "empty")
    if text.startswith(_REPORT) or '"GeneratedTime"' in text[-200:]:
        message = _("This is a credential report. Import it without --details. Nothing was changed.")
        raise NotDetails(message, diagnosis="report")
    for begins_with, kind, sentence in _NAMED:
        if re.match(begins_with, text, re.MULTILINE):
            raise wrong_form(_(sentence), kind)
    if _YAML.match(text):
        return _pages(_from_yaml(text))
    if text[0] in "{[":
        return _pages(_from_json(text))
    raise wrong_form(_("This is neither JSON nor YAML."), "neither")


def _pages(documents: list[Any]) -> list[Page]:
    """Return the pages in what was read: each document is a page, or a list of pages. Raises NotDetails."""
    found: list[Page] = []
    for document in documents:
        for page in document if isinstance(document, list) else [document]:
            if not isinstance(page, Mapping) or not any(name in page for name in LISTS):
                raise wrong_form(_without_lists(page), "no-lists")
            found.append(page)
    if not found:
        raise wrong_form(_("This file is empty."), "empty")
    return found


def _without_lists(page: Any) -> str:
    """What it is that has none of the four lists."""
    names = set(page) if isinstance(page, Mapping) else set()
    if "Statement" in names or "PolicyVersion" in names:
        return _("This is a single policy.")
    if {"Content", "ReportFormat"} & names:
        return _("This is a credential report.")
    if names & {"UserName", "GroupName", "RoleName", "PolicyName", "Users", "Groups"}:
        return _("This is only a part of the details, or a list.")
    return _("This is JSON or YAML, but not an account’s authorization details.")


def _from_json(text: str) -> list[Any]:
    """Read one JSON document after another. Raises NotDetails."""
    decode = json.JSONDecoder(parse_constant=_no_number).raw_decode
    found: list[Any] = []
    at = 0
    while at < len(text):
        try:
            document, at = decode(text, at)
        except RecursionError as error:
            raise _too_deep() from error
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated string"):
                raise cut_short() from error
            raise wrong_form(_("Line %(line)d of this file isn’t JSON.", line=error.lineno), "not-json") from error
        except ValueError as error:
            raise wrong_form(_("This isn’t JSON: %(why)s.", why=str(error)[:80]), "not-json") from error
        found.append(document)
        while at < len(text) and text[at] in "\ufeff \t\r\n":
            at += 1
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} isn’t a number")


def cut_short() -> NotDetails:
    """Return the refusal of a file that ends in the middle."""
    message = _("The file is incomplete: it ends in the middle. Run the command again. Nothing was changed.")
    return NotDetails(message, diagnosis="cut-short")


def _too_deep() -> NotDetails:
    message = _("This file is nested more deeply than the details of any account. Nothing was changed.")
    return NotDetails(message, diagnosis="too-deep")


_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


def _plain(text: str) -> Any:
    """The value of a YAML scalar without quotes: a boolean, nothing, a whole number, or text, as dates are."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", text, re.ASCII) else text


def _from_yaml(text: str) -> list[Any]:
    """Read YAML documents without recursion, tags and references: no file can ask for much with little.

    Raises NotDetails.
    """
    import yaml  # noqa: PLC0415 # most details are JSON

    tree = _Tree(yaml)
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        for event in yaml.parse(text, Loader=loader):
            tree.add(event)
    except yaml.reader.ReaderError as error:
        raise wrong_form(_("This file contains characters that YAML doesn’t allow."), "not-yaml") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if mark is None or mark.index >= len(text.rstrip()):
            raise cut_short() from error
        raise wrong_form(_("Line %(line)d of this file isn’t YAML.", line=mark.line + 1), "not-yaml") from error
    return tree.documents


class _Tree:
    """Values built from the events of a YAML parser."""

    def __init__(self, yaml: ModuleType) -> None:
        self._yaml = yaml
        self.documents: list[Any] = []
        self._open: list[tuple[Any, Callable[[Any], None]]] = []

    def add(self, event: Any) -> None:
        """Take the next event. Raises NotDetails."""
        if isinstance(event, self._yaml.AliasEvent) or getattr(event, "anchor", None):
            message = _("This YAML contains references, which the AWS CLI never writes. Nothing was changed.")
            raise NotDetails(message, diagnosis="references")
        if isinstance(event, self._yaml.ScalarEvent):
            self._put(_plain(event.value) if event.implicit[0] else event.value)
        elif isinstance(event, self._yaml.MappingStartEvent):
            self._begin({})
        elif isinstance(event, self._yaml.SequenceStartEvent):
            self._begin([])
        elif isinstance(event, self._yaml.CollectionEndEvent):
            self._open.pop()

    def _begin(self, container: Any) -> None:
        self._put(container)
        if len(self._open) >= DEEPEST:
            raise _too_deep()
        self._open.append((container, _filling(container)))

    def _put(self, value: Any) -> None:
        if self._open:
            self._open[-1][1](value)
        else:
            self.documents.append(value)


def _filling(container: Any) -> Callable[[Any], None]:
    """Return what puts the next value into a list, or the next key and then its value into a dictionary."""
    if isinstance(container, list):
        return container.append
    waiting: list[str] = []

    def fill(value: Any) -> None:
        if waiting:
            container[waiting.pop()] = value
        elif isinstance(value, dict | list):
            raise wrong_form(_("This YAML has a key that isn’t text."), "not-yaml")
        else:
            waiting.append(str(value))

    return fill
