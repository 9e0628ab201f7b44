"""Step 3 of the tutorial in two containers: `python -m tests.release.in_containers [FOLDER]`, with the images' files.

It says each step in plain words. Its network is loopback alone, and the time is the real one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from release.containers import Container, Image, apart
from release.kinds import PORTAL, SANDBOX
from release.source import DIST, Unmade
from tests.support.clock import Clock
from tests.support.marks import AUDIT_KEY, MARKER, SECRET_KEY, kept_secrets
from tests.support.people import Employee, Phone, hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor

ADDRESS = "http://127.0.0.1:8000"
WRITES = "import sys; open(sys.argv[1], 'w').close()"


class RealClock(Clock):
    """The clock of this machine, which containers also have. A phone's next code takes up to 30 seconds."""

    def __init__(self) -> None:
        """Needs no file: it can't be moved."""

    def to_next_code(self) -> None:
        """Wait for it, as a user does."""
        step = self.time() // 30
        while self.time() // 30 == step:
            time.sleep(0.2)


class SandboxContainer(Sandbox):
    """The sandbox's container, asked like any other sandbox."""

    def __init__(self, container: Container, clock: Clock) -> None:
        super().__init__(container.data, clock)
        self.facts = json.loads((container.data / "sandbox.json").read_text())


def say(step: str) -> None:
    """Tell who waits what is true now."""
    print(f"  {step}", flush=True)


def settings(sandbox: Sandbox) -> dict[str, str]:
    """What the portal is told. Everything else is as in the image."""
    return {
        "ACCOUNTS": sandbox.account_id,
        "SECRET_KEY": SECRET_KEY,
        "AUDIT_KEYS": f"k1:{AUDIT_KEY}",
        "AWS_ENDPOINT_URL_IAM": sandbox.url,
        "AWS_ENDPOINT_URL_STS": sandbox.url,
        "AWS_ENDPOINT_URL_SIGNIN": str(sandbox.facts["signin_url"]),
    }


def refused(service: Any, operation: str) -> str:
    """Return the code of the error with which AWS refuses this, "" if it doesn't."""
    try:
        getattr(service, operation)()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def locked_down(portal: Container, python: str) -> None:
    """Its user isn't root and can write to nothing but /tmp and its volume, and there is no shell."""
    asked = portal.run(python, "-c", "import os; print(os.getuid())")
    assert asked.stdout.strip() not in ("", "0"), asked
    for folder in ("/", "/opt/latchkey", "/etc", "/usr/bin"):
        assert portal.run(python, "-c", WRITES, f"{folder}/written").returncode, folder
    for folder in ("/tmp", "/var/lib/latchkey"):
        assert portal.run(python, "-c", WRITES, f"{folder}/written").returncode == 0, folder
    assert portal.run("sh", "-c", "true").returncode and portal.run("/bin/sh", "-c", "true").returncode
    say(f"The portal runs as user {asked.stdout.strip()}, on a file system it can't write to, without a shell.")


def enroll(visitor: Visitor, employee: Employee, clock: Clock) -> Phone:
    """Set up MFA and get a session with it, from the overview."""
    visitor.submit("/mfa/enroll/begin")
    phone = Phone(clock, f"otpauth://totp/{employee.name}?secret={visitor.seed()}")
    say("The portal shows a QR code. Waiting for two codes of the phone, up to a minute.")
    first = phone.next()
    visitor.submit("/mfa/enroll", first_code=first, second_code=phone.next())
    assert employee.devices() == [employee.serial_number], visitor.text
    say("The phone is the user's MFA device at AWS. Waiting for its next code.")
    visitor.submit("/mfa/activate", code=phone.next())
    assert visitor.path == "/mfa/finished", visitor.text
    say("The user has a session with MFA.")
    return phone


def step_3(sandbox: Sandbox) -> None:
    """From blocked to working. Raises AssertionError with what is not as the tutorial says."""
    clock = sandbox.clock
    nadia = hire(sandbox, "nadia")
    assert refused(nadia.client("ec2"), "describe_instances") == "UnauthorizedOperation"
    say("Without MFA, AWS refuses a new user EC2.")

    visitor = Visitor(ADDRESS).sign_in(nadia)
    assert visitor.is_inside(nadia.name) and visitor.has("/mfa/enroll/begin"), visitor.text
    say("The user signs in to the portal with an access key. It offers to set up MFA.")
    phone = enroll(visitor, nadia, clock)

    code = phone.next()
    ec2 = nadia.with_code("ec2", code)
    assert ec2.describe_instances()["Reservations"]
    say("With a code of the phone, EC2 works from the command line.")
    later = nadia.with_code("s3", phone.next())
    assert refused(later, "list_buckets") == "AccessDenied"
    say("Everything else is still refused: S3 says AccessDenied.")


def main(dist: Path, scratch: Path) -> None:
    """Run both containers and the story. Raises Unmade or AssertionError."""
    clock = RealClock()
    portal_image, sandbox_image = (
        Image(dist / PORTAL.archive, scratch / "portal-image"),
        Image(dist / SANDBOX.archive, scratch / "sandbox-image"),
    )
    options = [*sandbox_image.config["Cmd"], "--marker", MARKER]
    with Container("sandbox", sandbox_image, scratch, {}, options) as aws:
        aws.until_healthy()
        say("The sandbox's container is healthy.")
        sandbox = SandboxContainer(aws, clock)
        told = settings(sandbox)
        migration = Container("portal", portal_image, scratch, told, ("db", "upgrade"))
        migration.start()
        if migration.wait():
            raise Unmade(f"latchkey db upgrade failed:\n{migration.log.read_text()}")
        say("`latchkey db upgrade` made the database in the volume.")
        with Container("portal", portal_image, scratch, told) as portal:
            portal.until_healthy()
            say("The portal's container is healthy.")
            locked_down(portal, portal_image.health[0])
            step_3(sandbox)
            verified = portal.run("latchkey", "activity", "verify")
            assert verified.returncode == 0, verified.stdout + verified.stderr
            say("`latchkey activity verify` finds the audit log complete.")
            report = json.loads(portal.run("latchkey", "doctor", "--json").stdout)
            codes = {finding["code"] for finding in report["findings"]}
            assert "versions-locked" in codes and "check-failed" not in codes, report
            say("`latchkey doctor` finds the packages that were tested together.")
            assert portal.stop() == 0, portal.log.read_text()
        assert kept_secrets(portal.log.read_text()) == []
        say("The portal stopped when it was told to. Its log has no secret.")


if __name__ == "__main__":
    try:
        apart("tests.release.in_containers", sys.argv[1:])
        with tempfile.TemporaryDirectory(prefix="latchkey-containers-") as folder:
            main(Path(sys.argv[1]) if len(sys.argv) > 1 else DIST, Path(folder))
    except Unmade as error:
        sys.exit(str(error))
