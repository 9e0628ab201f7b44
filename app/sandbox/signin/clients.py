"""The two public clients of `aws login`, and what each may request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from app.sandbox.signin.state import AuthorizationRequest

SAME_DEVICE = "arn:aws:signin:::devtools/same-device"
CROSS_DEVICE = "arn:aws:signin:::devtools/cross-device"
_RESOURCE = {SAME_DEVICE: "localhost", CROSS_DEVICE: "remote"}
_NEEDED = ("response_type", "client_id", "state", "code_challenge_method", "scope", "redirect_uri", "code_challenge")


class BadRequest(ValueError):
    """The authorization request can't be answered, not even by a redirect. `str()` says why."""


def resource_of(client_id: str, region: str, account_id: str) -> str:
    """Return the ARN that signin: actions are authorized on (Service Authorization Reference)."""
    return f"arn:aws:signin:{region}:{account_id}:oauth2/public-client/{_RESOURCE[client_id]}"


def asked(parameters: Mapping[str, list[str]], own_url: str) -> AuthorizationRequest:
    """Read the parameters of /v1/authorize. Raises BadRequest."""
    if any(len(values) != 1 for values in parameters.values()):
        raise BadRequest("A parameter is given twice.")
    given = {name: values[0] for name, values in parameters.items()}
    missing = [name for name in _NEEDED if not given.get(name)]
    if missing:
        raise BadRequest(f"Missing: {', '.join(missing)}.")
    if given["response_type"] != "code" or given["scope"] != "openid":
        raise BadRequest("response_type is code, scope is openid.")
    if given["code_challenge_method"] != "SHA-256":
        raise BadRequest("code_challenge_method is SHA-256.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", given["code_challenge"]):
        raise BadRequest("code_challenge is not a base64url SHA-256.")
    if len(given["state"]) > 128:
        raise BadRequest("state has at most 128 characters.")
    if given["client_id"] not in _RESOURCE:
        raise BadRequest("There is no such client.")
    if not _may_redirect(given["client_id"], given["redirect_uri"], own_url):
        raise BadRequest("redirect_uri is not one of this client's.")
    return AuthorizationRequest(given["client_id"], given["redirect_uri"], given["state"], given["code_challenge"])


def _may_redirect(client_id: str, uri: str, own_url: str) -> bool:
    if client_id == CROSS_DEVICE:
        return uri == f"{own_url}/v1/sessions/confirmation"
    if not re.fullmatch(r"http://127\.0\.0\.1:\d{1,5}/oauth/callback", uri):
        return False
    return 0 < int(uri.rpartition(":")[2].partition("/")[0]) < 65536 and urlsplit(uri).hostname == "127.0.0.1"
