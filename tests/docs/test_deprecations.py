"""docs/deprecations.md lists every old name that the code still knows, and none that it doesn't."""

from __future__ import annotations

import re
import tomllib

from app import __version__
from app.cli.main import COMMANDS
from app.web.request_context import ID_PARAMETERS
from config import SETTINGS
from tests.docs.pages import text
from tests.support.sandbox import ROOT

NO_END = "no end planned"


def rows(section: str) -> list[tuple[str, ...]]:
    """The cells of each row of a section's table."""
    part = text("docs/deprecations.md").split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")) for line in lines]


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_settings_with_a_former_name_are_listed() -> None:
    renamed = [(each.formerly, each.name) for each in SETTINGS.values() if each.formerly]
    assert rows("Settings") == sorted((old.name, new, old.since, old.until) for old, new in renamed if old)


def test_commands_of_flask_are_listed_and_each_has_its_form_of_latchkey() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {*project["entry-points"]["flask.commands"], "db"}
    listed = {(row[0].split()[-1], row[1].split()[-1]) for row in rows("Commands")}
    assert names <= set(COMMANDS) and listed == {(name, name) for name in names}


def test_addresses_with_a_former_parameter_are_listed() -> None:
    new, *old = ID_PARAMETERS
    assert [(row[0], row[1]) for row in rows("Addresses")] == [(f"?{name}=", f"?{new}=") for name in old]


def test_every_old_name_works_through_the_next_major_version_and_none_is_overdue() -> None:
    released = set(re.findall(r"^## (\d+\.\d+\.\d+) - ", text("CHANGELOG.md"), re.MULTILINE))
    for section in ("Settings", "Commands", "Addresses"):
        assert rows(section)
        for _, _, since, until in rows(section):
            assert since in released
            if until != NO_END:
                assert number(until)[0] > number(since)[0] and number(until)[1:] == (0, 0), (
                    "removed by a major version"
                )
                assert number(until) > number(__version__), "remove it, or say how long it still works"


def test_settings_say_until_when_the_former_name_works() -> None:
    for old, new, _, until in rows("Settings"):
        assert f"The former name `{old}` works until version {until}" in SETTINGS[new].description()
