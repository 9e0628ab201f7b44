"""Where the portal asks AWS, and how it gets there, as botocore decides it. Nothing is sent."""

from __future__ import annotations

import os
from dataclasses import dataclass

import botocore.session
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from app.aws.clients import SIGN_IN_HOSTS, Clients


@dataclass(frozen=True)
class Endpoint:
    """An address of AWS, or of what is asked instead of it."""

    service: str
    """As people call it: "IAM"."""
    url: str
    official: bool
    """Is it one of AWS's own host names?"""
    proxy: str
    """URL of the proxy that botocore goes through, "" for none."""
    ca_file: str
    """PEM with the certificate authorities that botocore trusts."""


_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", *SIGN_IN_HOSTS.values())


def endpoints_of(region: str, *, with_sign_in: bool) -> list[Endpoint]:
    """Return where IAM, STS and, if it is used, AWS Sign-In are asked. region: AWS_REGION."""
    clients = Clients(frozenset(), region)
    urls = [("IAM", clients.iam_reads.meta.endpoint_url), ("STS", clients.sts_reads.meta.endpoint_url)]
    if with_sign_in:
        urls.append(("AWS Sign-In", clients.signin_once.meta.endpoint_url))
    chosen = botocore.session.Session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    ca_file = str(chosen or get_cert_path(True))
    return [Endpoint(name, url, _is_official(url), _proxy(url), ca_file) for name, url in urls]


def _is_official(url: str) -> bool:
    host = url.partition("//")[2].partition("/")[0].partition(":")[0]
    return any(host == domain or host.endswith(f".{domain}") for domain in _DOMAINS)


def _proxy(url: str) -> str:
    proxies = get_environ_proxies(url)
    return str(proxies.get(url.partition(":")[0]) or proxies.get("all") or "")
