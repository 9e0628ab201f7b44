"""`latchkey sandbox`: a local AWS that authenticates and denies. Needs no settings. moto loads only when it runs."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.text.terminal import plain

if TYPE_CHECKING:
    from app.sandbox.server import Running


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0 for any free port.")
@click.option(
    "--policy",
    default="recommended",
    show_default=True,
    help="A built-in document, like recommended or tutorial, or a file.",
)
@click.option(
    "--users",
    type=click.IntRange(0, 5000),
    default=0,
    help="Number of synthetic employees, some compliant and some not.",
)
@click.option(
    "--accounts",
    type=click.IntRange(1, 1000),
    default=1,
    help="Number of accounts. More than one form an organization, which the first manages.",
)
@click.option(
    "--users-per-account",
    type=click.IntRange(1, 5000),
    default=5,
    help="Each further account has this many synthetic employees, or up to 2 more.",
)
@click.option("--latency-ms", type=click.IntRange(0, 60_000), default=0, help="Delay every answer by this much.")
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A JSON file of faults: see docs/sandbox.md.",
)
@click.option(
    "--consistency-delay-s",
    type=click.FloatRange(0, 600),
    default=0.0,
    help="Delay until STS accepts a new device, and AWS a new key.",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="NAME=VALUE",
    help="How the sandbox behaves where AWS's behavior isn't documented.",
)
@click.option(
    "--instance", type=click.Path(file_okay=False, path_type=Path), default=Path("instance"), show_default=True
)
@click.option(
    "--marker",
    default="",
    metavar="TEXT",
    help="A text in every secret, to search for: 8 to 12 characters of A-Z and 2-7.",
)
@click.option("--run", "command", help="Run this command against the sandbox. Both end together.")
def sandbox(
    port: int,
    policy: str,
    users: int,
    accounts: int,
    users_per_account: int,
    latency_ms: int,
    faults_file: Path | None,
    consistency_delay_s: float,
    outcomes: tuple[str, ...],
    instance: Path,
    marker: str,
    command: str | None,
) -> None:
    """Run a local AWS on 127.0.0.1 that authenticates, enforces IAM policies and checks MFA codes."""
    try:
        from app.sandbox.faults import FaultError, parsed  # noqa: PLC0415 # see the module's docstring
        from app.sandbox.generated_secrets import MARKER  # noqa: PLC0415 # likewise
        from app.sandbox.outcomes import parsed as parsed_outcomes  # noqa: PLC0415 # likewise
        from app.sandbox.server import CannotStart, serve  # noqa: PLC0415 # likewise
        from app.sandbox.state import Settings  # noqa: PLC0415 # likewise
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"The sandbox needs the package {error.name}. Install the wheel of latchkey-sandbox: docs/sandbox.md."
        ) from error
    from app.policy.evaluation import PolicyError  # noqa: PLC0415 # likewise

    if marker and not MARKER.fullmatch(marker):
        raise click.BadParameter(
            "Use 8 to 12 characters of A-Z and 2-7, so that it fits in a seed.", param_hint="--marker"
        )
    try:
        rules = parsed(json.loads(faults_file.read_text())) if faults_file else []
        settings = Settings(
            policy=policy,
            users=users,
            accounts=accounts,
            users_per_account=users_per_account,
            latency=timedelta(milliseconds=latency_ms),
            consistency_delay=timedelta(seconds=consistency_delay_s),
            outcomes=parsed_outcomes(outcomes),
            marker=marker,
        )
    except FaultError as error:
        raise click.ClickException(f"{faults_file}: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{faults_file}: {error.strerror}") from error
    except ValueError as error:
        raise click.ClickException(f"{faults_file} is not JSON: {error}" if faults_file else str(error)) from error
    try:
        status = serve(settings, rules, port, instance, _print_running, command)
    except (PolicyError, CannotStart) as error:
        raise click.ClickException(plain(str(error))) from error
    sys.exit(status)


CAST = ("MFAUser", "KeyUser", "PathUser", "SecurityKeyUser", "Administrator")


def _print_running(running: Running) -> None:
    """Print the users and their credentials."""
    click.echo(f"\n  The sandbox, a local AWS, listens on {running.url} (account {running.facts['account_id']}).")
    if running.moved_from:
        click.echo(f"  The policy is written for account {running.moved_from}. The sandbox moves it to its own.")
    click.echo("  It starts from scratch every time, with these IAM users:\n")
    for name in CAST:
        click.echo(f"    {name}")
        for label, value in _shown(running.facts["users"][name]):
            click.echo(f"      {label:<18} {value}")
    others = len(running.facts["users"]) - len(CAST)
    if others:
        click.echo(f"    and {others} employees, in {running.file}")
    if members := running.facts.get("accounts"):
        click.echo(f"    and an organization of {len(members) + 1} accounts, in {running.file}")
    click.echo(f"\n  {running.file} has all of this as JSON.\n")


def _shown(user: dict[str, Any]) -> list[tuple[str, str]]:
    labels = {"password": "password", "access_key_id": "access key ID", "secret_access_key": "secret access key"}
    shown = [(label, user[key]) for key, label in labels.items() if key in user]
    if "mfa" in user:
        shown.append(("MFA seed", user["mfa"]["seed"]))
    return shown
