"""Rows as files: CSV for spreadsheets, JSON for programs, streamed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

_PARTS = re.compile(r"([;\t\r\n])")
"""After what a spreadsheet may take for a separator, another cell begins."""
_FORMULA = tuple("=+-@＝＋－＠")
_BEFORE = "\"' \u00a0\u3000"
"""What may be between the start of a cell and a formula."""
_RISKY = re.compile(f"(?:^|[;\t\r\n])[{_BEFORE}]*[{re.escape(''.join(_FORMULA))}]")


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(_BEFORE).startswith(_FORMULA) else cell


def neutral(value: Any) -> Any:
    """Return text that a spreadsheet would run as a formula with an apostrophe before it (OWASP, CSV Injection)."""
    return _neutral(value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)  # most cells of a file are the same few texts
def _neutral(value: str) -> str:
    text = "".join(map(_plain, _PARTS.split(value))) if _RISKY.search(value) else value
    return f"'{text}" if text[:1] in ("\t", "\r") else text


def attachment(*about: str, ending: str) -> str:
    """Return the Content-Disposition of a file. about: what it is and of what. Its name also says when it was made.

    `attachment("campaign", "123456789012", ending="csv")` names it `campaign-123456789012-20261129-183000.csv` (UTC).
    """
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(each for each in about if each)).strip("-.")[:120]
    return f'attachment; filename="{words}-{datetime.now(UTC):%Y%m%d-%H%M%S}.{ending}"'


EXACT = "user_name_exact"
"""The column after those of the first releases, with `user_name` for joins: `exact`."""


@lru_cache(maxsize=4096)
def exact(name: str) -> str:
    """Return a name percent-encoded where it could be taken for a formula or isn't plain. Others stay as they are.

    `urllib.parse.unquote` returns the name. No name of an IAM user has a percent sign of its own.
    """
    first = f"%{ord(name[0]):02X}" if name[:1] in ("=", "+", "-", "@") else quote(name[:1], safe=_PLAIN)
    return first + quote(name[1:], safe=_PLAIN)


_PLAIN = "=+-@,./_"


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], added: Sequence[str] = ()) -> Iterator[str]:
    """Yield a line for each row, after the header. If `user_name` is in `columns`, `user_name_exact` follows them.

    added: columns after those, which later releases added.
    """
    named = "user_name" in columns
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow([*columns, *([EXACT] if named else []), *added])
    yield _emptied(line)
    names = (*columns, *added)
    for row in rows:
        cells = [neutral(row[name]) for name in names]
        if named:
            cells.insert(len(columns), exact(row["user_name"]))
        writer.writerow(cells)
        yield _emptied(line)


def _emptied(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def as_json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a JSON object per line."""
    for row in rows:
        yield json.dumps(row) + "\n"


def as_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one JSON array, with an object per line."""
    between = "[\n"
    for row in rows:
        yield between + json.dumps(row)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"
