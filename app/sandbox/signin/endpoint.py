"""AWS Sign-In as a WSGI application: the token endpoint is here, the pages are in pages.py."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.sandbox.api import Caller, Refusal
from app.sandbox.auth.judge import Origin, judge
from app.sandbox.auth.permission_requests import Question
from app.sandbox.call_log import CallLog
from app.sandbox.exchange import Around, Exchange
from app.sandbox.faults import Faults
from app.sandbox.signin import token
from app.sandbox.signin.clients import resource_of
from app.sandbox.signin.pages import make_pages
from app.sandbox.state import State

LARGEST_BODY = 64 * 1024
_OF_STATUS = {400: "rate_exceeded", 500: "server_error", 503: "service_unavailable"}


def is_ours(environ: dict[str, Any]) -> bool:
    """Return whether this is an unsigned request to AWS Sign-In's paths. No bucket can be named v1."""
    path, authorization = str(environ.get("PATH_INFO", "")), str(environ.get("HTTP_AUTHORIZATION", ""))
    return path.startswith(("/v1/", "/oauth")) and not authorization.startswith("AWS4-")


if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def _no_such_operation(start_response: StartResponse) -> Iterable[bytes]:
    """Answer as AWS does for an unknown operation of a service with a JSON REST protocol."""
    body = json.dumps({"error": "invalid_request", "message": "AWS Sign-In has no such operation."}).encode()
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "UnknownOperationException")]
    start_response("404 Not Found", [*headers, ("Content-Length", str(len(body)))])
    return [body]


class SignIn:
    """AWS Sign-In of the sandbox."""

    def __init__(self, state: State, faults: Faults, log: CallLog, hosts: frozenset[str]) -> None:
        self._state = state
        self._faults = faults
        self._log = log
        self._hosts = hosts
        self._pages = make_pages(state, log, hosts)
        self._served = self._pages.url_map.bind("")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_HOST") not in self._hosts:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"This is not the address of this sandbox."]
        if environ["PATH_INFO"] == "/v1/token" and environ["REQUEST_METHOD"] == "POST":
            return self._token(environ, start_response)
        if not self._served.allowed_methods(environ["PATH_INFO"]):  # neither a page nor its style sheet
            return _no_such_operation(start_response)
        return self._pages.wsgi_app(environ, start_response)

    def _token(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        exchange, headers = Exchange(self._state, action=token.ACTION), [("Content-Type", "application/json")]
        try:
            try:
                with Around(self._faults, environ, exchange), self._state.lock:
                    body = json.dumps(self._answer(environ, exchange)).encode()
            except Refusal as fault:
                raise token.TokenRefusal(_OF_STATUS[fault.status], fault.message) from fault
            exchange.status = 200
        except token.TokenRefusal as refusal:
            exchange.error, exchange.status = refusal.error, refusal.status
            body = token.refusal_body(refusal)
            headers.append(("x-amzn-ErrorType", refusal.exception))
        finally:
            exchange.note(self._log, environ)
        headers += [("Cache-Control", "no-store"), ("x-amzn-RequestId", exchange.request_id)]
        start_response(
            f"{exchange.status} {'OK' if exchange.status < 400 else 'Error'}",
            [*headers, ("Content-Length", str(len(body)))],
        )
        return [body[: len(body) // 2] if exchange.cut else body]

    def _answer(self, environ: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
        now = datetime.now(UTC)
        length = str(environ.get("CONTENT_LENGTH") or "0")
        if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
            raise token.TokenRefusal("invalid_request", "The body is too large.")

        def allowed(caller: Caller, client_id: str, grant_type: str) -> bool:
            exchange.caller = caller
            resource = resource_of(client_id, self._state.region, self._state.account_id)
            origin = Origin(str(environ["REMOTE_ADDR"]), self._state.region, environ.get("HTTP_USER_AGENT"))
            carried = {"signin:OAuthClientId": client_id, "signin:OAuthGrantType": grant_type}
            exchange.verdict = judge(self._state, caller, origin, Question(token.ACTION, resource, carried), now)
            return exchange.verdict.decision.allowed

        return token.answer(
            self._state,
            environ["wsgi.input"].read(int(length)),
            str(environ.get("CONTENT_TYPE", "")),
            environ.get("HTTP_DPOP"),
            f"http://{environ['HTTP_HOST']}",
            now,
            allowed,
        )
