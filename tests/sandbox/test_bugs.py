"""What moto lacks is "not emulated". A bug of the sandbox is a 500 with its traceback in the log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from app.sandbox import moto_backend, sandbox_app
from app.sandbox.api import Caller
from app.sandbox.call_log import BUG
from app.sandbox.faults import Faults
from app.sandbox.protocol.wire import Reading, Scope
from app.sandbox.sandbox_app import SandboxApp
from app.sandbox.state import State
from tests.sandbox.conftest import Refused
from tests.support.clock import Clock
from tests.support.sandbox import Sandbox


class Broken:
    """Replaces moto, as if the sandbox called it wrongly: it fails before moto is reached."""

    def open(self, **_: Any) -> None:
        raise KeyError("ours")


def ask(app: SandboxApp) -> tuple[str, bytes]:
    """(status, body) of the answer to a request."""
    said: list[str] = []
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_HOST": "127.0.0.1:5000"}
    body = app(environ, lambda status, headers, *_: said.append(status))  # type: ignore[arg-type]  # enough of a start_response
    return said[0], b"".join(body)


def test_a_bug_of_ours_is_a_500_and_logged_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(sandbox_app, "read", read)
    app = SandboxApp(State(), Faults([]), frozenset({"127.0.0.1:5000"}))
    with caplog.at_level(logging.ERROR):
        status, body = ask(app)
    assert status.startswith("500 ") and b"Internal failure" in body
    [record] = caplog.records
    assert record.getMessage().startswith(BUG) and record.exc_info and record.exc_info[0] is ZeroDivisionError


def test_an_error_before_moto_is_reached_is_not_taken_for_something_moto_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(moto_backend._begun, "ec2", Broken())
    nobody = Caller(State().account_id, "", "", None, "AKIAEXAMPLE")
    scope = Scope("AKIAEXAMPLE", "20260101", "us-east-1", "ec2", (), "")
    with pytest.raises(KeyError, match="ours"):
        moto_backend.forward(Reading("POST", "/", (), {}, b"", {}, scope, "127.0.0.1"), {}, nobody)


def test_what_moto_lacks_is_not_emulated_and_no_bug(one: Sandbox, refused: Refused) -> None:
    ec2 = one.as_administrator("ec2")
    lacks = (ec2.bundle_instance, {"InstanceId": "i-1", "Storage": {}})
    fails = (ec2.accept_transit_gateway_peering_attachment, {"TransitGatewayAttachmentId": "x"})
    for call, parameters in (lacks, fails):
        assert refused(call, **parameters) == ("UnsupportedOperation", 400)
    log = (one.folder / "sandbox.log").read_text()
    assert "moto failed at ec2:BundleInstance: NotImplementedError" in log and BUG not in log


def test_a_story_fails_if_its_sandbox_had_a_bug(scratch: Path, clock: Clock) -> None:
    running = Sandbox(scratch / "aws-with-a-bug", clock)
    running.start()
    with (running.folder / "sandbox.log").open("a") as log:
        log.write(f"{BUG} 0123\nZeroDivisionError: ours\n")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        running.stop()
