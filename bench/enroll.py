"""Signing in and enrolling, from the first form to the MFA session, against the calls AWS has to be asked for it.

What the person waits for (codes, and AWS learning the device) is not counted: only the portal's answers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import pyotp

from bench import Row
from bench._portal import LATENCY_MS, cpu_s, gunicorn, portal, running, upstream
from bench._upstream import SEED
from tests.support.sandbox import free_port
from tests.support.visitor import Visitor

PEOPLE = 5
CALLS = 5
"""GetCallerIdentity, ListMFADevices, CreateVirtualMFADevice, EnableMFADevice, GetSessionToken."""
FAR_MS, FEW = 2000, 2
"""An AWS so far away that only waiting for calls counts, even on a busy machine."""
SECRET = "s" * 40
WAIT_FOR_STS_S = 10.5


class _Watch:
    """Adds up how long the portal took."""

    def __init__(self) -> None:
        self.taken = 0.0

    def __call__(self, act: Callable[[], Visitor], arrives: str) -> None:
        start = time.perf_counter()
        page = act()
        self.taken += time.perf_counter() - start
        if arrives not in ("", page.path):
            raise RuntimeError(f"not {arrives} but {page.path}: {page.text[:300]}")


def _enroll(url: str, number: int) -> float:
    """Seconds the portal took for one person."""
    person, watch, totp = Visitor(url), _Watch(), pyotp.TOTP(SEED)
    key = {"access_key_id": f"AKIANEW{number:013d}", "secret_access_key": SECRET}

    def code(steps: int) -> str:
        return totp.at(int(time.time()), counter_offset=steps)

    watch(lambda: person.open("/sign-in"), "/sign-in")
    watch(lambda: person.submit("/sign-in", **key), "/")
    watch(lambda: person.submit("/mfa/enroll/begin"), "/mfa/enroll")
    watch(lambda: person.submit("/mfa/enroll", first_code=code(-2), second_code=code(-1)), "/mfa/activate")
    enabled = time.monotonic()
    watch(lambda: person.submit("/mfa/activate", code=code(0)), "")
    time.sleep(max(0.0, WAIT_FOR_STS_S - (time.monotonic() - enabled)))
    watch(lambda: person.submit("/mfa/activate/continue"), "/mfa/finished")
    return watch.taken


def _bare(address: str, number: int) -> float:
    """Seconds of the calls alone, one after the other, by one shared client each."""
    session = boto3.Session(f"AKIANEW{number:013d}", SECRET, region_name="us-east-1")
    iam, sts = session.client("iam", endpoint_url=address), session.client("sts", endpoint_url=address)
    sts.get_caller_identity()
    start = time.perf_counter()
    sts.get_caller_identity()
    iam.list_mfa_devices(UserName="newcomer")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="newcomer")["VirtualMFADevice"]
    serial = made["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName="newcomer", SerialNumber=serial, **codes)
    sts.get_session_token(SerialNumber=serial, TokenCode="123456")
    return time.perf_counter() - start


def _measured(latency_ms: int, people: int) -> tuple[list[float], list[float], float, float]:
    """Seconds of each person and of each five calls, and CPU seconds of one of them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, port = free_port(), free_port()
        address = f"http://127.0.0.1:{aws}"
        env = portal(folder, address, PORT=str(port))
        stack.enter_context(running(upstream(aws, latency_ms), env, aws))
        served = stack.enter_context(running(gunicorn("wsgi:app", port, workers=1), env, port))
        _enroll(f"http://127.0.0.1:{port}", 0)
        before = cpu_s(served)
        ours = [_enroll(f"http://127.0.0.1:{port}", number) for number in range(1, people + 1)]
        cpu_of_ours = (cpu_s(served) - before) / people
        before_bare = time.process_time()
        bare = [_bare(address, number) for number in range(100, 100 + people)]
        cpu_of_bare = (time.process_time() - before_bare) / people
    return ours, bare, cpu_of_ours, cpu_of_bare


def measure() -> list[Row]:
    """Two rows of PEOPLE who come one after the other, by median and by CPU; and one of how often they wait."""
    ours, bare, cpu_of_ours, cpu_of_bare = _measured(LATENCY_MS, PEOPLE)
    far, far_bare, *_ = _measured(FAR_MS, FEW)
    calls = f"the {CALLS} calls it takes"
    return [
        Row(
            "sign-in and enrollment",
            f"{calls}, {LATENCY_MS} ms away",
            statistics.median(ours),
            statistics.median(bare),
            at_most=1.6,
        ),
        Row("the same, least", f"{calls}, {FAR_MS} ms away", min(far), min(far_bare), at_most=1.6),
        Row("CPU of it, 11 pages", "CPU of the calls, with a client made for them", cpu_of_ours, cpu_of_bare),
    ]
