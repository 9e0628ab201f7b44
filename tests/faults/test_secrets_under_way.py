"""A worker is killed while AWS creates a secret: the next page shows it, or says it is lost. One click fixes that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.faults.changes import CHANGES, Change
from tests.faults.people import Inside
from tests.faults.scenes import Scene, new_certificate
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.replicas import Replicas, kill_a_worker
from tests.support.sandbox import Sandbox
from tests.support.visitor import Broken, Visitor
from tests.support.waiting import wait_until

CREATE_KEY = "iam:CreateAccessKey"


@pytest.fixture
def inside(inside: Inside, many: Replicas) -> Inside:
    """The usual visitor, whose requests go to the first replica from now on."""
    inside.page.urls = [many.first.url]
    return inside


def broken_off(many: Replicas, send: Callable[[], Visitor], at: Callable[[], object]) -> None:
    """Send a form, and kill its worker as soon as `at` returns something true."""
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send)
        wait_until(at)
        kill_a_worker(many.first)
        with pytest.raises(Broken):
            sent.result()


@contextmanager
def nothing_can_be_recorded(many: Replicas) -> Iterator[None]:
    """A request waits for some seconds where it writes to the audit log."""
    engine = create_engine(many.first.environment["DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("lock table activity_heads in exclusive mode"))
        yield
    engine.dispose()


def asked_about(page: Visitor) -> bool:
    """Whether the page says that the secret of a key may be lost."""
    return any(state.startswith(("secret-on-its-way:", "secret-lost:")) for state in page.states)


def codes(shown: list[str]) -> set[str]:
    """The codes without the ids of the things they are about."""
    return {each.partition(":")[0] for each in shown}


def in_the_call(inside: Inside, many: Replicas, action: str, send: Callable[[], Visitor]) -> None:
    """The worker is killed during the call, which AWS finishes."""
    sandbox = inside.employee.sandbox
    sandbox.set_faults([{"action": action, "fault": "latency", "latency_ms": 700}])
    broken_off(many, send, lambda: sandbox.begun(action) > 0)
    sandbox.set_faults([])


def test_a_key_whose_answer_nobody_heard_is_deleted_with_one_click(inside: Inside, many: Replicas) -> None:
    page = inside.page.open("/access-keys")
    in_the_call(inside, many, CREATE_KEY, lambda: page.submit("/access-keys/create"))
    wait_until(lambda: len(inside.keys()) == 2)
    (orphan,) = set(inside.keys()) - {inside.employee.access_key_id}
    assert f"save-or-delete-key:{orphan}" in page.open("/").to_do
    assert "retire-key" not in codes(page.to_do)
    assert f"secret-on-its-way:{orphan}" in page.open("/access-keys").states
    assert "retire-older" not in codes(page.states)
    page.submit(f"/access-keys/lost?id={orphan}")
    assert inside.keys() == [inside.employee.access_key_id] and not asked_about(page)
    page.submit("/access-keys/create")
    assert page.path == "/access-keys/new" and page.at("#secret-access-key"), "the secret is shown at once"


def test_a_key_whose_answer_arrived_is_there_whatever_happens_then(
    inside: Inside, many: Replicas, clock: Clock
) -> None:
    page = inside.page.open("/access-keys")
    sandbox = inside.employee.sandbox
    sandbox.set_faults([{"action": CREATE_KEY, "fault": "latency", "latency_ms": 700}])
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(page.submit, "/access-keys/create")
        wait_until(lambda: sandbox.begun(CREATE_KEY) > 0)
        with nothing_can_be_recorded(many):
            other = Visitor(many.urls[1:])
            other.cookies.update(page.cookies)
            wait_until(lambda: bool(other.open("/access-keys/new").at("#secret-access-key")))
            kill_a_worker(many.first)
            with pytest.raises(Broken):
                sent.result()
    secret = page.open("/access-keys/new").at("#secret-access-key")
    assert secret and inside.phases("access-key-created") == ["intended"]
    assert not asked_about(page.open("/access-keys"))
    page.open("/access-keys/new").submit("/access-keys/new", last_characters=secret[-6:])
    assert page.path == "/access-keys" and not asked_about(page), page.text
    clock.move(70)  # the attempt to create it has an outcome now, after its secret was saved
    assert not asked_about(page.open("/access-keys")), page.text
    assert inside.phases("access-key-created") == ["intended", "found-done"]
    assert not asked_about(page.open("/access-keys")), page.text
    page.open(f"/access-keys/deactivate?id={inside.employee.access_key_id}")
    assert page.has("/access-keys/deactivate") and "last-way-in" not in codes(page.states)


def test_a_qr_code_nobody_saw_is_made_anew_with_one_click(
    nadia: Employee, many: Replicas, sandbox: Sandbox, clock: Clock
) -> None:
    page = Visitor(many.first.url).sign_in(nadia)
    action = "iam:CreateVirtualMFADevice"
    sandbox.set_faults([{"action": action, "fault": "latency", "latency_ms": 700}])
    page.open("/mfa/enroll")
    broken_off(many, lambda: page.submit("/mfa/enroll/begin"), lambda: sandbox.begun(action) > 0)
    sandbox.set_faults([])
    wait_until(nadia.leftover)
    page.open("/mfa/enroll")
    assert "qr-code-lost" in page.states and nadia.serial_number in page.text
    page.submit("/mfa/enroll/begin")
    assert page.seed() and "qr-code-lost" not in page.states
    clock.move(60)
    codes = {"first_code": sandbox.code(page.seed()), "second_code": sandbox.code(page.seed(), 1)}
    page.submit("/mfa/enroll", **codes)
    assert nadia.devices() == [nadia.serial_number] and nadia.unassigned() == []


def test_a_secret_that_ended_with_its_session_is_said_to_be_lost(inside: Inside, clock: Clock) -> None:
    page = inside.page.open("/access-keys").submit("/access-keys/create")
    (made,) = set(inside.keys()) - {inside.employee.access_key_id}
    secret = page.at("#secret-access-key")
    other = Inside.__new__(Inside)
    other.__dict__.update(inside.__dict__, page=Visitor(inside.page.urls))
    other.enter().open("/access-keys")
    assert not asked_about(other.page), "it waits in the first browser"
    clock.move(15 * 60 + 1)
    inside.enter().open("/")
    assert f"save-or-delete-key:{made}" in page.to_do
    assert "retire-key" not in codes(page.to_do), "nobody can use the newer one"
    page.open("/access-keys")
    assert f"secret-lost:{made}" in page.states and "retire-older" not in codes(page.states)
    page.submit("/access-keys/have")
    assert not asked_about(page) and f"retire-older:{inside.employee.access_key_id}" in page.states
    assert secret and inside.phases("access-key-saved") == ["done"]


def test_a_key_whose_secret_is_not_saved_is_no_way_in(inside: Inside, clock: Clock) -> None:
    """A user creates a key, leaves the page, and signs in elsewhere with the old key, the only one they can use."""
    inside.page.open("/access-keys").submit("/access-keys/create")
    old = inside.employee.access_key_id
    (made,) = set(inside.keys()) - {old}
    elsewhere = Inside.__new__(Inside)
    elsewhere.__dict__.update(inside.__dict__, page=Visitor(inside.page.urls))
    page = elsewhere.enter().open("/access-keys")
    assert f"secret-elsewhere:{made}" in page.states and "retire-older" not in codes(page.states)
    assert "delete-inactive" not in codes(page.states), "both are active, and one of them is the only way in"
    assert "retire-key" not in codes(page.open("/").to_do)
    for act in ("deactivate", "delete"):
        for browser in (page, inside.page):
            browser.open(f"/access-keys/{act}?id={old}")
            assert browser.states == [f"last-way-in:{made}"]
            browser.submit(f"/access-keys/{act}")
            assert browser.soup.select("[data-field-error=last-way-in]")
    clock.move(15 * 60 + 1)
    page = inside.enter().open(f"/access-keys/delete?id={old}")
    assert page.states == [f"last-way-in:{made}"], "now the secret is lost"
    assert set(inside.keys()) == {old, made}
    page.open("/access-keys").submit("/access-keys/have")
    page.open(f"/access-keys/delete?id={old}")
    assert page.has("/access-keys/delete") and "last-way-in" not in codes(page.states)


def test_who_signs_in_with_the_new_key_has_its_secret(inside: Inside, clock: Clock) -> None:
    page = inside.page.open("/access-keys").submit("/access-keys/create")
    made, secret = page.at("#access-key-id"), page.at("#secret-access-key")
    clock.move(15 * 60 + 1)
    first = inside.employee.access_key_id, inside.employee.secret_access_key
    inside.employee.access_key_id, inside.employee.secret_access_key = made, secret
    inside.enter().open("/access-keys")
    assert not asked_about(page)
    inside.employee.access_key_id, inside.employee.secret_access_key = first
    inside.page = Visitor(inside.page.urls)
    assert not asked_about(inside.enter().open("/access-keys")), "nor later"


def test_a_secret_that_waits_survives_whatever_kills_the_worker(
    inside: Inside, many: Replicas, sandbox: Sandbox, clock: Clock
) -> None:
    page = inside.page.open("/access-keys").submit("/access-keys/create")
    secret = page.at("#secret-access-key")
    scene = Scene(inside.employee, page, clock, inside.phone.seed)
    changes = [each for each in CHANGES if each.with_mfa and not each.event.startswith("access-key")]
    for change in changes:
        change.ready(scene)
        sandbox.set_faults([{"action": change.action, "fault": "latency", "latency_ms": 400}])
        broken_off(many, partial(send, change, scene), partial(sandbox.begun, change.action))
        sandbox.set_faults([])
        assert page.open("/access-keys/new").at("#secret-access-key") == secret, change
        assert page.open("/").status == 200, change
    page.open("/access-keys/new").submit("/access-keys/new", last_characters=secret[-6:])
    assert page.path == "/access-keys" and page.notices == ["success"]
    assert inside.phases("access-key-saved") == ["done"]


def send(change: Change, scene: Scene) -> Visitor:
    if change.action == "iam:UploadSigningCertificate":  # two forms, of which the first changes nothing
        scene.page.open(str(change.path)).submit("/certificates/new", pasted=new_certificate(scene))
        return scene.page.submit(change.form)
    return change.send(scene)
