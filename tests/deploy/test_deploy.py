"""What deploy/ offers is sound: nginx really runs in front, the unit and the image are what the programs expect."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
import yaml
from bs4 import BeautifulSoup

from config import SETTINGS
from tests.support.browser import HOSTED
from tests.support.portal import Portal
from tests.support.postgres import postgres
from tests.support.redis import RedisServer
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"


class NoAws:
    """In a sandbox's place: nobody answers there."""

    account_id = "123456789012"
    url = f"http://127.0.0.1:{free_port()}"
    facts = {"signin_url": url}

    def user(self, name: str) -> dict[str, str]:
        return {"arn": f"arn:aws:iam::{self.account_id}:user/{name}"}


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_image_is_made_as_the_linter_wants_it() -> None:
    linted = subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    text = (DEPLOY / "Dockerfile").read_text()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split()), copied
    assert re.search(r"^USER (?!0|root)", text, re.MULTILINE)
    tried = DEPLOY / "try-image"
    assert os.access(tried, os.X_OK) and os.access(DEPLOY / "serve", os.X_OK)


def test_what_is_installed_in_production_is_part_of_what_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+(?:\[\w+\])?==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    served = pins("requirements-serve.lock")
    assert served < pins("requirements.lock") <= pins("requirements-dev.lock")
    assert not any(pin.startswith(("moto", "pytest")) for pin in served)


def test_compose_hangs_together() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = whole["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} needs {needed}"
            healthy = "healthcheck" in services[needed] or services[needed]["image"] == "latchkey"
            assert how["condition"] != "service_healthy" or healthy
        assert ":" in service["image"] or "build" in service, f"{name} is not pinned"
        assert "privileged" not in service and "docker.sock" not in str(service)
    portal = services["portal"]
    assert set(portal["environment"]) <= set(SETTINGS) and portal["read_only"] and portal["cap_drop"] == ["ALL"]
    assert (DEPLOY / portal["build"]["context"] / portal["build"]["dockerfile"]).exists()
    published = [name for name, service in services.items() if "ports" in service]
    assert published == ["nginx"], "nothing else is reached from outside"
    assert set(whole["volumes"]) == {"database"}
    holders = {name for name, service in services.items() if "settings.env" in str(service.get("env_file"))}
    for kept_out in (ROOT / ".gitignore", DEPLOY / "Dockerfile.dockerignore"):
        assert "deploy/*.env" in kept_out.read_text().splitlines()
    assert holders == {"migrate", "portal"}, "whoever gets at the database does not get at SECRET_KEY"


def test_the_portals_role_in_postgresql_has_no_power_over_the_server() -> None:
    with postgres() as server:
        here = f"host=127.0.0.1 port={server.port}"
        with psycopg.connect(f"{here} user=latchkey dbname=postgres") as connection:
            connection.execute("create role postgres superuser login")
        with psycopg.connect(f"{here} user=postgres dbname=postgres") as connection:
            connection.execute("alter role latchkey rename to somebody")
        image = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        made = {**os.environ, **image, "LATCHKEY_PASSWORD": "it's a password"}
        subprocess.run([DEPLOY / "postgres-role.sh"], env=made, check=True, capture_output=True)
        with psycopg.connect(f"{here} user=latchkey dbname=latchkey") as connection:
            connection.execute("create table mine (it text)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("copy mine from program 'env'")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "latchkey.service"
    unit.write_text((DEPLOY / "latchkey.service").read_text().replace("/srv/latchkey", str(ROOT)))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.strip()) == (0, "")


@contextmanager
def nginx(home: Path, portal: Portal, plain: int, tls: int) -> Iterator[None]:
    """The example, with names, ports and the certificate replaced."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program:
        raise LookupError("Debian's package nginx-light is missing: apt-get install nginx-light")
    example = (DEPLOY / "nginx.conf").read_text()
    for theirs, ours in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{tls} "),
        ("https://latchkey.example.com", f"https://{HOSTED}:{tls}"),
        ("latchkey.example.com", HOSTED),
        ("127.0.0.1:8000", f"127.0.0.1:{portal.port}"),
        ("/run/nginx.pid", f"{home}/pid"),
        ("/var/log/nginx/", f"{home}/"),
        ("/etc/ssl/latchkey/fullchain.pem", str(portal.folder / "tls.pem")),
        ("/etc/ssl/latchkey/privkey.pem", str(portal.folder / "tls.pem")),
        ("http {", "http {" + "".join(f"{kind}_temp_path {home}/{kind};" for kind in TEMPORARY)),
    ):
        assert theirs in example, theirs
        example = example.replace(theirs, ours)
    (home / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + example)
    plainly = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = [program, "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True, env=plainly)
    running = subprocess.Popen([*command, "-g", "daemon off;"], env=plainly)
    try:
        wait_until(lambda: listens(tls))
        yield
    finally:
        running.terminate()
        running.wait(10)


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, int, int]]:
    """A portal behind nginx: it, the plain port, the TLS port."""
    home, (plain, tls) = tmp_path_factory.mktemp("nginx"), (free_port(), free_port())
    portal = Portal(home / "portal", NoAws(), PUBLIC_URL=f"https://{HOSTED}:{tls}", TRUSTED_PROXIES="1")
    with portal:
        portal.make_certificate(HOSTED)
        with nginx(home, portal, plain, tls):
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
    assert page.headers["Strict-Transport-Security"] and page.headers["Set-Cookie"].startswith("__Host-latchkey=")
    assert re.fullmatch(r"[0-9a-f]{32}", page.headers["X-Request-Id"]), "nginx names the request, nobody outside"
    logged = portal.folder.parent / "access.log"
    wait_until(lambda: page.headers["X-Request-Id"] in logged.read_text())  # written once the answer is through

    token = BeautifulSoup(text, "html.parser").select("input[name=csrf_token]")[0]["value"]
    form = urlencode({"csrf_token": token, "access_key_id": "AKIAABCDEFGHIJKLMNOP", "secret_access_key": "s" * 40})
    told = client.ask(
        "POST",
        "/sign-in",
        form,
        Cookie=page.headers["Set-Cookie"].split(";")[0],
        Referer=f"{client.base}/sign-in",
        Origin=client.base,
        X_Forwarded_For="203.0.113.9, 198.51.100.7",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert told.status == 422 and "could not be reached" in told.read().decode()
    assert portal.rows("select address from activity") == [("127.0.0.2",)], "who really asked"

    for hidden in ("/metrics", "/readyz"):
        answer = client.ask("GET", hidden)
        answer.read()
        assert answer.status == 404
    moved = http.client.HTTPConnection("127.0.0.1", plain)
    moved.request("GET", "/mfa/enroll?x=1", headers={"Host": HOSTED})
    assert moved.getresponse().headers["Location"] == f"https://{HOSTED}:{tls}/mfa/enroll?x=1"


def test_other_names_get_nowhere(served: tuple[Portal, int, int]) -> None:
    portal, _, tls = served
    with pytest.raises(ssl.SSLError):
        Client(portal, tls, "evil.example")
    direct = http.client.HTTPConnection("127.0.0.1", portal.port)
    direct.request("GET", "/sign-in", headers={"Host": "evil.example"})
    assert direct.getresponse().status == 400


def workers_on(portal: Portal, *cores: set[int]) -> list[int]:
    """Wait until there are workers that may run on these cores, in this order; their pids."""
    assert portal.process
    file = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children")
    found: dict[int, set[int]] = {}

    def there_are() -> bool:
        nonlocal found
        with suppress(ProcessLookupError):  # one that just ended
            found = {int(pid): os.sched_getaffinity(int(pid)) for pid in file.read_text().split()}
        return sorted(found.values(), key=min) == list(cores)

    wait_until(there_are, told=lambda: found)
    return sorted(found, key=lambda pid: min(found[pid]))


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two cores")
def test_with_a_worker_for_every_core_each_stays_on_its_own(tmp_path: Path, redis: RedisServer) -> None:
    ours = os.sched_getaffinity(0)
    one, other = sorted(ours)[:2]
    os.sched_setaffinity(0, {one, other})  # what is started from here has two cores, whatever the machine has
    try:
        with Portal(tmp_path / "two", NoAws(), WORKERS="2", REDIS_URL=redis.database()) as portal:
            first, second = workers_on(portal, {one}, {other})
            os.kill(first, signal.SIGKILL)
            wait_until(lambda: workers_on(portal, {one}, {other})[0] != first)
            assert workers_on(portal, {one}, {other})[1] == second, "who takes a dead worker's place takes its core"
        with Portal(tmp_path / "one", NoAws()) as portal:
            workers_on(portal, {one, other})  # the kernel chooses
    finally:
        os.sched_setaffinity(0, ours)


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
