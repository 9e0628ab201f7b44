"""Find the JSON in a text as people paste it: with a prompt, a code fence or a command around it, escaped,
URL-encoded.

A text without JSON is recognized as what it is: Terraform, YAML, a printout. Pure, in time linear in the text.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote, unquote_plus

from app.text.messages import N_, _
from app.text.typed import visible

MOST_STARTS = 50
"""Opening braces at which a document is looked for."""
_HEREDOC = re.compile(r"=[ \t]*<<-?[ \t]*\w+[ \t]*\n\s*\Z")
"""Where a document begins that Terraform's code holds as text: there $${ and %%{ mean ${ and %{."""
LONGEST = 100_000
"""Characters of a text that is no JSON and is looked at more closely."""


def plain_text(text: str) -> str:
    """Return the text without a byte order mark and URL-encoding. The API encodes documents that way."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:3].upper() not in ("%7B", "%5B"):
        return text
    return unquote(text) if "%20" in text or " " in text else unquote_plus(text)


@dataclass(frozen=True)
class Extracted:
    """The text to parse. around: what to say about the rest, "" if there is none."""

    text: str
    around: str = ""


def extracted(text: str) -> Extracted:
    """Return what to parse as JSON: the whole text or, if that isn't JSON, the one policy in it."""
    text = plain_text(text)
    if _is_json(text) or len(text) > LONGEST:
        return Extracted(text)
    if re.match(r'\s*(?:"\s*)?[{\[]\s*\\+[n"]', text):
        inner = _unescaped(text)
        if inner and _is_json(inner):
            return Extracted(
                inner, _('Its quotes and line breaks are escaped (\\" and \\n). We read them unescaped.')
            )
    found = _within(text)
    if not found:
        return Extracted(text)
    if _HEREDOC.search(text[: text.index(found)]):
        found = found.replace("$${", "${").replace("%%{", "%{")
    return Extracted(found, _("There is other text around the policy. Only the policy was checked."))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        return True  # the parser says so
    except ValueError:
        return False
    return True


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text.strip().strip(chr(34))}"', strict=False))
    except ValueError:
        return ""


def _within(text: str) -> str:
    """Return the one JSON text with a Statement. "" if there is none, several, or a broken one beside it."""
    read = json.JSONDecoder().raw_decode
    found, at = "", 0
    for start in islice(re.finditer(r'\{(?=\s*")', text), MOST_STARTS):
        if start.start() < at:
            continue
        try:
            value, at = read(text, start.start())
        except (ValueError, RecursionError):
            return ""  # what is whole further in is only a piece
        if '"Statement"' in text[start.start() : at] or _is_statement(value):
            if found:
                return ""
            found = text[start.start() : at]
    return found


def _is_statement(value: Any) -> bool:
    return isinstance(value, dict) and "Effect" in value and not {"Action", "NotAction"}.isdisjoint(value)


WHOLE = N_("Paste the whole document, from { to }.")
_AS_AWS_HAS_IT = N_("Paste the policy as AWS has it: what aws iam get-policy-version prints with --output json.")


def what_it_is(text: str, error: ValueError) -> tuple[str, str]:
    """Return (sentence, remedy) for a text that isn't JSON. error: from parsing it."""
    text = plain_text(text)
    if not text.strip():
        return _("It is not JSON: there is nothing in it."), _(WHOLE)
    if len(text) <= LONGEST:
        for is_it, sentence, remedy in _FORMS:
            if is_it(text):
                return _(sentence), _(remedy)
    if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data" and text[error.pos] in "{[":
        sentence = _("It has another JSON text after the first, at line %(line)s.", line=error.lineno)
        return sentence, _("Paste one policy at a time.")
    if isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
    ):
        return _("It is not JSON: it ends too early, at line %(line)s.", line=error.lineno), _(WHOLE)
    if isinstance(error, json.JSONDecodeError):
        where = {"line": error.lineno, "column": error.colno, "why": error.msg}
        return _("It is not JSON: there is a mistake at line %(line)s, column %(column)s (%(why)s).", **where), _(
            WHOLE
        )
    return _("It is not JSON: %(why)s.", why=error), _(WHOLE)


def _changed(change: Callable[[str], str]) -> Callable[[str], bool]:
    """Return a test of whether a text is JSON after this change."""
    return lambda text: _is_json(change(text))


def _straight(text: str) -> str:
    return re.sub("[\u201c\u201d\u201e\u201f\u00ab\u00bb]", '"', text)


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^[^\S\n]*(?://|#).*$|(?<=[,{}\[\]])[ \t]*(?://|#).*$", "", text)


def _is_printed_by_python(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text.strip()), dict | list)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False


def _is_yaml(text: str) -> bool:
    keys = "AWSTemplateFormatVersion|Resources|PolicyVersion|PolicyDocument|Document|Version|Statement"
    found = re.search(rf"(?m)^[ \t]*(?:- )?(?:{keys})[ \t]*:(?:[ \t]|$)", text)
    return found is not None and not text.lstrip().startswith(("{", "[", '"'))


def _looks_like(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.search(pattern, text) is not None


_FORMS: tuple[tuple[Callable[[str], bool], str, str], ...] = (
    (
        _looks_like(r"(?i)\A\s*<(?:!doctype html|html)\b"),
        N_("This is a web page, not a policy."),
        WHOLE,
    ),
    (_looks_like(r"\A\s*<[?A-Za-z]"), N_("This is XML, perhaps an answer from AWS’s API."), _AS_AWS_HAS_IT),
    (
        _looks_like(
            r"(?m)^[^\S\n]*(?:resource|data|module|variable|locals|output|provider)\b[^\n:]*\{|jsonencode\("
            r"|^[^\S\n]*(?:statement|principals|condition)\s*\{"
        ),
        N_("This is Terraform code."),
        N_(
            "Paste the policy as AWS has it: what aws iam get-policy-version prints with --output json. "
            "terraform show -json also has it."
        ),
    ),
    (
        _changed(_straight),
        N_('It has typographic quotes (“ ”), and JSON needs straight ones (").'),
        N_("Replace them, or copy the policy from where it was first written."),
    ),
    (
        _changed(lambda text: visible(text).translate({0xA0: " ", 0x202F: " ", 0x2028: "\n", 0x2029: "\n"})),
        N_("It has invisible characters or non-breaking spaces, which JSON doesn’t allow there."),
        N_("Paste it into a plain text editor first, and replace them with plain spaces."),
    ),
    (
        _changed(lambda text: re.sub(r",(\s*[}\]])", r"\1", text)),
        N_("It has a comma before a closing bracket, which JSON doesn’t allow."),
        N_("Remove that comma."),
    ),
    (_changed(_uncommented), N_("It has comments, and JSON has none."), N_("Remove them.")),
    (
        _changed(lambda text: re.sub(r"\\+\$", "$", text)),
        N_("It has a backslash before a $, as scripts need it, and JSON doesn’t allow that."),
        N_("Remove the backslashes."),
    ),
    (_is_printed_by_python, N_("This is Python’s printout, not JSON."), N_("Print it with json.dumps.")),
    (
        _looks_like(
            r"(?m)\bJSON\.stringify\(|\bPolicyStatement\b|\bStatement\("
            r"|^[^\S\n]*(?:import|const|let|var|export|def|class) \w"
        ),
        N_("This is program code."),
        _AS_AWS_HAS_IT,
    ),
    (
        _is_yaml,
        N_("This is YAML."),
        N_(
            "Latchkey reads JSON. Paste the policy as AWS has it: what aws iam get-policy-version prints with "
            "--output json."
        ),
    ),
    (
        _looks_like(r"(?m)\A\s*(?:-{20,}|\|\s+\w+)|^(?:POLICYVERSION|POLICY|DOCUMENT|STATEMENT)\t"),
        N_("This is what the AWS CLI prints as text or a table."),
        N_("Run the same command with --output json, and paste that."),
    ),
)
