"""`flask policy ...`: needs no settings, no portal and no AWS."""

from __future__ import annotations

import json
import marshal
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO

import click

from app.policy.checking import SOMEBODY
from app.policy.checking import check as examined
from app.policy.documents import PARTITIONS, PLACEHOLDER, VARIANTS, accounts_named, read, source_text, tailored
from app.policy.evaluation import Policy, PolicyError, Request, compiled, decide
from app.policy.explaining import WAYS, Question, in_words
from app.policy.explaining import explain as explained
from app.policy.features import usual_resource
from app.policy.findings import Severity, as_text
from app.policy.rendering import FORMATS, GRANTED, GROUP, TEST_USER, NotRenderable, Setup


class _Extensible(click.Group):
    """A group that installed packages add to: what rehearses a policy needs the sandbox, which is none of ours."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours and theirs."""
        return sorted({*super().list_commands(ctx), *entry_points(group=EXTENSIONS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Ours, else one that an entry point names."""
        ours = super().get_command(ctx, cmd_name)
        theirs = () if ours else entry_points(group=EXTENSIONS, name=cmd_name)
        return ours or next((found.load() for found in theirs), None)


EXTENSIONS = "latchkey.policy_commands"
"""Entry points of this group are commands of `flask policy`."""


@click.group(cls=_Extensible)
def policy() -> None:
    """Force_MFA: write it for an account, check it, ask what it decides."""


@policy.command()
@click.option("--account-id", required=True, help="12 digits.")
@click.option("--variant", default="recommended", show_default=True, help=f"{', '.join(VARIANTS)}, or a file.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="json", show_default=True)
@click.option("--partition", type=click.Choice(PARTITIONS), default="aws", show_default=True)
@click.option("--group", default=GROUP, show_default=True, help="Name of the group.")
@click.option(
    "--managed-policy",
    "managed",
    multiple=True,
    metavar="NAME|ARN",
    help=f"A further policy of the group, beside {GRANTED}. Can be repeated.",
)
@click.option("--test-user", is_flag=True, help=f"Also the tutorial's {TEST_USER}, without password and access key.")
@click.option("--without-path", is_flag=True, help="For accounts whose users have no IAM paths.")
@click.option("--without-aws-sign-in", is_flag=True, help="Grant nothing of aws login.")
def render(
    account_id: str,
    variant: str,
    form: str,
    partition: str,
    group: str,
    managed: tuple[str, ...],
    test_user: bool,
    without_path: bool,
    without_aws_sign_in: bool,
) -> None:
    """Print steps 1 and 2 of AWS's tutorial for one account, as something to apply.

    json is the policy alone; the other formats make policy and group.
    """
    try:
        document = tailored(read(variant), account_id, partition, without_path, without_aws_sign_in)
        setup = Setup(document, account_id, partition, group, managed, test_user)
    except NotRenderable as error:
        raise click.ClickException(f"--{error.option}: {error}") from error
    except PolicyError as error:
        raise click.ClickException(str(error)) from error
    others = accounts_named(document) - {account_id}
    if others:
        click.echo(f"Note: {variant} names account {', '.join(sorted(others))}, which stays as it is.", err=True)
    click.echo(FORMATS[form].write(setup), nl=False)


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit status 1 for any error, too.")
def check(file: Path, form: str, *, strict: bool) -> None:
    """Say what is wrong with a policy, and what of the portal works under it.

    FILE is a document, "-" for standard input, or the name of one that comes along. The exit status is 1 where
    the portal could not do its main job: sign people in, show their MFA devices, set up MFA and go on with it.
    """
    report = examined(_text_of(file))
    if form == "json":
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(as_text(report)))
    failed = strict and any(finding.severity is Severity.ERROR for finding in report.findings)
    sys.exit(failed or not report.usable)


def _text_of(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        if str(file) in VARIANTS and not file.exists():
            return source_text(str(file))
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is not UTF-8 text.") from error


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--action", help="Ask whether someone may do this, iam:ListUsers, instead.")
@click.option("--resource", help="An ARN, or *. Default: what people have of it themselves.")
@click.option("--user", "user_name", default=SOMEBODY, show_default=True, help="Who asks.")
@click.option("--path", default="/", show_default=True, help="The user's IAM path.")
@click.option(
    "--signed-in-with",
    "way",
    type=click.Choice(list(WAYS)),
    default="mfa",
    show_default=True,
    help="How: a plain access key, a password without a code, or with MFA.",
)
@click.option("--account-id", default=PLACEHOLDER, help="Put in for accountid.")
@click.option("--partition", type=click.Choice(PARTITIONS), default="aws", show_default=True)
def explain(
    file: Path,
    action: str | None,
    resource: str | None,
    user_name: str,
    path: str,
    way: str,
    account_id: str,
    partition: str,
) -> None:
    """Say in plain words what a policy does, or why it decides as it does (--action)."""
    report = examined(_text_of(file))
    if report.document is None:
        raise click.ClickException(report.findings[0].sentence)
    if action is None:
        for words in in_words(report.document):
            click.echo(f"{words.place}: {words.sentence}")
            for name, meaning in words.actions:
                click.echo(f"  {name}" + (f": {meaning}" if meaning else ""))
        return
    asked = resource or usual_resource(report.document, action, user_name, path, account_id, partition)
    found = explained(report.document, Question(user_name, action, asked, way, path), account_id, partition)
    click.echo(f"{action} on {asked}: {found.sentence}")
    if found.doubt:
        click.echo(found.doubt)
    for step in found.steps:
        click.echo(f"  {step.place}: {step.why}")
    if found.beyond:
        click.echo(found.beyond)


@policy.command()
@click.argument("file", type=click.File("rb"), default="-")
def simulate(file: BinaryIO) -> None:
    """Decide requests: JSON lines in (FILE or standard input), a decision a line out.

    A malformed line is reported with its number, the others are answered, and the exit status is 1.
    """
    failed = False
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            answer = decided(json.loads(line.decode("utf-8")))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            failed = True
            click.echo(f"line {number}: {_why(error)}", err=True)
        else:
            click.echo(json.dumps(answer))
    sys.exit(failed)


def _why(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)


def decided(case: Mapping[str, Any]) -> dict[str, Any]:
    """One line of `simulate`: the case in, `{"id", "decision", "statement"}` out.

    Raises KeyError for what is missing, TypeError or ValueError (PolicyError) for what is wrong.
    """
    if not isinstance(case, dict):
        raise TypeError("not a JSON object")
    documents = case["policies"]
    if not isinstance(documents, list):
        raise TypeError("policies is not a list")
    action, resource = case["action"], case["resource"]
    if not isinstance(action, str) or not isinstance(resource, str):
        raise TypeError("action and resource must be text")
    decision = decide(
        [_compiled(marshal.dumps(document, 2)) for document in documents],
        Request(action, resource, _context(case.get("principal") or {}, case.get("context") or {})),
    )
    return {"id": case.get("id"), "decision": decision.effect.value, "statement": decision.statement}


@lru_cache(maxsize=256)
def _compiled(document: bytes) -> Policy:
    """Thousands of lines carry the same few documents; marshal makes a key of one faster than JSON does."""
    return compiled(marshal.loads(document))  # noqa: S302 # made by marshal.dumps a moment ago, of parsed JSON


def _context(principal: Any, given: Any) -> dict[str, str | list[str]]:
    """The request's context keys: what the principal implies, overridden by what is given."""
    if not isinstance(principal, dict) or not isinstance(given, dict):
        raise TypeError("principal and context must be JSON objects")
    arn, user_name = principal.get("arn"), principal.get("username")
    implied: dict[str, str | list[str]] = {}
    if isinstance(arn, str):
        implied["aws:principalarn"] = arn
        if arn.count(":") >= 5:
            implied["aws:principalaccount"] = arn.split(":")[4]
    if isinstance(user_name, str):
        implied |= {"aws:username": user_name, "aws:principaltype": "User"}
    return implied | {
        key.lower(): [_text(item) for item in value] if isinstance(value, list) else _text(value)
        for key, value in given.items()
        if value is not None
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError("a context value is neither text, number nor truth value")
