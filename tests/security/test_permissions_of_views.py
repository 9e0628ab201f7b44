"""What views declare to ask IAM for is what they ask: every form is sent, and the sandbox's call log compared."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from app.access_keys.service import LAST_CHARACTERS
from app.db import db
from app.web.permissions import called_by
from tests.faults.changes import CHANGES, Change
from tests.faults.people import with_device
from tests.faults.scenes import (
    Scene,
    certificates,
    new_certificate,
    no_other_key,
    one_other_key,
    one_ssh_key,
    other_key,
    ssh_keys,
)
from tests.security.conftest import Guest, portal_of
from tests.security.test_who_may import address, method, rules
from tests.support.aws_login import Browser
from tests.support.clock import Clock
from tests.support.people import hire, hire_without_key
from tests.support.public_keys import openssh
from tests.support.sandbox import Sandbox

Seen = dict[str, set[str]]
"""Endpoint to the IAM actions that its requests asked for."""


class Noting(Guest):
    """A browser that writes down what each of its requests had the portal ask IAM for."""

    def __init__(self, app: Flask, sandbox: Sandbox, seen: Seen) -> None:
        super().__init__(app)
        self.sandbox, self.seen = sandbox, seen

    def ask(self, method: str, path: str, data: Any = None, **options: Any) -> Any:
        """One request, and what came of it at AWS."""
        before = self.sandbox.mark()
        answer = super().ask(method, path, data, **options)
        # Only what was asked for this request: a refresh of compliance waits for none.
        calls = [call for call in self.sandbox.calls(before) if " request/" in call["user_agent"]]
        try:
            endpoint = self.app.url_map.bind("127.0.0.1").match(path.partition("?")[0], method)[0]
        except HTTPException:  # Werkzeug's word for an address that is no page
            return answer
        found = self.seen.setdefault(endpoint, set())
        found.update(call["action"] for call in calls if call["action"].startswith("iam:"))
        return answer


Enter = Callable[..., Scene]


def browser_of(scene: Scene) -> Noting:
    """The browser of those who act here."""
    assert isinstance(scene.page, Noting)
    return scene.page


@pytest.fixture(scope="module")
def seen(portal: Flask, sandbox: Sandbox, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Everything that all forms asked, each sent in all the ways that make it ask something else."""
    found: Seen = {}

    def enter(app: Flask = portal, *, mfa: bool = True) -> Scene:
        who = hire(sandbox, "olga")
        scene = Scene(who, Noting(app, sandbox, found), clock)
        if mfa:
            scene.seed = with_device(sandbox, who)
        clock.move(60)
        scene.page.sign_in(who, sandbox.code(scene.seed) if mfa else "")
        return scene

    for change in CHANGES:
        scene = enter(mfa=change.with_mfa)
        change.ready(scene)
        send(change, scene)
    devices(enter)
    before_mfa(enter)
    keys(enter)
    uploaded(enter)
    with with_tutorials_policy(sandbox, tmp_path_factory.mktemp("tutorial")) as app:
        scene = enter(app)
        scene.page.open(f"/mfa/replace?id={scene.who.serial_number}").submit("/mfa/replace")
    through_aws(portal, sandbox, clock, found)
    everything_else(enter(), found)
    return found


def send(change: Change, scene: Scene) -> None:
    """Open the page of a change and send its form; of a certificate two."""
    if change.action == "iam:UploadSigningCertificate":
        scene.page.open(str(change.path)).submit("/certificates/new", pasted=new_certificate(scene))
        scene.page.submit(change.form)
    else:
        change.send(scene)


def devices(enter: Enter) -> None:
    """Add, cancel, replace, and delete what is left behind."""
    scene = enter()
    page, who = browser_of(scene), scene.who
    page.open("/mfa").submit("/mfa/add")
    page.go("POST", "/mfa/enroll/begin", {"csrf_token": page.token()})
    page.open("/mfa/enroll").submit("/mfa/enroll/cancel")
    scene.iam.create_virtual_mfa_device(VirtualMFADeviceName="device-2", Path=f"/{who.name}/")
    page.open("/mfa").submit("/mfa/add")  # in the place of one that nobody has the seed of
    page.submit("/mfa/enroll/cancel")
    page.open(f"/mfa/replace?id={who.serial_number}").submit("/mfa/replace")
    page.submit("/mfa/enroll", **scene.codes(page.seed()))
    who.denied("iam:DeleteVirtualMFADevice")
    page.submit("/mfa/replaced")
    who.no_longer_denied()
    page.open("/mfa").submit("/mfa/clear")
    page.open(f"/mfa/replace?id={who.serial_number}/device-2").submit("/mfa/replace")
    page.submit("/mfa/enroll", **scene.codes(page.seed()))
    page.open("/mfa/replaced").submit("/mfa/replaced")
    assert len(who.devices()) == 1 and not who.unassigned(), page.text


def before_mfa(enter: Enter) -> None:
    """From a leftover of an earlier try to the MFA session, two codes that come too late, one that is too early."""
    scene = enter(mfa=False)
    page, sandbox = browser_of(scene), scene.who.sandbox
    scene.iam.create_virtual_mfa_device(VirtualMFADeviceName=scene.who.name)
    page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    codes, token = scene.codes(page.seed()), page.token()
    page.open("/mfa/enroll").submit("/mfa/enroll", **codes)
    page.go("POST", "/mfa/enroll", {"csrf_token": token, **codes})
    scene.clock.move(60)
    page.open("/mfa/activate").submit("/mfa/activate", code=sandbox.code(scene.seed or "A" * 32))
    page.submit("/mfa/activate/another") if page.has("/mfa/activate/another") else None
    scene = enter(mfa=False)
    page = browser_of(scene)
    page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    seed = page.seed()
    page.submit("/mfa/enroll", **scene.codes(seed))
    page.open("/mfa/activate").submit("/mfa/activate", code=sandbox.code(seed, 2))  # before STS knows the device
    scene.clock.move(30)
    page.submit("/mfa/activate/continue")
    assert page.path == "/mfa/finished", page.text


def keys(enter: Enter) -> None:
    """Create, save, lose, find, activate again."""
    scene = enter()
    page, who = browser_of(scene), scene.who
    for known in ("/access-keys/lost", "/access-keys/have"):
        page.open("/access-keys").submit("/access-keys/create")
        page.go("POST", "/access-keys/create", {"csrf_token": page.token()})
        scene.clock.move(16 * 60)
        page.sign_in(who, who.sandbox.code(scene.seed))
        page.open("/access-keys").submit(known)
    no_other_key(scene)
    page.open("/access-keys").submit("/access-keys/create")
    ends = page.at("#secret-access-key")[-LAST_CHARACTERS:]
    watched = {"Latchkey-Part": "yes"}  # as the page asks by itself
    page.ask("POST", "/access-keys/new/prove", {"csrf_token": page.token()}, headers=watched)
    page.open("/access-keys/new").submit("/access-keys/new", last_characters=ends)
    assert page.path == "/access-keys", page.text
    one_other_key(scene)
    page.open(f"/access-keys/deactivate?id={other_key(scene)}").submit("/access-keys/deactivate")
    page.open("/access-keys").submit("/access-keys/activate")


def uploaded(enter: Enter) -> None:
    """Activate an SSH key and a certificate again."""
    scene = enter()
    one_ssh_key(scene)
    scene.iam.upload_signing_certificate(UserName=scene.who.name, CertificateBody=new_certificate(scene))
    scene.page.open("/ssh-keys/new").submit("/ssh-keys/new", pasted=openssh())  # beside one there is
    for path, ids in (("/ssh-keys", ssh_keys(scene)), ("/certificates", certificates(scene))):
        scene.page.open(f"{path}/deactivate?id={next(iter(ids))}").submit(f"{path}/deactivate")
        scene.page.open(path).submit(f"{path}/activate")


class with_tutorials_policy:  # read as a word of the story
    """A portal under AWS's tutorial: one virtual device, so the old one goes first."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.app = portal_of(sandbox, folder, FORCE_MFA_POLICY="tutorial")

    def __enter__(self) -> Flask:
        return self.app

    def __exit__(self, *_: object) -> None:
        with self.app.app_context():
            db.engine.dispose()


def through_aws(portal: Flask, sandbox: Sandbox, clock: Clock, seen: Seen) -> None:
    """Sign-ins whose code is pasted, without a device and with one."""
    for with_one in (False, True):
        bob, guest, browser = hire_without_key(sandbox, "bob"), Noting(portal, sandbox, seen), Browser()
        seed = with_device(sandbox, bob) if with_one else ""
        clock.move(60)
        begun = guest.ask("POST", "/sign-in/aws", {"csrf_token": guest.token()})
        browser.open(begun.headers["Location"])
        browser.sign_in(sandbox.account_id, bob.name, bob.password)
        if with_one:
            browser.submit(code=sandbox.code(seed))
        arrived = browser.submit().answer
        pasted = base64.b64encode(f"state={arrived['state']}&code={arrived['code']}".encode()).decode()
        guest.go("POST", "/sign-in/aws/code", {"csrf_token": guest.token(), "verification_code": pasted})
        assert guest.user_name == bob.name, guest.text


def everything_else(scene: Scene, seen: Seen) -> None:
    """Forms no story has sent: each as far as it gets with nothing filled in."""
    page = browser_of(scene)
    app, token = page.app, page.token()
    for rule in rules(app):
        if method(rule) == "POST" and rule.endpoint not in seen and rule.endpoint != "signin.sign_out":
            page.ask("POST", address(app, rule), {"csrf_token": token})


@pytest.mark.timeout(400)  # every form there is, sent before it begins
def test_every_form_declares_the_actions_it_was_seen_to_ask_for(portal: Flask, seen: Seen) -> None:
    forms = {rule.endpoint for rule in rules(portal) if method(rule) == "POST"} - {"signin.sign_out"}
    assert forms <= seen.keys()
    told = {endpoint: called_by(portal.view_functions[endpoint]) for endpoint in forms}
    undeclared = {form: seen[form] - told[form] for form in forms if not seen[form] <= told[form]}
    unseen = {form: told[form] - seen[form] for form in forms if not told[form] <= seen[form]}
    assert (undeclared, unseen) == ({}, {})
