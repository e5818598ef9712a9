"""Store URLs: which are understood, what the others are told, and what gets imported."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from alloy_lua.errors import ConfigError
from alloy_lua.stores import open_store
from alloy_lua.stores.memory import MemoryStore
from alloy_lua.stores.migrations import MIGRATIONS
from alloy_lua.stores.urls import redacted


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("url", [None, "memory://"])
def test_no_url_is_a_store_in_memory(url: str | None) -> None:
    assert isinstance(open_store(url), MemoryStore)


def test_a_relative_path_is_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_store("sqlite:///with%20space.db")) as store:
        store.migrate()
    assert (tmp_path / "with space.db").is_file()


def test_two_stores_in_one_process_do_not_see_each_other(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db", "sqlite:///:memory:", "sqlite:///:memory:"]
    stores = [open_store(url) for url in urls]
    for done, store in enumerate(stores):
        assert [len(each.pending_migrations()) for each in stores] == [0] * done + [len(MIGRATIONS)] * (4 - done)
        store.migrate()
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "alloy.db",
        "oracle://host/db",
        "memory://x",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///folder/",
        "sqlite://alloy.db",
        "sqlite:///alloy.db?mode=ro",
        "sqlite:///alloy.db?timeout=soon",
        "sqlite:///alloy.db?timeout=0",
        "postgresql://host",
        "postgresql://host:port/db",
        "postgresql://host/db?nonsense=1",
        "postgresql://host/db?schema=a;b",
        "mysql://host",
        "mysql://host:99999/db",
        "mysql://host/db?nonsense=1",
        "postgresql://[::1/db",
        5,
    ],
)
def test_a_bad_url_is_refused_with_what_was_wanted(url: str) -> None:
    with pytest.raises(ConfigError, match=r"wanted|invalid|not a number|missing"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cr%40t@host:port/db",
        "postgresql://ada:s3cr%40t@host/db?nonsense=s3cr@t",
        "postgresql://host/db?password=s3cr%40t&nonsense=1",
        "postgresql://ada:s3cr%40t@[::1/db",
        "postgresql://ada:s3cr@t/db?nonsense",
        "postgresql://ada:s3cr@t@host",
        "mysql://ada:s3cr%40t@host",
        "oracle://ada:s3cr%40t@host/db",
    ],
)
def test_no_message_holds_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    shown = f"{caught.value!r} {caught.value.details} {caught.value.__cause__!r}"
    assert "s3cr@" not in shown.replace("s3cr@t/db", "")
    assert "s3cr%40t" not in shown


def test_a_store_shows_its_url_without_the_password() -> None:
    with closing(open_store("postgresql://ada:s3cret@127.0.0.1:1/db")) as store:
        assert store.url == "postgresql://ada:***@127.0.0.1:1/db"
    assert redacted("see mysql://a:b@c/d?ssl_ca=x") == "see mysql://a:***@c/d?ssl_ca=x"


@pytest.mark.parametrize(("scheme", "module"), [("postgresql", "psycopg2"), ("mysql", "pymysql")])
def test_a_missing_driver_is_an_error_that_names_the_extra(scheme: str, module: str) -> None:
    code = f"""
import sys
sys.modules["{module}"] = None
from alloy_lua.errors import ConfigError
from alloy_lua.stores import open_store
try:
    open_store("{scheme}://host/db")
except ConfigError as exc:
    print(exc)
"""
    assert f"pip install alloy-lua[{scheme}]" in python(code)


def test_importing_the_package_imports_no_database_library() -> None:
    code = "import sys, alloy_lua.stores; alloy_lua.stores.open_store(); print(*sys.modules)"
    assert {"peewee", "playhouse", "psycopg2", "pymysql", "sqlite3"}.isdisjoint(python(code).split())


def test_sqlite_works_without_the_other_drivers(tmp_path: Path) -> None:
    code = f"""
import sys
for module in ("psycopg2", "psycopg", "pymysql", "MySQLdb"):
    sys.modules[module] = None
from alloy_lua.stores import open_store
store = open_store("sqlite:///{tmp_path}/alloy.db")
print(len(store.migrate()), store.change_counter())
store.close()
"""
    assert python(code) == f"{len(MIGRATIONS)} 0"
