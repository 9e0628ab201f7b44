"""The portal's own address: can it be reached, and do the proxies in front do what TRUSTED_PROXIES says?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from app.doctor.asking import Answer, ask
from app.doctor.finding import Finding
from app.doctor.settings import Settings
from app.monitoring.reflection import HEADER, is_proven, question

MADE_UP = "192.0.2.77"
"""An address that nobody has (RFC 5737), which the request claims to be from."""
_BLOCKED = (401, 403, 404)
"""What a proxy answers that doesn't let strangers ask /healthz."""
ENDS_SOON = timedelta(days=21)


def asked(settings: Settings) -> Answer | None:
    """Ask the portal through PUBLIC_URL how this request arrives. None where settings are missing for it."""
    url, key = settings.of("PUBLIC_URL"), settings.of("SECRET_KEY")
    if not url or not key:
        return None
    return ask_portal(url, key, {"X-Forwarded-For": MADE_UP})


def ask_portal(url: str, secret_key: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask how this request arrives, and whether a portal with this key is there (`Answer.proven`)."""
    asked = question(secret_key, time.time())
    answer = ask(url, {HEADER: asked, **(headers or {})}, path="/healthz")
    shown = answer.headers.get(HEADER.lower(), "")
    return replace(answer, proven=is_proven(secret_key, asked, answer.body, shown))


def check(settings: Settings, answer: Answer | None, now: datetime) -> Iterator[Finding]:
    """Yield what the answer shows. now: UTC."""
    url, proxies = settings.of("PUBLIC_URL"), settings.of("TRUSTED_PROXIES")
    https = bool(url) and urlsplit(url).scheme == "https"
    if https and proxies == 0:
        message = (
            "PUBLIC_URL is https, so a proxy is in front of the portal, but TRUSTED_PROXIES is 0. All users then "
            "seem to have the proxy’s address: they share the limits, and the audit log can’t tell them apart."
        )
        yield Finding("proxies-none", message, "Set TRUSTED_PROXIES to the number of proxies, usually 1.")
    if answer is None:
        yield Finding("public-url-not-asked", "PUBLIC_URL wasn’t asked, because settings are wrong.")
        return
    yield from _of_certificate(answer, now)
    if answer.error:
        message = f"The portal doesn’t answer at PUBLIC_URL from this machine: {answer.error}."
        fix = "Start the portal and its proxy. If only users’ networks reach PUBLIC_URL, run this command there."
        yield Finding("public-url-unreachable", message, fix)
    elif not answer.untrusted:
        yield from _of_reflection(answer, str(url), proxies)


def _of_certificate(answer: Answer, now: datetime) -> Iterator[Finding]:
    found = answer.certificate
    facts = {"issuer": found.issuer, "certificate_ends": f"{found.ends:%Y-%m-%d}"} if found else {}
    if answer.untrusted:
        message = f"The certificate of PUBLIC_URL isn’t trusted by this machine: {answer.untrusted}."
        fix = "Renew it, or add your own authority to this machine’s. SSL_CERT_FILE names a file with it."
        yield Finding("public-url-untrusted", message, fix, facts)
    elif found and found.ends - now < ENDS_SOON:
        message = f"The certificate of PUBLIC_URL ends on {found.ends:%-d %B %Y}."
        yield Finding("public-url-certificate-ends", message, "Renew it.", facts)


def _of_reflection(answer: Answer, url: str, proxies: int | None) -> Iterator[Finding]:
    if not answer.proven:
        if answer.status in _BLOCKED:
            says = f"/healthz isn’t answered at PUBLIC_URL (status {answer.status}), so the proxies can’t be checked."
            yield Finding("proxies-unknown", says, facts={"status": answer.status})
            return
        says = f"Something answers at PUBLIC_URL (status {answer.status}), but not a portal with this SECRET_KEY."
        fix = "Check that the proxy leads to this portal, passes /healthz on, and that replicas have this SECRET_KEY."
        yield Finding("public-url-other", says, fix, {"status": answer.status})
        return
    yield Finding("public-url-reached", "The portal answers at PUBLIC_URL.", facts={"status": answer.status})
    if proxies is not None:
        yield from judged(json.loads(answer.body), url, proxies)


def judged(seen: dict[str, Any], url: str, proxies: int) -> Iterator[Finding]:
    """Yield what is wrong with the proxies. seen: as `app.monitoring.reflection.reflection` tells it."""
    found = []
    entries = [each for each in seen["forwarded"] if each != MADE_UP]
    facts = {"trusted": proxies, "seen": len(entries)}
    if seen["address"] == MADE_UP:
        message = "Users can choose the address that limits and audit log have for them, by sending X-Forwarded-For."
        fix = "Let the proxy set X-Forwarded-For instead of adding to it, and count the proxies in TRUSTED_PROXIES."
        found.append(Finding("proxies-forged", message, fix, facts))
    elif len(entries) != proxies and (entries or proxies):
        message = f"TRUSTED_PROXIES is {proxies}, but X-Forwarded-For arrived with {len(entries)} addresses."
        fix = f"Set TRUSTED_PROXIES to {len(entries)}, or let each proxy set X-Forwarded-For."
        found.append(Finding("proxies-count", message, fix, facts))
    if seen["scheme"] != urlsplit(url).scheme:
        message = f"The portal takes the request to be {seen['scheme'][:8]}, which PUBLIC_URL isn’t."
        fix = "Let the proxy set X-Forwarded-Proto, and count it in TRUSTED_PROXIES."
        found.append(Finding("proxies-scheme", message, fix, facts))
    if seen["host"].lower() != urlsplit(url).netloc.lower():
        message = "The portal isn’t told the host name of PUBLIC_URL, so it refuses requests."
        fix = "Let the proxy pass Host on, or set X-Forwarded-Host, and count it in TRUSTED_PROXIES."
        found.append(Finding("proxies-host", message, fix, facts))
    yield from found or [
        Finding("proxies-right", "Address, scheme and host name arrive as they should.", facts=facts)
    ]
