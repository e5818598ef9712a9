"""What hooks promise, whatever the framework: one suite over all bridges."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from alloy_lua import Alloy, AlloyError

from .platforms.base import Platform

Bind = Callable[..., None]


class Undo(Exception):
    """Raised by a test to leave a transaction."""


def only(platform: Platform) -> dict[str, Any]:
    (row,) = platform.rows()
    return row


# -- without scripts -----------------------------------------------------------------------------------------------
def test_without_scripts_writes_are_the_frameworks_own(platform: Platform) -> None:
    key = platform.create(name="Ann", total=5)
    platform.update(key, total=6)
    platform.update_partly(key, {"name": "Bea"}, status="open")
    row = only(platform)
    assert (row["name"], row["total"], row["status"]) == ("Ann", 6, "open")
    platform.delete(key)
    platform.create_many([{"name": "a"}, {"name": "b"}])
    platform.update_many(note="x")
    assert [(row["name"], row["note"]) for row in platform.rows()] == [("a", "x"), ("b", "x")]
    platform.delete_many()
    assert platform.rows() == []


# -- before --------------------------------------------------------------------------------------------------------
def test_before_create_changes_what_is_written(platform: Platform, bind: Bind) -> None:
    bind("before_create", "entity.email = entity.email:lower() entity.discount = entity.total * 0.1")
    platform.create(email="ANN@X.ORG", total=50)
    row = only(platform)
    assert row["email"] == "ann@x.org" and float(row["discount"]) == 5


def test_before_create_rejects_with_the_frameworks_own_error(platform: Platform, bind: Bind) -> None:
    bind("before_create", 'if entity.total < 0 then abort("too low", {field = "total"}) end')
    with pytest.raises(platform.refused) as caught:
        platform.create(total=-1)
    assert platform.errors(caught.value) == {"total": ["too low"]}
    assert platform.rows() == []
    platform.create(total=1)
    assert len(platform.rows()) == 1


def test_a_rejection_may_name_several_fields(platform: Platform, bind: Bind) -> None:
    bind("before_create", 'abort("no", {fields = {total = "too low", name = "too short"}})')
    with pytest.raises(platform.refused) as caught:
        platform.create(total=-1)
    assert platform.errors(caught.value) == {"total": ["too low"], "name": ["too short"]}


def test_a_failing_before_hook_stops_the_write(platform: Platform, bind: Bind) -> None:
    bind("before_create", 'error("oh")')
    with pytest.raises(AlloyError) as caught:
        platform.create(total=1)
    assert caught.value.code == "runtime_error"
    assert platform.rows() == []


def test_a_wrong_value_is_refused_by_field(platform: Platform, bind: Bind) -> None:
    bind("before_create", 'entity.total = "lots"')
    with pytest.raises(AlloyError, match="field total: got the string 'lots', wanted a number") as caught:
        platform.create(total=1)
    assert (caught.value.code, caught.value.details["field"]) == ("invalid_value", "total")
    assert platform.rows() == []


def test_an_unknown_field_is_refused_with_a_suggestion(platform: Platform, bind: Bind) -> None:
    bind("before_create", "entity.totl = 5")
    with pytest.raises(AlloyError, match="order has no field 'totl'; did you mean 'total'") as caught:
        platform.create(total=1)
    assert caught.value.details["field"] == "totl"


def test_before_update_changes_and_rejects(platform: Platform, bind: Bind) -> None:
    key = platform.create(total=1, name="Ann")
    bind("before_update", 'if entity.total > 9 then abort("too high", {field = "total"}) end entity.note = "seen"')
    platform.update(key, total=2)
    assert (only(platform)["total"], only(platform)["note"]) == (2, "seen")
    with pytest.raises(platform.refused) as caught:
        platform.update(key, total=10)
    assert platform.errors(caught.value) == {"total": ["too high"]}
    assert only(platform)["total"] == 2


def test_before_delete_rejects(platform: Platform, bind: Bind) -> None:
    key = platform.create(status="open")
    bind("before_delete", 'if before.status == "open" then abort("still open") end')
    with pytest.raises(platform.refused):
        platform.delete(key)
    assert len(platform.rows()) == 1
    platform.update(key, status="closed")
    platform.delete(key)
    assert platform.rows() == []


# -- the state before ----------------------------------------------------------------------------------------------
def test_an_update_sees_the_state_before(platform: Platform, bind: Bind, said: list[Any]) -> None:
    key = platform.create(total=1, name="Ann", status="new")
    source = "test.say({before.total, entity.total, changed('total'), changed('name'), changed('status')})"
    bind("before_update", source)
    bind("after_update", source)
    platform.update(key, total=2)
    assert said == [[1, 2, True, False, False]] * 2


def test_a_partial_update_sees_what_is_written_and_no_more(platform: Platform, bind: Bind, said: list[Any]) -> None:
    key = platform.create(total=1, name="Ann")
    bind("before_update", 'test.say({before.total, entity.total, changed("name"), entity.name}) entity.note = "n"')
    platform.update_partly(key, {"name": "Bea"}, total=2)
    row = only(platform)
    assert said == [[1, 2, False, "Ann"]]
    assert (row["name"], row["total"], row["note"]) == ("Ann", 2, "n")


def test_field_triggers_run_when_their_field_changes(platform: Platform, bind: Bind, said: list[Any]) -> None:
    from alloy_lua import EventTrigger

    key = platform.create(total=1)
    bind("before_update", "test.say(entity.total)", on=None, triggers=[EventTrigger("order.before_update", ("total",))])
    platform.update(key, name="Bea")
    platform.update(key, total=3)
    assert said == [3]


# -- after ---------------------------------------------------------------------------------------------------------
def test_after_hooks_see_the_written_record(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("after_create", "test.say(entity.id)")
    bind("after_delete", "test.say(before.name)")
    key = platform.create(name="Ann")
    platform.delete(key)
    assert said == [key, "Ann"]


@pytest.mark.parametrize("source", ['abort("no")', 'error("no")'])
def test_a_failing_after_hook_undoes_the_write(platform: Platform, bind: Bind, source: str) -> None:
    key = platform.create(name="Ann")
    bind("after_create", source)
    bind("after_update", source)
    bind("after_delete", source)
    for write in (
        lambda: platform.create(name="Bea"),
        lambda: platform.update(key, name="Cleo"),
        lambda: platform.delete(key),
    ):
        with pytest.raises((platform.refused, AlloyError)):
            write()
        assert [row["name"] for row in platform.rows()] == ["Ann"]


def test_a_failing_after_hook_undoes_the_transaction_it_leaves(platform: Platform, bind: Bind) -> None:
    bind("after_create", 'if entity.name == "bad" then abort("no") end')
    with pytest.raises(platform.refused), platform.transaction():
        platform.create(name="good")
        platform.create(name="bad")
    assert platform.rows() == []


# -- commit and rollback -------------------------------------------------------------------------------------------
def test_on_commit_fires_after_the_commit(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    counted: list[int] = []

    @alloy.function("test.count", capability="test")
    def count() -> None:
        counted.append(len(platform.rows()))

    bind("on_commit", "test.count()")
    platform.create(name="Ann")
    assert counted == [1]


def test_on_commit_waits_for_the_outermost_commit(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("on_commit", 'test.say(params.operation .. " " .. entity.name)')
    with platform.transaction():
        key = platform.create(name="a")
        with platform.transaction():
            platform.create(name="b")
            platform.update(key, name="c")
        assert said == []
    assert said == ["create a", "create b", "update c"]


def test_a_rolled_back_savepoint_fires_on_rollback_only(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("on_commit", 'test.say("commit " .. entity.name)')
    bind("on_rollback", 'test.say("rollback " .. entity.name)')
    with platform.transaction():
        platform.create(name="a")
        with pytest.raises(Undo), platform.transaction():
            platform.create(name="b")
            with platform.transaction():
                platform.create(name="c")
            raise Undo
        platform.create(name="d")
    assert said == ["rollback b", "rollback c", "commit a", "commit d"]
    assert [row["name"] for row in platform.rows()] == ["a", "d"]


def test_a_rollback_fires_no_commit_hooks(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("on_commit", 'test.say("commit")')
    bind("on_rollback", 'test.say("rollback " .. entity.name .. " " .. params.operation)')
    with pytest.raises(Undo), platform.transaction():
        platform.create(name="a")
        raise Undo
    assert said == ["rollback a create"]
    assert platform.rows() == []


def test_a_failing_after_hook_fires_on_rollback(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("after_create", 'abort("no")')
    bind("on_rollback", "test.say(entity.name)")
    with pytest.raises(platform.refused):
        platform.create(name="a")
    assert said == ["a"]


def test_a_failing_commit_hook_leaves_the_write(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    bind("on_commit", 'error("oh")')
    platform.create(name="a")
    alloy.flush()
    assert [row["name"] for row in platform.rows()] == ["a"]
    assert [run.error_message for run in alloy.runs(status="failed")] == ["oh"]


# -- bulk ----------------------------------------------------------------------------------------------------------
def test_bulk_writes_go_through_hooks(platform: Platform, bind: Bind, said: list[Any]) -> None:
    bind("before_create", "entity.email = entity.name .. '@x.org'")
    bind("before_update", "if changed('total') then entity.note = 'was ' .. before.total end")
    bind("after_delete", "test.say(entity.name)")
    bind("on_commit", "test.say(params.operation)")
    platform.create_many([{"name": "a", "total": 1}, {"name": "b", "total": 2}])
    assert [row["email"] for row in platform.rows()] == ["a@x.org", "b@x.org"]
    platform.update_many(total=3)
    assert [(row["total"], row["note"]) for row in platform.rows()] == [(3, "was 1"), (3, "was 2")]
    platform.delete_many()
    assert platform.rows() == []
    assert said == ["create", "create", "update", "update", "a", "b", "delete", "delete"]


def test_one_rejected_record_stops_a_bulk_write(platform: Platform, bind: Bind) -> None:
    bind("before_create", 'if entity.total < 0 then abort("too low", {field = "total"}) end')
    with pytest.raises(platform.refused) as caught:
        platform.create_many([{"total": 1}, {"total": -1}])
    assert platform.errors(caught.value) == {"total": ["too low"]}
    assert platform.rows() == []


def test_a_failing_after_hook_undoes_a_bulk_write(platform: Platform, bind: Bind) -> None:
    bind("after_create", 'if entity.total == 2 then abort("no") end')
    with pytest.raises(platform.refused):
        platform.create_many([{"total": 1}, {"total": 2}])
    assert platform.rows() == []


def test_a_bulk_write_is_one_crossing(
    platform: Platform, alloy: Alloy, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = alloy.fire_many
    monkeypatch.setattr(
        alloy, "fire_many", lambda event, rows, **more: sizes.append(len(rows)) or real(event, rows, **more)
    )
    monkeypatch.setattr(alloy, "fire", None)
    bind("before_create", 'entity.note = "n"')
    platform.create_many([{"name": str(n)} for n in range(50)])
    assert sizes == [50]
    assert {row["note"] for row in platform.rows()} == {"n"}


# -- writes made by hooks ------------------------------------------------------------------------------------------
def writer(platform: Platform) -> None:
    """Lets scripts write orders through the platform."""

    @platform.alloy.function("test.create", capability="test")
    def create(name: str) -> int:
        return platform.create(name=name)

    @platform.alloy.function("test.update", capability="test")
    def update(key: int, note: str) -> None:
        platform.update(key, note=note)


def test_a_write_by_a_hook_joins_the_transaction(platform: Platform, bind: Bind, said: list[Any]) -> None:
    writer(platform)
    bind("after_create", 'if entity.name == "a" then test.create("child") end')
    bind("before_create", 'entity.note = "hooked"')
    bind("on_commit", "test.say(entity.name)")
    with pytest.raises(Undo), platform.transaction():
        platform.create(name="a")
        assert [row["name"] for row in platform.rows()] == ["a", "child"]
        raise Undo
    assert platform.rows() == [] and said == []
    platform.create(name="a")
    assert [(row["name"], row["note"]) for row in platform.rows()] == [("a", "hooked"), ("child", "hooked")]
    assert sorted(said) == ["a", "child"]


def test_a_write_by_a_hook_is_guarded_against_circles(platform: Platform, bind: Bind) -> None:
    writer(platform)
    key = platform.create(name="a")
    bind("after_update", 'test.update(entity.id, "again")')
    with pytest.raises(AlloyError, match=r"fired again for order|nested"):
        platform.update(key, note="first")
    assert only(platform)["note"] is None


def test_a_write_by_a_hook_shares_the_budget(platform: Platform, bind: Bind) -> None:
    writer(platform)
    bind("after_create", 'if entity.name == "a" then for i = 1, 20 do test.create("child") end end', limits="default")
    bind("before_create", "if entity.name == 'child' then for i = 1, 200000 do end end", limits="default")
    with pytest.raises(AlloyError) as caught:
        platform.create(name="a")
    assert caught.value.code in ("fuel_exhausted", "deadline_exceeded", "host_error")
    assert platform.rows() == []


# -- opting out ----------------------------------------------------------------------------------------------------
def test_a_bypass_is_recorded(platform: Platform, alloy: Alloy, bind: Bind, said: list[Any]) -> None:
    bind("before_create", 'abort("no")')
    bind("on_commit", "test.say(entity.name)")
    with alloy.context(user="ann"), alloy.bypass(reason="import of 2024"):
        platform.create(name="a")
        platform.create_many([{"name": "b"}, {"name": "c"}])
    assert len(platform.rows()) == 3 and said == []
    alloy.flush()
    (run,) = [run for run in alloy.runs() if run.trigger == "bypass"]
    assert (run.reason, run.event, run.user, run.value) == (
        "import of 2024", "order.before_create", "ann", {"records": 3},
    )  # fmt: skip
    with pytest.raises(platform.refused):
        platform.create(name="d")


# -- who acts ------------------------------------------------------------------------------------------------------
def test_hooks_know_who_acts_up_to_the_commit(platform: Platform, alloy: Alloy, bind: Bind, said: list[Any]) -> None:
    for hook in ("before_create", "after_create", "on_commit"):
        bind(hook, 'test.say(ctx.user .. " at " .. ctx.tenant)', tenant="acme")
    with platform.transaction(), alloy.context(user="ann", tenant="acme"):
        platform.create(name="a")
    assert said == ["ann at acme"] * 3


def test_threads_do_not_mix_context(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    bind("before_create", "entity.note = ctx.user")
    bind("on_commit", "if entity.note ~= ctx.user then error('mixed') end")
    problems: list[Exception] = []
    lock = threading.Lock()  # SQLite takes one writer at a time

    def work(user: str) -> None:
        try:
            for _ in range(5):
                with alloy.context(user=user), lock, platform.transaction():
                    platform.create(name=user)
        except Exception as error:
            problems.append(error)
        finally:
            platform.close()

    threads = [threading.Thread(target=work, args=(f"user-{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = platform.rows()
    alloy.flush()
    assert problems == [] and len(rows) == 15
    assert all(row["note"] == row["name"] for row in rows)
    assert alloy.runs(status="failed") == []


def test_tasks_do_not_mix_context(platform: Platform, alloy: Alloy, bind: Bind) -> None:
    bind("before_create", "entity.note = ctx.user")

    async def work(user: str) -> None:
        with alloy.context(user=user):
            for _ in range(3):
                await platform.create_async(name=user)
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(work(f"user-{n}") for n in range(3)))

    asyncio.run(main())
    assert len(platform.rows()) == 9
    assert all(row["note"] == row["name"] for row in platform.rows())
