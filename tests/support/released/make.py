"""Makes the files beside it, run by `python -m tests` with the path of this file.

For a new release, change COMMIT below and the names in `__init__.py` before. It takes the code of that release from
Git, lets users do in it what users do, on both databases, and keeps these. The libraries are those of today's lock.
"""

from __future__ import annotations

import csv
import io
import lzma
import os
import sqlite3
import subprocess
import tarfile
import tomllib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.scenes import Scene
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.postgres import postgres
from tests.support.released import CODE, POSTGRESQL, SQLITE, VERSION, ReleasedPortal, unpack_code
from tests.support.sandbox import ROOT, Sandbox
from tests.support.visitor import Visitor

COMMIT = "e1acb11da34074ae6fd068d78780e9301363f0b3"
PARTS = ("app", "templates", "static", "migrations", "config.py", "wsgi.py", "deploy/gunicorn.conf.py")
"""What runs. The sandbox is today's: it is AWS, not a part of the release."""
SETTINGS = {"EXCEPTION_APPROVAL": "1", "SIGN_IN_LIMIT_PER_KEY": "10000 per hour"}


def make_code() -> None:
    """The archive of the code, with what an installation says of itself: version and commands."""

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout

    project = tomllib.loads(git("show", f"{COMMIT}:pyproject.toml").decode())["project"]
    assert project["version"] == VERSION
    groups = project["entry-points"].items()
    commands = [(group, name, where) for group, found in groups for name, where in found.items()]
    points = "".join(f"[{group}]\n{name} = {where}\n" for group, name, where in commands if "sandbox" not in where)
    told = {"METADATA": f"Metadata-Version: 2.1\nName: latchkey\nVersion: {VERSION}\n", "entry_points.txt": points}
    with (
        tarfile.open(fileobj=io.BytesIO(git("archive", COMMIT, *PARTS))) as whole,
        tarfile.open(CODE, "w:xz") as kept,
    ):
        for member in whole:
            if not member.name.startswith("app/sandbox"):
                kept.addfile(member, whole.extractfile(member) if member.isfile() else None)
        for name, text in told.items():
            member = tarfile.TarInfo(f"latchkey-{VERSION}.dist-info/{name}")
            member.size = len(text.encode())
            kept.addfile(member, io.BytesIO(text.encode()))


def administrator(sandbox: Sandbox, portal: Portal, clock: Clock) -> Visitor:
    """Administrator's browser, signed in with MFA."""
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/x?secret={user['mfa']['seed']}")
    who = Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"])
    page = Visitor(portal.url).sign_in(who, phone.next())
    assert page.is_inside("Administrator"), page.text
    return page


def live(portal: Portal, sandbox: Sandbox, clock: Clock) -> None:
    """What users do: set up MFA, name devices, rotate keys, mistype; what administrators do: refresh, except."""
    nadia = hire(sandbox, "nadia")
    page = Visitor(portal.url).sign_in(nadia)
    scene = Scene(nadia, page, clock)
    page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    seed = page.seed()
    page.submit("/mfa/enroll", **scene.codes(seed), label="Nadia’s phone")
    assert nadia.devices() == [nadia.serial_number], page.text
    clock.move(60)
    page = Visitor(portal.url).sign_in(nadia, sandbox.code(seed))
    assert page.is_inside(nadia.name), page.text
    page.open(f"/access-keys/note?id={nadia.access_key_id}").submit("/access-keys/note", label="laptop")
    page.open("/access-keys").submit("/access-keys/create")
    page.open("/activity")
    clock.move(60)
    Visitor(portal.url).sign_in(nadia, "000000")
    mallory = hire(sandbox, "mallory")
    mallory.secret_access_key = "not-this-one"
    Visitor(portal.url).sign_in(mallory)

    boss = administrator(sandbox, portal, clock)
    key = sandbox.user("Administrator")
    portal.environment |= {
        "AWS_ACCESS_KEY_ID": key["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
    }
    sandbox.as_administrator("iam").generate_credential_report()
    for _ in range(2):
        done = portal.flask("compliance", "refresh", "--report", "--details")
        assert done.returncode == 0, done.stdout + done.stderr
        clock.move(86_400)
    boss = administrator(sandbox, portal, clock)
    until = (datetime.fromtimestamp(clock.time(), UTC) + timedelta(days=200)).date().isoformat()
    typed = {"reason": "A device is on order.", "owner": "it@example.com", "until": until}
    for rule, name in (("mfa", mallory.name), ("key-age", nadia.name)):
        boss.open("/compliance/exceptions").submit("/compliance/exceptions", rule=rule, user_name=name, **typed)
        assert boss.status == 200 and "success" in boss.notices, boss.text
    boss.open("/compliance/people.csv")
    assert len(list(csv.reader(io.StringIO(boss.html)))) > 4


def check(portal: Portal) -> None:
    told = portal.flask("activity", "verify")
    assert told.returncode == 0, told.stdout
    tables = ("sessions", "activity", "credential_labels", "compliance_people", "compliance_exceptions")
    for table in (*tables, "compliance_details", "compliance_days", "compliance_runs"):
        assert portal.rows(f"select count(*) from {table}")[0][0], table


@pytest.mark.timeout(600)
def test_make_everything(scratch: Path, clock: Clock) -> None:
    """Not a test: see the top."""
    make_code()
    code = unpack_code(scratch / "code")
    with (
        Sandbox(scratch / "aws", clock) as sandbox,
        ReleasedPortal(code, scratch / "sqlite", sandbox, **SETTINGS) as portal,
    ):
        live(portal, sandbox, clock)
        check(portal)
        portal.stop()
        with closing(sqlite3.connect(portal.database)) as connection:
            connection.execute("vacuum into ?", [str(scratch / "kept.db")])
        SQLITE.write_bytes(lzma.compress((scratch / "kept.db").read_bytes(), preset=9))
    with Sandbox(scratch / "aws-2", clock) as sandbox, postgres() as server:
        settings = {**SETTINGS, "DATABASE_URL": server.database("portal")}
        with ReleasedPortal(code, scratch / "postgresql", sandbox, **settings) as portal:
            live(portal, sandbox, clock)
            check(portal)
            portal.stop()
            command = [server.programs / "pg_dump", "--no-owner", "--host=127.0.0.1", f"--port={server.port}"]
            plain = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
            dump = [*map(str, command), "--username=latchkey", "--dbname=portal"]
            done = subprocess.run(dump, check=True, capture_output=True, env=plain)
            # Newer programs write these lines, which older ones don't know.
            kept = [line for line in done.stdout.splitlines(True) if b"restrict " not in line[:12]]
            POSTGRESQL.write_bytes(lzma.compress(b"".join(kept), preset=9))
