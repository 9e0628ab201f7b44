"""Pages about what is lost, last or gone say one thing, and the right one."""

from __future__ import annotations

from flask import Flask

from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox


def test_the_note_about_a_lost_device_names_no_other(
    portal: Flask, sandbox: Sandbox, clock: Clock, entering: Entering
) -> None:
    who = hire(sandbox, "nadia")
    guest = entering(who)
    own = who.serial_number
    assert f"deactivate-mfa-device --user-name {who.name} --serial-number {own}" in guest.open("/mfa/lost").at(
        "#note"
    )
    assert guest.soup.select_one("main p:last-child a")["href"] == "/mfa"  # type: ignore[index] # it is there

    with_device(sandbox, who, f"{who.name}-2")
    clock.move(60)
    assert guest.open("/mfa/lost").at("#note") == "", "which one is lost is asked first"
    note = guest.open(f"/mfa/lost?serial={own}-2").at("#note")
    assert f"--serial-number {own}-2" in note and f"--serial-number {own}\n" not in note
    assert "leave my other MFA devices" in note

    door = Guest(portal)
    door.sign_in(who)
    door.open("/mfa/lost")
    assert f"{own}-2" in door.text and door.at("#note") == ""
    assert door.soup.select_one("main p:last-child a")["href"] == "/sign-in/code"  # type: ignore[index] # it is there


def test_the_last_way_in_says_one_thing(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    guest = entering(who)
    for act in ("deactivate", "delete"):
        guest.open(f"/access-keys/{act}?key={who.access_key_id}")
        assert "This will lock you out" in guest.text and "Nothing is lost" not in guest.text
        assert len(guest.soup.select(".alert")) == 1
        button = guest.form(f"{act.capitalize()} this key").select_one("button")
        assert button and "btn-outline-danger" in button["class"]
