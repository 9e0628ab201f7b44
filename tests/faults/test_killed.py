"""Replicas are killed while users set up MFA and rotate keys: every user finishes, and everything is recorded."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pyotp
import pytest

from tests.faults.people import with_device
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.replicas import Replicas, kill_a_worker
from tests.support.sandbox import Sandbox
from tests.support.visitor import Broken, Visitor

AT_ONCE = 8
MOST_STEPS = 60


class Phone:
    """Shows codes that were not used yet, as far ahead as AWS accepts them."""

    def __init__(self, clock: Clock, seed: str) -> None:
        self.seed = seed
        self._clock, self._totp, self._last = clock, pyotp.TOTP(seed), 0

    def next(self) -> str:
        """A code newer than all before."""
        while True:
            now = int(self._clock.time()) // 30
            step = max(self._last + 1, now)
            if step <= now + 1:
                self._last = step
                return self._totp.at(step * 30)
            time.sleep(0.05)  # until the clock has moved on


class Flow:
    """A user on their way, with what they keep: seeds they scanned and secrets they were shown."""

    def __init__(self, employee: Employee, many: Replicas, clock: Clock, chance: int, seed: str = "") -> None:
        """chance: seed of the choice of replicas. seed: the seed of the user's device."""
        self.who = employee
        self.clock = clock
        self.visitor = Visitor(many.urls, random.Random(chance))
        self.phone = Phone(clock, seed) if seed else None
        self.first_key = employee.access_key_id
        self.secrets = {employee.access_key_id: employee.secret_access_key}
        self.done = False
        self.trace: list[str] = []

    def run(self) -> Flow:
        """Take one step after another. After any failure, reload and continue with what the page says."""
        for _ in range(MOST_STEPS):
            try:
                self.done = self.step()
            except (Broken, LookupError) as stopped:
                # The error page of a load balancer whose replica died, or of the portal itself.
                self.trace.append(f"{type(stopped).__name__}: {stopped}"[:200])
            self.trace.append(f"{self.visitor.path} {self.visitor.status} {self.visitor.text[:200]}")
            if self.done:
                return self
        return self

    def enter(self, path: str) -> Visitor:
        """Open a page, and sign in if it asks for that."""
        page = self.visitor.open(path)
        if page.path == "/sign-in":
            page.sign_in(self.who, self.phone.next() if self.phone else "")
            page.open(path)
        return page

    def step(self) -> bool:
        raise NotImplementedError


class Enrollment(Flow):
    """From no MFA device to a session with MFA."""

    def step(self) -> bool:
        page = self.enter("/mfa/enroll")
        if page.path == "/mfa/activate":
            assert self.phone, "AWS has a device that nobody scanned"
            page.submit("/mfa/activate", code=self.phone.next())
            while page.has("/mfa/activate/continue"):
                time.sleep(0.1)
                page.submit("/mfa/activate/continue")
            return page.path == "/mfa/finished"
        if page.path == "/mfa":  # the list of devices
            return True
        if not page.seed():
            page.submit("/mfa/enroll/begin")
        if not page.seed():
            return False
        self.phone = Phone(self.clock, page.seed())
        page.submit("/mfa/enroll", first_code=self.phone.next(), second_code=self.phone.next())
        return False


class Rotation(Flow):
    """From one key to the next, the old one deleted."""

    def step(self) -> bool:
        page = self.enter("/access-keys")
        if page.path != "/access-keys":
            return False
        rows = page.soup.select("main [data-item]")
        keys = {str(row["data-item"]): row["data-state"] != "inactive" for row in rows}
        if page.soup.select("main [data-state=to-be-saved]"):
            page.open("/access-keys/new")
            key_id, secret = page.at("#access-key-id"), page.at("#secret-access-key")
            page.submit("/access-keys/new", last_characters=secret[-6:])
            self.secrets[key_id] = secret
            return False
        lost = [key_id for key_id in keys if key_id not in self.secrets]
        if lost:  # created, but its secret was lost with a replica
            page.open(f"/access-keys/delete?id={lost[0]}").submit("/access-keys/delete")
        elif set(keys) == {self.first_key}:
            page.submit("/access-keys/create")
        elif keys.get(self.first_key):
            page.open(f"/access-keys/deactivate?id={self.first_key}").submit("/access-keys/deactivate")
        elif self.first_key in keys:
            self.who.access_key_id = next(key_id for key_id in keys if key_id != self.first_key)
            self.who.secret_access_key = self.secrets[self.who.access_key_id]
            page.open(f"/access-keys/delete?id={self.first_key}").submit("/access-keys/delete")
        else:
            return keys == dict.fromkeys(keys, True) and len(keys) == 1
        return False


@contextmanager
def time_passes(clock: Clock) -> Iterator[None]:
    """Let the tests' clock run fifteen times as fast as real time."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.1):
            clock.move(1.4)

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


@contextmanager
def killing(many: Replicas, most: int, chance: random.Random) -> Iterator[list[str]]:
    """Kill workers at random moments, and sometimes a whole replica. Yields what was killed."""
    over = threading.Event()
    killed: list[str] = []

    def keep() -> None:
        while len(killed) < most and not over.wait(chance.uniform(0.1, 0.6)):
            victim = chance.choice(many.portals)
            if len(killed) % 12 == 5:
                victim.kill()
                killed.append("replica")
                victim.start()
            else:
                kill_a_worker(victim)
                killed.append("worker")

    killer = threading.Thread(target=keep)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


@pytest.mark.timeout(600)
def test_every_flow_ends_well_whichever_process_is_killed(
    many: Replicas, sandbox: Sandbox, clock: Clock, request: pytest.FixtureRequest
) -> None:
    number, seed = int(request.config.getoption("--flows")), int(request.config.getoption("--seed"))
    chance = random.Random(seed)
    people = [hire(sandbox, "someone") for _ in range(number)]
    flows: list[Flow] = []
    for index, employee in enumerate(people):
        if index % 2:
            flows.append(Rotation(employee, many, clock, seed + index, with_device(sandbox, employee)))
        else:
            flows.append(Enrollment(employee, many, clock, seed + index))
    clock.move(40)
    began = time.monotonic()
    with time_passes(clock), killing(many, number, chance) as killed, ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(lambda flow: flow.run(), flows))
    print(f"{number} flows by seed {seed}, {time.monotonic() - began:.0f} s, killed {len(killed)}")
    assert [flow.trace[-6:] for flow in ended if not flow.done] == []
    assert len(killed) >= number // 10

    clock.move(120)  # interrupted attempts are old enough now to get an outcome at the next visit
    for flow in ended:
        flow.enter("/")
        flow.enter("/access-keys")
        check(flow, many, sandbox)
    nothing_secret_lies_about(ended, many)
    verified = many.first.flask("activity", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def nothing_secret_lies_about(flows: list[Flow], many: Replicas) -> None:
    """Search logs, database and Redis for everything that users typed or were shown."""
    secrets = {secret for flow in flows for secret in flow.secrets.values()}
    secrets |= {flow.phone.seed for flow in flows if flow.phone}
    secrets |= {str(cookie.value) for flow in flows for cookie in flow.visitor.cookies}
    kept = many.first.stored() + "".join(portal.log.read_text() for portal in many.portals)
    assert len(kept) > 10_000 and [secret for secret in secrets if secret in kept] == []


def check(flow: Flow, many: Replicas, sandbox: Sandbox) -> None:
    """Check that AWS, the user and the audit log have the same keys and devices."""
    name = flow.who.name
    query = "select event, target, phase, attempt_id from activity where user_name = :name order by seq"
    rows = many.first.rows(query, name=name)
    known = {str(target) for _, target, _, _ in rows}
    listed = sandbox.as_administrator("iam").list_access_keys(UserName=name)["AccessKeyMetadata"]
    for key_id in (key["AccessKeyId"] for key in listed):
        assert key_id in known | {flow.first_key}, f"{name} has a key that the audit log does not name"
        assert key_id in flow.secrets, f"{name} has a key whose secret nobody has"
    assert flow.who.devices() == [flow.who.serial_number] and flow.who.unassigned() == []
    assert flow.phone
    flow.who.with_code("ec2", flow.phone.next()).describe_instances()

    attempts: dict[object, list[object]] = {}
    for event, _, phase, attempt_id in rows:
        # AWS doesn't show later whether a code was used, and a saved secret has a row of its own.
        if event not in ("sign-in", "mfa-session", "access-key-saved"):
            attempts.setdefault(attempt_id, []).append(phase)
    ends: tuple[list[str], ...] = (["done"], ["refused"], ["unknown", "found-done"], ["unknown", "found-undone"])
    ends = (*ends, ["found-done"], ["found-undone"])
    open_ones = [phases for phases in attempts.values() if phases[1:] not in ends]
    # Attempts without an end: a worker was killed during the call, and a later attempt has the outcome.
    assert all(phases in (["intended"], ["intended", "unknown"]) for phases in open_ones), f"{name}: {open_ones}"
