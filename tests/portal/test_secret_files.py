"""Secrets in files: each secret of the table can be in one, and a file that can't be used is said plainly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.settings.table import Setting
from config import SETTINGS, from_env
from tests.support.databases import GOOD

SECRET = "a secret of more than 32 characters"
SECRETS = [setting for setting in SETTINGS.values() if setting.secret]
VALUES = {
    "AUDIT_KEYS": f"k1:{SECRET}",
    "DATABASE_URL": "postgresql+psycopg://latchkey:secret@127.0.0.1/latchkey",
    "REDIS_URL": "redis://:secret@127.0.0.1:6379/0",
    "WEBHOOK_URL": "https://hooks.example.com/secret",
    "SLACK_WEBHOOK_URL": "https://hooks.example.com/secret",
    "TEAMS_WEBHOOK_URL": "https://hooks.example.com/secret",
    "WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
"""A value of each secret that isn't just characters."""
TOGETHER = {
    "OIDC_CLIENT_SECRET": {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "latchkey"}
    | {"OIDC_ADMIN_GROUPS": "admins"},
    "SMTP_PASSWORD": {
        "SMTP_SERVER": "smtp.example.com",
        "SMTP_FROM": "latchkey@example.com",
        "SMTP_USER": "latchkey",
    },
    "WEBHOOK_URL": {"WEBHOOK_SECRETS": VALUES["WEBHOOK_SECRETS"]},
    "WEBHOOK_SECRETS": {"WEBHOOK_URL": VALUES["WEBHOOK_URL"]},
}
"""What a secret needs beside it."""


def file(folder: Path, content: str | bytes = SECRET, mode: int = 0o400) -> Path:
    made = folder / "secret"
    made.write_bytes(content if isinstance(content, bytes) else content.encode())
    made.chmod(mode)
    return made


def problems(**settings: str) -> list[str]:
    """What is wrong with settings, a sentence or two for each."""
    with pytest.raises(SystemExit) as stopped:
        from_env({name: value for name, value in {**GOOD, **settings}.items() if value})
    return [line.removeprefix("- ") for line in str(stopped.value).splitlines()[1:]]


def test_what_the_table_calls_secret_is_what_would_let_others_in() -> None:
    words = ("SECRET", "PASSWORD", "TOKEN", "KEYS", "_KEY", "WEBHOOK_URL")
    numbers = ("_LIMIT_PER_KEY", "_DAYS", "_MINUTES")
    named = {name for name in SETTINGS if any(word in name for word in words) and not name.endswith(numbers)}
    assert {setting.name for setting in SECRETS} == named | {"DATABASE_URL", "REDIS_URL"}


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_in_a_file_is_the_same_as_in_the_environment(setting: Setting, end: str, tmp_path: Path) -> None:
    name, key = setting.name, setting.key or setting.name
    value = VALUES.get(name, SECRET)
    beside = {each: GOOD[each] for each in GOOD if each != name} | TOGETHER.get(name, {})
    in_file = from_env({**beside, f"{name}_FILE": str(file(tmp_path, value + end))})
    assert in_file[key] == from_env({**beside, name: value})[key] and in_file[key]


def test_both_ways_at_once_are_an_error(tmp_path: Path) -> None:
    told = problems(SECRET_KEY=SECRET, SECRET_KEY_FILE=str(file(tmp_path)))
    assert told == ["SECRET_KEY and SECRET_KEY_FILE are both set. Set one of them."]


def test_a_file_that_is_not_there_is_said_without_repeating_what_may_be_the_secret(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path / "round")
    secrets = (SECRET, "k" * 256, "/" + "k" * 5000, "no\0path", "not\udcffdecoded")
    for path in (str(tmp_path / "none"), str(file(tmp_path) / "below"), str(tmp_path / "round"), *secrets):
        [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=path)
        assert told.startswith("SECRET_KEY_FILE names a file that doesn’t exist.") and path not in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (b"\xff" * 40, "isn’t UTF-8 text"),
        ("k" * 70_000, "is larger than 64 KiB"),
    ],
    ids=["empty", "a line break", "bytes", "large"],
)
def test_a_file_without_a_secret_is_said_once(content: str | bytes, said: str, tmp_path: Path) -> None:
    made = file(tmp_path, content)
    [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(made))
    assert told.startswith(f"SECRET_KEY_FILE: {made} {said}")


@pytest.mark.parametrize("mode", [0o404, 0o444, 0o644, 0o604])
def test_a_file_that_everyone_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    made = file(tmp_path, mode=mode)
    [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(made))
    assert told == (
        f"SECRET_KEY_FILE: {made} can be read by everyone on this machine (mode {mode:04o}). "
        "Give it mode 0400 or 0440."
    )


@pytest.mark.parametrize(("mode", "may"), [(0o402, "changed"), (0o602, "changed"), (0o606, "read and changed")])
def test_a_file_that_everyone_can_change_is_refused(mode: int, may: str, tmp_path: Path) -> None:
    made = file(tmp_path, mode=mode)
    [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(made))
    assert told == (
        f"SECRET_KEY_FILE: {made} can be {may} by everyone on this machine (mode {mode:04o}). "
        "Give it mode 0400 or 0440."
    )


def test_a_path_cannot_control_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[2J"
    folder.mkdir()
    for path in (folder, file(folder, "")):
        [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(path))
        assert told.startswith(f"SECRET_KEY_FILE: {tmp_path}/\\x1b[2J") and told.isprintable()


def test_a_folder_or_pipe_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for place in (tmp_path, tmp_path / "pipe"):
        [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(place))
        assert told.startswith(f"SECRET_KEY_FILE: {place} ") and "Set the path of a file" in told


def test_a_link_as_kubernetes_makes_them_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    made = file(tmp_path / "..data", mode=0o440)
    (tmp_path / "secret_key").symlink_to(made)
    config = from_env({**GOOD, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "secret_key")})
    assert config["SECRET_KEY"] == SECRET


def test_what_is_wrong_with_the_secret_is_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    [told] = problems(SECRET_KEY="", SECRET_KEY_FILE=str(file(tmp_path, "too short")))
    assert told.startswith("SECRET_KEY_FILE needs at least 32 random characters.") and "too short" not in told


def test_settings_that_are_no_secrets_have_no_file(tmp_path: Path) -> None:
    [told] = problems(ACCOUNTS="", ACCOUNTS_FILE=str(file(tmp_path, "123456789012")))
    assert told.startswith("ACCOUNTS is missing")
