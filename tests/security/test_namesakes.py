"""Users are who AWS's unique id says: a new path or name changes nothing, and a namesake inherits nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.db import db
from tests.security.conftest import Entering, Guest, portal_of
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor
from tests.support.waiting import wait_until

Chief = Callable[[], Guest]
ACCOUNT = "123456789012"


def refresh(chief: Guest) -> None:
    """Read the account's lists, as the button does, to the end."""
    chief.open("/compliance").submit("/compliance/refresh", account=ACCOUNT)
    wait_until(lambda: not chief.open("/compliance").soup.select("[data-progress]"))


def sessions(chief: Visitor) -> int:
    """Of how many sessions here the page of a user tells."""
    return int(str(chief.soup.select("[data-sessions]")[0]["data-sessions"]))


@pytest.mark.parametrize("change", [{"NewPath": "/moved/"}, {"NewUserName": "renamed-{}"}])
def test_an_administrator_signs_out_who_was_renamed_or_moved(
    sandbox: Sandbox, entering: Entering, entering_as_chief: Chief, change: dict[str, str]
) -> None:
    victim = hire(sandbox, "vera")
    guest, chief = entering(victim), entering_as_chief()
    refresh(chief)
    change = {name: value.format(victim.name) for name, value in change.items()}
    sandbox.as_administrator("iam").update_user(UserName=victim.name, **change)
    name = change.get("NewUserName", victim.name)
    for known_as in (victim.name, name):
        assert sessions(chief.open(f"/compliance/people/{known_as}?account={ACCOUNT}")) == 1, known_as
        refresh(chief)
    page = f"/compliance/people/{name}"
    chief.open(f"{page}?account={ACCOUNT}").submit(f"{page}/sessions/end")
    assert chief.notices == ["success"] and sessions(chief) == 0
    assert guest.open("/activity").path == "/sign-in"


def test_who_is_not_in_the_lists_yet_is_signed_out_by_what_the_record_says(
    sandbox: Sandbox, portal: Flask, entering: Entering, entering_as_chief: Chief
) -> None:
    victim = hire(sandbox, "vito")
    guest, chief = entering(victim), entering_as_chief()
    refresh(chief)
    with portal.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("update compliance_people set user_id = ''")
    page = f"/compliance/people/{victim.name}"
    chief.open(f"{page}?account={ACCOUNT}").submit(f"{page}/sessions/end")
    assert chief.notices == ["success"] and guest.open("/activity").path == "/sign-in"


def made_again(sandbox: Sandbox, former: Employee) -> Employee:
    """The user is deleted, and another one is given the name."""
    iam = sandbox.as_administrator("iam")
    for device in iam.list_mfa_devices(UserName=former.name)["MFADevices"]:
        iam.deactivate_mfa_device(UserName=former.name, SerialNumber=device["SerialNumber"])
        iam.delete_virtual_mfa_device(SerialNumber=device["SerialNumber"])
    iam.delete_access_key(UserName=former.name, AccessKeyId=former.access_key_id)
    iam.remove_user_from_group(GroupName="EC2MFA", UserName=former.name)
    iam.delete_user(UserName=former.name)
    iam.create_user(UserName=former.name)
    iam.add_user_to_group(GroupName="EC2MFA", UserName=former.name)
    key = iam.create_access_key(UserName=former.name)["AccessKey"]
    return Employee(sandbox, former.name, key["AccessKeyId"], key["SecretAccessKey"])


def test_a_namesake_sees_and_ends_nothing_of_a_former_colleague(
    sandbox: Sandbox, portal: Flask, entering: Entering
) -> None:
    former = hire(sandbox, "nora")
    before = entering(former)
    with portal.app_context(), db.engine.begin() as connection:
        query = "select seq from activity where user_name = ? and event = 'sign-in' and phase = 'done'"
        (entry,) = connection.exec_driver_sql(query, (former.name,)).one()
        # As a release before unique ids wrote it.
        connection.exec_driver_sql("update activity set user_id = '' where seq = ?", (entry,))
        (legacy,) = connection.exec_driver_sql(
            "select count(*) from activity where user_name = ?", (former.name,)
        ).one()
    assert legacy
    second = made_again(sandbox, former)
    guest = entering(second)
    page = guest.open("/activity").text
    assert former.access_key_id not in page and second.access_key_id in page
    assert "earlier-entries-hidden" in guest.states, "and is told why older entries are missing"
    assert guest.open(f"/activity/{entry}/not-me").status == 404
    others = guest.ask("POST", "/activity/sessions/end", {"csrf_token": guest.token(), "label": "others"})
    assert others.status_code == 303 and guest.open("/activity/sessions").refused_as == "nothing-ended"
    assert before.status == 200


@pytest.fixture
def by_id(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[[str], Flask]]:
    """A portal with these ADMINS."""
    made: list[Flask] = []

    def start(admins: str) -> Flask:
        many = "100000 per hour"
        folder = tmp_path / str(len(made))
        folder.mkdir()
        limits = {"SIGN_IN_LIMIT_PER_ADDRESS": many, "SIGN_IN_LIMIT_PER_KEY": many}
        made.append(portal_of(sandbox, folder, ADMINS=admins, **limits))
        return made[-1]

    yield start
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.parametrize("spelt", ["{arn}#{id}", ACCOUNT + "={id}", ACCOUNT + "={arn}#{id}"])
def test_an_administrator_named_by_id_has_no_heir(
    sandbox: Sandbox, entering: Entering, by_id: Callable[[str], Flask], spelt: str
) -> None:
    boss = hire(sandbox, "boss")
    user = sandbox.as_administrator("iam").get_user(UserName=boss.name)["User"]
    app = by_id(spelt.format(arn=user["Arn"], id=user["UserId"]))
    assert entering(boss, app=app).open("/compliance").status == 200
    assert entering(made_again(sandbox, boss), app=app).open("/compliance").status == 403
