"""A sandbox for tests: a program of its own on a free port of this machine, which ends with them."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from latchkey_sandbox.users import Credentials, User

GROUP = "EC2MFA"
"""The group that has the policy under test, and AmazonEC2FullAccess."""
EC2 = "AmazonEC2FullAccess"
_DELAY = "--consistency-delay-s"
_SLACK_S = 10
"""How much longer than the delay to wait on a busy machine."""
ASKS = "code"
"""What the program that signs in prints to be given a code."""
_HERE = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""For addresses of this machine: no proxy of the environment can reach them."""


class SandboxError(Exception):
    """The sandbox didn't start, or refused. The message says why."""


class Sandbox:
    """A local AWS with one account. Use it as a context manager, or call `start` and `stop`."""

    def __init__(self, policy: str | Path = "recommended", options: Sequence[str] = ()) -> None:
        """policy: the name of a built-in document, or a file. options: more of `latchkey-sandbox --help`."""
        self._options = [*options, "--port", "0", "--policy", str(policy)]
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._facts: dict[str, Any] = {}
        self._numbers = itertools.count(1)

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it listens. Raises SandboxError with its words if it doesn't."""
        self._folder = tempfile.TemporaryDirectory(prefix="latchkey-sandbox-")
        file = Path(self._folder.name, "sandbox.json")
        log = Path(self._folder.name, "log")
        with log.open("w") as errors:
            self._process = subprocess.Popen(  # noqa: S603 # our own program
                [sys.executable, "-P", "-m", "latchkey_sandbox.child", "serve", self._folder.name, *self._options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        printed = self._process.stdout
        while printed and not file.exists() and printed.readline():
            pass  # it writes the file, and then prints where it listens
        if not file.exists():
            self._process.wait()
            said = log.read_text().strip()
            self.stop()
            raise SandboxError(f"The sandbox didn’t start. {said}")
        self._facts = json.loads(file.read_text())

    def stop(self) -> None:
        """Stop it. Its account, and everything in it, is gone."""
        process, folder = self._process, self._folder
        self._process = self._folder = None
        if process:
            process.kill()  # it keeps nothing but this folder, and ending in order takes seconds
            process.communicate()
        if folder:
            folder.cleanup()

    # -- where it is

    @property
    def url(self) -> str:
        """The endpoint of all its services: `endpoint_url` of a boto3 client."""
        return str(self._facts["endpoint_url"])

    @property
    def account_id(self) -> str:
        """The account: 12 digits."""
        return str(self._facts["account_id"])

    @property
    def region(self) -> str:
        """Its region."""
        return str(self._facts["region"])

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a program uses the sandbox as AWS. `User.environment` adds credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    # -- asking it

    def client(self, service: str, signer: Credentials) -> Any:
        """Return a boto3 client. Nothing of your own AWS configuration counts. It doesn't try again after errors."""
        return _client(
            service,
            self.url,
            self.region,
            aws_access_key_id=signer.access_key_id,
            aws_secret_access_key=signer.secret_access_key,
            aws_session_token=signer.session_token or None,
        )

    @cached_property
    def administrator(self) -> User:
        """The user who may do everything, also without MFA."""
        return self.user("Administrator")

    def user(self, name: str) -> User:
        """Return a user that the sandbox started with. Raises KeyError for other names."""
        known = self._facts["users"][name]
        key = (
            Credentials(self, known["access_key_id"], known["secret_access_key"])
            if "access_key_id" in known
            else None
        )
        return User(self, name, known["arn"], tuple(known["groups"]), known.get("password", ""), key)

    def calls(self, since: int = 0, by: User | None = None) -> list[dict[str, Any]]:
        """Return the calls after a sequence number, oldest first: action, decision, deciding statement and so on.

        by: only those of this user, with whatever credentials.
        """
        found: list[dict[str, Any]] = self._control(f"calls?since={since}")["calls"]
        return [call for call in found if by is None or call["principal"] == by.arn]

    def mark(self) -> int:
        """Return the sequence number of the latest call, for `calls(since=...)`. 0 if there was none."""
        return max((int(call["seq"]) for call in self.calls()), default=0)

    # -- who is in it

    def create_group(
        self, policy: str | Path | Mapping[str, Any], also: Iterable[str] = (EC2,), name: str = ""
    ) -> str:
        """Create a group with a policy. Returns its name.

        policy: a document, the file of one, or a built-in name. If it names another account, its ARNs are moved to
        the sandbox's. also: names of AWS's policies. There are two, AmazonEC2FullAccess and AdministratorAccess.
        Raises SandboxError for what isn't a policy, botocore's ClientError for what IAM refuses.
        """
        name = name or f"group-{next(self._numbers):04d}"
        iam = self.administrator.client("iam")
        document = json.dumps(self._in_account(policy))
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        iam.create_group(GroupName=name)
        for each in (arn, *(f"arn:aws:iam::aws:policy/{policy_name}" for policy_name in also)):
            iam.attach_group_policy(GroupName=name, PolicyArn=each)
        return name

    def create_user(
        self,
        name: str = "",
        *,
        groups: Iterable[str] = (GROUP,),
        policies: Iterable[str | Path | Mapping[str, Any]] = (),
        key: bool = True,
        password: bool = False,
        path: str = "/",
        tags: Mapping[str, str] | None = None,
    ) -> User:
        """Create a user without MFA. Returns them with their secrets.

        name: default a new one. groups: default the one with the policy under test. policies: more of their own, in
        the forms of `create_group`. key, password: whether they have an access key, a console password.

        With `--consistency-delay-s` a new key doesn't work at once: the user is returned when it does.
        """
        name = name or f"user-{next(self._numbers):04d}"
        iam = self.administrator.client("iam")
        given = [{"Key": tag, "Value": value} for tag, value in (tags or {}).items()]
        arn = iam.create_user(UserName=name, Path=path, Tags=given)["User"]["Arn"]
        for group in (groups := tuple(groups)):
            iam.add_user_to_group(GroupName=group, UserName=name)
        for number, policy in enumerate(policies, 1):
            document = json.dumps(self._in_account(policy))
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=document)
        access_key = None
        if key:
            made = iam.create_access_key(UserName=name)["AccessKey"]
            access_key = Credentials(self, made["AccessKeyId"], made["SecretAccessKey"])
        secret = f"{secrets.token_urlsafe(12)}-aA1!" if password else ""
        if secret:
            iam.create_login_profile(UserName=name, Password=secret)
        if access_key:
            self.until_known("InvalidClientTokenId", access_key.client("sts").get_caller_identity)
        return User(self, name, arn, groups, secret, access_key)

    def until_known(self, unknown: str, call: Callable[..., dict[str, Any]], **parameters: Any) -> dict[str, Any]:
        """Make a call with what was just created, again while the sandbox's delay (`--consistency-delay-s`) lasts.

        unknown: what AWS's error begins with, code and message, as long as it doesn't know it. call: a method of a
        boto3 client. Returns its answer. Raises its botocore ClientError for other errors, or after the delay.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 # a pytest that asks no AWS starts without it

        delay = _delay(self._options)
        until = time.monotonic() + delay + _SLACK_S if delay else 0
        while True:
            try:
                return call(**parameters)
            except ClientError as error:
                message = f"{error.response['Error']['Code']} {error.response['Error']['Message']}"
                if not message.startswith(unknown) or time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def sign_in(self, user: User, code: Callable[[], str]) -> dict[str, str]:
        """Sign a user in with their password, see `User.sign_in`. Returns keyword arguments for a boto3 client.

        code: called if AWS asks for one.
        """
        typed = {"account": self.account_id, "user_name": user.name, "password": user.password}
        command = [sys.executable, "-P", "-m", "latchkey_sandbox.child", "sign-in"]
        direct = {**os.environ, "no_proxy": "127.0.0.1"}
        with subprocess.Popen(  # noqa: S603 # our own program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=direct
        ) as program:
            printed = _answering(program, json.dumps({"url": self._facts["signin_url"], **typed}), code)
        result: dict[str, str] = json.loads(printed)
        if "refused" in result:
            missing = f" {result['action']} isn’t allowed." if result["action"] else ""
            raise SandboxError(f"AWS Sign-In didn’t let {user.name} in.{missing} It says: {result['refused']}")
        return result

    def _in_account(self, policy: str | Path | Mapping[str, Any]) -> dict[str, Any]:
        """Return a policy for this account, as the sandbox reads it."""
        if isinstance(policy, Mapping):
            text = json.dumps(policy)
        else:
            text = Path(policy).read_text(encoding="utf-8-sig") if Path(policy).is_file() else str(policy)
        found: dict[str, Any] = self._control("policy", text.encode())["policy"]
        return found

    def _control(self, what: str, sent: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/_sandbox/{what}", sent)  # noqa: S310 # on this machine
        try:
            with _HERE.open(request) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                raise SandboxError(str(json.load(error)["error"])) from error


def _delay(options: Sequence[str]) -> float:
    """Return the last `--consistency-delay-s` of the options, in seconds. 0 without one."""
    given = [*(f"{name}={value}" for name, value in itertools.pairwise(options) if name == _DELAY), *options]
    values = [each.removeprefix(f"{_DELAY}=") for each in given if each.startswith(f"{_DELAY}=")]
    return float(values[-1]) if values else 0


def _answering(program: subprocess.Popen[str], typed: str, code: Callable[[], str]) -> str:
    """Tell the program a line, and codes when it asks. Returns what it says in the end."""
    if program.stdin is None or program.stdout is None:
        raise ValueError("A program without pipes can’t be told anything.")
    print(typed, file=program.stdin, flush=True)
    for line in program.stdout:
        if line.strip() != ASKS:
            return line
        print(code(), file=program.stdin, flush=True)
    raise SandboxError("Signing in failed. The program’s error is above.")


@lru_cache(maxsize=256)
def _client(service: str, url: str, region: str, **credentials: str | None) -> Any:
    """Keep clients: making one takes longer than what is asked with it. Threads may share them."""
    from botocore.config import Config  # noqa: PLC0415 # a pytest that asks no AWS starts without it

    return _session().create_client(
        service,
        region_name=region,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}),
        **credentials,
    )


@lru_cache(maxsize=1)
def _session() -> Any:
    from botocore.session import Session  # noqa: PLC0415 # as above

    nothing = (None, None, os.devnull, None)
    return Session({"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing})
