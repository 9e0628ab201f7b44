"""Every command in README and docs/ does what the document says, in the order a reader types them.

Lines of `sh` blocks are run against a sandbox. The few that aren't are in `ELSEWHERE`, each with the reason. Commands
within sentences and tables are looked up: the target, the subcommand and each option must exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import click
import pytest
from awscli.clidriver import create_clidriver  # type: ignore[import-untyped] # version 1 ships no types
from botocore import xform_name

from app.cli.main import latchkey
from tests.docs.pages import DOCUMENTS, Line, languages, lines, mentioned
from tests.docs.terminal import Terminal
from tests.support.clock import Clock
from tests.support.people import Phone
from tests.support.sandbox import ROOT, Sandbox

ELSEWHERE = {
    r"sudo |cp |docker |helm |kubectl ": "needs systemd, Docker or a cluster. tests/deploy and tests/release check "
    "the files",
    r"python3 -m venv /opt/latchkey|/opt/latchkey/bin/pip ": "tests/release/conftest.py runs them",
    r"(umask 077 && )?(pg_dump|pg_restore)": "tests/deploy/test_backup.py runs them, against PostgreSQL",
    r"ssh-keygen -Y verify|sha256sum --check": "tests/deploy/test_artifacts.py runs them, on a release",
    r"\(printf .* kubectl ": "tests/deploy/test_monitoring.py runs it, up to kubectl",
    r"tar --extract|mkdir latchkey-VERSION": "tests/release/test_packages.py builds from the sdist",
    r"make dist|python -m pip install|python -m pytest$|latchkey-sandbox ": "tests/release installs what it builds",
    r"latchkey policy (check --strict|rehearse) policy/force-mfa\.json": "tests/release follows the example",
    r"\.venv/bin/(python -m tests|pytest) ": "the suite itself: the files must exist",
    r"\.venv/bin/python -m tests\.compliance\.standards_tables": "a test compares what it prints with the document",
}
"""Lines that aren't run here, and why."""

NOT_HERE = {
    r"docker (compose|tag) .*": "needs Docker: tests/deploy and tests/release check the files",
    r"docker load": "needs Docker: tests/release/test_image.py unpacks the files and runs them",
    r"docker buildx imagetools inspect \S+": "needs Docker and asks a registry of images",
    r"aws login( --remote)?": "version 2 of the AWS CLI only: Terminal.login carries out README's line with it",
    r"aws configure mfa-login": "version 2 of the AWS CLI only: Terminal.mfa_login carries out lines with it",
    r"aws sso login": "version 2 of the AWS CLI only, named for comparison",
    r"python3 -c .*": "README's lines run it",
    r"make X": "an example",
    r"python -m pytest --sandbox-policy FILE": "tests/sandbox/test_pytest_plugin.py runs it",
}
"""Commands within sentences that can't be looked up, and why."""

SLOW = pytest.mark.timeout(400)
"""A dozen programs one after the other, each of which takes seconds to start on a busy machine."""

REFUSED = re.compile(r"^(UnauthorizedOperation|AccessDenied)\b")
"""A remark that begins so names the error a reader is to see."""


class Reader:
    """Follows a document from top to bottom, with what the document assumes."""

    def __init__(self, folder: Path, sandbox: Sandbox, clock: Clock) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.terminal = Terminal(folder, sandbox)
        instance = self.terminal.here / "instance"
        (instance / "secret_key").write_text("s" * 48)
        (instance / "audit_key").write_text("k1:" + "a" * 48)
        self.terminal.set(AWS_ENDPOINT_URL=sandbox.url, AWS_DEFAULT_REGION="us-east-1")
        self.administrator = sandbox.user("Administrator")
        self.phones = {"Administrator": self._phone(clock, self.administrator["mfa"])}
        self._clock = clock

    @staticmethod
    def _phone(clock: Clock, device: dict[str, str]) -> Phone:
        return Phone(clock, f"otpauth://totp/x?secret={device['seed']}")

    def give_device(self, name: str) -> None:
        """What the user does on the portal's pages between two blocks: set up MFA under their own name."""
        iam = self.sandbox.as_administrator("iam")
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        phone = self._phone(self._clock, {"seed": made["Base32StringSeed"].decode()})
        iam.enable_mfa_device(
            UserName=name,
            SerialNumber=made["SerialNumber"],
            AuthenticationCode1=phone.next(),
            AuthenticationCode2=phone.next(),
        )
        self.phones[name] = phone

    def be_administrator(self, profile: str = "") -> None:
        """Run what follows with Administrator's access key, as the document says."""
        key = {
            "aws_access_key_id": self.administrator["access_key_id"],
            "aws_secret_access_key": self.administrator["secret_access_key"],
        }
        if profile:
            self.terminal.profile(profile, key)
        else:
            self.terminal.set(**{name.upper(): value for name, value in key.items()})

    def follow(self, line: Line, command: str) -> None:
        """Type the line, answer what it asks, and see what the remark promises."""
        if command.startswith("aws configure mfa-login"):
            self.terminal.mfa_login(command, self.phones[_user_of(command)].next())
            return
        if command.startswith("aws login"):
            user = self.sandbox.user("MFAUser")
            self.terminal.login(command, "MFAUser", user["password"], self.phones["MFAUser"].next)
            return
        done = self.terminal.run(command, self._answers(command))
        refused = REFUSED.match(line.remark)
        if refused:
            assert done.returncode and refused[1] in done.stderr, f"{line}\n{done.stderr}"
        else:
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def _answers(self, command: str) -> str:
        """What is typed into `aws configure`: key, secret, region, format."""
        found = re.fullmatch(r"aws configure --profile (\w+)", command)
        if not found:
            return ""
        user = self.sandbox.user(found[1])
        return f"{user['access_key_id']}\n{user['secret_access_key']}\n\n\n"


def _user_of(command: str) -> str:
    """Whose phone shows the code for a command: the device has the user's name."""
    found = re.search(r":mfa/(\w+)", command)
    assert found, command
    return found[1]


@pytest.fixture(scope="module")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "aws-of-the-documents", clock) as running:
        yield running


@pytest.fixture
def reader(tmp_path: Path, sandbox: Sandbox, clock: Clock) -> Reader:
    return Reader(tmp_path, sandbox, clock)


def to_run(document: str, **places: str) -> Iterator[tuple[Line, str]]:
    """The document's lines, and each with what a reader puts in the place of what is only an example."""
    for line in lines(document):
        if any(re.match(pattern, line.command) for pattern in ELSEWHERE):
            continue
        command = line.command
        for example, real in places.items():
            command = command.replace(example, real)
        yield line, command


@SLOW
def test_readme_works_from_top_to_bottom(reader: Reader, sandbox: Sandbox, tmp_path: Path) -> None:
    places = {"http://127.0.0.1:5000": sandbox.url, "/var/lib/latchkey": str(tmp_path / "var")}
    reader.give_device("KeyUser")
    reader.give_device("MFAUser")
    for line, command in to_run("README.md", **places):
        reader.follow(line, command.replace("CODE", reader.phones["KeyUser"].next()))
    assert (tmp_path / "var/latchkey.db").stat().st_mode & 0o777 == 0o600


@SLOW
def test_rollout_works_from_top_to_bottom(reader: Reader, sandbox: Sandbox) -> None:
    reader.be_administrator()
    iam = sandbox.as_administrator("iam")
    iam.create_user(UserName="alice")
    for line, command in to_run("docs/rollout.md", FILE="recommended"):
        reader.follow(line, command)
    report = (reader.terminal.here / "report.csv").read_text()
    assert report.startswith("user,arn,") and "MFAUser" in report
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="alice")["Groups"]] == ["EC2MFA"]


@SLOW
def test_the_commands_about_the_audit_log_and_compliance_work(reader: Reader, sandbox: Sandbox) -> None:
    """As beside `make run`: its keys, and its database."""
    given = reader.administrator
    places = {
        "http://127.0.0.1:5000": sandbox.url,
        "AWS_ACCESS_KEY_ID=...": f"AWS_ACCESS_KEY_ID={given['access_key_id']}",
        "AWS_SECRET_ACCESS_KEY=...": f"AWS_SECRET_ACCESS_KEY={given['secret_access_key']}",
        "arn:aws:iam::111122223333:mfa/DEVICE": given["mfa"]["serial_number"],
        "111122223333": sandbox.account_id,
        "NAME": "Administrator",
        "backup-DATE.db": "backup-*.db",
    }
    reader.be_administrator("Administrator")
    reader.be_administrator("auditor")
    keys = "export ACCOUNTS=123456789012 SECRET_KEY=$(cat instance/secret_key) AUDIT_KEYS=$(cat instance/audit_key)"
    made = reader.terminal.run(f"{keys}\n.venv/bin/latchkey db upgrade")
    assert made.returncode == 0, made.stderr
    for document in ("docs/activity.md", "docs/compliance.md", "docs/operations.md"):
        for line, command in to_run(document, **places):
            reader.follow(line, command)
    (backup,) = reader.terminal.here.glob("backup-*.db")
    assert backup.stat().st_size > 10_000
    exported = reader.terminal.run(".venv/bin/latchkey compliance export --rule mfa --state fail")
    assert "PathUser" in exported.stdout, "lists and report arrived"
    for line, command in to_run("docs/sign-in.md", **{"111122223333": sandbox.account_id}):
        reader.follow(line, command)
    accepted = reader.terminal.run(".venv/bin/python -c 'import os, config; config.from_env(os.environ)'")
    assert accepted.returncode == 0, accepted.stderr


def test_every_document_with_commands_is_followed() -> None:
    followed = {
        "README.md",
        "docs/rollout.md",
        "docs/activity.md",
        "docs/compliance.md",
        "docs/operations.md",
        "docs/sign-in.md",
    }
    assert {line.document for document in DOCUMENTS for line, _ in to_run(document)} == followed


def test_lines_of_the_suite_name_tests_that_exist() -> None:
    for line in (each for document in DOCUMENTS for each in lines(document)):
        if re.match(r"\.venv/bin/(python -m tests|pytest) ", line.command):
            named = [word for word in shlex.split(line.command) if word.startswith("tests/")]
            assert named and all((ROOT / word).exists() for word in named), line


def test_every_block_says_its_language() -> None:
    known = {"sh", "json", "python", "jinja", "text", "toml", "yaml"}
    assert {name: used - known for name, used in languages().items() if used - known} == {}


@pytest.mark.parametrize("line", [each for document in DOCUMENTS for each in mentioned(document)], ids=str)
def test_a_command_within_a_sentence_exists(line: Line) -> None:
    if any(re.fullmatch(pattern, line.command) for pattern in NOT_HERE):
        return
    words = line.command.replace("[", " ").replace("]", " ").split()
    program, rest = words[0], words[1:]
    if program == "make":
        _is_in_the_makefile(rest, line)
    elif program == "aws":
        _is_in_the_cli(rest, line)
    elif Path(program).name in ("flask", "latchkey"):
        _is_a_command_of_ours(rest[2:] if rest[0] == "--app" else rest, line)
    else:
        _is_a_program_of_the_suite(words, line)


def _is_in_the_makefile(words: list[str], line: Line) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, given, _ = word.partition("=")
        wanted = rf"\$\((?:or \$\()?{name}\b|^{name} \?=" if given else rf"^{name}:"
        assert re.search(wanted, makefile, re.MULTILINE), f"{line}: no {word} in the Makefile"


def _is_in_the_cli(words: list[str], line: Line) -> None:
    service, operation, *options = words
    if (service, operation) == ("configure", "--profile"):
        return
    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(each, "-"): each for each in model.operation_names}
    assert operation in names, f"{line}: no operation {operation}"
    shape = model.operation_model(names[operation]).input_shape
    known = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else ())}
    everywhere = {f"--{name}" for name in create_clidriver().create_help_command().arg_table}
    unknown = {word for word in options if word.startswith("--")} - known - everywhere
    assert not unknown, f"{line}: no option {unknown}"


def _is_a_command_of_ours(words: list[str], line: Line) -> None:
    if words == ["db", "upgrade"] or words[:2] == ["db", "downgrade"]:
        return  # README's lines run the first, tests/release/test_upgrade.py both
    command: click.Command = latchkey
    context = click.Context(latchkey)
    for position, word in enumerate(words):
        if not isinstance(command, click.Group) or word.startswith("--"):
            options = {each for each in words[position:] if each.startswith("--")}
            known = {name for param in command.get_params(context) for name in param.opts}
            assert options <= known, f"{line}: {options - known}"
            return
        found = [command.get_command(context, each) for each in word.split("|")]
        assert all(found), f"{line}: no command {word}"
        assert found[0]
        command = found[0]


def _is_a_program_of_the_suite(words: list[str], line: Line) -> None:
    assert words[0] in (".venv/bin/python", "python"), line
    if words[1] == "-m":
        module = ROOT / words[2].replace(".", "/")
        assert module.exists() or module.with_suffix(".py").exists(), line
    else:
        assert (ROOT / words[1]).exists(), line
