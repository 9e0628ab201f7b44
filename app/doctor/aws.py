"""AWS's endpoints: can they be reached, who issued their certificates, what do they say of our clock, and which
address do they see?

What AWS sees can't be asked of AWS: no answer of an action that Force_MFA allows names the caller's address, and
another service isn't asked. So the doctor says what follows from the connection, and where to look the rest up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from app.aws.endpoints import Endpoint, endpoints_of
from app.doctor.asking import Answer, ask
from app.doctor.clocks import APART, TOO_FAR
from app.doctor.database import is_local
from app.doctor.finding import Finding
from app.doctor.settings import Settings

ENDS_SOON = timedelta(days=14)
_SEE = (
    "Look it up in CloudTrail: sourceIPAddress of an event whose userAgent begins with latchkey/. Policies that "
    "admit your network only must allow that address."
)


def asked(settings: Settings) -> list[tuple[Endpoint, Answer]]:
    """Ask each endpoint that the portal uses, without a signature. [] where the region isn't known."""
    region, methods = settings.of("AWS_REGION"), settings.of("SIGN_IN_METHODS") or ()
    if not region:
        return []
    used = endpoints_of(region, with_sign_in="aws-sign-in" in methods)
    with ThreadPoolExecutor(len(used)) as threads:
        return list(zip(used, threads.map(_ask, used), strict=True))


def _ask(endpoint: Endpoint) -> Answer:
    return ask(endpoint.url, ca_file=endpoint.ca_file, proxy=endpoint.proxy)


def place_of(url: str) -> str:
    """Return scheme, host and port of a URL, the only parts that may be shown."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def check(answers: Iterable[tuple[Endpoint, Answer]], now: datetime) -> Iterator[Finding]:
    """Yield what the answers show. now: UTC."""
    answers = list(answers)
    for endpoint, answer in answers:
        yield from _of_one(endpoint, answer, now)
    reached = [(endpoint, answer) for endpoint, answer in answers if not answer.error and not answer.untrusted]
    yield from _clock([answer for _, answer in reached])
    yield from _addresses(reached)


def _of_one(endpoint: Endpoint, answer: Answer, now: datetime) -> Iterator[Finding]:
    place = place_of(endpoint.url)
    facts: dict[str, object] = {"service": endpoint.service, "endpoint": place, "official": endpoint.official}
    name = f"{endpoint.service} ({place})"
    if not endpoint.official:
        message = f"{name} is used instead of AWS: AWS_ENDPOINT_URL or AWS’s configuration file says so."
        yield Finding("aws-replaced", message, facts=facts)
    if urlsplit(endpoint.url).scheme != "https" and not is_local(urlsplit(endpoint.url).hostname):
        message = f"Requests to {name} aren’t encrypted, so credentials could be read on the way."
        yield Finding("aws-unencrypted", message, "Use an https:// address.", facts)
    if answer.error:
        fix = "Check name server, firewall, proxy and VPC endpoints of this machine."
        yield Finding("aws-unreachable", f"{name} can’t be reached: {answer.error}.", fix, facts)
        return
    certificate = answer.certificate
    if certificate:
        facts |= {"issuer": certificate.issuer, "certificate_ends": f"{certificate.ends:%Y-%m-%d}"}
    if answer.untrusted:
        issuer = f" It was issued by {certificate.issuer}." if certificate else ""
        message = f"The certificate of {name} isn’t trusted: {answer.untrusted}.{issuer}"
        fix = "If your own proxy inspects TLS, exempt AWS, or name its authority in AWS_CA_BUNDLE."
        yield Finding("aws-untrusted", message, fix, facts)
        return
    if certificate and endpoint.official and "Amazon" not in certificate.issuer:
        message = (
            f"The certificate of {name} isn’t from Amazon but from {certificate.issuer}. If that is a proxy of "
            "yours, it reads your users’ credentials."
        )
        yield Finding("aws-inspected", message, "Exempt AWS’s host names from TLS inspection.", facts)
    if certificate and certificate.ends - now < ENDS_SOON:
        message = f"The certificate of {name} ends on {certificate.ends:%-d %B %Y}."
        yield Finding("aws-certificate-ends", message, "If the endpoint is your own, renew it.", facts)
    issuer = f", its certificate is from {certificate.issuer}" if certificate else ""
    yield Finding("aws-reached", f"{name} answers{issuer}.", facts=facts)


def _clock(answers: list[Answer]) -> Iterator[Finding]:
    found = sorted(answer.seconds_ahead for answer in answers if answer.seconds_ahead is not None)
    if not found:
        yield Finding("clock-unknown", "Nothing was heard from AWS that tells the time.")
        return
    seconds = round(found[len(found) // 2])
    facts, fix = {"seconds": seconds}, "Set the clock of this machine, and run a time service on it."
    side = "behind" if seconds > 0 else "ahead of"
    if abs(seconds) >= TOO_FAR:
        message = f"The clock of this machine is {abs(seconds)} seconds {side} AWS’s, so AWS may refuse signatures."
        yield Finding("clock-wrong", message, fix, facts)
    elif abs(seconds) > APART:
        yield Finding(
            "clock-drifts", f"The clock of this machine is {abs(seconds)} seconds {side} AWS’s.", fix, facts
        )
    else:
        yield Finding("clock-right", "The clock of this machine and AWS’s are the same.", facts=facts)


def _addresses(reached: list[tuple[Endpoint, Answer]]) -> Iterator[Finding]:
    """What AWS sees as the address of the portal's requests, once for all endpoints that are alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for endpoint, answer in reached:
        alike.setdefault((_seen(endpoint, answer), answer.local), []).append(endpoint.service)
    for (code, local), services in alike.items():
        names = ", ".join(services)
        facts = {"services": services, "local_address": local}
        says, fix = _SAYS[code]
        yield Finding(code, says.format(names=names, local=local), fix, facts)


_SAYS = {
    "aws-address-proxy": (
        "Requests to {names} go through a proxy. AWS sees its address, which isn’t known here.",
        _SEE,
    ),
    "aws-address-here": ("What is used instead of AWS ({names}) is on this machine.", ""),
    "aws-address-endpoint": (
        "{names} is reached at a private address, so through a VPC endpoint. AWS then has no aws:SourceIp: policies "
        "that admit your network only must go by aws:SourceVpce or aws:VpcSourceIp, which is {local}.",
        "",
    ),
    "aws-address-nat": (
        "{names} is reached from {local}, a private address. A NAT replaces it with one that isn’t known here.",
        _SEE,
    ),
    "aws-address": ("AWS ({names}) sees {local}, unless a firewall on the way replaces that address.", ""),
}


def _seen(endpoint: Endpoint, answer: Answer) -> str:
    """The code of what can be known about the address that AWS sees."""
    if endpoint.proxy:
        return "aws-address-proxy"
    local, peer = ip_address(answer.local.partition("%")[0]), ip_address(answer.peer.partition("%")[0])
    if peer.is_loopback:
        return "aws-address-here"
    if not peer.is_global:
        return "aws-address-endpoint"
    return "aws-address" if local.is_global else "aws-address-nat"
