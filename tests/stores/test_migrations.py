"""The schema: applied once, in order, by whichever process is first."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from alloy_lua.errors import StoreError
from alloy_lua.ports import RunQuery
from alloy_lua.stores import migrations, open_store
from alloy_lua.stores.dialects import open_dialect
from alloy_lua.stores.gateway import Gateway
from alloy_lua.stores.migrations import MIGRATIONS, Migration, Migrator
from alloy_lua.stores.tables import Tables
from alloy_lua.stores.urls import parse_url

NAMES = [migration.name for migration in MIGRATIONS]
DATABASES = ("sqlite", "postgresql", "mysql")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def test_the_steps_are_numbered_in_order_and_each_number_is_used_once() -> None:
    numbers = [migration.number for migration in MIGRATIONS]
    assert numbers == sorted(set(numbers))
    assert NAMES[:3] == ["0001_scripts", "0002_health", "0003_runs"]


def test_a_step_with_a_lower_number_that_arrives_later_is_applied(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(database_url)) as store:
        monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS[:1], *MIGRATIONS[2:]))
        assert MIGRATIONS[1].name not in store.migrate()
        monkeypatch.undo()
        assert store.pending_migrations() == [MIGRATIONS[1].name]
        assert store.migrate() == [MIGRATIONS[1].name]
        assert store.migrate() == []


def test_migrating_names_the_steps_it_applied_once(database_url: str) -> None:
    with closing(open_store(database_url)) as store:
        assert store.pending_migrations() == NAMES
        assert store.migrate() == NAMES
        assert store.pending_migrations() == []
        assert store.migrate() == []


def test_a_database_that_is_not_migrated_says_so(database_url: str) -> None:
    with closing(open_store(database_url)) as store:
        for call in (store.change_counter, lambda: store.count_runs(RunQuery("acme"))):
            with pytest.raises(StoreError, match="alloy-lua migrate"):
                call()


def test_processes_that_migrate_at_once_share_the_steps(database_url: str) -> None:
    code = (
        "import sys; from alloy_lua.stores import open_store; store = open_store(sys.argv[1]);"
        "print('ready', flush=True); sys.stdin.readline(); print(*store.migrate()); store.close()"
    )
    command = [sys.executable, "-W", "error", "-c", code, database_url]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [racer.communicate(timeout=60) for racer in racers]
    assert [stderr for _, stderr in results] == ["", "", ""]
    assert sorted(stdout.split() for stdout, _ in results) == [[], [], NAMES]
    with closing(open_store(database_url)) as store:
        assert store.change_counter() == 0


def test_a_step_that_fails_half_way_can_be_run_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Migration(3, "runs", (*MIGRATIONS[2].statements, "NOT SQL"))
    with closing(Gateway(open_dialect(parse_url(database_url)))) as gateway:
        migrator = Migrator(gateway, Tables(gateway.database))
        monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS[:2], broken))
        with pytest.raises(StoreError, match=r"NOT|syntax"):
            migrator.apply()
        monkeypatch.undo()
        assert "0003_runs" in [migration.name for migration in migrator.pending()]
        assert "0003_runs" in [migration.name for migration in migrator.apply()]
        assert migrator.pending() == []
