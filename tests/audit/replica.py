"""`python -m tests.audit.replica URL NAME…`: a replica of the portal whose users write the audit log at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine

from app.audit.chain import Keyring
from app.audit.events import Event
from app.audit.log import Audit, AuditLog

ACCOUNT = "123456789012"
KEYS = Keyring({"k1": b"a" * 40})
ATTEMPTS = 10


def replica(url: str, names: list[str]) -> None:
    """One replica of the portal: its people act at the same time."""
    log = AuditLog(create_engine(url, pool_size=len(names)), KEYS)

    def act(name: str) -> None:
        me = Audit(log, ACCOUNT, name, "192.0.2.7", "Mozilla/5.0", "abcd1234", f"AIDA{name}")
        for number in range(ATTEMPTS):
            with me.attempt(Event.MFA_SESSION, f"device-{number}"):
                pass

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(act, names))


if __name__ == "__main__":
    replica(sys.argv[1], sys.argv[2:])
