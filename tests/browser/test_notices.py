"""An administrator sees which notices failed, and sends them again. Users see theirs under Activity."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, update

from app.notices.models import NoticeRow
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from tests.browser.conftest import Visiting
from tests.browser.test_activity import come_back
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture
def admin(visiting: Visiting, sandbox: Sandbox, clock: Clock) -> Reader:
    """Administrator, signed in with MFA."""
    clock.move(200)  # their earlier codes are past
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    reader = visiting()
    come_back(reader, Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]), phone)
    return reader


def write(portal: Portal, sandbox: Sandbox, user: Employee, key: str, **columns: object) -> None:
    """Write a notice to a user, as it is after its worker has stored what became of it."""
    engine = create_engine(portal.environment["DATABASE_URL"])
    user_id = str(sandbox.as_administrator("iam").get_user(UserName=user.name)["User"]["UserId"])
    with engine.begin() as connection:
        told = Notice("access-key-created", sandbox.account_id, user.name, key, {}, user_id)
        Outbox(["mail"]).enqueue(connection, [told])
        connection.execute(update(NoticeRow).where(NoticeRow.idempotency_key == key).values(**columns))
    engine.dispose()


def states(portal: Portal, key: str) -> list[tuple[object, ...]]:
    return portal.rows("select state, attempts, last_error from notices where idempotency_key = :key", key=key)


def test_an_admin_sends_a_notice_again_and_cancels_it(
    admin: Reader, surfer: Surfer, portal: Portal, sandbox: Sandbox, nadia: Employee
) -> None:
    write(portal, sandbox, nadia, "again", state="dead", attempts=10, last_error="recipient-550")
    admin.navigate("/activity/everyone")
    assert admin.leads_to("/notices")
    surfer.continue_from(admin, at="/notices")
    assert surfer.data("about") == ["recipient-550"] and "no-channel" in surfer.data("state")
    surfer.submit("/notices/again")
    assert states(portal, "again") == [("waiting", 0, "")]
    assert surfer.data("item") and surfer.path == "/notices"
    admin.open("/notices?show=waiting")
    admin.submit("/notices/cancel")
    assert states(portal, "again") == [("cancelled", 0, "")]
    write(portal, sandbox, nadia, "claimed", state="sending", lease_by="a worker", lease_until=datetime.now(UTC))
    admin.follow("/notices?show=waiting")
    admin.submit("/notices/cancel")
    assert states(portal, "claimed") == [("sending", 0, "cancelled")]
    assert admin.refused_as == "being-sent"
    admin.follow("/notices?show=failed")
    assert admin.data("item") == []
    assert admin.leads_to("/notices/addresses")
    surfer.follow("/notices/addresses")
    assert surfer.path == "/notices/addresses"
    done = [event for event, phase, _ in portal.activity("Administrator") if phase == "done"]
    assert done[-3:] == ["notice-sent-again", "notice-cancelled", "notice-cancelled"]
    targets = portal.rows("select target from activity where event in ('notice-sent-again', 'notice-cancelled')")
    secret = [message_id for (message_id,) in portal.rows("select message_id from notices")]
    assert targets and not [each for (each,) in targets if any(str(message_id) in str(each) for message_id in secret)]


def test_a_user_sees_their_own_notices_only(
    surfer: Surfer, portal: Portal, sandbox: Sandbox, nadia: Employee
) -> None:
    surfer.arrive_with_mfa(nadia)
    sent = {"state": "sent", "sent_at": datetime.now(UTC), "sent_to": "nadia@example.com"}
    write(portal, sandbox, nadia, "hers", **sent)
    write(portal, sandbox, nadia, "earlier-namesake", **sent, user_id="AIDAEARLIER")
    surfer.navigate("/activity")
    assert surfer.data("sent") == ["access-key-created"]
    assert "nadia@example.com" in surfer.text
