"""From the outbox to each receiver: a summary for administrators, by mail and posted."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import select

from app.db import db
from app.factory import create_app
from app.notices.examples import example
from app.notices.models import NoticeRow
from app.notices.notice import Audience, Notice
from app.notices.outbox import outbox
from app.notices.worker import delivery
from config import from_env
from tests.channels.test_commands import SECRET
from tests.support.databases import GOOD, make_database
from tests.support.mail_server import mail_server
from tests.support.receiver import answer, receiver

ACCOUNT = "123456789012"
POSTED = ("webhook", "slack", "teams")


def test_a_summary_reaches_every_channel(tmp_path: Path) -> None:
    make_database(tmp_path / "portal.db")
    with ExitStack() as stack:
        mails, hook, slack, teams = (
            stack.enter_context(mail_server()),
            *(stack.enter_context(receiver()) for _ in POSTED),
        )
        slack.answers = [answer(200, b"ok")]
        teams.answers = [answer(410, b"this workflow was removed")]
        settings = {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}",
            "SMTP_SERVER": f"127.0.0.1:{mails.port}",
            "SMTP_SECURITY": "plain",
            "SMTP_FROM": "keys@example.com",
            "WEBHOOK_URL": f"http://127.0.0.1:{hook.port}/",
            "WEBHOOK_SECRETS": SECRET,
            "SLACK_WEBHOOK_URL": f"http://127.0.0.1:{slack.port}/services/x",
            "TEAMS_WEBHOOK_URL": f"http://127.0.0.1:{teams.port}/workflows/x",
        }
        app = create_app(from_env({**GOOD, **settings}))
        stack.enter_context(app.app_context())
        stack.callback(db.engine.dispose)
        digest = example("digest")
        with db.engine.begin() as connection:
            notices = [
                Notice("digest", ACCOUNT, "ann@example.com", "week-18:ann", digest, audience=Audience.ADDRESS),
                Notice("digest", ACCOUNT, "", "week-18", digest, audience=Audience.CHANNEL, channels=POSTED),
            ]
            assert outbox().enqueue(connection, notices) == 4
        assert delivery(app).run() == 4

        [mail] = mails.mails
        assert mail.recipients == ["ann@example.com"]
        subject = "Weekly summary of Production (123456789012)"
        assert mail.message["Subject"] == subject
        assert json.loads(hook.requests[0].body)["data"]["details"] == digest
        assert json.loads(slack.requests[0].body)["text"] == subject
        assert json.loads(teams.requests[0].body)["attachments"][0]["content"]["fallbackText"] == subject
        with db.engine.connect() as connection:
            rows = connection.execute(select(NoticeRow.channel, NoticeRow.state, NoticeRow.last_error)).all()
        assert {row.channel: (row.state, row.last_error) for row in rows} == {
            "mail": ("sent", ""), "webhook": ("sent", ""), "slack": ("sent", ""), "teams": ("dead", "http-410"),
        }  # fmt: skip
