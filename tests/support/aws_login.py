"""What `aws login` sends, written from its documentation: a client independent of the portal and the sandbox.

The browser's part is played by `Browser`, which follows redirects and fills in forms of the sign-in pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any

from bs4 import BeautifulSoup
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

SAME_DEVICE = "arn:aws:signin:::devtools/same-device"
CROSS_DEVICE = "arn:aws:signin:::devtools/cross-device"
CALLBACK = "http://127.0.0.1:49152/oauth/callback"


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def dpop_proof(key: ec.EllipticCurvePrivateKey, url: str, **changes: Any) -> str:
    """A DPoP proof by hand; `changes` replace claims, or headers by names beginning with "header_"."""
    numbers = key.public_key().public_numbers()
    header: dict[str, Any] = {
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": {
            "kty": "EC",
            "x": base64url(numbers.x.to_bytes(32, "big")),
            "y": base64url(numbers.y.to_bytes(32, "big")),
            "crv": "P-256",
        },
    }
    claims: dict[str, Any] = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4())}
    for name, value in changes.items():
        if name.startswith("header_"):
            header[name.removeprefix("header_")] = value
        else:
            claims[name] = value
    signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@dataclass
class Page:
    """A page a browser has arrived at, or the redirect to a program it was sent off with."""

    url: str
    status: int
    html: str

    @property
    def text(self) -> str:
        """What a person reads."""
        return BeautifulSoup(self.html, "html.parser").get_text(" ", strip=True)

    @property
    def answer(self) -> dict[str, str]:
        """The parameters of its address."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))


class _Stop(urllib.request.HTTPRedirectHandler):
    """Redirects to programs on this machine are shown, not followed."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).path == "/oauth/callback":
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Browser:
    """A browser without a screen: cookies, redirects, forms."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _Stop())
        self.page = Page("", 0, "")

    def open(self, url: str, data: dict[str, str] | None = None) -> Page:
        """Go there, by POST where there is data."""
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        try:
            answer = self._opener.open(url, body)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.page = Page(answer.geturl() or "", answer.status, answer.read().decode())
        return self.page

    def submit(self, number: int = 0, **typed: str) -> Page:
        """Fill in and send a form of the page's content, from 0."""
        page = BeautifulSoup(self.page.html, "html.parser")
        form = (page.select("main form") or page.find_all("form"))[number]
        data = {field["name"]: field.get("value", "") for field in form.find_all("input") if field.get("name")}
        return self.open(urllib.parse.urljoin(self.page.url, form.get("action") or self.page.url), data | typed)

    def sign_in(self, account: str, user_name: str, password: str) -> Page:
        """The console's first form."""
        return self.submit(account=account, user_name=user_name, password=password)


@dataclass
class AwsLogin:
    """One `aws login`."""

    url: str
    client_id: str = SAME_DEVICE
    redirect_uri: str = CALLBACK
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def remote(cls, url: str) -> AwsLogin:
        """`aws login --remote`."""
        return cls(url, CROSS_DEVICE, f"{url}/v1/sessions/confirmation")

    def authorize_url(self, **changes: str) -> str:
        """Where the browser is sent, parameters in the CLI's order."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "state": self.state,
            "code_challenge_method": "SHA-256",
            "scope": "openid",
            "redirect_uri": self.redirect_uri,
            "code_challenge": base64url(hashlib.sha256(self.verifier.encode()).digest()),
        }
        return f"{self.url}/v1/authorize?{urllib.parse.urlencode(parameters | changes)}"

    def post(self, body: Any, proof: str | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """POST to the token endpoint: status and decoded body."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        proof = dpop_proof(self.key, f"{self.url}/v1/token") if proof is None else proof
        sent = {"Content-Type": "application/json", "DPoP": proof} | headers
        request = urllib.request.Request(f"{self.url}/v1/token", data, sent)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, json.load(answer)

    def exchange(self, code: str, proof: str | None = None, **changes: str) -> tuple[int, dict[str, Any]]:
        """The code for credentials."""
        body = {
            "clientId": self.client_id,
            "grantType": "authorization_code",
            "code": code,
            "codeVerifier": self.verifier,
            "redirectUri": self.redirect_uri,
        }
        return self.post(body | changes, proof)

    def refresh(self, refresh_token: str, proof: str | None = None) -> tuple[int, dict[str, Any]]:
        """New credentials for a refresh token."""
        body = {"clientId": self.client_id, "grantType": "refresh_token", "refreshToken": refresh_token}
        return self.post(body, proof)
