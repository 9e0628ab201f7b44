"""The prose of a file: its text without code, at the same lines and columns.

Markdown and templates are prose except for their code. Of programs, prose is what they say: comments, docstrings and
strings. Tests quote odd texts on purpose, so of tests only comments and docstrings are prose.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Generic, Name, Punctuation, String, Text, _TokenType
from pygments.util import ClassNotFound

ROOT = Path(__file__).parents[2]

CODE = "\N{CURRENCY SIGN}"
"""Replaces each character of code, so that words before and after it are no phrase."""

_NOT_OURS = re.compile(
    r"^LICENSE$|^static/bootstrap\.css$|^migrations/versions/|^tests/audit/data/|^\.gitignore$|\.(?:json|jsonl|lock|png|webp|svg|ini|mako|npmrc|xz)$"
)
"""Files without prose, and texts that aren't ours or are never edited (old migrations, stored data)."""

_ROW = re.compile(r"^\|.*$", re.MULTILINE)
"""A row of a table, in whose cells semicolons separate items."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
"""A string that is a stable code or a name, like "not-json": no prose."""

_QUOTED = re.compile(
    r"(?<![\w-])(?:[a-z]+-src|base-uri|form-action|frame-ancestors)(?:\s+(?:none|self|data:))+\s*;"
    r"|AWS was not able to validate the provided access credentials"
)
"""Texts of others: directives of a Content Security Policy (without their quotation marks), and an error of EC2."""

_MARGIN = re.compile(r"^[ \t]*(?:#|//|\*)", re.MULTILINE)
"""What begins a line of a comment."""


def files() -> list[str]:
    """Paths of the project's files that contain prose, relative to the project, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return sorted(path for path in listed if not _NOT_OURS.search(path) and (ROOT / path).is_file())


def prose(path: str, content: str) -> str:
    """`content` with each character of code replaced, so that positions stay. `path` tells which language it is."""
    text = "".join(_as_prose(path, kind, text) for kind, text in _lexer(path).get_tokens(content))
    text = _QUOTED.sub(lambda quoted: _as_code(quoted[0]), text)
    return _ROW.sub(lambda row: row[0].replace(";", ","), text) if path.endswith(".md") else text


def _as_prose(path: str, kind: _TokenType, text: str) -> str:
    if not _is_prose(path, kind):
        tag = path.endswith(".html") and (kind in Name.Tag or kind is Punctuation)
        gone = " " if tag else CODE  # a tag is no gap in a sentence
        return _as_code(text, gone)
    if kind in String and _ID.fullmatch(text):
        return _as_code(text)
    if kind in Comment:
        return _MARGIN.sub(lambda margin: " " * len(margin[0]), text)
    # Between two halves of a string over two lines, a quotation mark is no gap in the sentence, either.
    return re.sub(r"[\"']", " ", text) if kind in String and not text.strip("\"'") else text


def _as_code(text: str, gone: str = CODE) -> str:
    return re.sub(r"[^\s]", gone, text)


def _is_prose(path: str, kind: _TokenType) -> bool:
    if path.endswith(".md"):
        return kind in Text or kind in Generic or kind is Name.Tag  # the words of a link
    if path.endswith(".html"):
        return kind is Text or kind in String or (kind in Comment and kind is not Comment.Preproc)
    if kind in Comment:
        return kind is not Comment.Hashbang
    if path.startswith("tests/"):
        return kind in String.Doc
    return path.endswith((".py", ".js")) and kind in String and kind not in (String.Interpol, String.Escape)


def _lexer(path: str) -> Lexer:
    options = {"stripnl": False, "ensurenl": False}
    if path.endswith(".md"):
        return get_lexer_by_name("markdown", handlecodeblocks=False, **options)
    if path.endswith(".html"):
        return get_lexer_by_name("html+django", **options)
    try:
        return get_lexer_for_filename(path, **options)
    except ClassNotFound:
        return get_lexer_by_name("python" if _is_python(path) else "bash", **options)


def _is_python(path: str) -> bool:
    with (ROOT / path).open() as file:
        return "python" in file.readline()
