"""`flask policy rehearse`: for people before a roll-out, and for their CI."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.sandbox.rehearsal.walk import Row


@click.command()
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rehearse(file: str, form: str) -> None:
    """Try a policy out in a throwaway local AWS: the tutorial's Step 3, and everything the portal does.

    FILE is a document, or the name of one that comes along. The exit status is 1 where Step 3 does not end as the
    tutorial says, people cannot sign in and set up MFA before they have it, or a plain key gets at EC2 or S3 where
    another policy grants everything. Needs no settings and no AWS.
    """
    try:
        from app.sandbox.rehearsal.walk import Rehearsal  # noqa: PLC0415 # moto and boto3 load only when this runs
        from app.sandbox.server import opened  # noqa: PLC0415 # likewise
        from app.sandbox.world import Settings  # noqa: PLC0415 # likewise
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"The rehearsal needs the package {error.name}: pip install 'latchkey[sandbox]'."
        ) from error
    from app.policy.evaluation import PolicyError  # noqa: PLC0415 # likewise

    with tempfile.TemporaryDirectory(prefix="latchkey-") as folder:
        try:
            with opened(Settings(policy=file), [], 0, Path(folder)) as running:
                rows = Rehearsal(running.facts).rows()
        except PolicyError as error:
            raise click.ClickException(str(error)) from error
    passed = all(row.as_wanted for row in rows)
    if form == "json":
        click.echo(json.dumps({"passed": passed, "rows": [_as_json(row) for row in rows]}, indent=2))
    else:
        click.echo("\n".join(_as_text(rows)))
    sys.exit(not passed)


def _as_json(row: Row) -> dict[str, object]:
    def outcome(denied: dict[str, str]) -> dict[str, object]:
        return {"worked": not denied, "denied": sorted(action for action in denied if action)}

    return {
        "code": row.code,
        "title": row.title,
        "before_mfa": outcome(dict(row.before.denied)),
        "with_mfa": outcome(dict(row.after.denied)),
        "as_wanted": row.as_wanted,
    }


def _as_text(rows: Sequence[Row]) -> Iterator[str]:
    groups = {
        "Worked before MFA": [row for row in rows if row.before.worked],
        "Worked only with MFA": [row for row in rows if row.after.worked and not row.before.worked],
        "Did not work": [row for row in rows if not row.after.worked and not row.before.worked],
    }
    width = max(len(row.title) for row in rows)
    for title, chosen in groups.items():
        yield f"{title}:"
        for row in chosen:
            lacks = "" if row.after.worked else f"for lack of {row.after}"
            if row.wanted[1] is False:
                lacks = "as it should be" if row.as_wanted else "the deny lets it through"
            yield f"  {row.title:<{width}}  {'not with MFA, ' if row.before.worked and lacks else ''}{lacks}".rstrip()
        yield ""
    wrong = [row for row in rows if not row.as_wanted]
    for row in wrong:
        yield f"NOT as it should be: {row.title}"
    yield "Step 3 does not pass." if wrong else "Step 3 passes: blocked, MFA set up, EC2 open, the rest closed."
