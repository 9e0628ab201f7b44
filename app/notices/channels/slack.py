"""An incoming webhook of Slack, with Block Kit (https://docs.slack.dev/reference/block-kit).

Names are in blocks of plain text only, so that they can't format, link or mention anyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from app.notices.channels.http import HttpOptions, Post, post_each
from app.notices.content import Brand, Content, Fact, Link
from app.notices.kinds import compose
from app.notices.messages import Channel, Message, Outcome
from app.text.messages import _

LONGEST_HEADER, LONGEST_TEXT, LONGEST_FIELD = 150, 3000, 2000
FIELDS, MOST_BLOCKS = 10, 50
"""Slack's limits: fields in a section, blocks in a message."""


def escaped(text: str, most: int) -> str:
    """Return a text as Slack wants it, with `&`, `<` and `>` as entities. most: characters at most."""
    found = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    while len(found) > most:
        text = text[: len(text) - max(1, (len(found) - most) // 5) - 1] + "…"
        found = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return found


def _plain(text: str, most: int = LONGEST_TEXT) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, most) or " ", "emoji": False}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text)}


def _link(link: Link) -> dict[str, Any]:
    label = escaped(link.label, LONGEST_FIELD).replace("|", "¦")
    address = escaped(link.address, LONGEST_TEXT).replace("|", "%7C")
    return {"type": "section", "text": {"type": "mrkdwn", "text": f"<{address}|{label}>", "verbatim": True}}


def _facts(facts: Sequence[Fact]) -> Iterator[dict[str, Any]]:
    rows = iter(facts)
    while some := list(islice(rows, FIELDS)):
        fields = [_plain(f"{fact.label}\n{fact.value}", LONGEST_FIELD) for fact in some]
        yield {"type": "section", "fields": fields}


def blocks(content: Content) -> list[dict[str, Any]]:
    """Return a notice as blocks. If there are too many for Slack, the last block says that the rest is left out."""
    found: list[dict[str, Any]] = [{"type": "header", "text": _plain(content.heading, LONGEST_HEADER)}]
    found += [_section(text) for text in content.paragraphs]
    found += _facts(content.facts)
    if content.link:
        found.append(_link(content.link))
    for section in (*content.sections, *([content.warning] if content.warning else [])):
        found += [_section(section.heading), *(_section(text) for text in section.paragraphs)]
        found += _facts(section.facts)
        found += [_link(link) for link in section.links]
    if len(found) > MOST_BLOCKS:
        found = [*found[: MOST_BLOCKS - 1], _section(_("This notice is too long for Slack. The rest is left out."))]
    return found


class SlackChannel(Channel):
    """Posts notices to one channel of Slack."""

    name = "slack"

    def __init__(self, options: HttpOptions, brand: Brand) -> None:
        self._options, self._brand = options, brand

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Post each, and yield what happened to it (`Channel.send_many`)."""
        return post_each(self._options, messages, self._post)

    def _post(self, message: Message) -> Post:
        content = compose(message.kind, message.data, self._brand)
        payload = {"text": escaped(content.subject, LONGEST_TEXT), "mrkdwn": False, "blocks": blocks(content)}
        return Post(orjson.dumps(payload), {})
