"""A company's OpenID Connect provider: a real one, which someone else wrote, and one that lies."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.support.sandbox import free_port
from tests.support.waiting import wait_until

CLIENT_ID, CLIENT_SECRET = "latchkey-of-tests", "client-secret-of-tests-0123456789"
SETTINGS = {
    "OIDC_CLIENT_ID": CLIENT_ID,
    "OIDC_CLIENT_SECRET": CLIENT_SECRET,
    "OIDC_ADMIN_GROUPS": "cloud-admins",
    "OIDC_AUDITOR_GROUPS": "audit",
}
"""Of a portal whose company has such a provider. OIDC_ISSUER is missing."""


@contextmanager
def provider(folder: Any, **people: dict[str, Any]) -> Iterator[str]:
    """Run the package oidc-provider-mock in a process of its own, and yield the issuer.

    people: by subject, their claims.
    """
    port = free_port()
    claims = [f"--user-claims={json.dumps({'sub': subject, **told})}" for subject, told in people.items()]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *claims]
    with (folder / "provider.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    issuer = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _listens(port), 30, (folder / "provider.log").read_text, while_runs=process)
        yield issuer
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    import socket  # noqa: PLC0415 # only here

    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def new_key(name: str) -> ECKey:
    """A key to sign with."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


class Liar:
    """A provider whose tokens are as a test wants them. It checks PKCE, the secret, and that codes work once."""

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None
        self.issuer = ""
        self.start_over()

    def start_over(self) -> None:
        """Forget what the last test wanted."""
        self.key = new_key("first")
        self.published = [self.key]
        self.claims: Callable[[dict[str, Any]], dict[str, Any]] = lambda usual: usual
        """Changes the claims of the next token."""
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.metadata: dict[str, Any] = {}
        """Takes the place of usual parts of the discovery document."""
        self.token_status = 200
        self.asked: list[str] = []
        """Paths of all requests."""
        self._codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict[str, Any]) -> str:
        """As a good provider does."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid or ""}, claims, self.key)

    def __enter__(self) -> Liar:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                liar.asked.append(self.path)
                self.answer(200, liar.document(self.path))

            def do_POST(self) -> None:
                liar.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self.answer(*liar.tokens(form, self.headers.get("Authorization", "")))

            def answer(self, status: int, told: Any) -> None:
                content = json.dumps(told).encode()
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("Location", liar.issuer + "/elsewhere")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def document(self, path: str) -> dict[str, Any]:
        if path == "/jwks":
            return KeySet(self.published).as_dict(private=False)  # type: ignore[arg-type, return-value] # of one kind
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        return {**usual, **self.metadata}

    def code_for(self, address: str) -> dict[str, str]:
        """Someone signs in at the address that the portal led to. Returns the parameters of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256" and asked["nonce"] and "openid" in asked["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self._codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        known = f"Basic {base64.b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}"
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if authorization != known:
            return 401, {"error": "invalid_client"}
        if self.token_status != 200:
            return self.token_status, {}
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "u-42",
            "email": "audrey@example.com",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "amr": ["pwd", "mfa"],
            "groups": ["everyone", "audit"],
        }
        token = self.sign(self.claims(usual))
        return 200, {"access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": token}
