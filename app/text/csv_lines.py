"""CSV that is read line by line, as lists of accounts are."""

from __future__ import annotations

import csv


def cells_of(line: str) -> list[str]:
    """Return the cells of one line, without blanks around them. Raises csv.Error.

    Each line alone: a quotation mark that nobody closed would take the accounts of the next lines with it.
    """
    return [cell.strip() for cell in next(csv.reader([line], strict=True))]
