"""`latchkey policy rehearse`: for administrators before a rollout, and for their CI."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.policy.assume_option import assume_option
from app.policy.documents import PLACEHOLDER
from app.policy.evaluation import PolicyError
from app.policy.meaning import in_account, repairs
from app.policy.parsed import parsed
from app.text.terminal import plain

if TYPE_CHECKING:
    from app.sandbox.rehearsal.walk import Row


@click.command()
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@assume_option("A condition key of all requests, like aws:SourceIp=203.0.113.7. Can be repeated.")
def rehearse(file: str, form: str, assumed: dict[str, str]) -> None:
    """Try a policy in a temporary local AWS: the tutorial's Step 3, and everything the portal does.

    FILE is a document, or the name of a built-in document. The exit status is 1 if Step 3 doesn't end as the tutorial
    says, if users can't sign in and set up MFA before they have it, or if an access key alone reaches EC2 or S3 where
    another policy grants everything. It is also 1 if any of this depends on a condition key whose value only AWS has,
    so that it wasn't evaluated. Give the value with --assume. Needs no settings and no AWS.
    """
    try:
        from app.sandbox.rehearsal.walk import Rehearsal  # noqa: PLC0415 # moto and boto3 load only when this runs
        from app.sandbox.server import opened, policy_document  # noqa: PLC0415 # likewise
        from app.sandbox.state import ACCOUNT_ID, Settings  # noqa: PLC0415 # likewise
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"The rehearsal needs the package {error.name}. Install the wheel of latchkey-sandbox: docs/sandbox.md."
        ) from error
    settings = Settings(policy=file, stand_ins=True, assumed=assumed)
    with tempfile.TemporaryDirectory(prefix="latchkey-") as folder:
        try:
            policy = parsed(policy_document(file))
            with opened(settings, [], 0, Path(folder), in_account(policy.source, ACCOUNT_ID)) as running:
                rows = Rehearsal(running.facts).rows()
        except PolicyError as error:
            raise click.ClickException(plain(str(error))) from error
    passed = all(row.as_wanted and not row.open for row in rows)
    account_id = ACCOUNT_ID if policy.account_id == PLACEHOLDER else policy.account_id
    read_as = list(repairs(policy.source, account_id))
    if form == "json":
        report = {
            "passed": passed,
            "account_id": account_id,
            "read_as": [each.as_json() for each in read_as],
            "rows": [_as_json(row) for row in rows],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        for each in read_as:
            click.echo(plain(str(each)))
        if account_id != ACCOUNT_ID:
            click.echo(
                f"The policy is written for account {account_id}. The rehearsal uses {ACCOUNT_ID} in its place."
            )
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
        "as_wanted": row.as_wanted and not row.open,
        "not_evaluated": sorted(row.depends_on),
    }


def _as_text(rows: Sequence[Row]) -> Iterator[str]:
    known = [row for row in rows if not row.depends_on]
    groups = {
        "Worked before MFA": [row for row in known if row.before.worked],
        "Worked only with MFA": [row for row in known if row.after.worked and not row.before.worked],
        "Did not work": [row for row in known if not row.after.worked and not row.before.worked],
    }
    width = max(len(row.title) for row in rows)
    for title, chosen in groups.items():
        yield f"{title}:"
        for row in chosen:
            lacks = "" if row.after.worked else f"not allowed: {row.after}"
            if row.wanted[1] is False:
                lacks = "as it should be" if row.as_wanted else "the deny lets it through"
            yield f"  {row.title:<{width}}  {'not with MFA, ' if row.before.worked and lacks else ''}{lacks}".rstrip()
        yield ""
    yield from _unknown([row for row in rows if row.depends_on], width)
    wrong = [row for row in rows if not row.as_wanted]
    for row in wrong:
        yield f"NOT as it should be: {row.title}"
    if wrong:
        yield "Step 3 does not pass."
    elif any(row.open for row in rows):
        yield "Step 3 is not evaluated."
    else:
        yield "Step 3 passes: blocked, MFA set up, EC2 open, the rest closed."


def _unknown(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield lines on what depends on a value that only AWS has, and what to do about it."""
    if not rows:
        return
    yield "Not evaluated, because the answer depends on condition keys without a known value:"
    for row in rows:
        keys = ", ".join(map(plain, sorted(row.depends_on)))
        when = " and ".join(
            words for words, each in (("before MFA", row.before), ("with MFA", row.after)) if each.depends_on
        )
        yield f"  {row.title:<{width}}  {keys} ({when})"
    first = sorted(rows[0].depends_on)[0]
    yield f"To evaluate it, give the value users have at AWS: --assume {plain(first)}=VALUE"
    yield ""
