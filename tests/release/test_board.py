"""Grafana's own library reads the board, and knows every property in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.release.conftest import run
from tests.support.sandbox import ROOT

BOARD = ROOT / "deploy/grafana/latchkey.json"
LIBRARY = "grafana-foundation-sdk==1769699998!10.1.0"
READ = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
print(JSONEncoder().encode(Dashboard.from_json(json.load(open(sys.argv[1])))))
"""


def understood(file: Path) -> Any:
    """The board as Grafana's library writes it after reading it. It leaves out what it doesn't know."""
    uv = ROOT / ".venv/bin/uv"
    return json.loads(run(uv, "run", "-q", "--no-project", "--with", LIBRARY, "python", "-c", READ, file))


def lost(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Places of what isn't in theirs, or differs there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from lost(value, theirs[name], f"{where}/{name}") if name in theirs else [f"{where}/{name}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(mine, other, f"{where}/{number}")
    elif ours != theirs:
        yield where


def test_grafana_knows_everything_in_the_board(tmp_path: Path) -> None:
    board = json.loads(BOARD.read_text())
    assert list(lost(board, understood(BOARD))) == []
    wrong = tmp_path / "wrong.json"
    wrong.write_text(BOARD.read_text().replace('"gridPos"', '"gridPosition"').replace('"legendFormat"', '"legend"'))
    named = {place.rpartition("/")[2] for place in lost(json.loads(wrong.read_text()), understood(wrong))}
    assert {"gridPosition", "legend"} <= named
