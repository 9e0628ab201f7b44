"""`python -m tests.pictures [FOLDER]`: a film of setting up MFA and pictures of pages, light and dark.

Runs a sandbox with 200 employees and a portal, with a clock that can be moved, so nothing waits for a code.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from app.factory import create_app
from config import from_env
from tests.pictures.camera import HEIGHT, WIDTH, Recording, fonts, picture
from tests.support.browser import Surfer
from tests.support.chromium import chromium
from tests.support.clock import Clock, environment
from tests.support.databases import GOOD
from tests.support.people import Employee, Phone
from tests.support.portal import Portal
from tests.support.profiles import Profiles
from tests.support.sandbox import ROOT, Sandbox

PAGES = {
    "overview": "/",
    "access-keys": "/access-keys",
    "compliance": "/compliance",
    "users": "/compliance/people",
}
"""Pictures of pages as an administrator sees them, by the name of the file."""
Scheme = Literal["light", "dark"]


class Studio:
    """A company, its portal, and browsers of a chosen color scheme."""

    def __init__(self, browser: Browser, sandbox: Sandbox, portal: Portal, folder: Path) -> None:
        """folder: where the pictures go."""
        self.browser, self.sandbox, self.portal, self.folder = browser, sandbox, portal, folder
        self.clock = Clock()
        self._url_map = create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"})).url_map

    def surfer(self, scheme: Scheme) -> Surfer:
        """A new browser profile."""
        surfer = Surfer(Profiles(self.browser), self.portal.url, self._url_map, self.clock, set(), width=WIDTH)
        surfer.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        surfer.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        return surfer

    def hire(self, name: str) -> Employee:
        """A new employee with an access key and no MFA."""
        iam = self.sandbox.as_administrator("iam")
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="EC2MFA", UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.clock.move(10)  # the key has spread through IAM
        return Employee(self.sandbox, name, key["AccessKeyId"], key["SecretAccessKey"])

    def fire(self, employee: Employee) -> None:
        """Delete the user, so that the next film shows the same name."""
        iam = self.sandbox.as_administrator("iam")
        name = employee.name
        for device in iam.list_mfa_devices(UserName=name)["MFADevices"]:
            iam.deactivate_mfa_device(UserName=name, SerialNumber=device["SerialNumber"])
            iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
        iam.delete_access_key(UserName=name, AccessKeyId=employee.access_key_id)
        iam.remove_user_from_group(GroupName="EC2MFA", UserName=name)
        iam.delete_user(UserName=name)


def film_enrolling(studio: Studio, scheme: Scheme) -> None:
    """From the sign-in page to a session with MFA."""
    employee = studio.hire("alice")
    surfer = studio.surfer(scheme)
    film = Recording(surfer)
    surfer.open("/sign-in")
    film.frame(1.5)
    surfer.type(access_key_id=employee.access_key_id, secret_access_key=employee.secret_access_key)
    film.frame(0.8)
    surfer.submit("/sign-in")
    film.frame(2)
    surfer.submit("/mfa/enroll/begin")
    film.frame(2.5)
    phone = surfer.scan()
    first = phone.next()
    surfer.page.locator("[name=first_code]").scroll_into_view_if_needed()
    film.typing("first_code", first)
    second = phone.next()
    film.typing("second_code", second)
    surfer.submit("/mfa/enroll", first_code=first, second_code=second)
    film.frame(1.5)
    code = phone.next()
    film.typing("code", code)
    surfer.submit("/mfa/activate", code=code)
    while surfer.has("/mfa/activate/continue"):
        studio.clock.move(5)
        surfer.submit("/mfa/activate/continue")
    film.frame(2.5)
    surfer.open("/")
    film.frame(3)
    film.save(studio.folder / f"enroll-{scheme}.webp")
    surfer.close()
    studio.fire(employee)


def company_data(studio: Studio) -> Surfer:
    """An administrator who has read the account's lists and uploaded a report."""
    given = studio.sandbox.user("Administrator")
    administrator = Employee(studio.sandbox, "Administrator", given["access_key_id"], given["secret_access_key"])
    surfer = studio.surfer("light")
    surfer.sign_in(administrator)
    phone = Phone(studio.clock, f"otpauth://totp/Administrator?secret={given['mfa']['seed']}")
    surfer.submit("/sign-in/code", code=phone.next())
    surfer.open("/compliance/report")
    surfer.choose_file("report", "report.csv", studio.sandbox.credential_report(), "text/csv")
    surfer.submit("/compliance/report")
    read = {"AWS_ENDPOINT_URL": studio.sandbox.url, "AWS_DEFAULT_REGION": "us-east-1"}
    key = {"AWS_ACCESS_KEY_ID": given["access_key_id"], "AWS_SECRET_ACCESS_KEY": given["secret_access_key"]}
    refresh = [sys.executable, "-m", "flask", "--app", "wsgi", "compliance", "refresh", "--quiet"]
    subprocess.run(refresh, cwd=ROOT, env={**studio.portal.environment, **read, **key}, check=True)
    return surfer


def main(folder: Path, scratch: Path) -> None:
    """Make all pictures, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        fonts(scratch),
        Sandbox(scratch / "aws", Clock(), "--users", "200") as sandbox,
        Portal(scratch / "portal", sandbox) as portal,
        chromium() as browser,
    ):
        studio = Studio(browser, sandbox, portal, folder)
        for scheme in (LIGHT, DARK):
            film_enrolling(studio, scheme)
        surfer = company_data(studio)
        for scheme in (LIGHT, DARK):
            surfer.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for name, address in PAGES.items():
                surfer.open(address)
                picture(surfer, folder / f"{name}-{scheme}.webp")
        surfer.close()
    made = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{len(list(folder.iterdir()))} pictures in {folder}, {made // 1000} kB in all")


LIGHT: Scheme = "light"
DARK: Scheme = "dark"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="latchkey-pictures-") as _scratch:
        if not Clock.can_be_moved():
            _clock = {**os.environ, **environment(Path(_scratch) / "clock")}
            _again = [sys.executable, "-m", "tests.pictures", *sys.argv[1:]]
            sys.exit(subprocess.run(_again, check=False, env=_clock).returncode)
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/pictures", Path(_scratch))
