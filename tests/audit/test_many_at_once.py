"""Many replicas write at once on PostgreSQL, and the chain stays whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sqlalchemy import create_engine

from app.activity.queries import chain_of
from app.audit.chain import verify
from app.db import Base
from tests.audit.replica import ACCOUNT, ATTEMPTS, KEYS
from tests.support import forks
from tests.support.postgres import Postgres
from tests.support.sandbox import ROOT


def test_two_admins_and_forty_users_write_at_once(postgresql: Postgres, tmp_path: Path) -> None:
    names = ["admin-1", "admin-2", *(f"user-{number}" for number in range(40))]
    url = postgresql.database("audit")
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    crowds = [names[start::3] for start in range(3)]
    command = [sys.executable, "-m", "tests.audit.replica", url]
    with (tmp_path / "replicas.log").open("w+") as log:
        running = [forks.start([*command, *crowd], ROOT, os.environ, log) for crowd in crowds]
        assert [process.wait(120) for process in running] == [0, 0, 0], log.seek(0) or log.read()
    verified = verify(ACCOUNT, chain_of(engine, ACCOUNT), KEYS)
    written = list(chain_of(engine, ACCOUNT))
    engine.dispose()
    assert verified.flaws == []
    assert verified.rows == verified.head[0] == 2 * ATTEMPTS * len(names), "no row lost, none written twice"
    for name in names:
        phases = [row.phase for row in written if row.user_name == name]
        assert phases == ["intended", "done"] * ATTEMPTS, "everyone's rows in the order they acted"
