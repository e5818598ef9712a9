"""What every store promises of tapes, tried on each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alloy_lua.errors import NotFound
from alloy_lua.model import Tape
from alloy_lua.ports import Store, TapeQuery

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def tape(n: int = 1, tenant: str = "acme", script_id: str = "s", body: str = "body") -> Tape:
    return Tape(tenant, f"run-{n}", script_id, NOON + n * HOUR, NOON + (n + 10) * HOUR, body)


def test_a_tape_comes_back_as_written_and_the_first_one_of_a_run_stays(store: Store) -> None:
    first = tape(body="ünïcode 🌙" + "x" * 1_000_000)
    store.tapes.add([first, tape(2)])
    store.tapes.add([tape(1, body="another")])
    assert store.tapes.get("acme", "run-1") == first
    with pytest.raises(NotFound, match="run-1"):
        store.tapes.get("globex", "run-1")
    assert not store.tapes.delete("globex", "run-1")
    assert store.tapes.delete("acme", "run-1") and not store.tapes.delete("acme", "run-1")


def test_tapes_are_listed_newest_first_page_by_page(store: Store) -> None:
    store.tapes.add([tape(n) for n in range(1, 6)])
    store.tapes.add([tape(7, script_id="other"), tape(8, tenant="globex")])

    def ids(**query: object) -> list[int]:
        return [int(t.run_id[4:]) for t in store.tapes.matching(TapeQuery("acme", **query))]  # type: ignore[arg-type]

    assert ids() == [7, 5, 4, 3, 2, 1]
    assert ids(script_id="s", limit=2) == [5, 4] and ids(script_id="s", before="run-4", limit=2) == [3, 2]
    assert ids(since=NOON + 2 * HOUR, until=NOON + 4 * HOUR) == [3, 2]
    assert ids(before="run-99") == []


def test_what_has_expired_or_is_too_much_is_removed(store: Store) -> None:
    store.tapes.add([tape(n) for n in range(1, 7)])
    store.tapes.add([tape(9, script_id="other"), tape(9, tenant="globex")])
    assert store.tapes.prune(NOON + 12 * HOUR) == 2
    assert store.tapes.trim("acme", "s", 3) == 1 and store.tapes.trim("acme", "s", 3) == 0
    assert [t.run_id for t in store.tapes.matching(TapeQuery("acme"))] == ["run-9", "run-6", "run-5", "run-4"]
    assert [t.run_id for t in store.tapes.matching(TapeQuery("globex"))] == ["run-9"]
