"""Webhooks, signed ones and those of Slack and Teams, against a receiver that misbehaves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.notices.channels.http import HttpOptions, is_public, pause
from app.notices.channels.slack import MOST_BLOCKS, SlackChannel
from app.notices.channels.teams import LARGEST, TeamsChannel
from app.notices.channels.webhook import WebhookChannel
from app.notices.kinds import KINDS
from app.notices.messages import Message, Outcome, TryLater
from tests.support.notices import BRAND, message, told
from tests.support.receiver import (
    Receiver,
    Request,
    answer,
    close,
    dribble,
    endless,
    garbage,
    hang,
    receiver,
    reset,
    tunnel,
)
from tests.support.tls import Certificate

THREE = [message(number) for number in (1, 2, 3)]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def outcomes(there: Receiver, messages: list[Message], *secrets: str, **options: Any) -> list[Outcome]:
    url = options.pop("url", f"http://127.0.0.1:{there.port}/hook?key=1")
    channel = WebhookChannel(HttpOptions(url, **{"patience_s": 5.0, **options}), secrets or [SECRET])
    return list(channel.send_many(messages))


def post(there: Receiver, messages: list[Message], *secrets: str, **options: Any) -> list[str]:
    return told(outcomes(there, messages, *secrets, **options))


def signed_with(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature, as the specification describes it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    found = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(found).decode()}"


def signatures(request: Request) -> list[str]:
    return request.headers["webhook-signature"].split(" ")


def expected(secret: str, request: Request) -> str:
    return signed_with(secret, request.headers["webhook-id"], request.headers["webhook-timestamp"], request.body)


def test_the_specification_is_read_as_its_example_has_it() -> None:
    signature = signed_with(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_messages_are_signed_and_go_over_one_connection(there: Receiver) -> None:
    before = datetime.now(UTC)
    assert post(there, THREE) == ["sent"] * 3
    assert there.connections == 1 and len(there.requests) == 3
    for sent, got in zip(THREE, there.requests, strict=True):
        assert got.target == "/hook?key=1" and got.headers["content-type"] == "application/json"
        assert got.headers["webhook-id"] == f"msg_{sent.message_id}"
        signed_at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
        assert timedelta(seconds=-1) <= signed_at - before <= timedelta(seconds=30)
        assert signatures(got) == [expected(SECRET, got)]
        body = json.loads(got.body)
        assert body["type"] == "notice.access-key-created" and body["timestamp"] == "2026-05-03T10:00:00+00:00"
        assert body["data"]["to"] == sent.to and body["data"]["details"]["target"] == "AKIAIOSFODNN7EXAMPLE"
        assert not {"cookie", "authorization", "referer"} & set(got.headers)


def test_while_secrets_change_a_message_has_both_signatures(there: Receiver) -> None:
    assert post(there, THREE[:1], SECRET, NEXT_SECRET) == ["sent"]
    got = there.requests[0]
    assert signatures(got) == [expected(SECRET, got), expected(NEXT_SECRET, got)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(there: Receiver, status: int) -> None:
    with receiver() as elsewhere:
        there.answers = [answer(status, Location=f"http://127.0.0.1:{elsewhere.port}/")]
        assert post(there, THREE[:1]) == [f"later http-{status}"]
        assert elsewhere.connections == 0 and len(there.requests) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "sent"), (202, "sent"), (400, "refused"), (410, "refused"), (413, "refused"), (422, "refused"),
        (401, "later"), (403, "later"), (404, "later"), (500, "later"), (502, "later"), (504, "later"),
    ],
)  # fmt: skip
def test_an_answer_decides_about_its_message_only(there: Receiver, status: int, outcome: str) -> None:
    there.answers = [answer(200), answer(status, b"no")]
    expected_outcome = outcome if outcome == "sent" else f"{outcome} http-{status}"
    assert post(there, THREE) == ["sent", expected_outcome, "sent"]
    assert there.connections == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 500, 502, 504])
def test_an_answer_that_any_message_would_get_costs_none_a_try(there: Receiver, status: int) -> None:
    there.answers = [answer(status)] * 3
    assert outcomes(there, THREE) == [TryLater(None, f"http-{status}", channel_down=True, answered=True)] * 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_wants_a_pause_gets_one(there: Receiver, status: int) -> None:
    there.answers = [answer(204), answer(status, Retry_After="120")]
    later = TryLater(120.0, f"http-{status}", channel_down=True)
    assert outcomes(there, THREE)[1:] == [later._replace(answered=True), later], "the third was never posted"
    assert len(there.requests) == 2


def test_the_length_of_a_pause() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (pause(in_a_minute) or 0) <= 60
    assert pause("0") == 0 and pause("99999999999999999999") == 24 * 3600
    assert pause("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert [pause(text) for text in (None, "", "soon", "-5", "1.5", "٣")] == [None] * 6


@pytest.mark.parametrize(
    ("behaves", "code"), [(reset, "closed"), (close, "closed"), (garbage, "not-http"), (hang, "timed-out")]
)
def test_a_broken_server_is_asked_once(there: Receiver, behaves: Any, code: str) -> None:
    there.answers = [behaves]
    assert post(there, THREE, patience_s=0.3) == [f"later {code}"] * 3
    assert len(there.requests) == 1


def test_only_what_was_posted_may_be_what_the_server_breaks_at(there: Receiver) -> None:
    there.answers = [reset]
    assert [each == TryLater(None, "closed", channel_down=True) for each in outcomes(there, THREE)] == [
        False, True, True,
    ]  # fmt: skip
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        assert outcomes(there, THREE, url=url) == [TryLater(None, "not-reached", channel_down=True)] * 3


def test_a_server_that_never_ends_its_answer_is_left(there: Receiver) -> None:
    there.answers = [dribble(b"HTTP/1.1 ")]
    assert post(there, THREE, at_most_s=0.4) == ["later timed-out"] * 3
    there.answers = [dribble(b"HTTP/1.1 200 OK\r\nX: ")]
    assert post(there, THREE[:1], at_most_s=0.4) == ["sent"]  # so much is certain


def test_of_an_endless_answer_only_the_beginning_is_read(there: Receiver) -> None:
    there.answers = [endless]
    assert post(there, THREE) == ["sent"] * 3
    assert there.connections == 2


@pytest.mark.parametrize("ends", [close, reset])
def test_a_connection_that_has_ended_since_is_opened_again(there: Receiver, ends: Any) -> None:
    there.answers = [answer(204), ends, answer(204), answer(204)]
    assert post(there, THREE) == ["sent"] * 3
    ids = [got.headers["webhook-id"] for got in there.requests]
    assert ids[1] == ids[2] and len(ids) == 4  # the receiver can tell that it is the same message
    there.answers = [answer(204, stay=False, Connection="close")]
    assert post(there, THREE[:2]) == ["sent"] * 2


def test_tls_is_verified(certificate: Certificate) -> None:
    with receiver(certificate.server) as there:
        url = f"https://127.0.0.1:{there.port}/"
        assert post(there, THREE, url=url) == ["later certificate-not-trusted"] * 3
        assert post(there, THREE, url=url, ca_file=str(certificate.file)) == ["sent"] * 3
        assert len(there.requests) == 3
    with receiver() as there:
        assert post(there, THREE[:1], url=f"https://127.0.0.1:{there.port}/") == ["later no-tls"]


def test_a_name_that_leads_into_the_own_network_is_not_asked_unless_that_is_set(certificate: Certificate) -> None:
    with receiver(certificate.server) as there:
        options = {"url": f"https://localhost:{there.port}/", "ca_file": str(certificate.file)}
        assert post(there, THREE, **options) == ["later private-address"] * 3
        assert there.requests == []
        assert post(there, THREE, private_addresses=True, **options) == ["sent"] * 3


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("127.0.0.1", False), ("::1", False), ("fd00:ec2::254", False),
        ("fe80::1%eth0", False), ("::ffff:10.0.0.1", False), ("0.0.0.0", False), ("100.64.0.1", False),
        ("224.0.0.1", False), ("::", False), ("64:ff9b::a9fe:a9fe", False), ("64:ff9b::808:808", True),
        ("2002:a9fe:a9fe::", False), ("2002:808:808::1", True), ("::7f00:1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_the_proxy_of_the_environment_connects(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"url": "https://localhost:8443/x", "ca_file": str(certificate.file)}
    with receiver(certificate.server) as there, receiver() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://latch:k%40y@127.0.0.1:{proxy.port}")
        proxy.answers = [tunnel(there.port), answer(403, b"not allowed")]
        assert post(there, THREE, **options) == ["sent"] * 3
        assert [got.target for got in proxy.requests] == ["localhost:8443"]
        assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {base64.b64encode(b'latch:k@y').decode()}"
        assert [got.target for got in there.requests] == ["/x"] * 3
        assert not any("proxy-authorization" in got.headers for got in there.requests)
        assert post(there, THREE, **options) == ["later not-reached"] * 3
    with receiver() as here, receiver() as proxy:  # what is on this machine isn't the proxy's
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert post(here, THREE[:1]) == ["sent"] and proxy.connections == 0


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert post(Receiver(port), THREE) == ["later not-reached"] * 3


def slack(there: Receiver, sent: Message) -> dict[str, Any]:
    channel = SlackChannel(HttpOptions(f"http://127.0.0.1:{there.port}/services/T/B/x"), BRAND)
    assert told(channel.send_many([sent])) == ["sent"]
    found: dict[str, Any] = json.loads(there.requests[-1].body)
    return found


def teams(there: Receiver, sent: Message) -> dict[str, Any]:
    channel = TeamsChannel(HttpOptions(f"http://127.0.0.1:{there.port}/workflows/x"), BRAND)
    assert told(channel.send_many([sent])) == ["sent"]
    assert len(there.requests[-1].body) <= LARGEST
    found: dict[str, Any] = json.loads(there.requests[-1].body)
    return found


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in JSON."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


HOSTILE = "<!channel> <https://evil.example|Sign in> *bold* [Sign in](https://evil.example) & \r\n# x"


@pytest.mark.parametrize("kind", KINDS)
def test_slack_gets_a_message_within_its_limits(there: Receiver, kind: str) -> None:
    got = slack(there, message(kind=kind))
    assert got["text"] and got["mrkdwn"] is False and 2 <= len(got["blocks"]) <= MOST_BLOCKS
    texts = [each for each in objects(got) if each.get("type") in ("plain_text", "mrkdwn")]
    assert all(1 <= len(each["text"]) <= 3000 for each in texts)
    assert all(len(block.get("fields", [])) <= 10 for block in got["blocks"])
    assert len(got["blocks"][0]["text"]["text"]) <= 150
    links = [each["text"] for each in texts if each["type"] == "mrkdwn"]
    assert all(link.startswith("<https://keys.example.com/") for link in links)


def test_a_name_can_neither_link_nor_mention_anyone_in_slack(there: Receiver) -> None:
    in_a_key = message(name=HOSTILE, user=HOSTILE, target=HOSTILE, user_agent=HOSTILE, address=HOSTILE)
    for sent in (in_a_key, message(kind="rule-worse", title=HOSTILE, rule=HOSTILE, account=HOSTILE)):
        got = slack(there, sent)
        assert "&lt;!channel&gt;" in json.dumps(got)
        for each in objects(got):
            if each.get("type") == "plain_text" or "blocks" in each:
                assert "<" not in each["text"] and ">" not in each["text"]
            if each.get("type") == "mrkdwn":
                assert each["text"].count("<") == each["text"].count(">") == each["text"].count("|") == 1
                assert "evil.example|" not in each["text"] and "*" not in each["text"]


def test_a_long_list_is_shortened_for_slack_and_teams(there: Receiver) -> None:
    people = [{"user": f"{'x' * 60}{number}", "account": "123456789012"} for number in range(5000)]
    rules = [{"rule": "mfa", "title": f"{'&' * 300}{number}", "failing": number} for number in range(600)]
    for kind, data in (("campaign-manager", {"people": people}), ("digest", {"rules": rules})):
        sent = message(kind=kind, **data)
        assert len(slack(there, sent)["blocks"]) <= MOST_BLOCKS
        body = teams(there, sent)["attachments"][0]["content"]["body"]
        assert len(body) > 2


@pytest.mark.parametrize("kind", KINDS)
def test_teams_gets_a_card(there: Receiver, kind: str) -> None:
    got = teams(there, message(kind=kind))
    assert got["type"] == "message" and len(got["attachments"]) == 1
    attachment = got["attachments"][0]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert all(block["type"] == "RichTextBlock" for block in card["body"])
    assert all(run["type"] == "TextRun" and run["text"] for block in card["body"] for run in block["inlines"])
    assert all(action["url"].startswith("https://keys.example.com/") for action in card["actions"])


def test_a_name_is_no_markdown_in_teams(there: Receiver) -> None:
    got = teams(there, message(name=HOSTILE, user=HOSTILE))
    holds = [each for each in objects(got) if "evil.example" in str(each.get("text", ""))]
    assert holds and all(each["type"] == "TextRun" for each in holds)
