"""Does the database answer, take what users write, and have this version's schema?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from app.db.opening import patient_sqlite
from app.doctor.clocks import far_apart
from app.doctor.finding import Finding
from app.doctor.packages import unloadable
from app.doctor.settings import Settings
from app.monitoring import schema
from app.places import LATCHKEY
from app.sessions.stores import StoreDown, StoreFull
from app.sessions.stores.database import DatabaseStore
from config import engine_options

_UPGRADE = f"Run: {LATCHKEY} db upgrade"
_VERIFYING = ("verify-full", "verify-ca")
_OTHER_SCHEMAS = {"schema-missing", "schema-behind", "schema-too-new", "schema-unknown"}


@contextmanager
def opened(settings: Settings) -> Iterator[Engine | None]:
    """Give the portal's database, None where its setting is wrong, its driver or its file of SQLite isn't there."""
    url = settings.of("SQLALCHEMY_DATABASE_URI")
    if not url or _file_of(make_url(url)) is False or _unloadable(make_url(url)):
        yield None
        return
    engine = create_engine(url, **engine_options(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", patient_sqlite)
    try:
        yield engine
    finally:
        engine.dispose()


def _file_of(url: URL) -> bool | None:
    """Is the file of SQLite there? None for another database, or one in memory."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).is_file()


def _unloadable(url: URL) -> ImportError | None:
    """Return why the driver of the database can't be loaded, None if it can."""
    try:
        url.get_dialect().import_dbapi()
    except ImportError as error:
        return error
    return None


def check(settings: Settings, engine: Engine | None) -> Iterator[Finding]:
    """Yield what is wrong with the database that DATABASE_URL names."""
    if engine is None:
        url = settings.of("SQLALCHEMY_DATABASE_URI")
        if url and (error := _unloadable(make_url(url))):
            yield unloadable(error, "DATABASE_URL")
        elif url:
            yield Finding("schema-missing", "There is no database yet: its file doesn’t exist.", _UPGRADE)
        return
    try:
        with engine.connect() as connection:
            found = [*_schema(connection), *_encryption(connection, engine.url), *_clock(connection)]
    except SQLAlchemyError as error:
        name = type(getattr(error, "orig", None) or error).__name__
        fix = "Check DATABASE_URL, that the database runs, and that this machine may connect to it."
        yield Finding("database-unreachable", f"The database doesn’t answer ({name}).", fix, {"error": name})
        return
    yield from found
    if _OTHER_SCHEMAS.isdisjoint(finding.code for finding in found):
        yield from _writing(engine)


def _schema(connection: Connection) -> Iterator[Finding]:
    problem = schema.problem_of(connection)
    facts = schema_facts(connection)
    if problem == schema.OUT_OF_DATE and facts["revision"] is None:
        yield Finding("schema-missing", "The database is empty.", _UPGRADE, facts)
    elif problem == schema.OUT_OF_DATE:
        message = "The database has the schema of an earlier version, so the portal doesn’t start."
        yield Finding("schema-behind", message, _UPGRADE, facts)
    elif problem == schema.UNKNOWN:
        message = "The database has a schema that isn’t one of Latchkey."
        yield Finding("schema-unknown", message, "Check DATABASE_URL: it may be that of another program.", facts)
    elif problem:
        message = "The database has the schema of a later version, which this version can’t work with."
        yield Finding("schema-too-new", message, "Start the later version, or restore a backup of this one.", facts)
    elif schema.is_later(connection):
        message = "The database has the schema of a later version, which this version can work with."
        yield Finding("schema-ahead", message, "Finish the upgrade: start the later version everywhere.", facts)


def schema_facts(connection: Connection) -> dict[str, str | None]:
    """Return the database's revision, None where it is empty, and the newest one that this version knows."""
    return {"revision": schema.revision_of(connection), "newest": schema.newest()}


def is_local(host: str | None) -> bool:
    """Is this a socket, or an address of this machine?"""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _encryption(connection: Connection, url: URL) -> Iterator[Finding]:
    """Is the connection to PostgreSQL encrypted, to a server that was verified?"""
    if url.get_backend_name() != "postgresql" or is_local(url.host or str(url.query.get("host", ""))):
        return
    encrypted = connection.execute(text("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).scalar()
    if url.query.get("sslmode") in _VERIFYING and encrypted:
        return
    message = "is encrypted, but nothing verifies that it’s the right server" if encrypted else "isn’t encrypted"
    fix = "End DATABASE_URL with ?sslmode=verify-full&sslrootcert=/PATH/TO/CA.pem."
    says = f"The connection to the database {message}."
    yield Finding("database-unverified", says, fix, {"encrypted": bool(encrypted)})


def _clock(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name == "sqlite":  # this machine's
        return
    theirs = connection.execute(text("select clock_timestamp()")).scalar()
    if isinstance(theirs, datetime) and (seconds := far_apart(theirs, datetime.now(UTC))):
        message = f"The clock of the database’s machine differs from this machine’s by {abs(seconds)} seconds."
        yield Finding("clock-database", message, "Set both clocks by the same time service.", {"seconds": seconds})


def _writing(engine: Engine) -> Iterator[Finding]:
    try:
        DatabaseStore(engine).check()
    except StoreFull:
        yield Finding("database-full", "The database has no room left.", "Make room where the database is stored.")
    except StoreDown:
        message = "The database can be read, but not written."
        fix = "Give the portal’s user the right to write: file and folder of SQLite, or tables of PostgreSQL."
        yield Finding("database-not-writable", message, fix)
    else:
        yield Finding(
            "database-works", "The database answers and accepts writes.", facts={"kind": engine.dialect.name}
        )
