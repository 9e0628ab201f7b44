"""Someone signed in with MFA, through all replicas, for stories of what goes wrong."""

from __future__ import annotations

from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.replicas import Replicas
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor


def with_device(sandbox: Sandbox, employee: Employee, name: str = "") -> str:
    """An administrator gives them a device; its seed."""
    iam = sandbox.as_administrator("iam")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name or employee.name)["VirtualMFADevice"]
    seed: str = made["Base32StringSeed"].decode()
    iam.enable_mfa_device(
        UserName=employee.name,
        SerialNumber=made["SerialNumber"],
        AuthenticationCode1=sandbox.code(seed, -2),
        AuthenticationCode2=sandbox.code(seed, -1),
    )
    return seed


class Inside:
    """Their browser and phone."""

    def __init__(self, employee: Employee, many: Replicas, clock: Clock) -> None:
        self.employee, self.many, self.clock = employee, many, clock
        seed = with_device(employee.sandbox, employee)
        self.phone = Phone(clock, f"otpauth://totp/x?secret={seed}")
        clock.move(60)
        self.page = Visitor(many.urls)
        self.enter()

    def enter(self) -> Visitor:
        """Sign in, with a new code."""
        self.page.sign_in(self.employee, self.phone.next())
        assert not self.page.path.startswith("/sign-in"), self.page.text
        return self.page

    def keys(self) -> list[str]:
        """Ids of their access keys, as AWS has them."""
        listed = self.employee.sandbox.as_administrator("iam").list_access_keys(UserName=self.employee.name)
        return [key["AccessKeyId"] for key in listed["AccessKeyMetadata"]]

    def phases(self, event: str) -> list[object]:
        """Of all rows of an event, oldest first."""
        return [phase for kind, phase, _ in self.many.first.activity(self.employee.name) if kind == event]
