"""Why a server could not listen on a port."""

from __future__ import annotations

import socket


def why_not(setting: str, port: str, host: str = "127.0.0.1") -> str:
    """Return what is wrong with a port and what to set, in one sentence. "" where a server could listen on it."""
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return f"{setting} is {port!r}: set a port, 1 to 65535."
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            return f"Port {port} cannot be used: {error.strerror}. Choose another with {setting}=."
    return ""
