"""gunicorn's settings for the portal, with reasons."""

import os

bind = f"127.0.0.1:{os.environ.get('PORT') or 8000}"
# One worker: rate limits live in its memory. Threads, because a request mostly waits for AWS.
workers = 1
threads = 16
# Longer than the slowest honest request: three tries of ten seconds at AWS.
timeout = 60
graceful_timeout = 30
# Request lines and headers that no page of ours needs.
limit_request_line = 4094
limit_request_fields = 64
loglevel = "warning"
# A proxy's headers count only as TRUSTED_PROXIES says, in the application.
forwarded_allow_ips = ""


def when_ready(server):  # type: ignore[no-untyped-def] # gunicorn's hook
    """Say where the portal is."""
    print(f"\n  Latchkey is ready:  {os.environ.get('PUBLIC_URL') or 'http://' + bind}\n", flush=True)  # noqa: T201 # for the person at the terminal
