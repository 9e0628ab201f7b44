"""A virtual MFA device: an authenticator app that a test sets up and reads codes from."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

STEP = 30
"""Seconds a code lasts (RFC 6238)."""
TAKEN = (0, 1, -1, 2, -2)
"""Steps around the device's own time whose codes AWS takes, the surest first."""
SOON_OVER = 15
"""Seconds before the end of a step in which the oldest code is no longer given: it could be too old on arrival."""


class Signer(Protocol):
    """What asks AWS: `latchkey_sandbox.User`, or their `Credentials`."""

    def client(self, service: str) -> Any:
        """Return a boto3 client that signs with it."""


class Person(Signer, Protocol):
    """A user, as far as the phone needs one: `latchkey_sandbox.User`."""

    @property
    def name(self) -> str:
        """The IAM user name."""


class Phone:
    """One device. `code()` never gives a code twice, because AWS takes each once.

    AWS takes codes of two steps before and after now, so the phone goes to the next unused one without waiting. Only
    when all of them are used does it wait for the clock, at most 30 seconds.
    """

    def __init__(
        self,
        seed: str = "",
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a phone without an entry, or with the seed of a device (base32). now, sleep: in seconds."""
        self.seed = seed
        self.serial_number = ""
        """The ARN of the device, once `enroll` created it."""
        self.wrong_by = timedelta(0)
        """How far the phone's clock is ahead of the sandbox's. Change it to see what AWS does about wrong clocks."""
        self._now, self._sleep = now, sleep
        self._ahead = 0
        """Steps by which AWS takes the device for fast, since the last pair: its second code was the next one."""
        self._last_of_pair = -1
        self._used: set[int] = set()

    def __repr__(self) -> str:
        """Leave the seed out."""
        return f"Phone({self.serial_number or 'without a device'})"

    def enroll(self, user: Person, *, name: str = "", by: Signer | None = None) -> str:
        """Create a device and enable it for a user. Returns its serial number.

        name: of the device, default the user's, as Force_MFA policies want it. by: who asks AWS, default the user.
        Raises botocore's ClientError if AWS refuses either call.
        """
        iam = (by or user).client("iam")
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name or user.name)["VirtualMFADevice"]
        self.seed, self.serial_number = made["Base32StringSeed"].decode(), str(made["SerialNumber"])
        self._ahead, self._last_of_pair, self._used = 0, -1, set()
        first, second = self.pair()
        iam.enable_mfa_device(
            UserName=user.name,
            SerialNumber=self.serial_number,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
        return self.serial_number

    def resync(self, user: Person, *, by: Signer | None = None) -> None:
        """Tell AWS the phone's time with two codes. Raises botocore's ClientError if AWS refuses it."""
        first, second = self.pair()
        (by or user).client("iam").resync_mfa_device(
            UserName=user.name,
            SerialNumber=self.serial_number,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )

    def code(self) -> str:
        """Return a code for STS or AWS Sign-In that was never given before. Waits only if AWS would take no other."""
        while (step := self._unused()) is None:
            self._sleep(self.seconds_left())
        self._used.add(step)
        return self._code_of(step)

    def shown(self) -> str:
        """Return what the screen shows at this moment, whether it was given before or not."""
        return self._code_of(self._step())

    def pair(self) -> tuple[str, str]:
        """Return two consecutive unused codes, newer than the last pair, for EnableMFADevice or ResyncMFADevice."""
        now = self._step()
        first = max(now, self._last_of_pair + 1)
        while {first, first + 1} & self._used:
            first += 1
        self._last_of_pair, self._ahead = first + 1, first + 1 - now
        self._used |= {first, first + 1}
        return self._code_of(first), self._code_of(first + 1)

    def seconds_left(self) -> float:
        """Return how long the code on the screen still lasts, in seconds."""
        return STEP - self._time() % STEP

    def _time(self) -> float:
        return self._now() + self.wrong_by.total_seconds()

    def _step(self) -> int:
        return int(self._time()) // STEP

    def _unused(self) -> int | None:
        base = self._step() + self._ahead
        taken = TAKEN if self.seconds_left() > SOON_OVER else TAKEN[:-1]
        return next((base + around for around in taken if base + around not in self._used), None)

    def _code_of(self, step: int) -> str:
        """Return the six digits of a step (RFC 4226 with SHA-1, as AWS's virtual devices)."""
        digest = hmac.digest(base64.b32decode(self.seed), step.to_bytes(8, "big"), "sha1")
        start = digest[-1] & 15
        return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"
