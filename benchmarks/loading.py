"""Ten thousand scripts: loading them from SQLite, and the memory each takes in the engine."""

from __future__ import annotations

import gc
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from alloy_lua import Alloy
from alloy_lua.engine.cache import ProgramCache

from .fire import fill
from .hooks import LUA
from .paired import Pair, claim, interleaved

SCRIPTS = 10_000


def load() -> Iterator[Pair]:
    """Taking up 10,000 active scripts (compiled when first fired), against peewee reading the same rows."""
    import peewee

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scripts.db"
        with Alloy(f"sqlite:///{path}") as alloy:
            fill(alloy, SCRIPTS)
            alloy.fire("order.before_create", {})
            database = peewee.SqliteDatabase(str(path))
            scripts, triggers = _models(database)

            def read() -> int:
                return len(list(scripts.select().tuples())) + len(list(triggers.select().tuples()))

            assert read() == 2 * SCRIPTS
            times = interleaved({"load": alloy.refresh, "peewee": read}, calls=1, rounds=9)
            database.close()
    yield claim(
        "load 10,000 scripts / peewee reading the rows",
        times["load"],
        times["peewee"],
        at_most=2.0,
        unit=1e3,
        unit_name="ms",
    )


def _models(database: object) -> tuple[type, type]:
    from playhouse.reflection import generate_models

    found = generate_models(database)
    return found["alloy_scripts"], found["alloy_triggers"]


def memory() -> Iterator[Pair]:
    """Python memory for each further registered script that never fires (the store's own rows not counted)."""
    with tempfile.TemporaryDirectory() as folder, Alloy(f"sqlite:///{folder}/scripts.db") as alloy:
        alloy.scripts.create("h1", LUA, on="order.before_create", status="active")
        alloy.fire("order.before_create", {"total": 1, "email": "a"})
        fill(alloy, 10)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        _fill_more(alloy)
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / SCRIPTS
        tracemalloc.stop()
    yield Pair(
        "memory for each registered script, KiB",
        each / 1024,
        each / 1024,
        each / 1024,
        "at most 4",
        each < 4096,
        f"{each:,.0f} bytes",
    )


def _fill_more(alloy: Alloy) -> None:
    refresh, alloy.scripts._changed = alloy.scripts._changed, lambda: None
    for number in range(SCRIPTS):
        alloy.scripts.create(f"more-{number}", LUA, on=f"more{number}.before_create", status="active")
    alloy.scripts._changed = refresh
    alloy._core.engine._programs = ProgramCache()
    alloy.refresh()


GROUPS = (load, memory)
