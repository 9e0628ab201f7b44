"""Are the settings right? Each one that isn't, with what to set, but without its value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.doctor.finding import Finding
from app.doctor.hiding import without_values
from app.settings.list_files import ListFiles
from app.settings.secret_files import Unusable, read_secret
from app.settings.table import Setting
from config import SETTINGS

_LARGEST = 1_000_000
"""Characters of a file that are compared with what a sentence quotes."""


@dataclass(frozen=True)
class Settings:
    """The settings as far as they could be read, and what is wrong with them."""

    env: Mapping[str, str] = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)
    """By `Setting.key`. Of a wrong setting, what its parser made of it."""
    wrong: Mapping[str, list[str]]
    """By the name of the setting: sentences, without values."""
    secrets: tuple[str, ...] = field(repr=False, default=())
    """Texts that must not be in any output."""

    def of(self, name: str) -> Any:
        """Return a value by its key, None where its setting is wrong."""
        names = [name, *(each.name for each in SETTINGS.values() if each.key == name)]
        return None if any(each in self.wrong for each in names) else self.values.get(name)


def read(env: Mapping[str, str]) -> Settings:
    """Read all settings. What is wrong is kept, so that everything else can be checked."""
    ListFiles.of(SETTINGS, env)
    values: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for setting in SETTINGS.values():
        problems: list[str] = []
        values[setting.key or setting.name] = setting.read(env, values, problems)
        if problems:
            wrong[setting.name] = problems
    of_wrong = [env[name] for each in wrong for name in SETTINGS[each].names if env.get(name)]
    said = {name: _without_values(sentences, SETTINGS[name], env, of_wrong) for name, sentences in wrong.items()}
    return Settings(env, values, said, tuple(_secrets(env)))


def _without_values(sentences: list[str], setting: Setting, env: Mapping[str, str], others: list[str]) -> list[str]:
    """others: values of other wrong settings, which a sentence may name as well."""
    texts = [*_texts(setting, env), *others]
    return [without_values(sentence, texts) for sentence in sentences]


def _texts(setting: Setting, env: Mapping[str, str]) -> Iterator[str]:
    """What the setting is set to, and what is in files that it names."""
    for name in (*setting.names, "PORT", "WEB_CONCURRENCY"):
        text = env.get(name, "")
        yield text
        for path in (text.removeprefix("@"), text):
            yield _content(path)


def _content(path: str) -> str:
    try:
        return Path(path).read_text()[:_LARGEST] if path and Path(path).is_file() else ""
    except (OSError, ValueError):
        return ""


def _secrets(env: Mapping[str, str]) -> Iterator[str]:
    for setting in SETTINGS.values():
        if not setting.secret:
            continue
        yield from (env[name] for name in setting.names if name != setting.file_name and env.get(name))
        if path := env.get(setting.file_name):
            try:
                yield read_secret(setting.file_name, path)
            except Unusable:
                yield _content(path)


def check(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the settings."""
    for name, sentences in settings.wrong.items():
        for sentence in sentences:
            yield Finding("settings-wrong", sentence, f"Correct {name}: docs/settings.md.", {"setting": name})
    for setting in SETTINGS.values():
        if setting.formerly and settings.env.get(setting.formerly.name):
            message = f"{setting.formerly.name} is now called {setting.name}, and ends with {setting.formerly.until}."
            yield Finding("settings-former-name", message, f"Rename it to {setting.name}.", {"setting": setting.name})
    if not settings.wrong:
        named = sorted(name for name, each in SETTINGS.items() if any(settings.env.get(one) for one in each.names))
        message = f"All settings are right. {len(named)} are set, the others have their defaults."
        yield Finding("settings-right", message, facts={"set": named})
