"""Every parameter that a page reads gets every kind of value: no page breaks, and none takes long.

Parameters are recorded while pages read them, so that none is left out. The portal runs as in production: on
PostgreSQL with Redis, behind a proxy and with https. On SQLite each parameter of each page also gets each kind of
value that databases treat differently. Bodies, files and headers, which no database sees, are sent on PostgreSQL
only, as are single parameters and requests of other users.

What one function reads for all pages gets each kind of value in turns, each on some pages. `make soak` sends each
page all of them, sends all kinds also on SQLite, and sends single parameters also before MFA.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from io import BytesIO
from itertools import count, cycle, islice, product
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, unquote

import pytest
from flask import Flask, has_request_context, request
from redis import Redis
from sqlalchemy import text
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import Rule
from werkzeug.utils import cached_property

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
"""What is sent for one parameter only, so that nothing before it stops the page."""
ENDS_REQUESTS = "NUL"
"""Ends a request before the page reads anything, so nothing else is sent with it."""
ACCOUNT, ID, CAME_FROM = "chosen_account", "chosen_id", "keep"
"""Functions that read parameters of many pages: the account, without which there is no page, the ID of a credential
under one of three names, and the address of the page before, which waits with a refused form."""
TO_DATABASES = ("NUL", "surrogate", "no UTF-8", "just too large", "beyond any int", "far date", "long and wide")
"""Those that one database takes and another refuses."""
AS_FILES = ("report", "file")
soon = f"{date.today() + timedelta(days=9)}"
PLAUSIBLE = {
    "first_code": "123456", "second_code": "654321", "code": "123456", "verification_code": "Y29kZT14JnN0YXRlPXk=",
    "access_key_id": "AKIA" + "Z" * 16, "secret_access_key": "s" * 40, "last_characters": "abcdef",
    "serial_number": "GAHT12345678", "old": "old-Password-1", "new": "new-Password-22", "again": "new-Password-22",
    "pasted": openssh(), "document": "{}", "until": soon, "number": "1", "page": "1",
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
    "cookies": {"Cookie": "; ".join(f"__Host-latchkey{which}={'ÿ=,{}' * 250}" for which in ("-visitor", "-browser"))},
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
WITH_BODIES = (
    "signin.sign_in_post", "mfa.enroll_post", "ssh_keys.new_post", "access_keys.create", "branding.choose_theme",
    "compliance_audit.report_post", "compliance_audit.exceptions_post",
)  # fmt: skip
"""Forms that get each of BODIES: for strangers and users, with and without fields and files, of administrators."""
FEW = {ACCOUNT: 3, ID: 8, "bodies": 2, "no page": 2}
"""How many kinds are sent to each page, in turns, where all pages share the code that reads them."""
OUT_OF_DATE = 'data-refused="out-of-date"'
"""On the answer to a form whose token is not of this session."""


class Parameter(NamedTuple):
    """What a page read."""

    where: str
    """"query" or "form"."""
    name: str


Read = dict[str, dict[Parameter, set[str]]]
"""By endpoint, what it reads, and in which functions."""
Served = tuple[Flask, Read]


class Noted(ImmutableMultiDict[str, Any]):
    """Parameters of a request. Records which of them are read."""

    read: Read
    where = "form"

    def _note(self, name: object) -> None:
        if has_request_context() and isinstance(name, str) and request.endpoint:
            here = self.read.setdefault(request.endpoint, {})
            here.setdefault(Parameter(self.where, name), set()).add(_reader())

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def getlist(self, name: str, *how: Any, **more: Any) -> list[Any]:  # type: ignore[override] # as the caller says it
        self._note(name)
        return super().getlist(name, *how, **more)


def _reader() -> str:
    """The name of the function of the portal that is reading a parameter."""
    frame = sys._getframe(2)
    while frame.f_back and "/app/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_qualname.partition(".<locals>")[0]  # of a generator, the function it is in


@pytest.fixture(params=["sqlite", "postgresql and redis"])
def served(request: pytest.FixtureRequest, sandbox: Sandbox, redis: RedisServer, tmp_path: Path) -> Iterator[Served]:
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


def _noting(sandbox: Sandbox, folder: Path, settings: dict[str, str]) -> Iterator[Served]:
    app = portal_of(sandbox, folder, **settings)
    seen: Read = {}

    class Noting(app.request_class):  # type: ignore[name-defined]  # the portal's own
        """A request whose parameters record that they are read."""

        parameter_storage_class = type("Noted", (Noted,), {"read": seen})

        @cached_property
        def args(self) -> Noted:
            """What the address names."""
            found: Noted = super().args
            found.where = "query"
            return found

    app.request_class = Noting
    yield app, seen
    with app.app_context():
        db.engine.dispose()


Who = Callable[[], Guest]
"""Who sends a request: someone else after they were signed out."""


class Fuzz:
    """Sends requests, and records what was sent and the CPU time each took."""

    def __init__(self, served: Served, people: People, clock: Clock, kinds: Sequence[str], *, whole: bool) -> None:
        """whole: send each page also what one function reads for all pages."""
        (self.app, self.read), self.people, self.clock, self.kinds = served, people, clock, kinds
        self.whole = whole
        self.sent = 0
        self.slowest: tuple[float, str] = (0.0, "")
        self.broken: dict[str, int] = {}
        """Requests that broke a page, or that should have been refused and were not."""
        self.lost: dict[str, str] = {}
        """Requests that never got further than to a limit or a sign-in page."""
        self._pages = count()
        self._few: dict[str, Iterator[str]] = {}
        self.met: set[tuple[str, str]] = set()
        """What was sent in turns."""

    def ask(self, rule: Rule, what: str, who: Who, options: Callable[[Guest], dict[str, Any]], path: str = "") -> Any:
        """Send one request, again if it met a limit or a session that was over.

        who: sends it. options: of a request of this guest. path: if it isn't the usual address of the page.
        Failures and slow answers are recorded.
        """
        what = f"{method(rule)} {rule.rule} {what}"
        for _ in range(3):
            sent, began = options(guest := who()), time.process_time()
            answer = guest.ask(method(rule), path or address(self.app, rule), **sent)
            self.slowest, self.sent = max(self.slowest, (time.process_time() - began, what)), self.sent + 1
            if answer.status_code >= 500:
                self.broken[what] = answer.status_code
            leads_to = answer.headers.get("Location", "")
            if leads_to.startswith("/sign-in"):
                self.people.was_led_to_sign_in(guest)
            if answer.status_code == 429:
                self.clock.move(301)
            elif answer.status_code == 400 and OUT_OF_DATE in answer.text:
                guest.csrf_token = guest.token()
            elif "ended=" not in leads_to:
                return answer
            if "Cookie" in sent.get("headers", {}):  # of no session
                return answer
        self.lost[what] = leads_to or str(answer.status_code)
        return answer

    def few(self, of: str, kinds: Iterable[str]) -> list[str]:
        """Some of these kinds, the next ones each time. of: one of FEW."""
        if self.whole:
            return list(kinds)
        chosen = list(islice(self._few.setdefault(of, cycle(kinds)), FEW[of]))
        self.met.update((of, kind) for kind in chosen)
        return chosen

    def _slots(self, rule: Rule) -> list[tuple[Parameter, ...]]:
        """What the page reads besides the account. Of parameters in the same slot, it reads one."""
        found: dict[str, list[Parameter]] = {}
        for each, readers in sorted(self.read.get(rule.endpoint, {}).items()):
            if each.name != "csrf_token" and readers != {ACCOUNT}:
                found.setdefault(ID if readers == {ID} else each.name, []).append(each)
        return [tuple(each) for each in found.values()]

    def parameters(self, rule: Rule, who: Who, *, alone: bool = True) -> None:
        """Send these kinds of values for all parameters of a page, and those in ALONE for one among valid others.

        who: sends it. alone: send those of ALONE.
        """
        page, tried = next(self._pages), set[Parameter]()
        self._send(rule, "plain", who, {})
        if self._slots(rule):
            self._send(rule, "plausible", who, self._plausible(rule, who))
        while left := [slot for slot in self._slots(rule) if not tried.issuperset(slot)]:
            one_by_one = alone and len(self._slots(rule)) > 1  # an only one is alone anyway
            kinds = [each for each in self.kinds if each != ENDS_REQUESTS and not (one_by_one and each in ALONE)]
            if {*self._readers(rule, left)} == {ID}:
                kinds = self.few(ID, kinds)
            for turn, kind in enumerate(kinds):
                turned = cycle([*kinds[turn:], *kinds[:turn]])
                given = {slot[(page + turn) % len(slot)]: HOSTILE[next(turned)] for slot in left}
                self._send(rule, f"{left} from {kind} on", who, self._accounts(rule) | given)
            for where in sorted({slot[0].where for slot in left}):
                given = {slot[0]: HOSTILE[ENDS_REQUESTS] for slot in left if slot[0].where == where}
                answer = self._send(rule, f"{where}: {ENDS_REQUESTS}", who, self._plausible(rule, who) | given)
                if answer.status_code != 400:
                    self.broken[f"{rule.rule} {where}: {ENDS_REQUESTS}"] = answer.status_code
            lonely = [slot for slot in left if {*self._readers(rule, [slot])} != {CAME_FROM}]
            for slot, kind in product(lonely, ALONE if one_by_one else ()):
                given = {each: values for each, values in self._plausible(rule, who).items() if each not in slot}
                one = slot[page % len(slot)]
                self._send(rule, f"{one}: {kind}", who, given | {one: HOSTILE[kind]})
            tried |= {each for slot in left for each in slot}
        for each in (accounts := self._accounts(rule)):
            given = {other: values for other, values in self._plausible(rule, who).items() if other not in accounts}
            for kind in self.few(ACCOUNT, self.kinds):
                self._send(rule, f"{each}: {kind}", who, given | {each: HOSTILE[kind]})

    def _readers(self, rule: Rule, slots: Iterable[tuple[Parameter, ...]]) -> Iterator[str]:
        found = self.read[rule.endpoint]
        return (reader for slot in slots for each in slot for reader in found[each])

    def _accounts(self, rule: Rule) -> dict[Parameter, list[bytes]]:
        """The account that the page is about, if the function that reads it for all pages does."""
        found = self.read.get(rule.endpoint, {})
        return {each: [self.people.account_id.encode()] for each, readers in found.items() if readers == {ACCOUNT}}

    def _plausible(self, rule: Rule, who: Who) -> dict[Parameter, list[bytes]]:
        """Values that the page takes."""
        known = {**PLAUSIBLE, "state": who().state, "account": self.people.account_id}
        slots = {slot[0]: [known.get(slot[0].name, "x").encode()] for slot in self._slots(rule)}
        return self._accounts(rule) | slots

    def _send(self, rule: Rule, what: str, who: Who, given: dict[Parameter, list[bytes]]) -> Any:
        def coded(where: str, most: int) -> str:
            sent = ((each.name, value) for each, values in given.items() if each.where == where for value in values)
            return "&".join(f"{name}={_coded(value[:most])}" for name, value in sent)

        most = LONGEST_LINE // (3 * max(1, len(given)))  # a byte takes up to three
        query, form = coded("query", most), coded("form", LARGE)

        def options(guest: Guest) -> dict[str, Any]:
            typed = {"content_type": "application/x-www-form-urlencoded"}
            sent = {"data": f"csrf_token={guest.csrf_token}&{form}".encode(), **typed}
            return {"query_string": query, **(sent if method(rule) == "POST" else {})}

        return self.ask(rule, what, who, options)

    def path(self, rule: Rule, who: Who) -> None:
        """Send each kind of value as each variable part of an address."""
        few = self.few("no page", self.kinds)
        for kind, values in HOSTILE.items():
            part = quote_from_bytes(values[0][:1000], safe="") if values else ""
            path = re.sub("<[^>]+>", part, rule.rule)
            is_page = self.app.url_map.bind("127.0.0.1").test(unquote(path), method(rule))
            if kind in few or (is_page and kind in self.kinds):
                self.ask(rule, f"path: {kind}", who, partial(_plain, rule), path)

    def files(self, rule: Rule, who: Who) -> None:
        """Send each parameter as a file."""
        names = {each.name for each in self.read.get(rule.endpoint, {}) if each.where == "form"} - {"csrf_token"}
        for name in sorted(names):
            for kind, content in FILES.items() if name in AS_FILES else [("binary", FILES["binary"])]:

                def sent(guest: Guest, name: str = name, content: bytes = content) -> dict[str, Any]:
                    form = {"csrf_token": guest.csrf_token, name: (BytesIO(content), "x" * 300)}
                    return {"data": form, "content_type": "multipart/form-data"}

                self.ask(rule, f"{name} as a file: {kind}", who, sent)

    def bodies(self, rule: Rule, who: Who) -> None:
        """Send bodies that no browser sends."""
        for kind in BODIES if rule.endpoint in WITH_BODIES else self.few("bodies", BODIES):

            def sent(guest: Guest, kind: str = kind) -> dict[str, Any]:
                body, typed = BODIES[kind]
                return {"data": body, "content_type": typed, "headers": {"X-CSRFToken": guest.csrf_token}}

            self.ask(rule, f"body: {kind}", who, sent)

    def headers(self, rule: Rule, who: Who) -> None:
        """Send headers that no browser sends, among them those that the audit log stores."""
        for kind, headers in HEADERS.items():
            self.ask(rule, f"header: {kind}", who, partial(_plain, rule, headers=headers))


def _plain(rule: Rule, guest: Guest, **options: Any) -> dict[str, Any]:
    """A request without parameters."""
    return {"data": {"csrf_token": guest.csrf_token}, **options} if method(rule) == "POST" else options


@pytest.mark.timeout(600)  # a busy machine is slow, and only CPU time is limited
def test_no_input_breaks_a_page_or_keeps_it_busy(
    served: Served,
    sandbox: Sandbox,
    entering: Entering,
    entering_as_chief: Callable[..., Guest],
    clock: Clock,
    pytestconfig: pytest.Config,
) -> None:
    app, read = served
    with_redis, whole = bool(app.config["REDIS_URL"]), bool(pytestconfig.getoption("whole_matrix"))
    people = People(app, sandbox, partial(entering, app=app), partial(entering_as_chief, app))
    fuzz = Fuzz(served, people, clock, list(HOSTILE) if with_redis or whole else TO_DATABASES, whole=whole)
    stranger = Guest(app)
    stranger.csrf_token = stranger.token()
    resident = _resident_mib()
    for rule in rules(app):
        usual = partial(people.at, rule)
        fuzz.parameters(rule, usual, alone=with_redis)
        if "<" in rule.rule:
            fuzz.path(rule, usual)
        if not with_redis:
            continue
        if marked(app, rule, "is_public"):
            fuzz.parameters(rule, lambda: stranger)
        elif not marked(app, rule, "needs_mfa") and not about_others(app, rule):
            fuzz.parameters(rule, people.before_mfa, alone=whole)
        if method(rule) == "POST":
            fuzz.bodies(rule, usual)
            fuzz.files(rule, usual)
        if rule.endpoint in WITH_HEADERS:
            fuzz.headers(rule, usual)
    assert fuzz.broken == {}
    assert fuzz.lost == {}
    assert whole or {kind for of, kind in fuzz.met if of == ACCOUNT} == set(fuzz.kinds)
    assert whole or {kind for of, kind in fuzz.met if of == ID} == {*fuzz.kinds} - {ENDS_REQUESTS}
    assert fuzz.slowest[0] < CPU_S, fuzz.slowest
    grown = _resident_mib() - resident
    assert grown < MEMORY_MIB, f"{grown:.0f} MiB more after {fuzz.sent} requests"
    assert _stored(app) < STORED + FOR_EACH * _who_signed_in(app)
    assert {"verification_code", "number", "made_at", "new", "before", "next"} <= {
        each.name for page in read.values() for each in page
    }


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
