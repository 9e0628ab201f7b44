"""nginx really runs in front of a portal, as deploy/nginx.conf has it: names, limits, and what it says itself."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup

from app.compliance.data.credential_report import LARGEST
from app.errors import NoResponse
from config import from_env
from tests.deploy.conftest import NoAws
from tests.support.chromium import HOSTED
from tests.support.databases import GOOD
from tests.support.nginx import ADDRESS_HEADER, DEPLOY, nginx
from tests.support.portal import Portal
from tests.support.sandbox import free_port
from tests.support.waiting import wait_until

CONFIGURED = (DEPLOY / "nginx.conf").read_text()
OURS = {int(file.stem): file.read_text() for file in (DEPLOY / "nginx-pages").glob("*.html")}
"""By status: what nginx says itself."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, int, int]]:
    """A portal behind nginx: it, the plain port, the TLS port."""
    home, (plain, tls) = tmp_path_factory.mktemp("nginx"), (free_port(), free_port())
    portal = Portal(home / "portal", NoAws(), PUBLIC_URL=f"https://{HOSTED}:{tls}", TRUSTED_PROXIES="1")
    with portal:
        portal.make_certificate(HOSTED)
        with nginx(home, portal.port, HOSTED, tls, plain, portal.folder / "tls.pem", addresses=True):
            yield portal, plain, tls


class Client:
    """A TLS client that trusts the portal's certificate, from an address of its own."""

    def __init__(self, portal: Portal, port: int, name: str = HOSTED) -> None:
        trusting = ssl.create_default_context(cafile=str(portal.folder / "tls.pem"))
        raw = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=("127.0.0.2", 0))
        self.connection = http.client.HTTPSConnection(name, port)
        self.connection.sock = trusting.wrap_socket(raw, server_hostname=name)
        self.base = f"https://{name}:{port}"

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
        self.connection.request(
            method, path, body or None, {name.replace("_", "-"): v for name, v in headers.items()}
        )
        return self.connection.getresponse()


def test_people_reach_the_portal_through_nginx(served: tuple[Portal, int, int]) -> None:
    portal, plain, tls = served
    client = Client(portal, tls)
    page = client.ask("GET", "/sign-in", X_Forwarded_For="203.0.113.9", X_Request_Id="forged-forged-forged")
    text = page.read().decode()
    assert page.status == 200
    cookie = page.headers["Set-Cookie"].split(";")[0]
    assert page.headers["Strict-Transport-Security"] and cookie.startswith("__Host-latchkey-visitor=")
    assert re.fullmatch(r"[0-9a-f]{32}", page.headers["X-Request-Id"]), "nginx names the request, nobody outside"
    logged = portal.folder.parent / "access.log"
    wait_until(lambda: page.headers["X-Request-Id"] in logged.read_text())  # written once the answer is through

    token = BeautifulSoup(text, "html.parser").select("input[name=csrf_token]")[0]["value"]
    form = urlencode({"csrf_token": token, "access_key_id": "AKIAABCDEFGHIJKLMNOP", "secret_access_key": "s" * 40})
    told = client.ask(
        "POST",
        "/sign-in",
        form,
        Cookie=cookie,
        Referer=f"{client.base}/sign-in",
        Origin=client.base,
        X_Forwarded_For="203.0.113.9, 198.51.100.7",
        Content_Type="application/x-www-form-urlencoded",
    )
    told.read()
    assert (told.status, told.headers["Location"]) == (303, "/sign-in")
    back = client.ask("GET", "/sign-in", Cookie=told.headers["Set-Cookie"].split(";")[0])
    page_again = BeautifulSoup(back.read().decode(), "html.parser").select_one("main")
    assert page_again and page_again["data-refused"] == NoResponse.code
    assert portal.rows("select address from activity") == [("127.0.0.2",)], "who really asked"

    for hidden in ("/metrics", "/readyz"):
        answer = client.ask("GET", hidden)
        answer.read()
        assert answer.status == 404
    moved = http.client.HTTPConnection("127.0.0.1", plain)
    moved.request("GET", "/mfa/enroll?x=1", headers={"Host": HOSTED})
    assert moved.getresponse().headers["Location"] == f"https://{HOSTED}:{tls}/mfa/enroll?x=1"


def test_other_names_get_nowhere(served: tuple[Portal, int, int]) -> None:
    portal, plain, tls = served
    with pytest.raises(ssl.SSLError):
        Client(portal, tls, "evil.example")
    for name in ("evil.example", f"evil.example:{tls}", "127.0.0.1"):
        with pytest.raises(http.client.RemoteDisconnected):
            Client(portal, tls).ask("GET", "/sign-in", Host=name)  # under our name in the TLS handshake
        with pytest.raises(http.client.RemoteDisconnected):
            unencrypted = http.client.HTTPConnection("127.0.0.1", plain)
            unencrypted.request("GET", "/", headers={"Host": name})
            unencrypted.getresponse()
    direct = http.client.HTTPConnection("127.0.0.1", portal.port)
    direct.request("GET", "/sign-in", headers={"Host": "evil.example"})
    assert direct.getresponse().status == 400


def connections_of(port: int) -> int:
    """Established ones at this local port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_a_slow_sender_keeps_no_thread_of_the_portal(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    client = Client(portal, tls)
    before = connections_of(portal.port)
    sock = client.connection.sock
    head = f"POST /sign-in HTTP/1.1\r\nHost: {HOSTED}:{tls}\r\nContent-Length: 20000\r\n\r\n"
    sock.sendall(head.encode() + b"a" * 10_000)
    time.sleep(0.3)  # time enough for a proxy that passed it on at once
    assert connections_of(portal.port) <= before, "the first half is still with nginx"
    sock.sendall(b"a" * 10_000)
    assert sock.recv(12).decode() == "HTTP/1.1 400", "now it was passed on, and refused for want of a token"

    big = Client(portal, tls)
    assert big.ask("POST", "/sign-in", "a" * 300_000).status == 413, "before the portal sees it"


def burst(zone: str) -> int:
    """How many requests at once the file grants."""
    return int(re.search(rf"limit_req zone={zone} burst=(\d+)", CONFIGURED)[1])  # type: ignore[index] # it is there


def answered(client: Client, path: str, address: str, most: int, method: str = "GET") -> list[int]:
    """Statuses of requests one after the other, until one is refused."""
    told: list[int] = []
    while len(told) < most and 429 not in told:
        answer = client.ask(method, path, **{ADDRESS_HEADER: address})
        answer.read()
        told.append(answer.status)
    return told


def test_a_flood_from_one_address_is_refused_and_others_notice_nothing(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    client = Client(portal, tls)
    flood = answered(client, "/sign-in/nothing", "203.0.113.7", 2000)
    assert flood[-1] == 429 and set(flood[:-1]) == {404}
    assert len(flood) > burst("strangers"), "an office that signs in at nine"

    told = client.ask("GET", "/sign-in", **{ADDRESS_HEADER: "203.0.113.7"})
    page = told.read().decode()
    assert (told.status, told.headers["Retry-After"]) == (429, "10")
    assert page == OURS[429] and "10 seconds" in page

    for path, address in (("/static/latchkey.svg", "203.0.113.7"), ("/sign-in", "203.0.113.8")):
        other = client.ask("GET", path, **{ADDRESS_HEADER: address})
        other.read()
        assert other.status == 200, "pages of people signed in, and other addresses"

    sent = answered(client, "/nothing", "203.0.113.10", 2000, "POST")
    assert sent[-1] == 429 and len(sent) > burst("forms"), "forms"
    everything = answered(client, "/static/latchkey.svg", "203.0.113.9", 4000)
    assert everything[-1] == 429 and len(everything) > burst("pages")


def test_a_provider_may_sign_out_a_whole_company_at_once(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    others = max(burst("strangers"), burst("forms"), burst("pages"))
    assert burst("logouts") > others
    client = Client(portal, tls)
    sent = answered(client, "/sign-in/company/logout", "203.0.113.11", others + 1, "POST")
    assert len(sent) == others + 1 and 429 not in sent


def test_a_network_of_ipv6_is_one_client(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    client = Client(portal, tls)
    assert answered(client, "/sign-in/nothing", "2001:db8:0:1::1", 2000)[-1] == 429
    assert answered(client, "/sign-in/nothing", "2001:db8:0:1:ffff::9", 8)[-1] == 429, "the same /64"
    assert answered(client, "/sign-in/nothing", "2001:db8:0:2::1", 8) == [404] * 8, "another"


def test_one_address_has_so_many_requests_at_once(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    most = int(re.search(r"limit_conn at_once (\d+)", CONFIGURED)[1])  # type: ignore[index] # it is there
    head = f"POST / HTTP/1.1\r\nHost: {HOSTED}:{tls}\r\nContent-Length: 9\r\n{ADDRESS_HEADER}: 203.0.113.20\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(most):
            sock = Client(portal, tls).connection.sock
            stack.callback(sock.close)
            sock.sendall(head.encode() + b"a")
        waiting = Client(portal, tls)

        def refused() -> bool:  # nginx may not have read all of them yet
            answer = waiting.ask("GET", "/static/latchkey.svg", **{ADDRESS_HEADER: "203.0.113.20"})
            answer.read()
            return answer.status == 429

        wait_until(refused)
        other = waiting.ask("GET", "/static/latchkey.svg", **{ADDRESS_HEADER: "203.0.113.21"})
        other.read()
        assert other.status == 200


def test_what_nginx_says_itself_is_a_page_of_ours(served: tuple[Portal, int, int], tmp_path: Path) -> None:
    portal, _, tls = served
    large = Client(portal, tls).ask("POST", "/sign-in", "a" * 300_000)
    assert large.status == 413 and large.read().decode() == OURS[413]
    away, plain = free_port(), free_port()
    with nginx(tmp_path, free_port(), HOSTED, away, plain, portal.folder / "tls.pem"):
        gone = Client(portal, away).ask("GET", "/")
        assert gone.status == 502 and gone.read().decode() == OURS[502]
    for answer in (large, gone):
        assert (answer.headers["Cache-Control"], answer.headers["Retry-After"]) == ("no-store", None)
        assert answer.headers["Strict-Transport-Security"] and answer.headers["X-Frame-Options"] == "DENY"
    allowed = re.search(r"'sha256-([^']+)'", large.headers["Content-Security-Policy"])[1]  # type: ignore[index] # it is there
    for file in (DEPLOY / "nginx-pages").glob("*.html"):
        styles = BeautifulSoup(file.read_text(), "html.parser").select("style")
        assert [base64.b64encode(hashlib.sha256(s.encode_contents()).digest()).decode() for s in styles] == [allowed]
        assert Client(portal, tls).ask("GET", f"/{file.name}").status == 404, "not by its address"


def test_nginx_lets_pass_what_the_portal_takes() -> None:
    everywhere, report = re.findall(r"client_max_body_size (\d+)([km]);", CONFIGURED)
    assert (int(everywhere[0]) * 1024, everywhere[1]) == (from_env(GOOD)["MAX_CONTENT_LENGTH"], "k")
    assert (int(report[0]) * 1024**2 >= LARGEST + 64 * 1024, report[1]) == (True, "m")
