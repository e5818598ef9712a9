"""What differs between SQLite, PostgreSQL and MySQL: how to open them, lock a migration, and read their errors."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import peewee
from playhouse.pool import (
    MaxConnectionsExceeded,
    PooledMySQLDatabase,
    PooledPostgresqlDatabase,
    PooledSqliteDatabase,
)

from ..errors import ConfigError, StoreError
from .urls import StoreURL

MAX_CONNECTIONS = 20
POOL_WAIT_S = 10
CONNECT_TIMEOUT_S = 10
MIGRATION_WAIT_S = 60
SCHEMA_MISSING = "its tables are missing or old: run `alloy-lua migrate`"


class Dialect(ABC):
    """One open database and what is particular to its kind.

    Attributes:
        database: The peewee database, with a pool of connections.
        place: What messages call it; never holds a password.
        key_type: The SQL type of a column to search by.
        serial_type: The SQL type of a primary key that counts up and uses no number twice.
        text_type: The SQL type of a text of any length.
        begin: Arguments of peewee's ``atomic`` for a transaction that writes.
        insert_new: The SQL before and after ``INTO …`` of an insert that leaves existing rows as they are.
        now: The SQL of the server's time, in microseconds since 1970.
        find: The SQL function of (text, part) that gives the position of part, from 1.
        errors: The driver's own exceptions, and those of the pool and of conversion.
    """

    key_type: ClassVar[str] = "VARCHAR(200)"
    text_type: ClassVar[str] = "TEXT"
    serial_type: ClassVar[str] = "INTEGER PRIMARY KEY AUTOINCREMENT"
    begin: ClassVar[tuple[str, ...]] = ()
    insert_new: ClassVar[tuple[str, str]] = ("INSERT", " ON CONFLICT DO NOTHING")
    find: ClassVar[str] = "INSTR"
    now: ClassVar[str] = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"

    def __init__(self, url: StoreURL, database: Any, place: str, driver_error: type[Exception]) -> None:
        self._url = url
        self.database = database
        self.place = place
        self.errors: tuple[type[Exception], ...] = (
            peewee.PeeweeException,
            driver_error,
            MaxConnectionsExceeded,
            OverflowError,
            UnicodeError,
        )

    def words(self) -> dict[str, str]:
        """Returns what the migrations' SQL says differently here, by placeholder."""
        return {
            "key": self.key_type,
            "text": self.text_type,
            "big": "BIGINT",
            "serial": self.serial_type,
            "options": self.table_options(),
        }

    def qualified(self, table: str) -> str:
        """Returns the name that any connection to this database finds ``table`` by."""
        return table

    def table_options(self) -> str:
        """Returns what follows the columns of a new table."""
        return ""

    def failure(self, exc: Exception) -> StoreError:
        """Returns ``exc`` as the error that users see."""
        return StoreError(f"{self.place}: {self._url.hide(self.reason(exc))}")

    def reason(self, exc: Exception) -> str:
        """Returns why the database failed, in one line."""
        if isinstance(exc, MaxConnectionsExceeded):
            return f"all {MAX_CONNECTIONS} connections were in use for {POOL_WAIT_S} s"
        text = " ".join(str(exc).split()) or type(exc).__name__
        return f"{text}; {SCHEMA_MISSING}" if self.schema_missing(exc) else text

    @abstractmethod
    def schema_missing(self, exc: Exception) -> bool:
        """Returns True if ``exc`` says that a table or column is not there."""

    def lost(self, exc: Exception) -> bool:
        """Returns True if ``exc`` says that the connection is gone."""
        return False

    def transient(self, exc: Exception) -> bool:
        """Returns True if the same work may succeed now on a new connection, and nothing of it was kept."""
        return self.lost(exc)

    def tolerable(self, exc: Exception) -> bool:
        """Returns True if a migration may go on: what it would make is there since its last, broken run."""
        return False

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        """Holds the one lock for migrations, in a transaction where schema changes can be in one."""
        with self.database.atomic(*self.begin):
            yield


class SQLiteDialect(Dialect):
    """A file, or one connection in memory that all threads share in turn."""

    begin: ClassVar[tuple[str, ...]] = ("IMMEDIATE",)

    def __init__(self, url: StoreURL, path: str, busy_s: float) -> None:
        in_memory = path == ":memory:"
        pragmas = (("busy_timeout", int(busy_s * 1000)), ("synchronous", "normal"), ("foreign_keys", 1))
        database = PooledSqliteDatabase(
            path,
            pragmas=pragmas,
            max_connections=1 if in_memory else MAX_CONNECTIONS,
            timeout=0 if in_memory else POOL_WAIT_S,
            check_same_thread=False,
        )
        super().__init__(url, database, f"SQLite database {path}", sqlite3.Error)
        self._path = None if in_memory else Path(path)
        self._busy_s = busy_s

    def reason(self, exc: Exception) -> str:
        text = super().reason(exc)
        if "locked" in text:
            return f"{text}: another connection held it for more than {self._busy_s:g} s"
        if self._path is not None and ("unable to open" in text or "readonly" in text):
            return f"{text}: {_file_trouble(self._path)}"
        return text

    def schema_missing(self, exc: Exception) -> bool:
        return str(exc).startswith(("no such table", "no such column"))

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        if self._path is not None:
            self._turn_on_wal()
        with super().migration_lock():
            yield

    def _turn_on_wal(self) -> None:
        """The file stays in this mode; unlike other statements, the switch does not wait for a busy database."""
        deadline = time.monotonic() + self._busy_s
        while True:
            try:
                self.database.execute_sql("PRAGMA journal_mode = wal").fetchone()
                return
            except peewee.OperationalError as exc:
                if "locked" not in str(exc) or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)


def _file_trouble(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if path.is_dir():
        return "it is a folder, wanted a file"
    if not os.access(folder, os.W_OK, effective_ids=True):
        return f"the folder {folder} is read-only for this process"
    if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return "the file is read-only for this process"
    return "the file cannot be opened for reading and writing"


class PostgreSQLDialect(Dialect):
    """A PostgreSQL database, in one schema of it."""

    key_type: ClassVar[str] = 'VARCHAR(200) COLLATE "C"'
    find: ClassVar[str] = "STRPOS"
    now: ClassVar[str] = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
    serial_type: ClassVar[str] = "BIGSERIAL PRIMARY KEY"
    lock_key: ClassVar[int] = 0x616C6C6F79

    def __init__(self, url: StoreURL, params: dict[str, Any], schema: str | None) -> None:
        import psycopg2

        name = params.pop("dbname")
        place = f"PostgreSQL database {name} on {params.get('host', 'local socket')}:{params.get('port', 5432)}"
        if schema is not None:
            params["options"] = f'{params.get("options", "")} -c search_path="{schema}"'.strip()
        database = PooledPostgresqlDatabase(name, max_connections=MAX_CONNECTIONS, timeout=POOL_WAIT_S, **params)
        super().__init__(url, database, place, psycopg2.Error)
        self._lost_types = (psycopg2.OperationalError, psycopg2.InterfaceError)
        self._schema = schema

    def qualified(self, table: str) -> str:
        return table if self._schema is None else f'"{self._schema}".{table}'

    def schema_missing(self, exc: Exception) -> bool:
        return self._code(exc) in ("42P01", "42703")

    def _code(self, exc: Exception) -> str | None:
        code = getattr(_driver_error(exc), "pgcode", None)
        return code if isinstance(code, str) else None

    def lost(self, exc: Exception) -> bool:
        code = self._code(exc)
        return isinstance(_driver_error(exc), self._lost_types) and (code is None or code.startswith(("08", "57P0")))

    def transient(self, exc: Exception) -> bool:
        return self.lost(exc) or self._code(exc) in ("40001", "40P01")

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        with super().migration_lock():
            self.database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (self.lock_key,))
            if self._schema is not None:
                self.database.execute_sql(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            yield


class MySQLDialect(Dialect):
    """A MySQL or MariaDB database. Its schema changes cannot be rolled back."""

    text_type: ClassVar[str] = "LONGTEXT"
    serial_type: ClassVar[str] = "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY"
    insert_new: ClassVar[tuple[str, str]] = ("INSERT IGNORE", "")
    now: ClassVar[str] = "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"
    collations: ClassVar[tuple[str, ...]] = ("utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb4_bin")
    lost_codes: ClassVar[frozenset[int]] = frozenset({0, 1053, 1927, 2006, 2013, 2055, 4031})

    def __init__(self, url: StoreURL, name: str, params: dict[str, Any]) -> None:
        import pymysql

        database = PooledMySQLDatabase(
            name,
            max_connections=MAX_CONNECTIONS,
            timeout=POOL_WAIT_S,
            charset="utf8mb4",
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            sql_mode="STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
            **params,
        )
        place = f"MySQL database {name} on {params['host']}:{params['port']}"
        super().__init__(url, database, place, pymysql.MySQLError)
        self._lost_types = (pymysql.OperationalError, pymysql.InterfaceError)

    def table_options(self) -> str:
        """Names the best of `collations` that the server has: the last takes 'a' and 'a ' for the same name."""
        rows = self.database.execute_sql("SHOW COLLATION WHERE Charset = 'utf8mb4'").fetchall()
        known = {row[0] for row in rows}
        collation = next((name for name in self.collations if name in known), self.collations[-1])
        return f"ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"

    def schema_missing(self, exc: Exception) -> bool:
        return self._code(exc) in (1146, 1054)

    def _code(self, exc: Exception) -> int | None:
        arguments = _driver_error(exc).args
        return arguments[0] if arguments and isinstance(arguments[0], int) else None

    def lost(self, exc: Exception) -> bool:
        return isinstance(_driver_error(exc), self._lost_types) and self._code(exc) in self.lost_codes

    def transient(self, exc: Exception) -> bool:
        return self.lost(exc) or self._code(exc) == 1213

    def tolerable(self, exc: Exception) -> bool:
        return self._code(exc) == 1061

    @contextmanager
    def migration_lock(self) -> Iterator[None]:
        name = f"alloy_migrations.{self.database.database}"[:64]
        got = self.database.execute_sql("SELECT GET_LOCK(%s, %s)", (name, MIGRATION_WAIT_S)).fetchone()
        if not got or got[0] != 1:
            raise StoreError(f"{self.place}: another process has been migrating for {MIGRATION_WAIT_S} s")
        try:
            yield
        finally:
            self.database.execute_sql("SELECT RELEASE_LOCK(%s)", (name,)).fetchone()


def _driver_error(exc: Exception) -> BaseException:
    return getattr(exc, "orig", None) or exc


# -- opening -------------------------------------------------------------------------------------------------
def open_dialect(url: StoreURL) -> Dialect:
    """Returns the database that ``url`` names; nothing is connected yet.

    Raises:
        ConfigError: The URL lacks something or has too much, or the driver is not installed.
    """
    return _OPENERS[url.scheme](url)


def _open_sqlite(url: StoreURL) -> Dialect:
    path = unquote(url.parts.path[1:])
    if url.parts.netloc or not path or path.endswith("/"):
        raise ConfigError(
            f"store URL {url.shown!r}: wanted sqlite:///relative.db, sqlite:////absolute/path.db or sqlite:///:memory:"
        )
    url.only(("timeout",))
    return SQLiteDialect(url, path, url.seconds("timeout", 5))


def _open_postgresql(url: StoreURL) -> Dialect:
    _need_driver(url, "psycopg2", "postgresql")
    import psycopg2
    from psycopg2.extensions import parse_dsn

    schema = url.options.get("schema")
    if schema is not None and not schema.isidentifier():
        raise ConfigError(f"store URL {url.shown!r}: schema: got {schema!r}, wanted letters, digits and '_'")
    kept = "&".join(part for part in url.parts.query.split("&") if not part.startswith("schema="))
    try:
        params: dict[str, Any] = parse_dsn(url.parts._replace(query=kept).geturl())
    except psycopg2.Error as exc:
        raise ConfigError(f"store URL {url.shown!r}: {url.hide(str(exc).strip())}") from None
    if "dbname" not in params:
        raise ConfigError(f"store URL {url.shown!r}: names no database, wanted postgresql://…/database")
    if not all(port.isdecimal() for port in str(params.get("port", 5432)).split(",")):
        raise ConfigError(f"store URL {url.shown!r}: the port is not a number")
    params.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    params.setdefault("application_name", "alloy-lua")
    return PostgreSQLDialect(url, params, schema)


_MYSQL_TIMEOUTS = ("connect_timeout", "read_timeout", "write_timeout")
_MYSQL_TEXTS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key")


def _open_mysql(url: StoreURL) -> Dialect:
    _need_driver(url, "pymysql", "mysql")
    name = unquote(url.parts.path[1:])
    if not name:
        raise ConfigError(f"store URL {url.shown!r}: names no database, wanted mysql://…/database")
    options = url.only((*_MYSQL_TIMEOUTS, *_MYSQL_TEXTS))
    params: dict[str, Any] = {text: options[text] for text in _MYSQL_TEXTS if text in options}
    params |= {part: url.seconds(part, CONNECT_TIMEOUT_S) for part in _MYSQL_TIMEOUTS if part in options}
    params.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    params |= {"host": url.parts.hostname or "localhost", "port": url.port or 3306}
    for part in ("username", "password"):
        value = getattr(url.parts, part)
        if value is not None:
            params["user" if part == "username" else part] = unquote(value)
    return MySQLDialect(url, name, params)


def _need_driver(url: StoreURL, module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ConfigError(f"store URL {url.shown!r} needs {module}: pip install alloy-lua[{extra}]")


_OPENERS: dict[str, Callable[[StoreURL], Dialect]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgresql,
    "mysql": _open_mysql,
}
