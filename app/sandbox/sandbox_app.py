"""The sandbox as a WSGI app: each request is read, authenticated, authorized and logged before it is carried out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import app.sandbox.operations as _operations  # registers what the sandbox does itself
from app.policy.evaluation import PolicyError
from app.sandbox import moto_backend
from app.sandbox.api import OPERATIONS, PASS_ON, Call, Caller, Refusal, not_emulated
from app.sandbox.auth.authority import identify
from app.sandbox.auth.judge import Origin, denial, judge
from app.sandbox.auth.permission_requests import Question, of_an_ec2_call, of_an_iam_call, of_an_sts_call
from app.sandbox.auth.s3_requests import of_s3
from app.sandbox.auth.users import stored
from app.sandbox.call_log import BUG, CallLog
from app.sandbox.exchange import Around, Exchange
from app.sandbox.faults import FaultError, Faults, failure_of, parsed
from app.sandbox.policy_source import of_text
from app.sandbox.protocol import answers, json_protocol, paging, query, signature
from app.sandbox.protocol.validation import validate
from app.sandbox.protocol.wire import EMULATED, JSON_SERVICES, Reading, headers_of, read
from app.sandbox.signin.endpoint import SignIn, is_ours
from app.sandbox.state import State

__all__ = ["SandboxApp", "_operations"]
_LOG = logging.getLogger(__name__)


class SandboxApp:
    """The WSGI application of the sandbox. hosts: Host headers it accepts."""

    def __init__(self, state: State, faults: Faults, hosts: frozenset[str]) -> None:
        self.state = state
        self.faults = faults
        self.log = CallLog()
        self._hosts = hosts
        self._sign_in = SignIn(state, faults, self.log, hosts)
        self._earlier: dict[tuple[str, str], tuple[int, bytes, bytes]] = {}
        """Per reader and question: number of changes then, the answer, and the one before the latest change."""
        self._changes = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if str(environ.get("PATH_INFO", "")).startswith("/_sandbox/"):
            return self._control(environ, start_response)
        if is_ours(environ):
            return self._sign_in(environ, start_response)
        exchange = Exchange(self.state)
        try:
            status, headers, body = self._handle(environ, exchange)
        except Refusal as refusal:
            status, headers, body = self._refused(exchange, refusal)
        except ConnectionError:
            raise  # a fault: the caller gets no answer at all
        except Exception:  # noqa: BLE001 # a bug of ours: logged with its traceback, and answered as AWS answers its own
            _LOG.exception("%s %s", BUG, exchange.request_id)
            status, headers, body = self._refused(exchange, failure_of(exchange.service))
        else:
            exchange.status = status
        finally:
            exchange.note(self.log, environ)
        headers = [*headers, ("x-amzn-RequestId", exchange.request_id), ("Content-Length", str(len(body)))]
        start_response(f"{status} {'OK' if status < 400 else 'Error'}", headers)
        if environ["REQUEST_METHOD"] == "HEAD":
            return [b""]
        return [body[: len(body) // 2] if exchange.cut else body]

    def _refused(self, exchange: Exchange, refusal: Refusal) -> tuple[int, list[tuple[str, str]], bytes]:
        exchange.error, exchange.status = refusal.code, refusal.status
        speaks_json = bool(exchange.reading and exchange.reading.speaks_json)
        body, content_type = answers.error(exchange.service, refusal, exchange.request_id, speaks_json=speaks_json)
        return refusal.status, [("Content-Type", content_type)], body

    # -- one request

    def _handle(self, environ: dict[str, Any], exchange: Exchange) -> tuple[int, list[tuple[str, str]], bytes]:
        now = datetime.now(UTC)
        reading = exchange.reading = read(environ, self._hosts)
        with self.state.lock:
            exchange.state = self.state.owner_of(reading.scope.access_key_id)
            exchange.caller, secret = identify(exchange.state, reading, now)
        signature.verify(reading, secret, now)
        self._used(exchange, exchange.caller, now)
        if self.state.settings.latency:
            time.sleep(self.state.settings.latency.total_seconds())
        if reading.service not in EMULATED:
            raise self._not_emulated(exchange, reading, exchange.caller, now)
        if reading.service in JSON_SERVICES:
            return self._json(environ, exchange, reading, exchange.caller, now)
        if reading.service == "s3":
            return self._s3(environ, exchange, reading, exchange.caller, now)
        return self._query(environ, exchange, reading, exchange.caller, now)

    def _used(self, exchange: Exchange, caller: Caller, now: datetime) -> None:
        """Record the last use of keys, for the credential report."""
        if not caller.is_session:
            exchange.state.key_last_used[caller.access_key_id] = (now, exchange.service)

    def _query(
        self, environ: dict[str, Any], exchange: Exchange, reading: Reading, caller: Caller, now: datetime
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        service = reading.service
        operation = query.operation_of(service, reading.form)
        exchange.action = f"{service}:{operation.name}"
        if service == "ec2":
            with self.state.lock:
                asked = of_an_ec2_call(exchange.state, operation.name, reading.scope.region, reading.form)
                self._judge(exchange, reading, caller, asked, now)
            with self._with_faults(environ, exchange):
                answer = self._of_moto(reading, operation.name, reading.form, caller)
            return answer.status, _kept(answer.headers), answer.body
        parameters = query.parameters(operation, reading.form)
        validate(operation, parameters)
        with self.state.lock:
            self._judge(exchange, reading, caller, self._asked(exchange, operation.name, caller, parameters), now)
            call = Call(service, operation.name, parameters, caller, exchange.request_id, now)
            with self._with_faults(environ, exchange):
                behaviour = OPERATIONS.get((service, operation.name))
                members = behaviour(exchange.state, call) if behaviour else PASS_ON
                if members is PASS_ON:
                    form = self._form(exchange.state, reading, parameters)
                    members = moto_backend.members(operation, self._of_moto(reading, operation.name, form, caller))
            if paging.is_paged(operation):
                members = paging.page(operation, parameters, members)  # type: ignore[arg-type]  # PASS_ON was replaced
        body = query.answer(operation, members, exchange.request_id)  # type: ignore[arg-type]  # as above
        return 200, [("Content-Type", "text/xml")], self._maybe_stale(exchange, reading, body)

    def _json(
        self, environ: dict[str, Any], exchange: Exchange, reading: Reading, caller: Caller, now: datetime
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Answer a call of a service with a JSON protocol."""
        operation = json_protocol.operation_of(reading)
        exchange.action = f"{reading.service}:{operation.name}"
        parameters = json_protocol.parameters(operation, reading)
        with self.state.lock:
            self._judge(exchange, reading, caller, [Question(exchange.action)], now)
            validate(operation, parameters)
            call = Call(reading.service, operation.name, parameters, caller, exchange.request_id, now)
            with self._with_faults(environ, exchange):
                behaviour = OPERATIONS.get((reading.service, operation.name))
                if behaviour is None:
                    raise not_emulated(reading.service, operation.name)
                members = behaviour(exchange.state, call)
        return 200, [("Content-Type", json_protocol.MEDIA_TYPE)], json_protocol.answer(members)

    def _of_moto(self, reading: Reading, action: str, form: Mapping[str, str], caller: Caller) -> moto_backend.Answer:
        """Return moto's answer, if it has the action. Raises Refusal."""
        service = reading.service
        if service != "s3" and not moto_backend.knows(service, action):
            raise not_emulated(service, action)
        try:
            answer = moto_backend.forward(reading, form, caller)
        except moto_backend.MotoFailed as error:
            _LOG.warning("moto failed at %s:%s: %s", service, action, error)
            raise not_emulated(service, action) from error
        return moto_backend.checked_answer(service, action, answer)

    def _asked(self, exchange: Exchange, name: str, caller: Caller, parameters: dict[str, Any]) -> list[Question]:
        if exchange.service == "sts":
            return [of_an_sts_call(exchange.state, name, parameters)]
        return of_an_iam_call(exchange.state, caller, name, parameters)

    def _form(self, state: State, reading: Reading, parameters: dict[str, Any]) -> dict[str, str]:
        """Return what moto gets: without paging, which is done here, and with the stored spelling of the
        user's name.
        """
        form = {name: value for name, value in reading.form.items() if name not in ("Marker", "MaxItems")}
        user = stored(state, parameters.get("UserName", ""))
        return form | ({"UserName": user.name} if user and form.get("Action") != "CreateUser" else {})

    def _s3(
        self, environ: dict[str, Any], exchange: Exchange, reading: Reading, caller: Caller, now: datetime
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        asked = of_s3(reading, exchange.state.account_id)
        exchange.action = asked.action
        with self.state.lock:
            self._judge(exchange, reading, caller, [asked], now)
            with self._with_faults(environ, exchange):
                answer = self._of_moto(reading, asked.action.partition(":")[2], {}, caller)
        return answer.status, _kept(answer.headers), answer.body

    def _not_emulated(self, exchange: Exchange, reading: Reading, caller: Caller, now: datetime) -> Refusal:
        target = reading.headers.get("x-amz-target", "").rpartition(".")[-1]
        exchange.action = f"{reading.service}:{(target or reading.form.get('Action') or 'Unknown')[:64]}"
        with self.state.lock:
            self._judge(exchange, reading, caller, [Question(exchange.action)], now)
        return Refusal("UnknownOperation", "The sandbox emulates IAM, STS, EC2, S3 and Organizations.", 404)

    def _judge(
        self, exchange: Exchange, reading: Reading, caller: Caller, asked: list[Question], now: datetime
    ) -> None:
        """Check that all of it is allowed. Raises Refusal. The exchange keeps the verdict that decided."""
        action = exchange.action or ""
        origin = Origin(reading.address, reading.scope.region, reading.headers.get("user-agent"))
        verdicts = [judge(exchange.state, caller, origin, question, now) for question in asked]
        exchange.verdict = next((each for each in verdicts if not each.decision.allowed), verdicts[0])
        exchange.not_evaluated = sorted({key for each in verdicts for key in each.not_evaluated})
        if caller.is_session and action.startswith("sts:") and action not in SESSIONS_MAY:
            if action == "sts:GetSessionToken":
                raise Refusal("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
            raise Refusal("AccessDenied", f"Session credentials may not call {action}.", 403)
        if not exchange.verdict.decision.allowed:
            raise denial(exchange.verdict, caller, reading.service)

    # -- faults

    def _with_faults(self, environ: dict[str, Any], exchange: Exchange) -> Around:
        return Around(self.faults, environ, exchange)

    def _maybe_stale(self, exchange: Exchange, reading: Reading, body: bytes) -> bytes:
        """Keep answers of reads. A stale one is repeated as it was before the latest change."""
        action = (exchange.action or "").partition(":")[2]
        if not action.startswith(("List", "Get")):
            self._changes += 1
            return body
        asked = (exchange.caller.arn if exchange.caller else "", json.dumps(sorted(reading.form.items())))
        changes, latest, earlier = self._earlier.get(asked, (self._changes, body, body))
        before = earlier if changes == self._changes else latest
        if exchange.stale:
            return before
        self._earlier[asked] = (self._changes, body, before)
        return body

    # -- log and controls

    def _control(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer `GET /_sandbox/calls?since=N`, and for tests `PUT /_sandbox/faults` and `POST /_sandbox/policy`."""
        status, content = self._controlled(environ)
        body = json.dumps(content).encode()
        start_response(
            status,
            [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))],
        )
        return [body]

    def _controlled(self, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        # A web page somewhere must not read or steer the sandbox: Host defeats DNS rebinding, and a
        # browser adds Origin to whatever it sends elsewhere.
        headers = headers_of(environ)
        if headers.get("host") not in self._hosts or "origin" in headers:
            return "403 Forbidden", {"error": "not from here"}
        asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if asked == ("GET", "/_sandbox/calls"):
            since = parse_qs(environ.get("QUERY_STRING", "")).get("since", ["0"])[-1]
            if not since.isascii() or not since.isdigit():
                return "400 Bad Request", {"error": "since is a sequence number"}
            return "200 OK", {"calls": self.log.since(int(since))}
        if asked == ("GET", "/_sandbox/begun"):
            return "200 OK", {"begun": self.faults.begun()}
        if environ["REQUEST_METHOD"] == "GET":
            return "404 Not Found", {"error": "no such control"}
        sent = environ["wsgi.input"].read(min(int(headers.get("content-length", "0")), 100_000))
        try:
            if asked == ("PUT", "/_sandbox/faults"):
                self.faults.replace(parsed(json.loads(sent)))
                return "200 OK", {}
            if asked == ("POST", "/_sandbox/policy"):
                return "200 OK", {"policy": of_text(sent.decode())}
        except (FaultError, PolicyError, ValueError) as error:
            return "400 Bad Request", {"error": str(error)}
        return "404 Not Found", {"error": "no such control"}


if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


SESSIONS_MAY = ("sts:GetCallerIdentity", "sts:AssumeRole")
"""What STS lets session credentials call (IAM User Guide)."""


def _kept(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    dropped = ("content-length", "connection", "server", "date", "x-amzn-requestid", "transfer-encoding")
    return [(name, value) for name, value in headers if name.lower() not in dropped]
