"""A reader's terminal: a checkout of its own, the sandbox in place of AWS, and the real AWS CLI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

from tests.support.aws_login import AwsLogin, Browser
from tests.support.programs import with_aws
from tests.support.sandbox import ROOT, Sandbox

MAKE = f'#!/bin/sh\nexec /usr/bin/make -n -C "{ROOT}" "$@"\n'
"""In place of make: reads the Makefile and carries nothing out. Each target is tested where its program is."""


class Terminal:
    """Lines run one after the other in a shell, and what they export stays for the next."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        """folder: for the checkout, whose files are links, and for the reader's home."""
        self.sandbox = sandbox
        self.here, self.home, programs = folder / "latchkey", folder / "home", folder / "programs"
        for made in (self.here / "instance", self.home / ".aws", programs):
            made.mkdir(parents=True)
        for file in ROOT.iterdir():
            if file.name not in ("instance", ".git"):
                (self.here / file.name).symlink_to(file)
        (programs / "make").write_text(MAKE)
        (programs / "make").chmod(0o755)
        self._exports = folder / "exports"
        self._exports.touch()
        clock = {name: value for name, value in os.environ.items() if "FAKETIME" in name}
        kept = ("LD_PRELOAD", "DONT_FAKE_MONOTONIC")
        self._environment = {
            **clock,
            **{name: os.environ[name] for name in kept if name in os.environ},
            # The programs of .venv take the project from where it was installed. Here it's a checkout of links.
            "PYTHONPATH": os.pathsep.join([str(self.here), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
            "HOME": str(self.home),
            "PATH": f"{programs}:{with_aws()}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LC_ALL": "C.UTF-8",
        }

    def set(self, **variables: str) -> None:
        """Variables that the reader's shell has already."""
        self._environment |= variables

    def run(self, command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a line as `sh` does; typed: what the reader answers."""
        script = f". '{self._exports}'\n{command}\nstatus=$?\nexport -p >'{self._exports}'\nexit $status"
        return subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self.here,
            env=self._environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    def profile(self, name: str, values: dict[str, str] | None = None) -> dict[str, str]:
        """A profile of the AWS CLI, after writing `values` into it."""
        file = self.home / ".aws/credentials"
        profiles = ConfigParser(interpolation=None)
        profiles.read(file)
        if values is not None:
            profiles[name] = values
            with file.open("w") as written:
                profiles.write(written)
        return dict(profiles[name])

    def mfa_login(self, command: str, code: str) -> None:
        """What `aws configure mfa-login` does, as AWS documents it: version 1 of the AWS CLI lacks it."""
        words = command.split()
        assert words[:3] == ["aws", "configure", "mfa-login"]
        options = dict(zip(words[3::2], words[4::2], strict=True))
        key = self.profile(options["--profile"])
        made = self.sandbox.client("sts", **key).get_session_token(
            DurationSeconds=43200, SerialNumber=options["--serial-number"], TokenCode=code
        )
        self.profile(options["--update-profile"], _values(made["Credentials"]))

    def login(self, command: str, name: str, password: str, code: Callable[[], str]) -> None:
        """What `aws login` does with a browser, as AWS documents it: version 1 of the AWS CLI lacks it."""
        words = command.split()
        assert words[:3] == ["aws", "login", "--profile"] and len(words) == 4
        login, browser = AwsLogin(self.sandbox.facts["signin_url"]), Browser()
        browser.open(login.authorize_url())
        browser.sign_in(self.sandbox.account_id, name, password)
        browser.submit(code=code())
        status, token = login.exchange(browser.submit().answer["code"])
        assert status == 200, token
        given = token["accessToken"]
        self.profile(words[3], _values({name[0].upper() + name[1:]: value for name, value in given.items()}))


def _values(credentials: dict[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
