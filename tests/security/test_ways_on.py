"""Pages about what is lost, last or gone say one thing, and the right one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from app.aws.iam import MfaDevice
from app.mfa.rescue_notes import rescue_note
from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest
from tests.support.clock import Clock
from tests.support.inside import BASE
from tests.support.people import hire
from tests.support.public_keys import openssh
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
    assert guest.soup.select_one("main a[data-back]")["href"] == "/mfa"  # type: ignore[index] # it is there

    with_device(sandbox, who, f"{who.name}-2")
    clock.move(60)
    assert guest.open("/mfa/lost").at("#note") == "", "the page first asks which device is lost"
    note = guest.open(f"/mfa/lost?id={own}-2").at("#note")
    assert f"--serial-number {own}-2" in note and f"--serial-number {own}\n" not in note
    lost, arn = MfaDevice(f"{own}-2", datetime.now(UTC)), f"arn:aws:iam::{sandbox.account_id}:user/{who.name}"
    assert note == rescue_note(who.name, arn, lost, others=True), "the note says that the other device stays"

    guest = Guest(portal)
    guest.sign_in(who)
    guest.open("/mfa/lost")
    assert f"{who.name}-2" in guest.text and guest.at("#note") == ""
    assert guest.soup.select_one("main a[data-back]")["href"] == "/sign-in/code"  # type: ignore[index] # it is there


def test_the_last_way_in_says_one_thing(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    guest = entering(who)
    for act in ("deactivate", "delete"):
        guest.open(f"/access-keys/{act}?id={who.access_key_id}")
        assert guest.states == ["last-way-in"], "the page does not say that nothing is lost"
        assert len(guest.soup.select(".lk-notice, .alert")) == 1
        button = guest.form(f"/access-keys/{act}").select_one("button")
        assert button and "btn-danger" in button["class"]


STOPPED = [f"/sign-in/aws/stopped/{why}" for why in ("not-permitted", "no-code", "iam-refuses", "someone-else")]
WITH_A_WAY_BACK = {
    "/mfa/lost": "/mfa",
    "/mfa/resync": "/mfa",
    "/mfa/hardware": "/mfa",
    "/password/new": "/password",
    **dict.fromkeys(STOPPED, "/"),
}
"""Pages with a link back, and where it leads if the page before isn't known."""


def link_back(html: str) -> str:
    """The address that the page's link back leads to."""
    (link,) = BeautifulSoup(html, "html.parser").select("main a[data-back]")
    assert link["rel"] == ["noreferrer"], "two pages with such links must not lead to each other"
    return str(link["href"])


def test_back_leads_to_where_one_came_from(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    sandbox.as_administrator("iam").create_login_profile(UserName=who.name, Password="Turquoise-otter-42-lamp")
    guest = entering(who)
    for page, otherwise in WITH_A_WAY_BACK.items():
        for before in ("/activity?kind=", "/account"):
            answer = guest.ask("GET", page, headers={"Referer": f"{BASE}{before}"})
            assert link_back(answer.text) == before, page
        foreign = ("https://evil.example/mfa", f"{BASE}.evil.example/", f"{BASE}//evil.example/")
        passed = (f"{BASE}/sign-in?next=/mfa", f"{BASE}/sign-in/code", f"{BASE}/sign-in/aws")
        for nowhere in ("", f"{BASE}{page}?serial=x", f"{BASE}/nothing", f"{BASE}/sign-out", *foreign, *passed):
            answer = guest.ask("GET", page, headers={"Referer": nowhere})
            assert link_back(answer.text) == otherwise, (page, nowhere)


def test_an_error_does_not_lose_the_way_back(entering: Entering) -> None:
    guest = entering()
    for page in ("/mfa/resync", "/mfa/hardware", "/password/new"):
        answer = guest.ask("GET", page, headers={"Referer": f"{BASE}/activity?kind="})
        (field,) = BeautifulSoup(answer.text, "html.parser").select("main form input[name=came_from]")
        sent = {"csrf_token": guest.token(), "came_from": str(field["value"])}
        for came_from, leads_to in (
            (field["value"], "/activity?kind="),
            ("//evil.example/", None),
            ("/nothing", None),
        ):
            assert guest.ask("POST", page, data={**sent, "came_from": came_from}).status_code == 303
            refused = guest.ask("GET", page, headers={"Referer": f"{BASE}{page}"})
            assert refused.status_code == 422
            assert link_back(refused.text) == (leads_to or link_back(guest.open(page).html)), page


def test_strangers_find_back_to_the_sign_in_page_they_came_from(portal: Flask) -> None:
    stranger = Guest(portal)
    for page in ("/mfa/lost", *STOPPED):
        answer = stranger.ask("GET", page, headers={"Referer": f"{BASE}/sign-in?next=/mfa"})
        assert link_back(answer.text) == "/sign-in?next=/mfa", page


def test_the_overview_says_what_became_of_the_key_of_the_session(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    guest, iam = entering(who), sandbox.as_administrator("iam")
    iam.create_access_key(UserName=who.name)

    def key_state() -> list[str]:
        assert who.access_key_id in guest.open("/").text
        return [str(each["data-key-state"]) for each in guest.soup.select("[data-key-state]")]

    assert key_state() == []
    iam.update_access_key(UserName=who.name, AccessKeyId=who.access_key_id, Status="Inactive")
    assert key_state() == ["inactive"]
    iam.update_access_key(UserName=who.name, AccessKeyId=who.access_key_id, Status="Active")
    guest.open(f"/access-keys/delete?id={who.access_key_id}").submit("/access-keys/delete")
    assert key_state() == ["deleted"]


def test_what_was_deleted_is_said_to_be_deleted(sandbox: Sandbox, entering: Entering, clock: Clock) -> None:
    who = hire(sandbox, "nadia")
    guest, iam = entering(who), sandbox.as_administrator("iam")
    spare = iam.create_access_key(UserName=who.name)["AccessKey"]["AccessKeyId"]
    for page in (f"/access-keys/delete?id={spare}", f"/access-keys/deactivate?id={spare}"):
        assert guest.open(page).status == 200
    guest.open(f"/access-keys/delete?id={spare}").submit("/access-keys/delete")
    for act in ("delete", "deactivate"):
        guest.open(f"/access-keys/{act}?id={spare}")
        assert (guest.status, guest.refused_as) == (404, "was-deleted") and spare in guest.text
        assert guest.open(f"/access-keys/{act}?id=AKIANOBODYSNOBODYS00").refused_as == "not-yours"
    with_device(sandbox, who, f"{who.name}-2")
    second = f"{who.serial_number}-2"
    guest.open(f"/mfa/remove?id={second}").submit("/mfa/remove")
    assert guest.open(f"/mfa/remove?id={second}").refused_as == "was-deleted"

    iam.upload_ssh_public_key(UserName=who.name, SSHPublicKeyBody=openssh())
    key = iam.list_ssh_public_keys(UserName=who.name)["SSHPublicKeys"][0]["SSHPublicKeyId"]
    guest.open(f"/ssh-keys/delete?id={key}").submit("/ssh-keys/delete")
    assert guest.open(f"/ssh-keys/delete?id={key}").refused_as == "was-deleted" and key in guest.text


@pytest.mark.parametrize("parameter", ["id", "key"])
def test_links_saved_before_parameters_were_renamed_still_name_an_access_key(
    sandbox: Sandbox, entering: Entering, parameter: str
) -> None:
    who = hire(sandbox, "nadia")
    guest, iam = entering(who), sandbox.as_administrator("iam")
    spare = iam.create_access_key(UserName=who.name)["AccessKey"]["AccessKeyId"]
    assert spare in guest.open(f"/access-keys/deactivate?{parameter}={spare}").text and guest.status == 200
    guest.ask("POST", f"/access-keys/deactivate?{parameter}={spare}", {"csrf_token": guest.token()})
    keys = iam.list_access_keys(UserName=who.name)["AccessKeyMetadata"]
    assert {key["AccessKeyId"]: key["Status"] for key in keys} == {who.access_key_id: "Active", spare: "Inactive"}


@pytest.mark.parametrize("parameter", ["id", "serial"])
def test_links_saved_before_parameters_were_renamed_still_name_a_device(
    sandbox: Sandbox, entering: Entering, parameter: str
) -> None:
    who = hire(sandbox, "nadia")
    guest, iam = entering(who), sandbox.as_administrator("iam")
    with_device(sandbox, who, f"{who.name}-2")
    second = f"{who.serial_number}-2"
    assert second in guest.open(f"/mfa/lost?{parameter}={second}").at("#note")
    guest.ask("POST", f"/mfa/remove?{parameter}={second}", {"csrf_token": guest.token()})
    devices = iam.list_mfa_devices(UserName=who.name)["MFADevices"]
    assert [device["SerialNumber"] for device in devices] == [who.serial_number]
