"""Nothing but loopback: an audit hook that refuses every other address, in this process for good."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


class NotLoopback(RuntimeError):
    """Code under test tried to reach a machine other than this one."""


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a Unix socket's path
        host = address[0]
    else:
        return
    if host in (None, "", "localhost", b"localhost"):
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    try:
        local = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local and not (event == "socket.getaddrinfo" and host == "0.0.0.0"):
        raise NotLoopback(f"{event} {host}: tests stay on this machine")


def loopback_only() -> None:
    """Install the hook; it cannot be removed again."""
    sys.addaudithook(_refuse)
