"""A webhook of a workflow in Microsoft Teams, with an adaptive card (https://adaptivecards.io/explorer/).

Texts are in text runs, which Teams shows unchanged. Text blocks and fact sets would format Markdown in names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from app.notices.channels.http import HttpOptions, Post, post_each
from app.notices.content import Brand, Content, Fact, Link
from app.notices.kinds import compose
from app.notices.messages import Channel, Message, Outcome
from app.text.messages import _

VERSION = "1.4"
"""Version of adaptive cards that all Teams clients support."""
LARGEST = 13 * 1024
"""Bytes. Teams takes about 28 KB, and may count two bytes for each character (UTF-16)."""


def _run(text: str, **looks: object) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **looks}


def _block(*runs: dict[str, Any], **looks: object) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **looks}


def _facts(facts: tuple[Fact, ...]) -> list[dict[str, Any]]:
    return [
        _block(_run(f"{fact.label}: ", weight="Bolder"), _run(fact.value), spacing="None" if at else "Default")
        for at, fact in enumerate(facts)
    ]


def _action(link: Link) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": link.label, "url": link.address}


def card(content: Content) -> dict[str, Any]:
    """Return a notice as an adaptive card."""
    body = [_block(_run(content.heading, size="Large", weight="Bolder"))]
    body += [_block(_run(text)) for text in content.paragraphs]
    body += _facts(content.facts)
    actions = [_action(content.link)] if content.link else []
    for section in (*content.sections, *([content.warning] if content.warning else [])):
        body.append(_block(_run(section.heading, weight="Bolder"), spacing="Medium", separator=True))
        body += [_block(_run(text)) for text in section.paragraphs]
        body += _facts(section.facts)
        actions += [_action(link) for link in section.links]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": content.subject,
        "body": body,
        "actions": actions,
    }


def payload(content: Content) -> bytes:
    """Return the body of the post. If it is too large for Teams, the end is left out, and the card says so."""
    whole = card(content)
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": whole}
    message = {"type": "message", "attachments": [attachment]}
    kept, end = whole["body"], _block(_run(_("This notice is too long for Teams. The rest is left out.")))
    posted = orjson.dumps(message)
    while len(posted) > LARGEST and kept:
        kept = kept[: len(kept) * 3 // 4]
        whole["body"] = [*kept, end]
        posted = orjson.dumps(message)
    return posted


class TeamsChannel(Channel):
    """Posts notices to one channel or chat of Teams."""

    name = "teams"

    def __init__(self, options: HttpOptions, brand: Brand) -> None:
        self._options, self._brand = options, brand

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Post each, and yield what happened to it (`Channel.send_many`)."""
        return post_each(self._options, messages, self._post)

    def _post(self, message: Message) -> Post:
        return Post(payload(compose(message.kind, message.data, self._brand)), {})
