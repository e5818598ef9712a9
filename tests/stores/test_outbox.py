"""Hooks on commit: they run if and only if the platform's transaction commits, in the order of the commits."""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import peewee
import pytest

from alloy_lua import Alloy, EventTrigger, InvalidValue, ValidationError
from alloy_lua.errors import ConfigError
from alloy_lua.job_model import OPEN, JobState
from alloy_lua.stores.dialects import open_dialect
from alloy_lua.stores.urls import parse_url

EVENT = "order.on_commit"


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def alloy(url: str) -> Iterator[Alloy]:
    with Alloy(url) as made:
        yield made


@pytest.fixture
def database(url: str, alloy: Alloy) -> Iterator[peewee.Database]:
    """The platform's own connection to the same database."""
    if url.startswith("postgresql"):
        made: Any = peewee.PostgresqlDatabase(re.sub(r"[?&]schema=\w+", "", url))  # a word of ours, not libpq's
    elif url.startswith("mysql"):
        parts = urlsplit(url)
        made = peewee.MySQLDatabase(parts.path[1:], host=parts.hostname, port=parts.port or 3306, user=parts.username)
    else:
        made = peewee.SqliteDatabase(url.removeprefix("sqlite:///"), pragmas={"busy_timeout": 5000})
    with made.connection_context():
        yield made


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.01)


def collect(alloy: Alloy, **settings: Any) -> list[Any]:
    """Has the hook take down what it saw."""
    seen: list[Any] = []

    @alloy.function("test.note")
    def note(value: Any) -> None:
        seen.append(value)

    source = settings.pop("source", "test.note(entity.id)")
    alloy.scripts.create("hook", source, **{"on": EVENT, "status": "active", **settings})
    return seen


def settled(alloy: Alloy) -> None:
    until(lambda: not alloy.store.outbox.first(1) and not any(alloy.jobs.counts().get(state) for state in OPEN))


def test_it_runs_if_and_only_if_the_transaction_commits(alloy: Alloy, database: peewee.Database) -> None:
    seen = collect(alloy)
    alloy.jobs.start()

    def fire(n: int) -> None:
        alloy.fire_on_commit(database.execute_sql, EVENT, {"id": n})

    def rolled_back(n: int) -> None:
        with database.atomic():
            fire(n)
            raise ZeroDivisionError

    with database.atomic():
        fire(1)
        with pytest.raises(ZeroDivisionError):
            rolled_back(2)
        with database.atomic():
            fire(3)
        time.sleep(0.2)
        assert seen == []
    with pytest.raises(ZeroDivisionError):
        rolled_back(4)
    until(lambda: len(seen) == 2)
    settled(alloy)
    assert sorted(seen) == [1, 3]
    assert alloy.jobs.counts() == {JobState.SUCCEEDED: 2}


def test_one_record_keeps_its_order_also_over_tries(alloy: Alloy, database: peewee.Database) -> None:
    triggers = [EventTrigger(EVENT, attempts=3, backoff_s=0.05)]
    source = "if entity.n == 2 and ctx.attempt < 3 then error('not yet') end test.note(entity.id .. entity.n)"
    seen = collect(alloy, source=source, triggers=triggers, on=None)
    for n in range(6):
        for record in "ab":
            with database.atomic():
                alloy.fire_on_commit(database.execute_sql, EVENT, {"id": record, "n": n})
    alloy.jobs.start()
    until(lambda: len(seen) == 12)
    for record in "ab":
        assert [each for each in seen if each[0] == record] == [f"{record}{n}" for n in range(6)]


def test_a_hook_sees_the_record_as_a_fire_would(alloy: Alloy, database: peewee.Database) -> None:
    source = """
        test.note({entity.total, entity.day, entity.name, before.total, params.why, ctx.user, ctx.event, ctx.phase,
                   changed("total")})"""
    seen = collect(alloy, source=source)
    record = {"id": 1, "total": Decimal("12.50"), "day": date(2026, 3, 1), "name": "ünï'; DROP TABLE x; -- 🌙"}
    with database.atomic(), alloy.context(user="ada"):
        alloy.fire_on_commit(database.execute_sql, EVENT, record, before={"total": 7}, params={"why": "%s ? :x"})
    alloy.jobs.start()
    until(lambda: len(seen) == 1)
    assert seen == [[12.5, "2026-03-01", record["name"], 7, "%s ? :x", "ada", EVENT, "on_commit", True]]
    alloy.flush()
    (run,) = alloy.runs()
    assert (run.event, run.entity_id, run.trigger) == (EVENT, "1", "event")


def test_rows_left_by_a_process_that_died_are_taken_by_the_next(
    url: str, alloy: Alloy, database: peewee.Database
) -> None:
    seen = collect(alloy)
    with database.atomic():
        alloy.fire_on_commit(database.execute_sql, EVENT, {"id": 1})
    rows = alloy.store.outbox.first(10)
    assert alloy._outbox.drain() == 1
    with database.atomic():  # a relay that died before it removed the row
        database.execute_sql(alloy.store.outbox.statement(rows[0].id, rows[0].body))
    assert alloy._outbox.drain() == 1
    assert len(alloy.jobs.list()) == 1 and seen == []


# -- on SQLite only: no matter of the database ---------------------------------------------------------------------
@pytest.fixture
def platform(sqlite_url: str) -> Iterator[tuple[Alloy, sqlite3.Connection]]:
    """An Alloy, and a connection of another library to the same database."""
    with Alloy(sqlite_url) as alloy, closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        yield alloy, connection


def test_watched_fields_wildcards_and_chains_count(platform: tuple[Alloy, sqlite3.Connection]) -> None:
    alloy, connection = platform
    seen = collect(alloy, source='test.note("watch")', on=None, triggers=[EventTrigger(EVENT, ("total",))])
    alloy.scripts.create("every", 'test.note("every")', on="*.on_commit", status="active")
    with connection:
        alloy.fire_on_commit(connection.execute, EVENT, {"id": 1, "total": 5}, before={"total": 5})
        alloy.fire_on_commit(connection.execute, EVENT, {"id": 2, "total": 5}, before={"total": 4})
        alloy.fire_on_commit(connection.execute, "customer.on_commit", {"id": 3})
    alloy.jobs.start()
    until(lambda: len(seen) == 4)
    settled(alloy)
    assert sorted(seen) == ["every", "every", "every", "watch"]


def test_a_script_activated_elsewhere_just_before_runs(platform: tuple[Alloy, sqlite3.Connection]) -> None:
    alloy, connection = platform
    seen = collect(alloy, status="draft")
    alloy.fire("order.before_create", {})  # the hooks are loaded now
    with Alloy(alloy.store.url) as other:
        other.scripts.activate("hook")
    with connection:
        alloy.fire_on_commit(connection.execute, EVENT, {"id": 1})
    alloy._outbox.drain()
    assert len(alloy.jobs.list()) == 1 and seen == []


def test_a_hook_that_keeps_failing_is_a_dead_letter(platform: tuple[Alloy, sqlite3.Connection]) -> None:
    alloy, connection = platform
    triggers = [EventTrigger(EVENT, attempts=2, backoff_s=0.01)]
    alloy.scripts.create("hook", "error('boom')", triggers=triggers, status="active")
    with connection:
        alloy.fire_on_commit(connection.execute, EVENT, {"id": 1})
    alloy.jobs.start()
    until(lambda: bool(alloy.jobs.dead()))
    (dead,) = alloy.jobs.dead()
    assert (dead.failed, dead.reason, dead.event) == (2, "runtime_error: boom", EVENT)


def test_what_is_wrong_is_refused_before_anything_is_written(platform: tuple[Alloy, sqlite3.Connection]) -> None:
    alloy, connection = platform
    with pytest.raises(ValidationError, match="on commit"):
        alloy.fire_on_commit(connection.execute, "order.after_create", {})
    with pytest.raises(InvalidValue, match=r"order\.on_commit"):
        alloy.fire_on_commit(connection.execute, EVENT, {"x": object()})
    with alloy.context(dry_run=True):
        assert alloy.fire_on_commit(connection.execute, EVENT, {}) == ""
    assert alloy.store.outbox.first(1) == []
    with Alloy() as memory, pytest.raises(ConfigError, match="memory"):
        memory.fire_on_commit(connection.execute, EVENT, {})


def test_the_schema_of_the_store_is_named(postgresql_url: str) -> None:
    dialect = open_dialect(parse_url(postgresql_url))
    assert dialect.qualified("alloy_outbox") == f'"{postgresql_url.rpartition("=")[2]}".alloy_outbox'


# -- kill -9 ---------------------------------------------------------------------------------------------------------
PLATFORM = """
import sqlite3, sys, time
from alloy_lua import Alloy

path, first = sys.argv[1], int(sys.argv[2])

def connect():
    made = sqlite3.connect(path, timeout=30, isolation_level=None)
    made.execute("PRAGMA synchronous = normal")
    return made

alloy = Alloy(f"sqlite:///{path}?timeout=30")

@alloy.function("test.effect")
def effect(order: int) -> None:
    connect().execute("INSERT INTO effects (id) VALUES (?)", (order,))

alloy.jobs.start(4, silent_s=1)
platform = connect()
print("ready", flush=True)
for n in range(first, first + 100_000 if first >= 0 else first):
    platform.execute("BEGIN IMMEDIATE")
    platform.execute("INSERT INTO orders (id) VALUES (?)", (n,))
    alloy.fire_on_commit(platform.execute, "order.on_commit", {"id": n})
    platform.execute("ROLLBACK" if n % 7 == 0 else "COMMIT")
    time.sleep(0.005)
time.sleep(600)
"""


def test_what_committed_ran_and_nothing_else_while_processes_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "platform.db"
    dice = random.Random(11)
    with Alloy(f"sqlite:///{path}") as alloy, closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE effects (id INTEGER)")
        alloy.scripts.create("hook", "test.effect(entity.id)", on=EVENT, status="active", limits="relaxed")

        def start(first: int) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", PLATFORM, str(path), str(first)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            return process

        processes: list[subprocess.Popen[str]] = []
        try:
            for number in range(8):
                processes.append(start(1 + number * 1_000_000))
                time.sleep(dice.uniform(0.05, 0.6))
                processes[-1].kill()
            processes.append(start(-1))
            settled(alloy)
        finally:
            for process in processes:
                process.kill()
                process.wait()
                assert process.stdout is not None
                process.stdout.close()
        committed = {n for (n,) in connection.execute("SELECT id FROM orders")}
        ran = [n for (n,) in connection.execute("SELECT id FROM effects")]
        states = alloy.jobs.counts()
    assert len(committed) > 50
    assert set(ran) == committed
    assert states == {JobState.SUCCEEDED: len(committed)}
