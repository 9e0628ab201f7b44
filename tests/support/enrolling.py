"""The way from a key or a password to a session with MFA, in a browser with a screen (`Surfer`) or without one
(`Visitor`, `Reader`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from tests.support.clock import Clock
from tests.support.people import Employee, Phone


class AtAws(ABC):
    """A browser on AWS's sign-in pages."""

    @abstractmethod
    def open(self, path: str) -> object:
        """Type an address of the portal."""

    @abstractmethod
    def submit(self, address: str, **typed: str) -> object:
        """Fill in and send the form that goes to this address."""

    @abstractmethod
    def type(self, **fields: str) -> None:
        """Fill fields by name."""

    @abstractmethod
    def press(self, name: str) -> object:
        """Press a button by its label and wait for the next page. For pages that are not ours, such as AWS's."""

    def begin_at_aws(self) -> None:
        """Go to AWS's sign-in page, on this machine."""
        self.open("/sign-in")
        self.submit("/sign-in/aws")

    def give_password(self, employee: Employee, phone: Phone | None = None) -> None:
        """On AWS's pages, enter the user name, the password and, with a phone, the next code."""
        self.type(account=employee.sandbox.account_id, user_name=employee.name, password=employee.password)
        self.press("Sign in")
        if phone:
            self.type(code=phone.next())
            self.press("Submit")

    def sign_in_at_aws(self, employee: Employee, phone: Phone | None = None) -> None:
        """Sign in through AWS's pages, from our sign-in page and back."""
        self.begin_at_aws()
        self.give_password(employee, phone)
        self.press("Continue")


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
