"""The pytest plugin of `latchkey-sandbox`, in projects of others, in the example, and beside this suite."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
import yaml

from app.policy.documents import read, rendered
from tests.support.clock import CHILD
from tests.support.sandbox import ROOT
from tests.support.waiting import wait_until

EXAMPLE = ROOT / "sandbox/examples/rehearse-force-mfa"
REAL_TIME = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
WITH_PACKAGE = {**REAL_TIME, "PYTHONPATH": f"{CHILD}:{ROOT / 'sandbox'}"}
"""As if latchkey-sandbox were installed, which tests/release does. In real time, without the clock of these tests."""
INSTALLED = {**WITH_PACKAGE, "PYTEST_PLUGINS": "latchkey_sandbox.plugin"}


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=INSTALLED, capture_output=True, text=True, check=False)


def python_blocks(document: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.timeout(300)
def test_the_example_passes_with_what_the_documents_say(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    blocks = [block for document in ("docs/sandbox.md", "sandbox/README.md") for block in python_blocks(document)]
    for number, block in enumerate(blocks):
        (tmp_path / f"tests/test_of_a_document_{number}.py").write_text(block)
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and f"{11 + 2} passed" in done.stdout, done.stdout + done.stderr
    assert len(blocks) == 3


@pytest.mark.timeout(300)
def test_the_documents_examples_work_with_the_documents_configuration(tmp_path: Path) -> None:
    """It has a delay: AWS doesn't know new keys and devices at once."""
    shutil.copytree(EXAMPLE / "policy", tmp_path / "policy")
    found = re.search(r"^```toml\n(.*?)^```$", (ROOT / "docs/sandbox.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found and '"--consistency-delay-s", "2"' in found[1]
    (tmp_path / "pyproject.toml").write_text(found[1])
    for number, block in enumerate(python_blocks("docs/sandbox.md")):
        (tmp_path / f"test_of_the_document_{number}.py").write_text(block)
    (tmp_path / "test_delay.py").write_text(
        "import pytest\n"
        "from botocore.exceptions import ClientError\n"
        "def test_what_a_test_creates_itself_is_unknown_at_first(aws_user, aws_sandbox, phone):\n"
        "    ann = aws_user()\n"
        "    phone.enroll(ann)\n"
        "    device = {'SerialNumber': phone.serial_number, 'TokenCode': phone.code()}\n"
        "    with pytest.raises(ClientError, match='unable to validate'):\n"
        "        ann.client('sts').get_session_token(**device)\n"
        "    assert ann.with_mfa(phone).client('iam').list_users()\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_examples_policy_is_the_recommended_one() -> None:
    written = json.loads((EXAMPLE / "policy/force-mfa.json").read_text())
    assert written == rendered(read("recommended"), "111122223333")


def test_the_examples_ci_checks_rehearses_and_tests_the_policy() -> None:
    text = (EXAMPLE / ".github/workflows/rehearse.yml").read_text()
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        "python -m pip install pytest wheels/*.whl",
        "latchkey policy check --strict policy/force-mfa.json",
        "latchkey policy rehearse policy/force-mfa.json",
        "python -m pytest",
    ]
    assert "://" not in text, "it works wherever packages come from"


PROJECT = {
    "pytest.ini": """
        [pytest]
        sandbox_policy = policies/own.json
        sandbox_options = --users 3 --consistency-delay-s 0
        """,
    "app/__init__.py": """
        raise RuntimeError("a package of the project's own, which is none of the sandbox's business")
        """,
    "policies/own.json": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": ["iam:List*", "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "signin:*"],
                "Resource": "*",
            },
        }
    ),
    "test_project.py": """
        import subprocess, sys
        import pytest
        from botocore.exceptions import ClientError
        from latchkey_sandbox import Phone, SandboxError, allowed

        def test_a_user_has_what_they_were_made_with(aws_user):
            made = aws_user("ann", path="/team/", password=True, tags={"team": "x"}, policies=["tutorial"])
            admin = made.sandbox.administrator.client("iam")
            assert made.arn == admin.get_user(UserName="ann")["User"]["Arn"] and "/team/ann" in made.arn
            assert [each["GroupName"] for each in admin.list_groups_for_user(UserName="ann")["Groups"]] == ["EC2MFA"]
            assert admin.list_user_policies(UserName="ann")["PolicyNames"] == ["policy-1"]
            assert made.password not in repr(made) and made.access_key.secret_access_key not in repr(made)

        def test_users_of_tests_are_strangers(aws_sandbox, aws_user):
            first, second = aws_user(), aws_user()
            since = aws_sandbox.mark()
            assert allowed(first.client("iam").list_users) and allowed(second.client("iam").list_groups)
            assert [call["action"] for call in aws_sandbox.calls(since, by=second)] == ["iam:ListGroups"]

        def test_options_reach_the_sandbox(aws_sandbox):
            assert aws_sandbox.user("employee-0003").groups == ("EC2MFA",)

        def test_a_program_uses_it_as_aws(aws_user):
            program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
            user = aws_user()
            told = subprocess.check_output([sys.executable, "-P", "-c", program], env=user.environment, text=True)
            assert told.strip() == user.arn

        def test_codes_work_once_and_wrong_secrets_never(aws_user, phone):
            user = aws_user(password=True)
            phone.enroll(user)
            used = phone.code()
            device = {"SerialNumber": phone.serial_number, "TokenCode": used}
            assert allowed(user.client("sts").get_session_token, **device)
            assert not allowed(user.client("sts").get_session_token, **device)
            assert allowed(user.sign_in(phone).client("iam").list_roles)
            with pytest.raises(SandboxError, match="didn’t let"):
                user.sign_in(Phone(phone.seed[::-1]))

        def test_a_group_has_the_policy_it_is_given(aws_group, aws_user):
            own = "arn:aws:iam::111122223333:user/${aws:username}"
            grant = {"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": own}
            user = aws_user(groups=[aws_group({"Version": "2012-10-17", "Statement": grant}, also=())])
            iam = user.client("iam")
            assert allowed(iam.list_access_keys, UserName=user.name)
            assert not allowed(iam.list_access_keys, UserName="Administrator")
            with pytest.raises(SandboxError, match="isn’t a policy"):
                aws_group({"Statement": []})

        def test_an_error_that_is_no_denial_is_raised(aws_sandbox):
            with pytest.raises(ClientError, match="NoSuchEntity"):
                allowed(aws_sandbox.administrator.client("iam").get_user, UserName="nobody")
            with pytest.raises(ValueError, match="key=True"):
                aws_sandbox.create_user(key=False).client("iam")
        """,
}


@pytest.mark.timeout(300)
def test_another_project_uses_its_own_policy_users_and_phones(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text))
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and "7 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_project_with_an_app_of_its_own_has_it_in_its_tests_and_is_told_if_not(tmp_path: Path) -> None:
    """Its project is installed in editable mode, so it's searched after what pip installed."""
    site, project = tmp_path / "site-packages", tmp_path / "project"
    for name, installed in (
        ("latchkey_sandbox", "sandbox/latchkey_sandbox"),
        ("app", "app"),
        ("config.py", "config.py"),
    ):
        site.mkdir(exist_ok=True)
        (site / name).symlink_to(ROOT / installed)
    for name, text in {
        "app/__init__.py": "MINE = True\n",
        "config.py": "MINE = True\n",
        "tests/test_mine.py": "import app, config\n"
        "def test_mine(aws_user): assert app.MINE and config.MINE and aws_user()\n",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    env = {**INSTALLED, "PYTHONPATH": f"{CHILD}:{site}:{project}", "ACCOUNTS": "123456789012"}

    def tested(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)

    hidden = tested()
    assert hidden.returncode == 1 and "Your tests imported Latchkey’s app and config" in hidden.stdout, hidden.stdout
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    done = tested()
    assert done.returncode == 0 and "Latchkey" not in done.stdout, done.stdout + done.stderr


def test_a_policy_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(aws_sandbox): pass\n")
    done = run_pytest(tmp_path, "--sandbox-policy", "missing.json")
    assert done.returncode == 1 and "missing.json is neither a built-in policy" in done.stdout
    assert "Traceback" not in done.stdout and "running.py" not in done.stdout


def test_nothing_is_left_behind_when_the_tests_are_killed(tmp_path: Path) -> None:
    program = """
import os, signal
from latchkey_sandbox import Sandbox
sandbox = Sandbox()
sandbox.start()
print(sandbox.url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    here = {**WITH_PACKAGE, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=here, stdout=subprocess.PIPE, text=True, check=False)
    port = urlsplit(done.stdout.strip()).port
    assert port

    def gone() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0 and [*tmp_path.iterdir()] == []

    wait_until(gone)


def test_nothing_is_left_behind_when_they_are_killed_before_it_says_where_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    command = [sys.executable, "-P", "-m", "latchkey_sandbox.child", "serve", str(folder), "--port", "0"]
    pipe, errors = subprocess.PIPE, tmp_path / "errors"
    with errors.open("w") as log:
        started = subprocess.Popen(command, env=WITH_PACKAGE, stdin=pipe, stdout=pipe, stderr=log)
    with started:
        assert started.stdout and started.stdin
        started.stdout.close()  # a process that is killed closes this one first, or the other
        started.wait(60)
    assert not folder.exists() and errors.read_text() == ""


def test_a_policy_that_is_missing_is_told_in_a_line() -> None:
    program = """
from latchkey_sandbox import Sandbox, SandboxError
try:
    Sandbox("missing.json").start()
except SandboxError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=WITH_PACKAGE, capture_output=True, text=True, check=False
    )
    assert "missing.json" in done.stdout and done.stdout.count("\n") == 1, done.stdout
    assert done.stderr == ""


def test_tests_that_ask_no_aws_start_without_it(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "import sys\n"
        "def test_one(request):\n"
        "    assert request.config.pluginmanager.get_plugin('latchkey_sandbox.plugin')\n"
        "    assert not {'app', 'boto3', 'botocore', 'click', 'flask', 'moto'} & sys.modules.keys()\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_beside_this_suite_which_has_options_and_phones_of_its_own_the_plugin_changes_nothing() -> None:
    done = run_pytest(ROOT, "tests/sandbox/test_mfa.py", "-q", "--policy=recommended", "--setup-plan")
    assert done.returncode == 0 and "aws_sandbox" not in done.stdout, done.stdout + done.stderr
