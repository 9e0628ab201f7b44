"""`latchkey policy ...`: needs no settings, no portal and no AWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import BinaryIO

import click

from app.policy.assume_option import assume_option
from app.policy.audit_role import FORMATS as AUDIT_FORMATS
from app.policy.audit_role import ROLE, AuditRole
from app.policy.check.all_checks import check as examined
from app.policy.check.findings import Severity
from app.policy.check.portal_features import EXAMPLE_USER
from app.policy.check.report import as_text
from app.policy.documents import PARTITIONS, VARIANTS, accounts_named, read, source_text, tailored
from app.policy.evaluation import PolicyError
from app.policy.explain import WAYS, Question
from app.policy.explain import explain as explained
from app.policy.features import usual_resource
from app.policy.meaning import repairs
from app.policy.parsed import parsed
from app.policy.plain_words import in_words
from app.policy.render import FORMATS, GRANTED, GROUP, TEST_USER, NotRenderable, Setup
from app.policy.simulate import decided, lines_of
from app.policy.unwrap import decoded
from app.text.terminal import plain, plain_json


class _Extensible(click.Group):
    """A command group that installed packages can add commands to. The rehearsal, which needs the sandbox, is one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List our commands and those of entry points."""
        return sorted({*super().list_commands(ctx), *entry_points(group=EXTENSIONS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return our command, else the one that an entry point names."""
        ours = super().get_command(ctx, cmd_name)
        theirs = () if ours else entry_points(group=EXTENSIONS, name=cmd_name)
        return ours or next((found.load() for found in theirs), None)


EXTENSIONS = "latchkey.policy_commands"
"""Entry points of this group are commands of `latchkey policy`."""


@click.group(cls=_Extensible)
def policy() -> None:
    """Force_MFA: write it for an account, check it, and ask what it allows."""


@policy.command()
@click.option("--account-id", help="12 digits. Needed unless --audit-role is given.")
@click.option("--variant", default="recommended", show_default=True, help=f"{', '.join(VARIANTS)}, or a file.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="json", show_default=True)
@click.option("--partition", type=click.Choice(PARTITIONS), default="aws", show_default=True)
@click.option("--group", default=GROUP, show_default=True, help="Name of the group.")
@click.option(
    "--managed-policy",
    "managed",
    multiple=True,
    metavar="NAME|ARN",
    help=f"Another policy for the group, beside {GRANTED}. Can be repeated.",
)
@click.option(
    "--test-user", is_flag=True, help=f"Include the tutorial's {TEST_USER}, without a password and an access key."
)
@click.option("--without-path", is_flag=True, help="Leave out what only users with an IAM path need.")
@click.option("--without-aws-sign-in", is_flag=True, help="Leave out AWS Sign-In (aws login).")
@click.option("--audit-role", is_flag=True, help="Print the role that `compliance sync` assumes instead.")
@click.option("--role-name", default=ROLE, show_default=True, help="Name of that role.")
@click.option("--trusted", default="", metavar="ARN", help="Who can assume that role.")
@click.option("--external-id", default="", help="External ID that they have to give.")
def render(
    account_id: str | None,
    variant: str,
    form: str,
    partition: str,
    group: str,
    managed: tuple[str, ...],
    test_user: bool,
    without_path: bool,
    without_aws_sign_in: bool,
    audit_role: bool,
    role_name: str,
    trusted: str,
    external_id: str,
) -> None:
    """Print steps 1 and 2 of AWS's tutorial for one account, as something to apply.

    json is the policy alone. The other formats also create the group. With --audit-role, json is the role's policy
    and trust policy.
    """
    if audit_role:
        try:
            role = AuditRole(partition, role_name, trusted, external_id)
        except NotRenderable as error:
            raise click.ClickException(plain(f"--{error.option}: {error}")) from error
        click.echo(plain_json(AUDIT_FORMATS[form](role)), nl=False)
        return
    if account_id is None:
        raise click.UsageError("Missing option '--account-id'.")
    try:
        document = tailored(read(variant), account_id, partition, without_path, without_aws_sign_in)
        setup = Setup(document, account_id, partition, group, managed, test_user)
    except NotRenderable as error:
        raise click.ClickException(plain(f"--{error.option}: {error}")) from error
    except PolicyError as error:
        raise click.ClickException(plain(str(error))) from error
    others = accounts_named(document) - {account_id}
    if others:
        _print([f"Note: {variant} names account {', '.join(sorted(others))}, which stays as it is."], err=True)
    click.echo(plain_json(FORMATS[form].write(setup)), nl=False)


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with status 1 for any error.")
def check(file: Path, form: str, *, strict: bool) -> None:
    """Say what is wrong with a policy, and what works in the portal under it.

    FILE is a document, "-" for standard input, or the name of a built-in document. The exit status is 1 if the
    portal can't do its main job: sign users in, show their MFA devices, set up MFA and continue with it.
    """
    report = examined(_text_of(file))
    if form == "json":
        click.echo(plain_json(json.dumps(report.as_json(), indent=2, ensure_ascii=False)))
    else:
        _print(as_text(report))
    failed = strict and any(finding.severity is Severity.ERROR for finding in report.findings)
    sys.exit(failed or not report.usable)


def _print(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines that quote a document, without characters that control a terminal."""
    for line in lines:
        click.echo(plain(line), err=err)


def _may_be_a_name(file: Path) -> bool:
    """Return whether a missing file could be a misspelt name of one of VARIANTS."""
    return not file.exists() and file.name == str(file) and not file.suffix


def _text_of(file: Path) -> str:
    try:
        if str(file) == "-":
            return decoded(sys.stdin.buffer.read())
        if str(file) in VARIANTS and not file.exists():
            return source_text(str(file))
        return decoded(file.read_bytes())
    except OSError as error:
        names = f" The built-in documents are: {', '.join(VARIANTS)}." if _may_be_a_name(file) else ""
        raise click.ClickException(plain(f"{file}: {error.strerror}.{names}")) from error
    except UnicodeDecodeError as error:
        raise click.ClickException(
            plain(f"{file} isn’t UTF-8 text, or UTF-16 with a byte order mark. Save it as UTF-8.")
        ) from error


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--action", help="Ask whether the user may do this, for example iam:ListUsers.")
@click.option("--resource", help="An ARN, or *. Default: the user's own.")
@click.option("--user", "user_name", default=EXAMPLE_USER, show_default=True, help="The user who asks.")
@click.option("--path", default="/", show_default=True, help="The user's IAM path.")
@click.option(
    "--signed-in-with",
    "way",
    type=click.Choice(list(WAYS)),
    default="mfa",
    show_default=True,
    help="An access key alone, a password without a code, or MFA.",
)
@click.option("--account-id", help="The account of the policy. Default: the one its ARNs name.")
@click.option("--partition", type=click.Choice(PARTITIONS), help="Default: the one its ARNs name.")
@assume_option("A condition key of the request, like aws:SourceIp=203.0.113.7. Can be repeated.")
def explain(
    file: Path,
    action: str | None,
    resource: str | None,
    user_name: str,
    path: str,
    way: str,
    account_id: str | None,
    partition: str | None,
    assumed: Mapping[str, str],
) -> None:
    """Say in plain words what a policy does, or whether it allows an action and why (--action).

    What depends on a key that isn't known, like s3:prefix or the address of the client, is not evaluated. Give its
    value with --assume.
    """
    report = examined(_text_of(file))
    policy = report.policy
    if policy is None:
        raise click.ClickException(plain(report.findings[0].sentence))
    if action is None:
        for words in in_words(policy):
            _print([f"{words.place}: {words.sentence}"])
            _print(f"  {name}" + (f": {meaning}" if meaning else "") for name, meaning in words.actions)
        return
    policy = parsed(policy.source, account_id, partition)
    asked = resource or usual_resource(policy, action, user_name, path)
    question = Question(user_name, action, asked, way, path, assumed)
    found = explained(policy, question)
    _print([f"{question.who}: {action} on {asked}: {found.sentence}", *filter(None, [found.elsewhere, found.doubt])])
    _print(f"  {step.place}: {step.why}" for step in found.steps)
    if found.beyond:
        _print([found.beyond])
    _print(map(str, repairs(policy.source, policy.account_id)))


@policy.command()
@click.argument("file", type=click.File("rb"), default="-")
def simulate(file: BinaryIO) -> None:
    """Decide requests: JSON lines in (FILE or standard input), one decision a line out.

    A request has the condition keys that its context names, and what its principal implies; AWS sends more. With an
    access key: "aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false", "aws:PrincipalType": "User",
    "aws:PrincipalAccount", "aws:PrincipalArn", "aws:userid", "aws:username", "aws:SecureTransport": "true",
    "aws:RequestedRegion" ("us-east-1" for IAM), "aws:CurrentTime", "aws:EpochTime" and "aws:SourceIp". With a
    password and no code also "aws:MultiFactorAuthPresent": "false" and "aws:TokenIssueTime"; with MFA the first is
    "true", and "aws:MultiFactorAuthAge" has the whole seconds since the code.

    A malformed line is reported with its number, the others are answered, and the exit status is 1.
    """
    failed = False
    for number, line in enumerate(lines_of(file), 1):
        if not line.strip():
            continue
        try:
            answer = decided(json.loads(line.decode("utf-8")))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            failed = True
            click.echo(plain(f"line {number}: {_why(error)}"), err=True)
        else:
            click.echo(json.dumps(answer))
    sys.exit(failed)


def _why(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
