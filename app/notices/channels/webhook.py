"""A webhook with signed messages, by the specification of Standard Webhooks (https://www.standardwebhooks.com/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

from app.notices.channels.http import HttpOptions, Post, post_each
from app.notices.messages import Channel, Message, Outcome


class WebhookChannel(Channel):
    """Posts notices as JSON."""

    name = "webhook"

    def __init__(self, options: HttpOptions, secrets: Sequence[str]) -> None:
        """Secrets: each "whsec_..."; messages are signed with all, so that receivers can switch to a new one."""
        self._options = options
        self._signing = [Webhook(secret) for secret in secrets]

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Post each, and yield what happened to it (`Channel.send_many`)."""
        return post_each(self._options, messages, self._post)

    def _post(self, message: Message) -> Post:
        body = orjson.dumps(
            {
                "type": f"notice.{message.kind}",
                "timestamp": message.created_at.astimezone(UTC).isoformat(timespec="seconds"),
                "data": {
                    "to": message.to,
                    "subject": message.subject,
                    "text": message.text,
                    "details": dict(message.data),
                },
            }
        )
        now, message_id = datetime.now(UTC), f"msg_{message.message_id}"
        signatures = [each.sign(message_id, now, body.decode()) for each in self._signing]
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        return Post(body, headers)
