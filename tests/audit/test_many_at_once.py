"""Many replicas write at once on PostgreSQL, and the chain stays whole."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine

from app.activity.queries import chain_of
from app.audit.chain import Keyring, verify
from app.audit.events import Event
from app.audit.log import Audit, AuditLog
from app.db import Base
from tests.support.postgres import Postgres
from tests.support.sandbox import ROOT

ACCOUNT = "123456789012"
KEYS = Keyring({"k1": b"a" * 40})
ATTEMPTS = 10

REPLICA = """
import sys
from tests.audit.test_many_at_once import replica
replica(sys.argv[1], sys.argv[2:])
"""


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


def test_two_admins_and_forty_users_write_at_once(postgresql: Postgres) -> None:
    names = ["admin-1", "admin-2", *(f"user-{number}" for number in range(40))]
    url = postgresql.database("audit")
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    crowds = [names[start::3] for start in range(3)]
    command = [sys.executable, "-c", REPLICA, url]
    running = [subprocess.Popen([*command, *crowd], cwd=ROOT, env=os.environ) for crowd in crowds]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    verified = verify(ACCOUNT, chain_of(engine, ACCOUNT), KEYS)
    written = list(chain_of(engine, ACCOUNT))
    engine.dispose()
    assert verified.flaws == []
    assert verified.rows == verified.head[0] == 2 * ATTEMPTS * len(names), "no row lost, none written twice"
    for name in names:
        phases = [row.phase for row in written if row.user_name == name]
        assert phases == ["intended", "done"] * ATTEMPTS, "everyone's rows in the order they acted"
