"""Every parameter that a page reads gets every kind of value: no page breaks, and none takes long.

Parameters are recorded while pages read them, so that none is left out. The portal runs as in production: on
PostgreSQL with Redis, behind a proxy and with https. On SQLite each parameter of each page also gets each kind of
value that databases treat differently; `make soak` sends all kinds there. Bodies, files and headers, which no
database sees, are sent on PostgreSQL only, as are single parameters and requests of other users.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from io import BytesIO
from itertools import cycle, product
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask, has_request_context, request
from redis import Redis
from sqlalchemy import text
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule

from app.db import db
from tests.security.conftest import Entering, Guest, portal_of
from tests.security.places import People
from tests.security.test_who_may import about_others, address, marked, method, rules
from tests.support.clock import Clock
from tests.support.postgres import postgres
from tests.support.public_keys import openssh
from tests.support.redis import RedisServer
from tests.support.sandbox import Sandbox

CPU_S = 1.5
"""The most CPU time that one answer may take, in seconds. A worker has 60."""
MEMORY_MIB = 256
"""By how much this process may grow during all requests, including its caches."""
STORED = 100
"""How many sessions and rate-limit counters all requests may leave, besides those of users who signed in."""
FOR_EACH = 6
"""The same for each user who signed in: sessions, the list of them, and the counters of their key and codes."""
LARGE = 20_000
"""Bytes: a form may have 256 KiB, all its fields together."""
LONGEST_LINE = 4_000
"""Bytes of an address: gunicorn takes 4,094 (deploy/gunicorn.conf.py)."""
HOSTILE: dict[str, list[bytes]] = {
    "missing": [],
    "empty": [b""],
    "twice": [b"x", b"x"],
    "empty and not": [b"", b"x"],
    "NUL": [b"a\x00b"],
    "surrogate": [b"\xed\xa0\x80"],
    "no UTF-8": [b"\xff\xfe\x80"],
    "huge integer": [b"-9" + b"0" * 27],
    "float": [b"-9e27"],
    "beyond any int": [b"9" * 5000],
    "just too large": [b"9223372036854775808"],
    "negative": [b"-1"],
    "zero": [b"0"],
    "not a number": [b"nan"],
    "full-width digits": ["１２３４５６".encode()],
    "Arabic digits": ["٣٤٥٦٧٨".encode()],
    "digits that int() takes not": ["²³¹⁴⁵⁶".encode()],
    "no date": [b"2026-02-30"],
    "far date": [b"9999-12-31"],
    "date in other digits": ["٢٠٢٦-١١-٢٨".encode()],
    "line ends": [b"a\r\nSet-Cookie: x=y\r\n\r\n"],
    "long": [b"a" * LARGE],
    "long and wide": ["Ж".encode() * (LARGE // 2)],
    "deep": [b"[" * LARGE],
    "keys": [b"-----BEGIN RSA PRIVATE KEY-----\n" * (LARGE // 32)],
}
"""What is sent for a parameter, by kind: a value, none, or several."""
ALONE = ("missing", "empty", "float", "far date", "long and wide")
"""What is also sent for one parameter only, so that nothing before it stops the page."""
TO_DATABASES = ("NUL", "surrogate", "no UTF-8", "just too large", "beyond any int", "far date", "long and wide")
"""Those that one database takes and another refuses."""
AS_FILES = ("report", "file")
soon = f"{date.today() + timedelta(days=9)}"
PLAUSIBLE = {
    "first_code": "123456", "second_code": "654321", "code": "123456", "verification_code": "Y29kZT14JnN0YXRlPXk=",
    "access_key_id": "AKIA" + "Z" * 16, "secret_access_key": "s" * 40, "last_characters": "abcdef",
    "serial_number": "GAHT12345678", "old": "old-Password-1", "new": "new-Password-22", "again": "new-Password-22",
    "pasted": openssh(), "document": "{}", "until": soon, "number": "1", "page": "1", "account": "123456789012",
}  # fmt: skip
"""Values that the other fields of a form accept."""
BODIES = {
    "json": (b'{"a": 1}', "application/json"),
    "text": (b"csrf_token=x", "text/plain"),
    "no type": (b"csrf_token=x", ""),
    "no boundary": (b"--x\r\n\r\n--x--", "multipart/form-data"),
    "cut off": (b'--x\r\nContent-Disposition: form-data; name="a', "multipart/form-data; boundary=x"),
    "no name": (b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", "multipart/form-data; boundary=x"),
    "odd charset": (b"a=%ff", "application/x-www-form-urlencoded; charset=utf-16"),
    "many fields": (b"a=&" * 5_000, "application/x-www-form-urlencoded"),
    "many parts": (
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 3_000 + b"--x--",
        "multipart/form-data; boundary=x",
    ),
    "raw bytes": (b"a=\xff\xfe&b=\xd0", "application/x-www-form-urlencoded"),
    "too large": (b"a" * (256 * 1024 + 1), "application/x-www-form-urlencoded"),
}
HEADERS = {
    "cookie": {"Cookie": "__Host-latchkey=\xff;;=; __Host-latchkey=" + "a" * 4000},
    "agent": {"User-Agent": "\xff\x01" * 2000},
    "proxy": {"X-Forwarded-For": ", ".join(["2001:db8::1"] * 40)},
    "long proxy": {"X-Forwarded-For": "a" * 4000},
    "languages": {"Accept": "*/*;q=nan", "Accept-Language": "x" * 4000},
    "ranges": {"Range": "bytes=-9999999999999999999-", "If-Modified-Since": "Sat, 99 Foo 99999 99:99:99 GMT"},
    "length": {"Content-Length": "-1"},
    "authorization": {"Authorization": "Basic \xff"},
}


COLUMNS = b"user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active\n"
FILES = {
    "no file": b"",
    "binary": b"\x00\xff\xfea",
    "large": b"-" * 200_000,
    "only columns": COLUMNS,
    "nothing in it": COLUMNS + b",,,,,,\n",
    "wrong times": COLUMNS + b"a,arn:aws:iam::123456789012:user/a,9999-99-99T00:00:00Z,maybe,N/A,\x00,-\n",
    "utf-16": (COLUMNS + b"a,b,c,d,e,f,g\n").decode().encode("utf-16"),
}
WITH_HEADERS = ("signin.sign_in", "signin.sign_in_post", "mfa.add", "overview.index", "activity.index", "mfa.lost")
"""Pages requested with HEADERS. The code that reads headers is the same for all pages."""


class Noted(ImmutableMultiDict[str, Any]):
    """Parameters of a request. Records which of them are read."""

    read: set[tuple[str, str]]
    """(endpoint, name)."""

    def _note(self, name: object) -> None:
        if has_request_context() and isinstance(name, str) and request.endpoint:
            self.read.add((request.endpoint, name))

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def getlist(self, name: str, *how: Any, **more: Any) -> list[Any]:  # type: ignore[override] # as the caller says it
        self._note(name)
        return super().getlist(name, *how, **more)


@pytest.fixture(params=["sqlite", "postgresql and redis"])
def served(
    request: pytest.FixtureRequest, sandbox: Sandbox, redis: RedisServer, tmp_path: Path
) -> Iterator[tuple[Flask, set[tuple[str, str]]]]:
    """A portal that records what its pages read."""
    many = "100000 per hour"
    settings = {
        "PUBLIC_URL": "https://latchkey.test",
        "TRUSTED_PROXIES": "1",
        "SIGN_IN_LIMIT_PER_ADDRESS": many,
        "SIGN_IN_LIMIT_PER_KEY": many,
    }
    if request.param == "sqlite":
        yield from _noting(sandbox, tmp_path, settings)
        return
    with postgres() as server:
        shared = {"DATABASE_URL": server.migrated("portal"), "REDIS_URL": redis.database()}
        yield from _noting(sandbox, tmp_path, settings | shared)


def _noting(sandbox: Sandbox, folder: Path, settings: dict[str, str]) -> Iterator[tuple[Flask, set[tuple[str, str]]]]:
    app = portal_of(sandbox, folder, **settings)
    read: set[tuple[str, str]] = set()
    kind = type("Noting", (Noted,), {"read": read})
    app.request_class = type("Request", (app.request_class,), {"parameter_storage_class": kind})
    yield app, read
    with app.app_context():
        db.engine.dispose()


class Fuzz:
    """Sends requests, and records what was sent and the CPU time each took."""

    def __init__(self, app: Flask, people: People, clock: Clock, kinds: Sequence[str]) -> None:
        self.app, self.people, self.clock, self.kinds = app, people, clock, kinds
        self.sent = 0
        self.slowest: tuple[float, str] = (0.0, "")
        self.broken: dict[str, int] = {}

    def ask(self, guest: Guest, what: str, verb: str, path: str, **options: Any) -> Any:
        """Send one request. Failures and slow answers are recorded under `what`."""
        began = time.process_time()
        answer = guest.ask(verb, path, **options)
        took, self.sent = time.process_time() - began, self.sent + 1
        self.slowest = max(self.slowest, (took, what))
        if answer.status_code >= 500:
            self.broken[what] = answer.status_code
        if answer.status_code == 429:
            self.clock.move(301)
        if answer.headers.get("Location", "").startswith("/sign-in"):
            self.people.was_led_to_sign_in(guest)
        return answer

    def parameters(
        self, rule: Rule, names: Callable[[], set[str]], guest: Guest | None = None, *, alone: bool = True
    ) -> None:
        """Send these kinds of values for all parameters of a page, and those in ALONE for one among valid others.

        names: parameters that are known to be read. alone: send those of ALONE.
        guest: who sends it, by default the usual guest of this form.
        """
        tried = {"csrf_token"}
        self._send(guest or self.people.at(rule), rule, "plain", {})
        while left := sorted(names() - tried):
            for turn, kind in enumerate(self.kinds) if left else ():
                turned = [*self.kinds[turn:], *self.kinds[:turn]]
                given = {name: HOSTILE[each] for name, each in zip(left, cycle(turned), strict=False)}
                self._send(guest or self.people.at(rule), rule, f"{left} from {kind} on", given)
            one_by_one = alone and len(names() - {"csrf_token"}) > 1  # an only one was alone above
            for name, kind in product(left, ALONE if one_by_one else ()):
                who = guest or self.people.at(rule)
                given = {each: [self._plausible(who, each)] for each in names() - {"csrf_token"}}
                self._send(who, rule, f"{name}: {kind}", given | {name: HOSTILE[kind]})
            tried |= set(left)

    def _plausible(self, guest: Guest, name: str) -> bytes:
        return (guest.state if name == "state" else PLAUSIBLE.get(name, "x")).encode()

    def _send(self, guest: Guest, rule: Rule, what: str, given: dict[str, list[bytes]]) -> None:
        verb, path = method(rule), address(self.app, rule)
        if verb == "POST":
            given = {"csrf_token": [guest.csrf_token.encode()], **given}
        most = LARGE if verb == "POST" else LONGEST_LINE // (3 * max(1, len(given)))  # a byte takes up to three
        coded = "&".join(f"{name}={_coded(value[:most])}" for name, values in given.items() for value in values)
        typed = "application/x-www-form-urlencoded"
        options = {"data": coded.encode(), "content_type": typed} if verb == "POST" else {"query_string": coded}
        self.ask(guest, f"{verb} {rule.rule} {what}", verb, path, **options)

    def path(self, rule: Rule) -> None:
        """Send each kind of value as each variable part of an address."""
        for kind in self.kinds:
            values = HOSTILE[kind]
            part = quote_from_bytes(values[0][:1000], safe="") if values else ""
            path = re.sub("<[^>]+>", part, rule.rule)
            guest = self.people.at(rule)
            form = {"csrf_token": guest.csrf_token} if method(rule) == "POST" else None
            self.ask(guest, f"{rule.rule}: {kind}", method(rule), path, data=form)

    def files(self, rule: Rule, names: set[str]) -> None:
        """Send each parameter as a file."""
        for name in sorted(names - {"csrf_token"}):
            for kind, content in FILES.items() if name in AS_FILES else [("binary", FILES["binary"])]:
                guest = self.people.at(rule)
                form = {"csrf_token": guest.csrf_token, name: (BytesIO(content), "x" * 300)}
                typed = {"data": form, "content_type": "multipart/form-data"}
                self.ask(guest, f"POST {rule.rule} {name}: {kind}", "POST", address(self.app, rule), **typed)

    def bodies(self, rule: Rule) -> None:
        """Send bodies that no browser sends."""
        for kind, (body, typed) in BODIES.items():
            guest, path = self.people.at(rule), address(self.app, rule)
            sent = {"data": body, "content_type": typed, "headers": {"X-CSRFToken": guest.csrf_token}}
            self.ask(guest, f"POST {path}: {kind}", "POST", path, **sent)

    def headers(self, rule: Rule) -> None:
        """Send headers that no browser sends, among them those that the audit log stores."""
        for kind, headers in HEADERS.items():
            guest, path = self.people.at(rule), address(self.app, rule)
            sent = {"data": {"csrf_token": guest.csrf_token}} if method(rule) == "POST" else {}
            self.ask(guest, f"{method(rule)} {path}: {kind}", method(rule), path, headers=headers, **sent)


@pytest.mark.timeout(600)  # a busy machine is slow, and only CPU time is limited
def test_no_input_breaks_a_page_or_keeps_it_busy(
    served: tuple[Flask, set[tuple[str, str]]],
    sandbox: Sandbox,
    entering: Entering,
    entering_as_chief: Callable[..., Guest],
    clock: Clock,
    pytestconfig: pytest.Config,
) -> None:
    app, read = served
    whole = bool(app.config["REDIS_URL"])
    people = People(app, sandbox, partial(entering, app=app), partial(entering_as_chief, app))
    all_kinds = whole or pytestconfig.getoption("whole_matrix")
    fuzz = Fuzz(app, people, clock, list(HOSTILE) if all_kinds else TO_DATABASES)
    stranger, newcomer = Guest(app), entering(mfa=False, app=app)
    for guest in (stranger, newcomer):
        guest.csrf_token = guest.token()
    resident = _resident_mib()
    for rule in rules(app):

        def names(endpoint: str = rule.endpoint) -> set[str]:
            return {name for where, name in read if where == endpoint}

        fuzz.parameters(rule, names, alone=whole)
        if "<" in rule.rule:
            fuzz.path(rule)
        if not whole:
            continue
        if marked(app, rule, "is_public"):
            fuzz.parameters(rule, names, stranger)
        elif not marked(app, rule, "needs_mfa") and not about_others(app, rule):
            fuzz.parameters(rule, names, newcomer)
        if method(rule) == "POST":
            fuzz.bodies(rule)
            fuzz.files(rule, names())
        if rule.endpoint in WITH_HEADERS:
            fuzz.headers(rule)
    assert fuzz.broken == {}
    assert fuzz.slowest[0] < CPU_S, fuzz.slowest
    grown = _resident_mib() - resident
    assert grown < MEMORY_MIB, f"{grown:.0f} MiB more after {fuzz.sent} requests"
    assert _stored(app) < STORED + FOR_EACH * _who_signed_in(app)
    assert {"verification_code", "number", "made_at", "new", "before", "next"} <= {name for _, name in read}


def _coded(value: bytes) -> str:
    """Encode a value as a form does, but only where necessary, which takes longest to read."""
    try:
        plain = value.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(value, safe="")
    return re.sub(r"[\x00-\x20%&+=#;\x7f]", lambda found: f"%{ord(found[0]):02X}", plain)


def _stored(app: Flask) -> int:
    """Sessions in the database, or keys in Redis."""
    with app.app_context():
        rows = int(db.session.execute(text("select count(*) from sessions")).scalar_one())
    return rows + (len(list(Redis.from_url(app.config["REDIS_URL"]).scan_iter())) if app.config["REDIS_URL"] else 0)


def _who_signed_in(app: Flask) -> int:
    """How many users have sessions."""
    if app.config["REDIS_URL"]:
        return len(list(Redis.from_url(app.config["REDIS_URL"]).scan_iter("latchkey:sessions-of:*")))
    with app.app_context():
        counted = text("select count(distinct owner) from sessions where owner <> ''")
        return int(db.session.execute(counted).scalar_one())


def _resident_mib() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
