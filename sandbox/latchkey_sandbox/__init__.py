"""A local AWS for your own tests: IAM users, MFA devices and policies that are really evaluated.

In a test, ask for the fixtures of `latchkey_sandbox.plugin`. Elsewhere, `Sandbox` is a context manager. This package
starts the sandbox as a program of its own and imports nothing of it, so a package `app` of yours stays yours.
"""

from latchkey_sandbox.asking import DENIED, allowed
from latchkey_sandbox.phone import Phone
from latchkey_sandbox.running import Sandbox, SandboxError
from latchkey_sandbox.users import Credentials, User

__all__ = ["DENIED", "Credentials", "Phone", "Sandbox", "SandboxError", "User", "allowed"]
