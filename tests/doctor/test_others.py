"""Other programs around the doctor: they control no terminal, get no token, and helpers learn little of them."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from app.aws.endpoints import Endpoint
from app.doctor import aws, redis
from app.doctor.all_checks import Diagnosis
from app.doctor.asking import Answer, Certificate
from app.doctor.bundle import Bundle
from app.doctor.finding import Finding
from app.doctor.report import as_json, as_object, as_text
from app.doctor.settings import read
from tests.doctor.conftest import TOKEN, Examine, codes
from tests.doctor.test_secrets import files_of
from tests.support.portal import Portal

NOW = datetime(2026, 5, 3, 10, tzinfo=UTC)
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202efake"


class Stranger(BaseHTTPRequestHandler):
    """Has the port of the portal. It answers as a portal would, as far as it can."""

    heard: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.heard.append((self.path, self.headers.get("Authorization")))
        told = {"address": "x", "scheme": EVIL, "host": "alice@example.com", "forwarded": [], "database": EVIL}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Latchkey-Doctor", self.headers.get("Latchkey-Doctor", "").partition(":")[2])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[int]:
    Stranger.heard.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", Stranger)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def diagnosis(*findings: Finding) -> Diagnosis:
    return Diagnosis(list(findings), NOW, read({}))


def test_words_of_other_programs_control_no_terminal() -> None:
    found = diagnosis(
        *redis.judged({"redis_version": f"7.0{EVIL}", "maxmemory_policy": EVIL + "long" * 5000}),
        Finding("check-failed", EVIL, EVIL, {"name": EVIL, "names": [EVIL]}),
    )
    for printed in (as_text(found), as_json(found)):
        assert all(line.isprintable() for line in printed.split("\n"))
        assert len(printed) < 12_000
    assert json.loads(as_json(found)) == as_object(found), "programs read what was said"


def test_a_stranger_at_the_address_is_not_taken_for_the_portal(examined: Examine, stranger: int) -> None:
    found = codes(examined(PUBLIC_URL=f"http://127.0.0.1:{stranger}"))
    assert "public-url-other" in found and not found & {"public-url-reached", "proxies-scheme"}


def test_a_stranger_on_the_port_gets_no_token_and_is_in_no_bundle(
    examined: Examine, stranger: int, tmp_path: Path
) -> None:
    bundle = Bundle()
    bundle.write(tmp_path / "a.zip", examined(bundle.collect, BIND=f"127.0.0.1:{stranger}", METRICS_TOKEN=TOKEN))
    assert Stranger.heard == [("/healthz", None)]
    files = files_of(tmp_path / "a.zip")
    assert "isn't a portal with this SECRET_KEY" in json.loads(files["health.json"])["error"]
    assert not any("alice" in content or "\x1b" in content for content in files.values())


class Relay(Stranger):
    """Has the port of the portal, and asks a portal on another port what to answer."""

    portal: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.heard.append((self.path, self.headers.get("Authorization")))
        told = {**self.headers, "X-Forwarded-Host": self.headers["Host"]}
        with urllib.request.urlopen(urllib.request.Request(self.portal + self.path, headers=told)) as answer:
            body = answer.read()
            self.send_response(200)
            self.send_header("Latchkey-Doctor", answer.headers["Latchkey-Doctor"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize("stranger", [Relay], indirect=True)
def test_a_stranger_who_asks_another_portal_gets_no_token_either(
    examined: Examine, portal: Portal, stranger: int, tmp_path: Path
) -> None:
    Relay.portal = portal.url
    bundle = Bundle()
    bundle.write(tmp_path / "a.zip", examined(bundle.collect, BIND=f"127.0.0.1:{stranger}", METRICS_TOKEN=TOKEN))
    assert Stranger.heard == [("/healthz", None)]
    assert "another port" in json.loads(files_of(tmp_path / "a.zip")["health.json"])["error"]


def test_only_metrics_of_the_portal_are_in_the_bundle(
    examined: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f'# TYPE latchkey_x counter\nlatchkey_x{{a="b"}} 1.0\nprocess_y 2\nalice@example.com\nlatchkey_z {EVIL}\n'
    monkeypatch.setattr("app.doctor.bundle.ask", lambda *_, **__: Answer(status=200, body=told.encode()))
    bundle = Bundle()
    bundle.write(tmp_path / "a.zip", examined(bundle.collect))
    metrics = files_of(tmp_path / "a.zip")["metrics.txt"]
    assert metrics.split("\n") == ["# TYPE latchkey_x counter", 'latchkey_x{a="b"} 1.0', "process_y 2", ""]


def test_the_bundle_names_nothing_of_the_own_network(tmp_path: Path) -> None:
    own = Endpoint("iam", "https://vpce-7.corp.example:8443", official=False, ca_file="", proxy="")
    amazon = Endpoint("sts", "https://sts.us-east-1.amazonaws.com", official=True, ca_file="", proxy="")
    ours, theirs = Certificate("Corp Root CA", NOW), Certificate("Amazon RSA", NOW.replace(year=2027))
    reason = "Hostname mismatch, certificate is not valid for 'inside.corp.example'."
    answers = [
        (own, Answer(status=200, local="10.20.30.40", peer="10.20.30.41", certificate=ours)),
        (own, Answer(untrusted=reason, certificate=ours)),
        (amazon, Answer(status=200, local="198.51.100.9", peer="3.5.6.7", certificate=theirs)),
    ]
    key = Finding("key-in-use", "It is in use.", facts={"key_id": "corp-2026"})
    shown = diagnosis(*aws.check(answers, NOW), key)
    words = ("corp", "Corp", "10.20.30.40", "198.51.100.9", "8443")
    assert all(word in as_text(shown) + as_json(shown) for word in words), "on the terminal of its owner"
    Bundle().write(tmp_path / "a.zip", shown)
    files = files_of(tmp_path / "a.zip")
    told = files["findings.txt"] + files["findings.json"]
    assert [word for word in words if word in told] == []
    assert "https://sts.us-east-1.amazonaws.com" in told and "Amazon RSA" in told
