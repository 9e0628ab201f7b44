"""Every check, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from app.doctor import aws, database, keys, machine, notices, packages, public, redis, settings
from app.doctor.finding import Finding, Findings, worst_first
from app.doctor.hiding import without_secrets
from app.doctor.settings import Settings


@dataclass(frozen=True)
class Diagnosis(Findings):
    """What was found, and with which settings."""

    settings: Settings


def examine(env: Mapping[str, str], also: Callable[[Settings, Engine | None], None] | None = None) -> Diagnosis:
    """Check everything once. env: the environment. also: is called with the open database, None where it isn't there.

    A check that breaks is a finding, and the others still run.
    """
    now = datetime.now(UTC)
    read = settings.read(env)
    with database.opened(read) as engine:
        checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
            ("settings", lambda: settings.check(read)),
            ("database", lambda: database.check(read, engine)),
            ("redis", lambda: redis.check(read)),
            ("aws", lambda: aws.check(aws.asked(read), now)),
            ("public", lambda: public.check(read, public.asked(read), now)),
            ("keys", lambda: keys.check(read, engine, now)),
            ("machine", lambda: machine.check(read)),
            ("notices", lambda: notices.check(read, engine, now)),
            ("packages", packages.check),
        )
        found = [_hidden(finding, read) for name, check in checks for finding in _run(name, check)]
        if also:
            also(read, engine)
    return Diagnosis(worst_first(found), now, read)


def _run(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except ImportError as error:
        yield packages.unloadable(error, f"The check “{name}”")
    except Exception as error:  # noqa: BLE001 # one check that breaks must not hide what the others find
        message = f"The check “{name}” broke ({type(error).__name__})."
        yield Finding("check-failed", message, "This is a bug. Report it with the support bundle.", {"check": name})


def _hidden(finding: Finding, read: Settings) -> Finding:
    """The last look: no secret gets out, whatever a library put into a name or a reason."""

    def clean(value: object) -> object:
        if isinstance(value, str):
            return without_secrets(value, read.secrets)
        return [clean(each) for each in value] if isinstance(value, list) else value

    facts = {name: clean(value) for name, value in finding.facts.items()}
    says, fix = (without_secrets(text, read.secrets) for text in (finding.says, finding.fix))
    return Finding(finding.code, says, fix, facts)
