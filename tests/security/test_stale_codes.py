"""Codes that grew old on the way, of devices whose seed only AWS has: AWS is not asked about them."""

from __future__ import annotations

import pytest
from flask import Flask

from app.errors import WrongMfaCode
from app.mfa.codes import STEP, Diagnosis, stale_message
from app.mfa.service import StaleCodes
from app.mfa.upgrading import CodeAlreadyUsed
from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor


def test_old_codes_do_not_put_a_device_out_of_step(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    who, guest = hire(sandbox, "nadia"), Guest(portal)
    seed = with_device(sandbox, who)
    clock.move(60)
    guest.sign_in(who)
    assert guest.path == "/sign-in/code"
    guest.open("/mfa/resync")
    clock.move(31)
    codes = {"first_code": sandbox.code(seed, -1), "second_code": sandbox.code(seed)}
    clock.move(120)
    before = sandbox.mark()
    guest.submit("/mfa/resync", **codes)
    assert guest.refused_as == StaleCodes.code and guest.form("/mfa/resync")
    assert sandbox.mark() == before, "AWS would store how old they are"

    clock.move(40)
    guest.submit("/mfa/resync", first_code=sandbox.code(seed, -1), second_code=sandbox.code(seed))
    assert guest.path == "/sign-in/code", guest.text
    clock.move(60)
    assert guest.submit("/sign-in/code", code=sandbox.code(seed)).is_inside(who.name), guest.text


@pytest.mark.parametrize(
    ("ago", "fresh"), [("12.5", True), ("", False), ("400", False), ("nan", False), ("-1", False)]
)
def test_who_waited_before_typing_is_not_late(
    sandbox: Sandbox, clock: Clock, entering: Entering, ago: str, fresh: bool
) -> None:
    """A script says when the first code was typed. Without one, the page's own time counts."""
    guest = entering()
    guest.open("/mfa/resync")
    clock.move(300)
    seed = guest.seed_of_mine
    guest.submit("/mfa/resync", first_code=sandbox.code(seed, -1), second_code=sandbox.code(seed), typed_ago=ago)
    assert (guest.refused_as == StaleCodes.code) is not fresh


def test_a_user_whose_codes_are_refused_finds_resync(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    def leads_there(guest: Visitor) -> bool:
        return guest.soup.select_one("main a[href='/mfa/resync']") is not None

    who, before = hire(sandbox, "nadia"), Guest(portal)
    before.sign_in(who)
    seed = with_device(sandbox, who)  # by an administrator, meanwhile
    for page in ("/", "/mfa/activate"):
        assert leads_there(before.open(page)), page
    clock.move(60)
    before.submit("/mfa/activate", code="000000")
    while before.has("/mfa/activate/continue") and not before.has("/mfa/activate"):
        clock.move(15)
        before.submit("/mfa/activate/continue")
    assert before.refused_as == CodeAlreadyUsed.code and WrongMfaCode.message in before.text
    assert leads_there(before)

    guest = Guest(portal)
    guest.sign_in(who)
    guest.submit("/sign-in/code", code="000000")
    assert leads_there(guest)
    guest.open("/mfa/resync")
    clock.move(40)
    guest.submit("/mfa/resync", first_code=sandbox.code(seed, -1), second_code=sandbox.code(seed))
    clock.move(60)
    assert guest.submit("/sign-in/code", code=sandbox.code(seed)).is_inside(who.name), guest.text


def test_a_clock_put_right_is_not_held_to_the_codes_it_showed_before(
    sandbox: Sandbox, clock: Clock, entering: Entering
) -> None:
    who = hire(sandbox, "nadia")
    guest = entering(who, mfa=False)
    guest.open("/mfa/enroll").submit("/mfa/enroll/begin")
    seed, hours = guest.seed(), 240
    clock.move(120)
    guest.submit("/mfa/enroll", first_code=sandbox.code(seed, hours - 1), second_code=sandbox.code(seed, hours))
    assert guest.refused_as == StaleCodes.code and who.devices() == []
    assert stale_message(Diagnosis(drift_s=hours * STEP)) in guest.text
    clock.move(40)  # meanwhile the phone's clock is set by hand
    guest.submit("/mfa/enroll", first_code=sandbox.code(seed, 2), second_code=sandbox.code(seed, 3))
    assert guest.path == "/mfa/activate", guest.text
    assert who.devices() == [who.serial_number]
    clock.move(60)
    assert who.with_code("sts", sandbox.code(seed, 3)).get_caller_identity(), "AWS knows by how much it is off now"
