"""The record as files: CSV for spreadsheets, JSON Lines for programs; streamed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from app.activity.queries import COLUMNS


def neutral(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, made plain by an apostrophe (OWASP, CSV Injection)."""
    if not isinstance(value, str):
        return value
    # Also behind what a spreadsheet may take for a separator.
    text = re.sub(r"(?<=[;\t\r\n])(?=\s*[=+\-@])", "'", value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def as_csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line a row, after the header."""
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    yield _taken(line)
    for row in rows:
        writer.writerow([neutral(row[name]) for name in COLUMNS])
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


FORMATS: dict[str, tuple[str, Callable[[Iterable[Mapping[str, Any]]], Iterator[str]]]] = {
    "csv": ("text/csv", as_csv),
    "jsonl": ("application/x-ndjson", as_json_lines),
}
"""Ending to content type and writer."""
