"""`aws login` without a screen: a user who enters password and code, and the credentials their program gets."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from app.sandbox.signin.clients import SAME_DEVICE

CALLBACK = "http://127.0.0.1:49152/oauth/callback"
"""Nobody listens there: the redirect is read, not followed."""
MOST_PAGES = 5
SECONDS = 60


class NotLetIn(Exception):
    """AWS Sign-In refused. action: the missing permission, "" for another reason."""

    def __init__(self, action: str, sentence: str) -> None:
        super().__init__(sentence)
        self.action = action


def log_in(url: str, typed: Mapping[str, str], code: Callable[[], str]) -> dict[str, str]:
    """Sign in at a sandbox's AWS Sign-In. Returns keyword arguments for a boto3 client.

    typed: account, user_name, password. code: returns what the app shows, called if it is asked for. Raises NotLetIn.
    """
    verifier, state = secrets.token_urlsafe(48), str(uuid.uuid4())
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": SAME_DEVICE,
        "state": state,
        "code_challenge_method": "SHA-256",
        "scope": "openid",
        "redirect_uri": CALLBACK,
        "code_challenge": challenge,
    }
    answer = _through_the_pages(f"{url}/v1/authorize?{urllib.parse.urlencode(asked)}", typed, code)
    if "code" not in answer:
        raise NotLetIn("signin:AuthorizeOAuth2Access", answer.get("error_description", "not authorized"))
    body = {
        "clientId": SAME_DEVICE,
        "grantType": "authorization_code",
        "code": answer["code"],
        "codeVerifier": verifier,
        "redirectUri": CALLBACK,
    }
    tokens = _exchange(f"{url}/v1/token", body)
    given = tokens["accessToken"]
    return {
        "aws_access_key_id": given["accessKeyId"],
        "aws_secret_access_key": given["secretAccessKey"],
        "aws_session_token": given["sessionToken"],
    }


class _Form(HTMLParser):
    """The inputs of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect inputs with a name."""
        given = dict(attrs)
        if tag == "input" and (name := given.get("name")):
            self.fields[name] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        if data.strip():
            self.text.append(data.strip())


class _StopAtCallback(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Stop at redirects to the program, which are for us."""
        if newurl.startswith(CALLBACK):
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _through_the_pages(address: str, typed: Mapping[str, str], code: Callable[[], str]) -> dict[str, str]:
    """Fill in what each page asks for. Returns the parameters of the final redirect."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _StopAtCallback())
    sent: bytes | None = None
    for _ in range(MOST_PAGES):
        try:
            answer = browser.open(address, sent, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            address = answer.geturl() or address
            if address.startswith(CALLBACK):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
            form = _Form(answer.read().decode())
        if "password" in form.fields:
            filled = {**form.fields, **typed}
        elif "code" in form.fields:
            filled = {**form.fields, "code": code()}
        elif form.fields.keys() == {"csrf_token"}:  # "Continue as ...?"
            filled = form.fields
        else:
            raise NotLetIn("signin:AuthorizeOAuth2Access", " ".join(form.text)[:300])
        sent = urllib.parse.urlencode(filled).encode()
    raise NotLetIn("", "the pages of AWS Sign-In did not come to an end")


def _exchange(url: str, body: Mapping[str, str]) -> dict[str, Any]:
    key = ECKey.generate_key("P-256", private=True)
    public = key.as_dict(private=False)
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {name: public[name] for name in ("kty", "x", "y", "crv")}}
    claims = {"htm": "POST", "htu": url, "iat": int(datetime.now(UTC).timestamp()), "jti": str(uuid.uuid4())}
    proof = jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])
    request = urllib.request.Request(  # noqa: S310 # a sandbox's own address
        url, json.dumps(body).encode(), {"Content-Type": "application/json", "DPoP": proof}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 # as above
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            content = json.load(error)
        missing = "signin:CreateOAuth2Token" if content.get("error") == "INSUFFICIENT_PERMISSIONS" else ""
        raise NotLetIn(missing, str(content.get("message", "refused"))) from error
