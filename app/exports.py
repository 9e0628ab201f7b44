"""Rows as files: CSV for spreadsheets, JSON for programs; streamed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_PARTS = re.compile(r"([;\t\r\n])")
"""Behind what a spreadsheet may take for a separator, another cell begins."""
_FORMULA = tuple("=+-@＝＋－＠")


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.lstrip("\"' \u00a0\u3000").startswith(_FORMULA) else cell


def neutral(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, made plain by an apostrophe (OWASP, CSV Injection)."""
    if not isinstance(value, str):
        return value
    text = "".join(map(_plain, _PARTS.split(value)))
    return f"'{text}" if text[:1] in ("\t", "\r") else text


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line a row, after the header."""
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    yield _taken(line)
    for row in rows:
        writer.writerow([neutral(row[name]) for name in columns])
        yield _taken(line)


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def as_json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A JSON object a line."""
    for row in rows:
        yield json.dumps(row) + "\n"


def as_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON array, a line an object."""
    between = "[\n"
    for row in rows:
        yield between + json.dumps(row)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"
