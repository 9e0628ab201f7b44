"""What the doctor makes of answers: AWS's endpoints, clocks, proxies, Redis. Pure, without a network."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.aws.endpoints import Endpoint
from app.doctor import aws, public, redis
from app.doctor.asking import Answer, Certificate
from app.doctor.finding import CODES, Finding, Severity, worst, worst_first
from app.doctor.hiding import without_secrets, without_values
from app.doctor.settings import read
from tests.docs.pages import text
from tests.support.sandbox import ROOT

NOW = datetime(2026, 5, 3, 10, tzinfo=UTC)
AMAZON = Certificate("Amazon, Amazon RSA 2048 M01", NOW + timedelta(days=200))
IAM = Endpoint("IAM", "https://iam.amazonaws.com", True, "", "/ca.pem")
THROUGH_PROXY = Endpoint("IAM", "https://iam.amazonaws.com", True, "http://proxy:3128", "/ca.pem")
GOOD: dict[str, Any] = {
    "status": 302,
    "local": "203.0.113.9",
    "peer": "52.94.225.3",
    "certificate": AMAZON,
    "seconds_ahead": 0.4,
}


def codes(found: Any) -> set[str]:
    return {finding.code for finding in found}


@pytest.mark.parametrize(
    ("endpoint", "changed", "expected"),
    [
        (IAM, {"local": "198.51.100.7"}, {"aws-reached", "clock-right", "aws-address-nat"}),  # documentation's own
        (IAM, {"local": "8.8.4.4"}, {"aws-reached", "clock-right", "aws-address"}),
        (IAM, {"local": "10.0.0.7"}, {"aws-reached", "clock-right", "aws-address-nat"}),
        (IAM, {"local": "10.0.0.7", "peer": "10.0.3.4"}, {"aws-reached", "clock-right", "aws-address-endpoint"}),
        (IAM, {"local": "fe80::1%eth0", "peer": "fd00::2"}, {"aws-reached", "clock-right", "aws-address-endpoint"}),
        (THROUGH_PROXY, {}, {"aws-reached", "clock-right", "aws-address-proxy"}),
        (IAM, {"error": "no answer within 5 seconds"}, {"aws-unreachable", "clock-unknown"}),
        (IAM, {"untrusted": "self-signed certificate"}, {"aws-untrusted", "clock-unknown"}),
        (IAM, {"seconds_ahead": 31.2}, {"aws-reached", "clock-drifts", "aws-address-nat"}),
        (IAM, {"seconds_ahead": -300.0}, {"aws-reached", "clock-wrong", "aws-address-nat"}),
        (IAM, {"seconds_ahead": None}, {"aws-reached", "clock-unknown", "aws-address-nat"}),
        (
            IAM,
            {"certificate": Certificate("Acme Inspection", NOW + timedelta(days=200))},
            {"aws-reached", "aws-inspected", "clock-right", "aws-address-nat"},
        ),
        (
            IAM,
            {"certificate": Certificate("Amazon", NOW + timedelta(days=13))},
            {"aws-reached", "aws-certificate-ends", "clock-right", "aws-address-nat"},
        ),
    ],
)
def test_what_an_endpoint_shows(endpoint: Endpoint, changed: dict[str, Any], expected: set[str]) -> None:
    assert codes(aws.check([(endpoint, Answer(**{**GOOD, **changed}))], NOW)) == expected


def test_endpoints_that_are_alike_are_told_of_once() -> None:
    sts = Endpoint("STS", "https://sts.eu-west-1.amazonaws.com", True, "", "/ca.pem")
    found = list(aws.check([(IAM, Answer(**GOOD)), (sts, Answer(**GOOD))], NOW))
    [address] = [finding for finding in found if finding.code.startswith("aws-address")]
    assert address.facts["services"] == ["IAM", "STS"] and "CloudTrail" in address.fix


def test_an_address_of_an_endpoint_is_told_without_what_may_be_secret_in_it() -> None:
    own = Endpoint("IAM", "http://user:hunter22@aws.example.com:8080/hunter22?key=hunter22", False, "", "/ca.pem")
    found = list(aws.check([(own, Answer(**{**GOOD, "certificate": None}))], NOW))
    assert {"aws-replaced", "aws-unencrypted"} <= codes(found)
    assert "hunter22" not in str(found) and "http://aws.example.com:8080" in str(found)


PUBLIC = "https://latchkey.example.com"
ARRIVED: dict[str, Any] = {
    "address": "203.0.113.5",
    "scheme": "https",
    "host": "latchkey.example.com",
    "forwarded": ["203.0.113.5"],
}


@pytest.mark.parametrize(
    ("proxies", "changed", "expected"),
    [
        (1, {}, {"proxies-right"}),
        (
            1,
            {"forwarded": [public.MADE_UP, "203.0.113.5"]},
            {"proxies-right"},
        ),  # nginx adds, and only the last counts
        (2, {"forwarded": [public.MADE_UP, "203.0.113.5"], "address": public.MADE_UP}, {"proxies-forged"}),
        (1, {"forwarded": [public.MADE_UP, "203.0.113.5", "10.0.0.1"], "address": "10.0.0.1"}, {"proxies-count"}),
        (2, {}, {"proxies-count"}),
        (0, {}, {"proxies-count"}),
        (1, {"scheme": "http"}, {"proxies-scheme"}),
        (1, {"host": "127.0.0.1:8000"}, {"proxies-host"}),
        (1, {"host": "127.0.0.1:8000", "scheme": "http"}, {"proxies-host", "proxies-scheme"}),
    ],
)
def test_what_proxies_do(proxies: int, changed: dict[str, Any], expected: set[str]) -> None:
    assert codes(public.judged({**ARRIVED, **changed}, PUBLIC, proxies)) == expected


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, b"not found", "proxies-unknown"),
        (200, b'{"status": "ok", "version": "1.0.0"}', "public-url-other"),
        (502, b"", "public-url-other"),
        (200, b"[]", "public-url-other"),
    ],
)
def test_what_else_may_answer_at_the_address(status: int, body: bytes, code: str) -> None:
    env = {"PUBLIC_URL": PUBLIC, "TRUSTED_PROXIES": "1", "SECRET_KEY": "k" * 40}
    found = public.check(read(env), Answer(status=status, body=body), NOW)
    assert codes(found) == {code}


def test_a_certificate_of_the_portal_that_ends_soon() -> None:
    env, told = {"PUBLIC_URL": PUBLIC, "TRUSTED_PROXIES": "1"}, Certificate("Acme", NOW + timedelta(days=20))
    answer = Answer(status=404, certificate=told)
    assert "public-url-certificate-ends" in codes(public.check(read(env), answer, NOW))
    refused = Answer(untrusted="certificate has expired", certificate=told)
    assert codes(public.check(read(env), refused, NOW)) == {"public-url-untrusted"}


def test_without_a_proxy_nothing_is_forwarded() -> None:
    seen = {**ARRIVED, "scheme": "http", "host": "127.0.0.1:8000", "forwarded": [public.MADE_UP]}
    assert codes(public.judged(seen, "http://127.0.0.1:8000", 0)) == {"proxies-right"}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"redis_version": "7.2.4", "maxmemory_policy": "noeviction"}, {"redis-works"}),
        ({"redis_version": "8.0.1", "maxmemory_policy": "allkeys-lru"}, {"redis-works", "redis-evicts"}),
        ({"redis_version": "6.2.14", "maxmemory_policy": "noeviction"}, {"redis-works", "redis-old"}),
        ({}, {"redis-works", "redis-old"}),
    ],
)
def test_what_redis_says_of_itself(info: dict[str, str], expected: set[str]) -> None:
    assert codes(redis.judged(info)) == expected


def test_the_worst_comes_first_and_decides_the_exit_status() -> None:
    found = [Finding("aws-reached", "a"), Finding("key-old", "b"), Finding("disk-full", "c"), Finding("key-old", "d")]
    assert [finding.says for finding in worst_first(found)] == ["c", "b", "d", "a"]
    assert (worst(found), worst(found[:2]), worst(found[:1]), worst([])) == (2, 1, 0, 0)


def test_a_finding_has_one_of_the_stable_codes() -> None:
    with pytest.raises(KeyError):
        Finding("something-new", "a")


def test_every_code_is_explained_with_its_severity_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (problem|warning|note) \| (.+?) \| (.*?)\|$", text("docs/doctor.md"), re.M)
    assert {code: severity for code, severity, *_ in rows} == {
        code: severity.name.lower() for code, severity in CODES.items()
    }
    assert len(rows) == len(CODES), "each once"
    assert [code for code, severity, _, fix in rows if severity != "note" and not fix.strip()] == []


def test_every_code_is_one_that_a_check_gives() -> None:
    """Those in the source, so that no code outlives its check."""
    words = {
        node.value
        for file in (ROOT / "app/doctor").glob("*.py")
        if file.name != "finding.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert CODES.keys() - words == set()
    assert {code for code, severity in CODES.items() if severity is Severity.NOTE} & words


def test_values_are_hidden_in_sentences_about_settings() -> None:
    value = "prod,Hunter-22,x=Hunter-22"
    said = f"ADMINS: 'Hunter-22' must be ARN, or ARN#ID. {value} isn’t one, nor is {value!r} or x=Hunter-22."
    assert without_values(said, [value]) == "ADMINS: … must be ARN, or ARN#ID. … isn’t one, nor is … or …."
    assert without_values("REDIS_URL is 'a': set redis://HOST:PORT/0.", ["b"]) == (
        "REDIS_URL is 'a': set redis://HOST:PORT/0."
    )


def test_secrets_are_hidden_wherever_they_are() -> None:
    secrets = ["k1:" + "s" * 40 + ",k0@2026-05-03:" + "t" * 40, "postgresql://u:pw-of-mine@db/x"]
    said = f"{'s' * 40} and {'t' * 40} and https://user:pw@h/p?token=abc and {secrets[1]}"
    assert without_secrets(said, secrets) == "… and … and https://…@h/p?… and …"
