"""`gunicorn bench._floor:app`: the least a page of these calls can cost: own signing, urllib3, ElementTree.

No session, no guards, no templates, no library of AWS: a yardstick, not a design.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import urllib3

from bench._upstream import READS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

URL = os.environ["AWS_ENDPOINT_URL_IAM"]
HOST = urlsplit(URL).netloc
KEY, SECRET, TOKEN = "ASIA" + "A" * 16, "s" * 40, "t" * 300
_http = urllib3.PoolManager(maxsize=64)
_pool = ThreadPoolExecutor(64)
ACTIONS = {"list_mfa_devices": "ListMFADevices", "list_access_keys": "ListAccessKeys"}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _signed(body: bytes) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = "host;x-amz-date;x-amz-security-token"
    heads = f"host:{HOST}\nx-amz-date:{now}\nx-amz-security-token:{TOKEN}\n"
    asked = f"POST\n/\n\n{heads}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/us-east-1/iam/aws4_request"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    mac = _mac(key, text).hex()
    return {
        "X-Amz-Date": now,
        "X-Amz-Security-Token": TOKEN,
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={mac}",
    }


def _read(name: str) -> int:
    action = ACTIONS.get(name) or "".join(part.capitalize() for part in name.split("_")).replace("Ssh", "SSH")
    body = urlencode({"Action": action, "UserName": "olga", "Version": "2010-05-08"}).encode()
    answer = _http.request("POST", URL, body=body, headers=_signed(body))
    return sum(1 for _ in ElementTree.fromstring(answer.data).iter())


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The page, such as it is."""
    found = list(_pool.map(_read, READS))
    body = f"Hello {found}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
