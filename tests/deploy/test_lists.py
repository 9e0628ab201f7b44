"""Every deployment can pass every setting, and none passes a setting that doesn't exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import SETTINGS
from tests.deploy import lists


@pytest.mark.parametrize("file", lists.WRITTEN, ids=lambda file: file.name)
def test_the_lists_of_settings_are_those_of_the_table(file: Path) -> None:
    assert file.read_text() == lists.WRITTEN[file](), "run .venv/bin/python -m tests.deploy.lists"


def test_every_setting_is_either_secret_or_plain() -> None:
    assert sorted([*lists.secrets(), *lists.plain()]) == sorted(SETTINGS)
