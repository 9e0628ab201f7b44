"""`make bench`: every entry, as a table and as bench/results.json; exit status 1 if an aim is missed."""

from __future__ import annotations

import json
import pkgutil
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import bench
from bench import Row

RESULTS = Path(__file__).with_name("results.json")


def _line(name: str, ours: str, theirs: str, ratio: str, aim: str, compared: str) -> str:
    return f"{name:<28} {ours:>10} {theirs:>10} {ratio:>7} {aim:>7}  {compared}"


def main() -> int:
    """Run what is there, print and write it."""
    entries = sorted(found.name for found in pkgutil.iter_modules(bench.__path__) if not found.name.startswith("_"))
    print(_line("what", "ours, ms", "theirs, ms", "ratio", "at most", "against"))
    rows: list[Row] = []
    for entry in entries:
        for row in import_module(f"bench.{entry}").measure():
            aim = "" if row.at_most is None else f"{row.at_most:g}"
            times, unit = (1000, "") if row.unit == "s" else (1, f" {row.unit}")
            ours, theirs = f"{row.ours * times:.1f}{unit}", f"{row.theirs * times:.1f}{unit}"
            print(_line(row.name, ours, theirs, f"{row.ratio:.2f}", aim, row.compared), flush=True)
            rows.append(row)
    found = [asdict(row) | {"ratio": round(row.ratio, 3), "kept": row.kept} for row in rows]
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row.kept for row in rows) else 1


sys.exit(main())
