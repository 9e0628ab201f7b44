"""Settings: one table, which docs/settings.md shows, and former names that still work."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config import SETTINGS, from_env, table
from tests.deploy import lists
from tests.support.databases import GOOD

SECRET = "k" * 40
FORMER = [
    ("CONFIRM_MINUTES", "REAUTH_MINUTES", "REAUTH_WITHIN"),
    ("SESSION_MAX_MINUTES", "ACCESS_KEY_SESSION_MAX_MINUTES", "ACCESS_KEY_SESSION_MAX"),
]


def test_the_page_of_settings_has_the_table() -> None:
    page = Path(__file__).parents[2].joinpath("docs/settings.md").read_text()
    assert table() in page, "copy what `.venv/bin/python config.py` prints"


@pytest.mark.parametrize("file", lists.WRITTEN, ids=lambda file: file.name)
def test_every_deployment_can_pass_every_setting_and_no_other(file: Path) -> None:
    assert file.read_text() == lists.WRITTEN[file](), "run `.venv/bin/python -m tests.deploy.lists`"


def test_every_setting_says_what_it_is() -> None:
    for setting in SETTINGS.values():
        assert len(setting.help) > 20 and not setting.help.endswith("."), setting.name


def test_every_default_is_a_value_that_could_be_set() -> None:
    as_default = from_env(GOOD)
    for setting in SETTINGS.values():
        key = setting.key or setting.name
        assert from_env({**GOOD, setting.name: GOOD.get(setting.name, setting.default)})[key] == as_default[key]


@pytest.mark.parametrize(("former", "name", "key"), FORMER)
def test_a_former_name_works_and_the_log_says_so(
    former: str, name: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert from_env({**GOOD, former: "45"})[key] == timedelta(minutes=45)
    assert caplog.messages == [
        f"{former} is now called {name}. The former name works until version 2.0.0. Rename it."
    ]


@pytest.mark.parametrize(("former", "name", "key"), FORMER)
def test_the_name_of_now_wins(former: str, name: str, key: str, caplog: pytest.LogCaptureFixture) -> None:
    assert from_env({**GOOD, former: "45", name: "20"})[key] == timedelta(minutes=20)
    assert caplog.messages == [f"{former} is ignored, because {name} is set. Remove it."]


@pytest.mark.parametrize(("former", "name", "key"), FORMER)
def test_what_is_wrong_is_told_under_the_name_that_was_used(former: str, name: str, key: str) -> None:
    with pytest.raises(SystemExit, match=f"\n- {former} is 'soon': set a whole number"):
        from_env({**GOOD, former: "soon"})
    with pytest.raises(SystemExit, match=f"\n- {name} is 'soon': set a whole number"):
        from_env({**GOOD, name: "soon"})


@pytest.mark.parametrize("setting", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_short_secret_is_refused_and_not_repeated(setting: str) -> None:
    with pytest.raises(SystemExit) as told:
        from_env({**GOOD, setting: "hunter2"})
    assert setting in str(told.value) and "hunter2" not in str(told.value)


def test_a_secret_may_hold_any_character() -> None:
    assert from_env({**GOOD, "SECRET_KEY": "a,b" * 11})["SECRET_KEY"] == "a,b" * 11
    assert from_env({**GOOD, "SECRET_KEY_FALLBACKS": f"{SECRET}, {SECRET}"})["SECRET_KEY_FALLBACKS"] == [SECRET] * 2
