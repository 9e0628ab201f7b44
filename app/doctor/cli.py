"""`latchkey doctor`, also `flask --app wsgi doctor`."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.doctor.finding import Findings


@click.command("doctor", help="Check the installation, and say what to fix. Docs: docs/doctor.md.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a ZIP file for support, without secrets and without anything about people.",
)
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, bundle: Path | None) -> None:
    """Print the findings. The exit status is 0 if all is well, 1 after warnings, 2 after problems."""
    from app.doctor import report  # noqa: PLC0415 # --help starts without them
    from app.doctor.finding import worst  # noqa: PLC0415 # as above

    try:
        from app.doctor import all_checks  # noqa: PLC0415 # as above
        from app.doctor.bundle import Bundle  # noqa: PLC0415 # as above
    except ImportError as error:
        found = _without_checks(error)
        click.echo(report.as_json(found) if as_json else report.as_text(found))
        ctx.exit(int(worst(found.findings)))

    made = Bundle() if bundle else None
    diagnosis = all_checks.examine(os.environ, made.collect if made else None)
    click.echo(report.as_json(diagnosis) if as_json else report.as_text(diagnosis))
    if made and bundle:
        try:
            made.write(bundle, diagnosis)
        except OSError as error:
            message = f"The bundle can’t be written: {error.strerror}. Name another file."
            raise click.BadParameter(message, param_hint="--bundle") from error
        click.echo(f"The support bundle is in {bundle}.", err=True)
    ctx.exit(int(worst(diagnosis.findings)))


def _without_checks(error: ImportError) -> Findings:
    """Return what can be found where the checks themselves need a package that is missing."""
    from app.doctor import packages  # noqa: PLC0415 # as above
    from app.doctor.finding import Findings  # noqa: PLC0415 # as above

    found = [packages.unloadable(error, "The doctor")]
    with suppress(ModuleNotFoundError):  # what reads the lock is missing as well
        found += packages.check()
    return Findings(found, datetime.now(UTC))
