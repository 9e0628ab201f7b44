"""An upgrade from the release before, rehearsed: both serve at once, then only the new one, then back, then forward.

On PostgreSQL and Redis, and on SQLite. `db upgrade` and `db downgrade` run while users work.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.faults.people import with_device
from tests.faults.scenes import Scene
from tests.notices.post_office import PostOffice
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.redis import RedisServer
from tests.support.released import HEAD, ReleasedPortal, restore, unpack_code, unpack_sqlite
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor
from tests.support.waiting import wait_until

LONG = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def code(scratch: Path) -> Path:
    """The release before."""
    return unpack_code(scratch / "release-before")


@pytest.fixture(scope="module")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    clock.move(7 * 86_400)  # later than what the release before stored, whose clock tests had moved
    with Sandbox(scratch / "sandbox-of-upgrades", clock) as running:
        yield running


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


class Rehearsal:
    """A portal of each release, on one database of the release before."""

    def __init__(
        self, code: Path, folder: Path, sandbox: Sandbox, clock: Clock, post_office: PostOffice, **stores: str
    ) -> None:
        self.sandbox, self.clock, self.post_office = sandbox, clock, post_office
        key = sandbox.user("Administrator")
        settings = {
            **stores,
            **post_office.settings,
            "NOTICES_WORKERS": "1",
            "SIGN_IN_LIMIT_PER_KEY": "10000 per hour",
            "ADMINS": key["arn"],
        }
        self.old = ReleasedPortal(code, folder / "old", sandbox, **settings)
        self.new = Portal(folder / "new", sandbox, **settings)
        for portal in (self.old, self.new):
            portal.folder.mkdir(parents=True)
            portal.environment["PUBLIC_URL"] = self.old.url

    def hired(self, name: str) -> tuple[Employee, Phone]:
        """An employee with an MFA device."""
        who = hire(self.sandbox, name)
        phone = Phone(self.clock, f"otpauth://totp/x?secret={with_device(self.sandbox, who)}")
        self.clock.move(60)
        return who, phone

    def administrator(self, portal: Portal) -> Visitor:
        """Administrator's browser, signed in."""
        user = self.sandbox.user("Administrator")
        phone = Phone(self.clock, f"otpauth://totp/x?secret={user['mfa']['seed']}")
        who = Employee(self.sandbox, "Administrator", user["access_key_id"], user["secret_access_key"])
        page = Visitor(portal.url).sign_in(who, phone.next())
        assert page.is_inside("Administrator"), page.text
        return page

    def keys(self, who: Employee) -> set[str]:
        """IDs of their access keys, as AWS has them."""
        listed = self.sandbox.as_administrator("iam").list_access_keys(UserName=who.name)
        return {key["AccessKeyId"] for key in listed["AccessKeyMetadata"]}

    def mails(self, who: Employee) -> int:
        return self.post_office.copies[f"{who.name}@example.com"]

    def audit_log_is_sound(self, *portals: Portal) -> None:
        for portal in portals:
            told = portal.flask("activity", "verify")
            assert told.returncode == 0 and "NOT sound" not in told.stdout, told.stdout + told.stderr


@pytest.fixture(params=["postgresql", "sqlite"])
def rehearsal(
    request: pytest.FixtureRequest,
    code: Path,
    tmp_path: Path,
    sandbox: Sandbox,
    clock: Clock,
    redis: RedisServer,
    post_office: PostOffice,
) -> Iterator[Rehearsal]:
    if request.param == "postgresql":
        database = restore(request.getfixturevalue("postgresql"), "portal")
        stores = {"DATABASE_URL": database, "REDIS_URL": redis.database()}
    else:
        stores = {"DATABASE_URL": unpack_sqlite(tmp_path / "portal.db")}
    made = Rehearsal(code, tmp_path, sandbox, clock, post_office, **stores)
    with ExitStack() as stack:
        for portal in (made.old, made.new):
            stack.callback(portal.stop)
        yield made
        for portal in (made.old, made.new):
            portal.stop()
            portal.keeps_no_secret()


@contextmanager
def someone_works(page: Visitor) -> Iterator[None]:
    """Open pages all the while: none may fail."""
    over, statuses = threading.Event(), Counter[tuple[int, str]]()

    def work() -> None:
        while not over.is_set():
            for path in ("/", "/activity", "/access-keys"):
                statuses[page.open(path).status, page.path] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)
    assert {status for status, _ in statuses} == {200} and len(statuses) == 3, statuses


def every_page(page: Visitor) -> set[str]:
    """Open what links lead to, from the overview on, and three of each kind. No page may fail. Returns the paths."""
    kinds, left = Counter[str](), ["/"]
    seen = set[str]()
    while left:
        path = left.pop(0)
        kind = path.partition("?")[0].rpartition("/")[0] if path.count("/") > 2 else path.partition("?")[0]
        kinds[kind] += 1
        if path in seen or kinds[kind] > 3:
            continue
        page.open(path)
        assert page.status < 400, f"{path}: {page.status} {page.text[:500]}"
        seen.add(path)
        links = (str(link["href"]).partition("#")[0] for link in page.soup.select("a[href^='/']"))
        left += [each for each in links if "/aws" not in each]
    return seen


def refresh(portal: Portal, sandbox: Sandbox) -> None:
    """`compliance refresh`, with all sources."""
    key = sandbox.user("Administrator")
    portal.environment |= {
        "AWS_ACCESS_KEY_ID": key["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
    }
    done = portal.flask("compliance", "refresh", "--report", "--details")
    assert done.returncode == 0, done.stdout + done.stderr


@LONG
def test_both_releases_serve_at_once_then_back_and_forward(rehearsal: Rehearsal, clock: Clock) -> None:
    old, new, sandbox = rehearsal.old, rehearsal.new, rehearsal.sandbox
    old.start()
    paula, phone = rehearsal.hired("paula")
    page = Visitor(old.url).sign_in(paula, phone.next())
    assert page.is_inside(paula.name), page.text
    nadia, olga = hire(sandbox, "nadia"), hire(sandbox, "olga")
    nadias = Scene(nadia, Visitor(old.url).sign_in(nadia), clock)
    nadias.page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    seed = nadias.page.seed()

    # The new release migrates, while the old one serves.
    with pytest.raises(RuntimeError, match="db upgrade"):
        new.start()
    with someone_works(page):
        new.migrate()
    new.start()

    # Both serve: sessions, forms and what is under way continue at the other.
    page.urls = [new.url]
    assert page.open("/").is_inside(paula.name)
    page.open("/access-keys")
    page.urls = [old.url]
    page.submit("/access-keys/create")
    (created,) = rehearsal.keys(paula) - {paula.access_key_id}
    page.urls = [new.url]
    assert created in page.open("/access-keys/new").html, page.text
    nadias.page.urls = [new.url]
    nadias.page.open("/mfa/enroll")
    assert nadias.page.seed() == seed
    nadias.page.submit("/mfa/enroll", **nadias.codes(seed))
    assert nadia.devices() == [nadia.serial_number], nadias.page.text
    olgas = Scene(olga, Visitor(new.url).sign_in(olga), clock)
    olgas.page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    olgas.page.urls = [old.url]
    olgas.page.open("/mfa/enroll").submit("/mfa/enroll", **olgas.codes(olgas.page.seed()))
    assert olga.devices() == [olga.serial_number], olgas.page.text
    wait_until(lambda: rehearsal.mails(nadia) == 1, 60, new.log.read_text)
    rehearsal.audit_log_is_sound(old, new)

    # Each shows what the other stored, on every page.
    for first, second in ((old, new), (new, old)):
        refresh(first, sandbox)
        boss = rehearsal.administrator(second)
        assert every_page(boss) >= {"/compliance", "/compliance/policies", "/activity/everyone"}
        boss.urls = [first.url]
        every_page(boss)
    page.urls = [old.url]
    every_page(page)

    # The old replica goes.
    old.stop()
    page.urls = [new.url]
    assert page.open("/").is_inside(paula.name)
    rehearsal.audit_log_is_sound(new)

    # Back: the old release serves on the new schema, then on its own.
    old.start()
    new.stop()
    page.urls = [old.url]
    with someone_works(page):
        back = new.flask("db", "downgrade", HEAD)
    assert back.returncode == 0, back.stderr
    page.open("/access-keys").follow(f"/access-keys/delete?id={created}").submit("/access-keys/delete")
    assert rehearsal.keys(paula) == {paula.access_key_id}, page.text
    refresh(old, sandbox)
    every_page(rehearsal.administrator(old))
    rehearsal.audit_log_is_sound(old)

    # And forward again.
    with someone_works(page):
        new.migrate()
    new.start()
    old.stop()
    page.urls = [new.url]
    assert page.open("/").is_inside(paula.name)
    refresh(new, sandbox)
    every_page(rehearsal.administrator(new))
    rehearsal.audit_log_is_sound(new)
    sent = Counter(message_id for _, message_id in rehearsal.post_office.arrived)
    assert set(sent.values()) == {1}, "no notice twice"
