"""The module ``db``: the same over all bridges that have a database. The field ``note`` holds the tenant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Outcome, ValidationError
from alloy_lua.bridges.data import DataLimits

from .platforms import IN_SQLITE_ONLY, PLATFORMS
from .platforms.base import Platform

KINDS = [f"{name}-{d}" for name in PLATFORMS if name not in IN_SQLITE_ONLY for d in ("sqlite", "postgresql")]
GRANTS = ("db.read", "db.write", "test")
Bind = Callable[..., None]


@pytest.fixture(params=KINDS)
def platform(request: pytest.FixtureRequest, alloy: Alloy, tmp_path: Path) -> Iterator[Platform]:
    name, _, database = request.param.partition("-")
    url = request.getfixturevalue("postgresql_schema") if database == "postgresql" else ""
    made = PLATFORMS[name]()(alloy, os.fspath(tmp_path), url)
    made.serve()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def bind(alloy: Alloy) -> Bind:
    def add(event: str, source: str) -> None:
        alloy.scripts.create(
            f"on-{event}".replace(".", "-"), source, on=event, status="active", capabilities=GRANTS, limits="relaxed"
        )

    return add


def evaluate(alloy: Alloy, source: str, tenant: str = "acme", **options: Any) -> Outcome:
    return alloy.evaluate(source, capabilities=GRANTS, tenant=tenant, limits="relaxed", **options)


def value(alloy: Alloy, source: str, tenant: str = "acme") -> Any:
    return evaluate(alloy, source, tenant).raise_for_status().value


def test_reads_are_held_to_the_tenant(platform: Platform, alloy: Alloy) -> None:
    ours = platform.create(name="a", total=1, note="acme")
    theirs = platform.create(name="b", total=2, note="other")
    assert value(alloy, f'return db.get("order", {ours}).name') == "a"
    assert value(alloy, f'return db.get("order", {theirs})') is None
    assert value(alloy, f'return db.get("order", {theirs}).name', "other") == "b"
    assert value(alloy, 'return db.count("order")') == 1
    assert value(alloy, 'return db.count("order", {note = "other"})') == 0
    assert [row["name"] for row in value(alloy, 'return db.find("order")')] == ["a"]


def test_find_knows_conditions_order_and_limit(platform: Platform, alloy: Alloy) -> None:
    for n in range(6):
        platform.create(name=f"n{n}", total=n, status="open" if n % 2 else "new", note="acme")

    def names(arguments: str) -> list[str]:
        return [row["name"] for row in value(alloy, f'return db.find("order", {arguments})')] or []

    assert names('{status = "open"}, {order = "-total", limit = 2}') == ["n5", "n3"]
    assert names('{total = {ge = 2, lt = 4}}, {order = "total"}') == ["n2", "n3"]
    assert names('{name = {"n1", "n4"}}, {order = {"status", "name"}}') == ["n4", "n1"]
    assert names('{total = {ne = 5}, status = "open"}, {order = "name"}') == ["n1", "n3"]
    assert names('{status = "closed"}') == []
    assert value(alloy, 'return db.count("order", {total = {gt = 3}})') == 2


def test_writes_are_held_to_the_tenant_and_go_through_hooks(platform: Platform, alloy: Alloy) -> None:
    alloy.scripts.create(
        "up", "entity.email = entity.name:lower()", on="order.before_create", status="active", tenant="acme"
    )
    alloy.scripts.create(
        "no", 'if changed("total") then abort("fixed") end', on="order.before_update", status="active", tenant="acme"
    )
    theirs = platform.create(name="b", note="other")
    made = value(alloy, 'return db.create("order", {name = "A", total = 5})')
    assert (made["email"], made["total"], made["note"]) == ("a", 5, "acme")
    assert value(alloy, f'return db.update("order", {made["id"]}, {{status = "open"}}).status') == "open"
    assert platform.rows()[1]["status"] == "open"

    outcome = evaluate(alloy, f'db.update("order", {made["id"]}, {{total = 6}})')
    assert outcome.error is not None and (outcome.error.code, outcome.error.message) == ("rejected", "fixed")
    outcome = evaluate(alloy, f'db.update("order", {theirs}, {{status = "open"}})')
    assert outcome.error is not None and outcome.error.code == "not_found"
    outcome = evaluate(alloy, 'db.create("order", {note = "other"})')
    assert outcome.error is not None and outcome.error.message == "order.note may not be written"
    assert [row["total"] for row in platform.rows()] == [0, 5]


def test_a_write_joins_the_transaction_of_the_hook(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    bind("order.after_create", 'if entity.name == "a" then db.create("order", {name = "child"}) end')
    with pytest.raises(ZeroDivisionError), platform.transaction():
        platform.create(name="a")
        assert [row["name"] for row in platform.rows()] == ["a", "child"]
        raise ZeroDivisionError
    assert platform.rows() == []
    platform.create(name="a")
    assert [row["name"] for row in platform.rows()] == ["a", "child"]


def test_a_hook_reads_what_its_transaction_wrote(platform: Platform, bind: Bind) -> None:
    bind("order.before_create", 'entity.total = db.count("order")')
    with platform.transaction():
        platform.create(name="a", note="default")
        platform.create(name="b", note="default")
    assert [row["total"] for row in platform.rows()] == [0, 1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('db.get("ordr", 1)', "db: got entity 'ordr', wanted one of order"),
        ('db.find("order", {totl = 1})', "order has no field 'totl'; did you mean 'total'?"),
        (
            'db.find("order", {total = {like = 1}})',
            "db: total: got operator 'like', wanted one of eq, ne, lt, le, gt, ge, in",
        ),
        ('db.find("order", {total = "x"})', "field total: got the string 'x', wanted a number"),
        ('db.find("order", {}, {limit = 0})', "db.find: limit: got 0, wanted a whole number from 1 to 5000"),
        ('db.find("order", {}, {order = "-nam"})', "order has no field 'nam'; did you mean 'name'?"),
        ('db.find("order", {}, {top = 1})', "db.find: got option 'top', wanted limit or order"),
        ('db.create("order", {totl = 1})', "order has no field 'totl'; did you mean 'total'?"),
        (
            'db.create("order", {status = "x"})',
            "field status: got the string 'x', wanted one of new, checked, open, closed",
        ),
    ],
)
def test_wrong_questions_are_refused(sqlite: Platform, alloy: Alloy, source: str, message: str) -> None:
    outcome = evaluate(alloy, source)
    assert outcome.error is not None and outcome.error.message == message


@pytest.fixture
def sqlite(alloy: Alloy, tmp_path: Path) -> Iterator[Platform]:
    made = PLATFORMS["peewee"]()(alloy, os.fspath(tmp_path), "")
    made.serve()
    yield made
    made.close()


def test_db_needs_its_capability_and_phase(sqlite: Platform, alloy: Alloy, bind: Bind) -> None:
    error = alloy.evaluate('db.get("order", 1)').error
    assert error is not None and error.code == "capability_denied"
    bind("cart.before_create", 'db.create("order", {})')
    error = alloy.fire("cart.before_create", {}).error
    assert error is not None and error.code == "capability_denied"
    assert sqlite.rows() == []


def test_one_run_has_a_budget(sqlite: Platform, alloy: Alloy) -> None:
    sqlite.create_many([{"name": "x" * 30, "note": "acme"} for _ in range(20)])
    for limits, source, message in (
        (
            DataLimits(queries=3),
            'for i = 1, 4 do db.count("order") end',
            "db: this run asked for 4 queries, wanted at most 3",
        ),
        (
            DataLimits(rows=30),
            'db.find("order", {}, {limit = 20}) db.find("order", {}, {limit = 20})',
            "db: this run asked for 40 rows, wanted at most 30",
        ),
        (DataLimits(bytes=500), 'db.find("order")', "wanted at most 500"),
    ):
        alloy.data.limits = limits
        error = evaluate(alloy, source).error
        assert error is not None and message in error.message


def test_a_dry_run_reports_writes(sqlite: Platform, alloy: Alloy) -> None:
    outcome = evaluate(alloy, 'db.create("order", {name = "a"})', dry_run=True)
    assert outcome.effects == ({"function": "db.create", "arguments": ["order", {"name": "a"}]},)
    assert sqlite.rows() == []


def test_only_registered_models_are_served(sqlite: Any) -> None:
    with pytest.raises(ValidationError, match="wanted a registered model"):
        sqlite.hooks.serve(int, tenant_field=None)
    with pytest.raises(ValidationError, match="tenant_field: got 'owner', wanted one of discount"):
        sqlite.hooks.serve(sqlite.model, tenant_field="owner")


# -- reads together ------------------------------------------------------------------------------------------------
TWO_READS = """\
local first = db.get("order", entity.order_id)
local second = db.get("order", first.total)
entity.name = first.name .. " " .. second.name
"""


def test_500_records_with_two_dependent_reads_take_two_queries(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    platform.create_many([{"name": f"n{n}", "total": 51 + n % 7, "note": "default"} for n in range(1, 61)])
    bind("invoice.before_create", TWO_READS)
    records = [{"order_id": n % 50 + 1} for n in range(500)]
    with platform.count_queries() as sent:
        outcomes = alloy.fire_many("invoice.before_create", records)
    assert len([sql for sql in sent if sql.lstrip().upper().startswith("SELECT")]) == 2, sent
    assert [o.changes for o in outcomes] == [
        {"name": f"n{r['order_id']} n{51 + r['order_id'] % 7}"} for r in records
    ]  # fmt: skip
    alloy.flush()
    (stats,) = alloy.stats()
    assert stats.runs == 500 and stats.failed == 0
    assert outcomes[0].changes == alloy.fire("invoice.before_create", records[0]).changes


def test_equal_questions_are_asked_once(sqlite: Platform, alloy: Alloy, bind: Bind) -> None:
    sqlite.create_many([{"name": "a", "total": n, "note": "default"} for n in range(5)])
    bind("cart.before_create", 'entity.n = #db.find("order", {total = {ge = 2}}) + db.count("order")')
    with sqlite.count_queries() as sent:
        outcomes = alloy.fire_many("cart.before_create", [{"id": n} for n in range(100)])
    assert len(sent) == 2
    assert {o.changes["n"] for o in outcomes} == {8}


def test_a_script_cannot_tell_that_it_started_again(sqlite: Platform, alloy: Alloy, bind: Bind) -> None:
    key = sqlite.create(name="a", note="default")
    bind(
        "cart.before_create",
        f'local ok, found = pcall(db.get, "order", {key}) log.info("once") entity.ok = ok and found.name == "a"'
        ' if entity.id == 2 then abort("two") end if entity.id == 3 then error("three") end',
    )
    outcomes = alloy.fire_many("cart.before_create", [{"id": n} for n in range(5)])
    assert [o.status.value for o in outcomes] == ["continue", "continue", "rejected", "failed", "continue"]
    assert [o.changes for o in outcomes if o] == [{"ok": True}] * 3
    assert [len(o.logs) for o in outcomes] == [1] * 5
    alloy.flush()
    assert len(alloy.runs()) == 5


def test_writes_are_never_repeated(sqlite: Platform, alloy: Alloy, bind: Bind) -> None:
    bind(
        "cart.after_create",
        'local n = db.count("order") local made = db.create("order", {name = "c" .. entity.id}) '
        'if db.get("order", made.id).name ~= "c" .. entity.id then error("lost") end',
    )
    outcomes = alloy.fire_many("cart.after_create", [{"id": n} for n in range(10)])
    assert all(outcomes), [o.error for o in outcomes if not o]
    assert sorted(row["name"] for row in sqlite.rows()) == [f"c{n}" for n in range(10)]


def test_scripts_that_do_more_than_read_go_one_by_one(
    sqlite: Platform, alloy: Alloy, bind: Bind, said: list[Any]
) -> None:
    key = sqlite.create(name="a", note="default")
    bind("cart.before_create", f'test.say(entity.id) entity.name = db.get("order", {key}).name')
    alloy.fire_many("cart.before_create", [{"id": n} for n in range(3)])
    assert said == [0, 1, 2]
