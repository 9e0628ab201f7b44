"""nginx as deploy/nginx.conf has it: with the names, ports, folders and certificate of a test."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.sandbox import ROOT
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"
ADDRESS_HEADER = "X-Test-Address"
"""By which a client says its address, where `nginx(..., addresses=True)`."""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(
    home: Path, upstream: int, host: str, tls: int, plain: int, pem: Path | None, *, addresses: bool = False
) -> Iterator[None]:
    """Run it in `home` in front of the portal on port `upstream`.

    tls, plain: ports to listen on. pem: certificate and key for `host`; without one the port `tls` speaks plain HTTP.
    addresses: clients on loopback may say in
    ADDRESS_HEADER from which address they come. Raises LookupError where Debian's nginx-light is missing.
    """
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program:
        raise LookupError("Debian's package nginx-light is missing: apt-get install nginx-light")
    example = (DEPLOY / "nginx.conf").read_text()
    believed = f"set_real_ip_from 127.0.0.0/8; real_ip_header {ADDRESS_HEADER};" if addresses else ""
    folders = "".join(f"{kind}_temp_path {home}/{kind};" for kind in _TEMPORARY)
    for theirs, ours in (
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("listen 443 ", f"listen 127.0.0.1:{tls} "),
        ("https://latchkey.example.com", f"https://{host}:{tls}"),
        ("latchkey.example.com", host),
        ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
        ("/run/nginx.pid", f"{home}/pid"),
        ("/var/log/nginx/", f"{home}/"),
        ("/etc/nginx/latchkey", str(DEPLOY / "nginx-pages")),
        ("/etc/ssl/latchkey/fullchain.pem", str(pem)),
        ("/etc/ssl/latchkey/privkey.pem", str(pem)),
        ("http {", f"http {{{folders}{believed}"),
    ):
        assert theirs in example, theirs
        example = example.replace(theirs, ours)
    if pem is None:
        example = re.sub(r"^ *ssl_.*\n", "", example, flags=re.MULTILINE).replace(f":{tls} ssl http2", f":{tls}")
    (home / "nginx.conf").write_text(("user root;\n" if os.geteuid() == 0 else "") + example)
    plainly = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = [program, "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True, env=plainly)
    running = subprocess.Popen([*command, "-g", "daemon off;"], env=plainly)
    try:
        wait_until(lambda: _listens(tls))
        yield
    finally:
        running.terminate()
        running.wait(10)
