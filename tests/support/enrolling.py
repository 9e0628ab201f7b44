"""The way from a key to a session with MFA, in a browser with a screen (`Surfer`) or without one (`Visitor`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from tests.support.clock import Clock
from tests.support.people import Phone


class Enrolling(ABC):
    """A browser whose user sets up MFA."""

    @cached_property
    def clock(self) -> Clock:
        """Everyone's clock."""
        return Clock()

    @abstractmethod
    def submit(self, address: str, **typed: str) -> object:
        """Fill in and send the form that goes to this address."""

    @abstractmethod
    def has(self, address: str) -> bool:
        """Whether there is a form that is sent to this address."""

    @abstractmethod
    def scan(self, *, slow_s: float = 0) -> Phone:
        """Take the entry that the page shows into an authenticator app. slow_s: how slow its phone's clock is."""

    def enroll(self) -> Phone:
        """Set up MFA from the overview. Stays on the page that asks for the next code."""
        self.submit("/mfa/enroll/begin")
        phone = self.scan()
        self.give_two_codes(phone)
        return phone

    def give_two_codes(self, phone: Phone) -> None:
        """Enter a code, wait for the next one and enter that."""
        first = phone.next()
        self.submit("/mfa/enroll", first_code=first, second_code=phone.next())

    def upgrade(self, phone: Phone) -> None:
        """Enter the next code and wait until AWS accepts the device."""
        self.submit("/mfa/activate", code=phone.next())
        while self.has("/mfa/activate/continue"):
            self.clock.move(5)
            self.submit("/mfa/activate/continue")

    def get_mfa(self) -> Phone:
        """Get a session with MFA, from the overview. Returns the phone."""
        phone = self.enroll()
        self.upgrade(phone)
        return phone
