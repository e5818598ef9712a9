"""Files and servers that fail: what is survived, and what the error says."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from pathlib import Path

import pytest

from alloy_lua.errors import NotFound, StoreError
from alloy_lua.model import Revision, Run, Script
from alloy_lua.ports import RunQuery, Store
from alloy_lua.stores import open_store
from alloy_lua.stores.dialects import open_dialect
from alloy_lua.stores.gateway import Gateway
from alloy_lua.stores.urls import parse_url


@contextmanager
def opened(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as store:
        store.migrate()
        yield store


def failure(url: str) -> str:
    with closing(open_store(url)) as store, pytest.raises(StoreError) as caught:
        store.migrate()
    return str(caught.value)


# -- SQLite ------------------------------------------------------------------------------------------------------
def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database, it is a list of things to do " * 20)
    assert failure(f"sqlite:///{path}") == f"SQLite database {path}: file is not a database"


def test_a_damaged_file_is_named(tmp_path: Path, make_run: Callable[..., Run]) -> None:
    path = tmp_path / "alloy.db"
    with opened(f"sqlite:///{path}") as store:
        store.add_runs([make_run(n) for n in range(500)])
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with closing(open_store(f"sqlite:///{path}")) as store, pytest.raises(StoreError, match="malformed") as caught:
        store.count_runs(RunQuery("acme"))
    assert str(path) in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no" / "alloy.db"
    assert failure(f"sqlite:///{path}").endswith(f"there is no folder {path.parent}")


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    message = failure(f"sqlite:///{tmp_path}")
    assert str(tmp_path) in message
    assert "it is a folder, wanted a file" in message


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write everywhere, so become nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_folder_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        with unprivileged():
            message = failure(f"sqlite:///{folder}/alloy.db")
    assert message.endswith(f"the folder {folder} is read-only for this process")


def test_a_read_only_file_is_named(make_run: Callable[..., Run]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "alloy.db"
        with opened(f"sqlite:///{path}"):
            pass
        os.chmod(path, 0o444)
        os.chmod(folder, 0o755 if os.geteuid() == 0 else 0o555)
        with (
            unprivileged(),
            closing(open_store(f"sqlite:///{path}")) as store,
            pytest.raises(StoreError, match="read-only") as caught,
        ):
            store.add_runs([make_run()])
        os.chmod(folder, 0o755)
    assert str(path) in str(caught.value)


def test_a_locked_database_is_waited_for_and_then_named(tmp_path: Path, make_run: Callable[..., Run]) -> None:
    path = tmp_path / "alloy.db"
    with opened(f"sqlite:///{path}?timeout=0.2") as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"locked.* more than 0.2 s") as caught:
            store.add_runs([make_run()])
        other.rollback()
        store.add_runs([make_run()])
    assert str(path) in str(caught.value)


def test_sqlite_runs_in_wal_mode_with_its_safety_settings(sqlite_url: str) -> None:
    with opened(sqlite_url), closing(Gateway(open_dialect(parse_url(sqlite_url)))) as gateway:

        def settings() -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return [gateway.database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in names]

        assert gateway.read(settings) == ["wal", 1, 1, 5000]


@pytest.mark.parametrize("path", ["alloy.db", ":memory:"])
def test_threads_share_an_sqlite_store(tmp_path: Path, path: str, make_run: Callable[..., Run]) -> None:
    url = "sqlite:///:memory:" if path == ":memory:" else f"sqlite:///{tmp_path}/{path}"
    failures: list[Exception] = []
    with opened(url) as store:

        def work(start: int) -> None:
            try:
                for n in range(start, start + 10):
                    store.add_runs([make_run(n)])
                    store.get_run("acme", f"run-{n:04}")
            except Exception as exc:
                failures.append(exc)

        threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 60, 10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert store.count_runs(RunQuery("acme")) == 60


def test_an_unreadable_row_is_a_store_error_that_names_it(
    tmp_path: Path, make_script: Callable[..., Script], make_revision: Callable[..., Revision]
) -> None:
    path = tmp_path / "alloy.db"
    with opened(f"sqlite:///{path}") as store:
        store.add_script(make_script(), make_revision())
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE alloy_scripts SET triggers = '[{}]'")
        with pytest.raises(StoreError, match=r"alloy_scripts.*id-1"):
            list(store.iter_active())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_times_come_back_in_utc(
    kind: str,
    request: pytest.FixtureRequest,
    make_script: Callable[..., Script],
    make_revision: Callable[..., Revision],
) -> None:
    with opened(request.getfixturevalue(f"{kind}_url")) as store:
        store.add_script(make_script(), make_revision())
        assert store.get_script("acme", "id-1").updated_at.tzinfo is UTC
        assert store.get_revision("acme", "id-1", 1).created_at.tzinfo is UTC


# -- servers -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_cannot_be_reached_is_named_without_the_password(scheme: str) -> None:
    message = failure(f"{scheme}://ada:s3cret@127.0.0.1:1/db?connect_timeout=2")
    assert "database db on 127.0.0.1:1" in message
    assert "s3cret" not in message


def test_a_wrong_password_is_refused_without_showing_it(mysql_url: str) -> None:
    at = mysql_url.partition("@")[2]
    message = failure(f"mysql://nobody-such:s3cret@{at}")
    assert "Access denied" in message
    assert "s3cret" not in message


def end_other_connections(kind: str, url: str) -> None:
    """Ends every connection to the test's own place but the one that asks."""
    with closing(Gateway(open_dialect(parse_url(url)))) as admin:

        def end() -> None:
            execute = admin.database.execute_sql
            if kind == "postgresql":
                execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = %s AND pid <> pg_backend_pid()",
                    (parse_url(url).options["application_name"],),
                )
                return
            rows = execute("SELECT id FROM information_schema.processlist WHERE db = DATABASE()").fetchall()
            own = execute("SELECT CONNECTION_ID()").fetchone()[0]
            for (connection,) in rows:
                if connection != own:
                    execute(f"KILL {connection}")

        admin.read(end)


@pytest.fixture(params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The kind and URL of a place on a server, with a name of its own for its connections."""
    url = request.getfixturevalue(f"{request.param}_url")
    if request.param == "postgresql":
        url += f"&application_name=a{os.urandom(8).hex()}"
    return request.param, url


def test_connections_ended_by_the_server_between_two_calls_are_survived(
    server: tuple[str, str], make_script: Callable[..., Script], make_revision: Callable[..., Revision]
) -> None:
    with opened(server[1]) as store:
        store.add_script(make_script(1), make_revision(1))
        end_other_connections(*server)
        assert store.get_script("acme", "id-1") == make_script(1)
        end_other_connections(*server)
        store.add_script(make_script(2), make_revision(2))
        assert store.change_counter() == 2


def test_a_connection_lost_within_a_transaction_is_retried_once_and_written_once(server: tuple[str, str]) -> None:
    with opened(server[1]) as store, closing(Gateway(open_dialect(parse_url(server[1])))) as gateway:
        calls = []

        def work() -> None:
            gateway.database.execute_sql("UPDATE alloy_counter SET value = value + 1")
            calls.append("work")
            if len(calls) == 1:
                end_other_connections(*server)
            gateway.database.execute_sql("UPDATE alloy_counter SET value = value + 10")

        gateway.write(work)
        assert calls == ["work", "work"]
        assert store.change_counter() == 11


def test_a_connection_lost_twice_is_an_error_and_leaves_nothing(server: tuple[str, str]) -> None:
    with opened(server[1]) as store, closing(Gateway(open_dialect(parse_url(server[1])))) as gateway:
        calls = []

        def work() -> None:
            gateway.database.execute_sql("UPDATE alloy_counter SET value = value + 1")
            calls.append("work")
            end_other_connections(*server)
            gateway.database.execute_sql("UPDATE alloy_counter SET value = value + 10")

        with pytest.raises(StoreError):
            gateway.write(work)
        assert calls == ["work", "work"]
        assert store.change_counter() == 0


def test_a_connection_lost_during_the_commit_is_not_retried_and_says_what_is_unknown(
    postgresql_url: str, make_script: Callable[..., Script], make_revision: Callable[..., Revision]
) -> None:
    with opened(postgresql_url) as store, closing(Gateway(open_dialect(parse_url(postgresql_url)))) as gateway:
        ends_itself = (
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON alloy_scripts"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
        )
        for sql in ends_itself:
            gateway.write(lambda sql=sql: gateway.database.execute_sql(sql))  # type: ignore[misc]
        with pytest.raises(StoreError, match="may or may not have been kept"):
            store.add_script(make_script(), make_revision())
        with pytest.raises(NotFound):
            store.get_script("acme", "id-1")
