"""The formats in which a credential report is uploaded: CSV, or what the AWS CLI and tools print around it. Pure.

`aws iam get-credential-report` prints the CSV in base64 under `Content`, and when AWS made it under `GeneratedTime`,
as JSON, YAML, text or a table; `--query Content` only the base64. PowerShell's `>` writes all of these in UTF-16.
"""

from __future__ import annotations

import ast
import base64
import binascii
import codecs
import json
import re
from datetime import UTC, datetime

from app.errors import Refused
from app.text.messages import N_, _


class NotAReport(Refused):
    """The file isn't a credential report, or not a complete one."""

    code = "not-a-report"
    diagnoses = frozenset(
        {
            "table", "xml", "markup", "powershell", "archive", "base64-damaged", "base64-of-others", "python", "json",
            "unclosed", "yaml", "not-text", "too-large", "columns", "cut-short", "no-root", "no-time", "made-before",
            "mixes-accounts", "twice", "future", "older", "incomplete", "other-account",
            "time", "nothing", "empty", "user-name", "arn", "other-arn", "boolean",
        }
    )  # fmt: skip
    message = N_("This isn’t a credential report. Nothing was changed.")
    field = "report"


def _wrong_form(what: str, diagnosis: str) -> NotAReport:
    """The refusal of a file in a form that can't be read. what: a sentence that says which."""
    how = _("Save the output of this command: aws iam get-credential-report --output json. Nothing was changed.")
    return NotAReport(f"{what} {how}", diagnosis=diagnosis)


_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_BYTES = re.compile(r"b'[^'\n]*'|b\"[^\"\n]*\"")
"""As Python prints bytes."""
_YAML_KEY = re.compile(r"(?:- |\s{0,4})(Content|GeneratedTime|ReportFormat):(.*)")
_HEADER = ("user,", "user\t", "\ufeffuser,")


def opened(content: bytes) -> tuple[str, datetime | None]:
    """Return the CSV in a file, and when AWS made it, None where the file doesn't say. Raises NotAReport."""
    text = _text(content)
    start = text.lstrip()
    if start.startswith("{"):
        return _from_json(start)
    if start.startswith('"') and not start.startswith('"user'):
        return _from_string(start), None
    if _YAML_KEY.match(start.removeprefix("---").lstrip("\n")):
        return _from_yaml(start)
    if start.startswith(("+-", "|", "--")) and "GetCredentialReport" in start:
        raise _wrong_form(_("This is the report printed as a table."), "table")
    first, _tab, rest = start.rstrip().partition("\t")
    if rest and "\n" not in rest and _is_base64(first):
        return _from_line(first, rest.split("\t"))
    alone = start.rstrip().removesuffix("\n...")
    if _BYTES.fullmatch(alone) or _is_base64(alone):
        return _csv(alone), None
    return _beside_other_text(text), None


_BEGINS = re.compile(r'^(?:"user","arn"|user[,\t]arn)[,\t]', re.MULTILINE)
_FRAME = re.compile(r"-----[A-Z ]+-----")
_NAMED = (
    (r"\s*<(?:\?xml|\w+Response\b)", "xml", N_("This is XML, an answer from the AWS API.")),
    (r"\s*<", "markup", N_("This is a web page or XML, not a report.")),
    (r"\s*Content\s+: ", "powershell", N_("This is an object as PowerShell prints it.")),
    (r"PK\x03\x04", "archive", N_("This is a spreadsheet or an archive, not the CSV file.")),
)
"""What files start with that are uploaded in place of a report, and what they are."""


def _beside_other_text(text: str) -> str:
    """Return the CSV without a prompt, command or spreadsheet's mark before it. Raises NotAReport."""
    if begins := _BEGINS.search(text):
        return text[begins.start() :]
    lines = [line for line in text.strip().splitlines() if not _FRAME.fullmatch(line.strip())]
    rest = "\n".join(lines if len(lines) < len(text.strip().splitlines()) else lines[1:])
    if _is_base64(rest):  # after a prompt, or in the frame that certutil -encode writes
        return _csv(rest)
    for begins_with, kind, sentence in _NAMED:
        if re.match(begins_with, text):
            raise _wrong_form(_(sentence), kind)
    return text


def _is_base64(text: str) -> bool:
    """Has the text nothing but lines of base64? A text that is shorter than any report's header doesn't count."""
    return (
        len(text) > 40 and bool(_BASE64.fullmatch(text)) and all(len(line.split()) < 2 for line in text.split("\n"))
    )


def _text(content: bytes) -> str:
    """Decode the file. Raises NotAReport."""
    try:
        return decoded(content)
    except UnicodeDecodeError as error:
        message = _("This isn’t a text file. Choose the CSV file you downloaded from AWS. Nothing was changed.")
        raise NotAReport(message, diagnosis="not-text") from error


def decoded(content: bytes) -> str:
    """Decode UTF-8, or UTF-16 where a byte order mark says so. Raises UnicodeDecodeError."""
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not content.startswith(
        codecs.BOM_UTF32_LE
    )
    return content.decode("utf-16" if marked else "utf-8-sig")


def _csv(given: str) -> str:
    """Return the CSV that the text has in base64, or as Python prints bytes. Raises NotAReport."""
    written = given.strip()
    try:
        if _BYTES.fullmatch(written):
            found = ast.literal_eval(written)
            if not found.startswith(b"user"):
                found = base64.b64decode(found, validate=True)
        else:
            found = base64.b64decode("".join(written.split()), validate=True)
    except (binascii.Error, ValueError, SyntaxError, MemoryError) as error:
        raise _wrong_form(_("The base64 in this file is incomplete or damaged."), "base64-damaged") from error
    text = _text(found)
    if not text.startswith(_HEADER):
        raise _wrong_form(_("The base64 in this file doesn’t contain a credential report."), "base64-of-others")
    return text


def _from_json(text: str) -> tuple[str, datetime]:
    try:
        answer = json.loads(text)
        content, made_at = _string(answer["Content"]), time_of(answer["GeneratedTime"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        python = "datetime.datetime(" in text
        if python:
            raise _wrong_form(_("This is the report as Python prints it."), "python") from error
        raise _wrong_form(_("This is JSON, but not the whole credential report."), "json") from error
    return (content if content.startswith(_HEADER) else _csv(content)), made_at


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _from_string(text: str) -> str:
    """Return the CSV in what `--query Content` prints as JSON."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _wrong_form(_("The file is incomplete: a quotation mark is never closed."), "unclosed") from error
    return _csv(str(content))


def _from_yaml(text: str) -> tuple[str, datetime]:
    """Read the answer's three keys, whose values can continue over indented lines. Other YAML isn't read."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        key = _YAML_KEY.fullmatch(line)
        if key:
            name = key[1]
            found[name] = [key[2]]
        elif name and line[:1] in (" ", "\t"):
            found[name].append(line)
    values = {name: _scalar(lines) for name, lines in found.items()}
    try:
        made_at = time_of(values["GeneratedTime"])
        content = values["Content"]
    except (KeyError, ValueError, TypeError) as error:
        raise _wrong_form(_("This is YAML, but not the whole credential report."), "yaml") from error
    return _csv(
        content if content.startswith("b") and _BYTES.fullmatch(content) else content.replace("\\", "")
    ), made_at


def _scalar(lines: list[str]) -> str:
    """Return a YAML value without its tag, block mark and quotes."""
    first = re.sub(r"^(?:!!?\w+)?\s*(?:[|>][+-]?)?$", "", lines[0].strip())
    first = re.sub(r"^!!?\w+\s+", "", first)
    whole = "\n".join([first, *(line.strip() for line in lines[1:])]).strip()
    return whole[1:-1] if whole[:1] in ("'", '"') and whole[-1:] == whole[:1] else whole


def _from_line(first: str, others: list[str]) -> tuple[str, datetime | None]:
    """Read what `--output text` prints: base64, time and format, separated by tabs."""
    made_at = None
    for other in others:
        try:
            made_at = time_of(other.strip())
        except ValueError:
            continue
    return _csv(first), made_at


def time_of(value: object) -> datetime:
    """Read a time as the AWS CLI or Python prints it: ISO 8601, or Unix seconds. Raises ValueError, TypeError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 < value < 7e9:
            raise ValueError("a time far from ours")
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        raise TypeError("a time")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None or not 1970 < moment.year < 2200:
        raise ValueError("a time far from ours, or without its zone")
    return moment
