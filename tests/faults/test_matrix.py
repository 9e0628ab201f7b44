"""Each change with each fault: the page tells what AWS now has, nothing is asked twice, the audit log is complete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.policy.portal_actions import live_actions
from tests.faults.changes import CHANGES, Change
from tests.faults.people import with_device
from tests.faults.scenes import Scene, new_certificate, no_devices
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.refusals import nothing_changed, outcome_unknown
from tests.support.replicas import Replicas
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor

FAULTS = {
    "throttle": False,
    "error-500": False,
    "error-503": False,
    "reset-before": False,
    "reset-after": True,
    "truncated": True,
}
"""Whether the change takes effect nevertheless."""


def two_of_them(change: Change) -> tuple[str, str]:
    """One that takes effect and one that does not, in turns: `make soak` runs all."""
    number = CHANGES.index(change)
    effective, without = (tuple(fault for fault in FAULTS if FAULTS[fault] is taken) for taken in (True, False))
    return without[number % len(without)], effective[number % len(effective)]


@pytest.fixture(autouse=True)
def no_faults_afterwards(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.set_faults([])


def enter(change: Change, many: Replicas, sandbox: Sandbox, clock: Clock) -> Scene:
    who = hire(sandbox, "olga")
    scene = Scene(who, Visitor(many.first.url), clock)
    if change.with_mfa:
        scene.seed = with_device(sandbox, who)
        clock.move(60)
        sign_in(scene)
    return scene


def sign_in(scene: Scene) -> None:
    scene.page = Visitor(scene.page.urls)
    scene.page.sign_in(scene.who, scene.who.sandbox.code(scene.seed) if scene.seed else "")
    assert scene.page.is_inside(scene.who.name), scene.page.text


def rows(scene: Scene, change: Change, many: Replicas) -> list[tuple[object, object]]:
    return [(phase, reason) for event, phase, reason in many.first.activity(scene.who.name) if event == change.event]


def send(change: Change, scene: Scene) -> None:
    if change.action == "iam:UploadSigningCertificate":  # two forms, of which the first changes nothing
        scene.page.open(str(change.path)).submit("/certificates/new", pasted=new_certificate(scene))
        assert scene.page.has(change.form), scene.page.text
        scene.page.submit(change.form)
    else:
        change.send(scene)


@pytest.mark.parametrize("change", CHANGES, ids=[f"{each.action[4:]}{each.what}" for each in CHANGES])
def test_whatever_goes_wrong_is_told_and_recorded(
    change: Change, many: Replicas, sandbox: Sandbox, clock: Clock, request: pytest.FixtureRequest
) -> None:
    scene = enter(change, many, sandbox, clock)
    whole = request.config.getoption("--whole-matrix")
    for fault in FAULTS if whole else two_of_them(change):
        takes_effect = FAULTS[fault]
        told = f"{change.action}{change.what}, {fault}"
        if not change.with_mfa:
            no_devices(scene)  # such a session lasts 15 minutes
            sign_in(scene)
        change.ready(scene)
        before = len(rows(scene, change, many))
        sandbox.set_faults([{"action": change.action, "occurrences": [1], "fault": fault}])
        send(change, scene)
        page = scene.page
        assert sandbox.begun(change.action) == 1, f"{told}: asked more than once"
        happened = change.happened(scene)
        assert happened is takes_effect, told
        if page.refused_as in nothing_changed():
            assert not happened, f"{told}: the page denies what happened: {page.refused_as}"
        elif page.status == 200:
            assert happened, f"{told}: the page claims what did not happen: {page.text}"
        assert page.status in (200, 409, 422, 503), told
        if page.status != 200:
            expected = nothing_changed() if fault == "throttle" else outcome_unknown()
            assert page.refused_as in expected, f"{told}: the page tells of {page.refused_as!r}"
        assert page.refused_as != "our-mistake", told
        new = rows(scene, change, many)[before:]
        assert [phase for phase, _ in new[:2]] == ["intended", "refused" if fault == "throttle" else "unknown"], told

        sandbox.set_faults([])
        clock.move(61)
        if change.told_later and fault != "throttle":
            page.open(change.told_later)
            new = rows(scene, change, many)[before:]
            assert new[2:] == [("found-done" if happened else "found-undone", "")], told
        if not happened:
            change.ready(scene)
            send(change, scene)
            assert page.status == 200, f"{told}: {page.text}"
            assert change.happened(scene), f"{told}: and then it is done"


def test_no_change_is_left_out() -> None:
    reads = ("Get", "List")
    changing = {action for action in live_actions() if not action.partition(":")[2].startswith(reads)}
    assert {change.action for change in CHANGES} == changing
