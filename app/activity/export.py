"""The audit log as files: CSV for spreadsheets, JSON Lines for programs, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from app.audit.chain import COLUMNS
from app.web.exports import as_csv, as_json_lines

FORMATS: dict[str, tuple[str, Callable[[Iterable[Mapping[str, Any]]], Iterator[str]]]] = {
    "csv": ("text/csv", partial(as_csv, COLUMNS)),
    "jsonl": ("application/x-ndjson", as_json_lines),
}
"""Ending to content type and writer."""
