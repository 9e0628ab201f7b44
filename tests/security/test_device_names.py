"""Names of devices are their user's own: nobody else reads or writes one, and none holds a secret."""

from __future__ import annotations

import pyotp
from flask import Flask
from sqlalchemy import text

from app.db import db
from tests.security.conftest import Entering, Guest
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox


def kept(app: Flask) -> list[tuple[str, str]]:
    """Serial numbers and names of all users."""
    with app.app_context(), db.engine.connect() as connection:
        rows = connection.execute(text("select credential_id, label from credential_labels order by 1, 2"))
        return [(row[0], row[1]) for row in rows]


def test_an_attackers_session_neither_reads_nor_writes_them(
    portal: Flask, sandbox: Sandbox, entering: Entering
) -> None:
    nadia = hire(sandbox, "nadia")
    hers, mallory = entering(nadia), entering()
    serial_number, before = nadia.devices()[0], kept(portal)
    hers.open("/mfa").submit("/mfa/name", label="Nadia’s secret phone")
    assert "Nadia’s secret phone" in hers.text

    token = {"csrf_token": mallory.token()}
    mallory.go("POST", "/mfa/name", {**token, "serial_number": serial_number, "label": "stolen"})
    assert (mallory.path, mallory.notices) == ("/mfa", ["info"])
    without_token = mallory.ask("POST", "/mfa/name", {"serial_number": serial_number, "label": "stolen"})
    assert without_token.status_code == 400
    for address in ("/mfa", "/mfa/lost", "/mfa/resync", f"/mfa/remove?id={serial_number}"):
        assert "Nadia’s secret phone" not in mallory.open(address).html
    assert set(kept(portal)) - set(before) == {(serial_number, "Nadia’s secret phone")}
    assert "Nadia’s secret phone" in hers.open("/mfa").text
    for guest, mine in ((hers, 1), (mallory, 0)):
        assert len(guest.open("/activity").soup.select("[data-event=credential-labeled]")) == mine

    stranger = Guest(portal)
    assert stranger.open("/mfa/lost").status == 200 and "Nadia’s secret phone" not in stranger.html
    assert stranger.ask("POST", "/mfa/name", {**token, "label": "x"}).status_code in (302, 303, 400)


def test_a_later_device_of_the_same_serial_number_inherits_none(
    sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    entering(nadia).open("/mfa").submit("/mfa/name", label="old phone")
    iam = sandbox.as_administrator("iam")
    for serial_number in nadia.devices():
        iam.deactivate_mfa_device(UserName=nadia.name, SerialNumber=serial_number)
        iam.delete_virtual_mfa_device(SerialNumber=serial_number)
    clock.move(10 * 60)
    guest = entering(nadia)
    assert "old phone" not in guest.open("/mfa").text


def test_what_looks_like_a_secret_is_refused_and_not_shown_again(portal: Flask, entering: Entering) -> None:
    guest, before = entering(), kept(portal)
    seed = pyotp.random_base32(64)
    for form in ("/mfa/name", "/mfa/add"):
        guest.open("/mfa").submit(form, label=seed)
        assert guest.status == 422 and guest.wrong == {"label": "secret"}
        assert seed not in guest.html
        guest.open("/mfa").submit(form, label="x" * 65)
        assert guest.wrong == {"label": "too-long"} and "x" * 65 in guest.html, "what was typed is kept"
    assert kept(portal) == before


def test_a_removed_device_takes_its_name_along(
    portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    guest = entering(nadia)
    guest.open("/mfa").submit("/mfa/add", label="tablet")
    codes = [sandbox.code(guest.seed(), step) for step in (-1, 0)]
    guest.submit("/mfa/enroll", first_code=codes[0], second_code=codes[1])
    tablet = f"{nadia.serial_number}/tablet"
    assert (tablet, "tablet") in kept(portal)
    guest.open(f"/mfa/remove?id={tablet}").submit("/mfa/remove")
    assert nadia.devices() == [nadia.serial_number]
    assert tablet not in dict(kept(portal))
