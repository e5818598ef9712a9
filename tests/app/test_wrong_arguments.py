"""Every public call, given what it cannot use, raises an AlloyError or copes; it never raises anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from alloy_lua import (
    Alloy,
    AlloyError,
    ApiTrigger,
    BreakerPolicy,
    CronTrigger,
    Limits,
    ManualTrigger,
    Recording,
)
from alloy_lua.model import EventTrigger

BAD: dict[str, Any] = {
    "None": None,
    "zero": 0,
    "a number": 5,
    "a negative number": -1,
    "a great number": 10**30,
    "a float": 1.5,
    "nan": float("nan"),
    "True": True,
    "an empty string": "",
    "a string": "nosuch",
    "a long string": "x" * 5000,
    "a surrogate": "\ud800",
    "a NUL": "a\0b",
    "bytes": b"\xff",
    "a list": [1],
    "an empty list": [],
    "a list of lists": [[]],
    "a dict": {1: 2},
    "a tuple": (1, "x"),
    "a set": {1},
    "an object": object(),
    "a class": int,
    "a function": len,
    "limits": Limits(),
}

Call = Callable[[Alloy, Any], object]

CALLS: dict[str, Call] = {
    "fire(event)": lambda a, x: a.fire(x, {}),
    "fire(entity)": lambda a, x: a.fire("thing.before_create", x),
    "fire(before)": lambda a, x: a.fire("thing.before_update", {}, before=x),
    "fire(params)": lambda a, x: a.fire("thing.before_create", {}, params=x),
    "fire(user)": lambda a, x: a.fire("thing.before_create", {}, user=x),
    "fire(tenant)": lambda a, x: a.fire("thing.before_create", {}, tenant=x),
    "fire(dry_run)": lambda a, x: a.fire("thing.before_create", {}, dry_run=x),
    "fire(run_id)": lambda a, x: a.fire("thing.before_create", {}, run_id=x),
    "fire_async(event)": lambda a, x: asyncio.run(a.fire_async(x, {})),
    "fire_async(entity)": lambda a, x: asyncio.run(a.fire_async("thing.before_create", x)),
    "fire_async(tenant)": lambda a, x: asyncio.run(a.fire_async("thing.before_create", {}, tenant=x)),
    "fire_many(event)": lambda a, x: a.fire_many(x, [{}]),
    "fire_many(entities)": lambda a, x: a.fire_many("thing.before_create", x),
    "fire_many(entity)": lambda a, x: a.fire_many("thing.before_create", [{}, x]),
    "fire_many(user)": lambda a, x: a.fire_many("thing.before_create", [{}], user=x),
    "fire_many(tenant)": lambda a, x: a.fire_many("thing.before_create", [{}], tenant=x),
    "fire_many(params)": lambda a, x: a.fire_many("thing.before_create", [{}], params=x),
    "run(name)": lambda a, x: a.run(x),
    "run(params)": lambda a, x: a.run("manual", x),
    "run(entity)": lambda a, x: a.run("manual", entity=x),
    "run(before)": lambda a, x: a.run("manual", before=x),
    "run(revision)": lambda a, x: a.run("manual", revision=x, dry_run=True),
    "run(user)": lambda a, x: a.run("manual", user=x),
    "run(tenant)": lambda a, x: a.run("manual", tenant=x),
    "run(run_id)": lambda a, x: a.run("manual", run_id=x),
    "evaluate(source)": lambda a, x: a.evaluate(x),
    "evaluate(entity)": lambda a, x: a.evaluate("return entity", entity=x),
    "evaluate(before)": lambda a, x: a.evaluate("return before", before=x),
    "evaluate(params)": lambda a, x: a.evaluate("return params", params=x),
    "evaluate(limits)": lambda a, x: a.evaluate("return 1", limits=x),
    "evaluate(capabilities)": lambda a, x: a.evaluate("return 1", capabilities=x),
    "evaluate(user)": lambda a, x: a.evaluate("return 1", user=x),
    "evaluate(tenant)": lambda a, x: a.evaluate("return 1", tenant=x),
    "evaluate(run_id)": lambda a, x: a.evaluate("return 1", run_id=x),
    "compile(source)": lambda a, x: a.compile(x),
    "context(user)": lambda a, x: _inside(a, user=x),
    "context(tenant)": lambda a, x: _inside(a, tenant=x),
    "context(dry_run)": lambda a, x: _inside(a, dry_run=x),
    "function(name)": lambda a, x: a.function(x)(lambda: 1),
    "function(call)": lambda a, x: a.function("mod.call")(x),
    "function(capability)": lambda a, x: a.function("mod.capability", capability=x)(lambda: 1),
    "function(phases)": lambda a, x: a.function("mod.phases", phases=x)(lambda: 1),
    "function(params)": lambda a, x: a.function("mod.params", params=x)(lambda: 1),
    "function(doc)": lambda a, x: a.function("mod.doc", doc=x)(lambda: 1),
    "function(cost)": lambda a, x: a.function("mod.cost", cost=x)(lambda: 1),
    "runs(tenant)": lambda a, x: a.runs(tenant=x),
    "runs(status)": lambda a, x: a.runs(status=x),
    "runs(script_id)": lambda a, x: a.runs(script_id=x),
    "runs(event)": lambda a, x: a.runs(event=x),
    "runs(since)": lambda a, x: a.runs(since=x),
    "runs(limit)": lambda a, x: a.runs(limit=x),
    "runs(before)": lambda a, x: a.runs(before=x),
    "stats(tenant)": lambda a, x: a.stats(tenant=x),
    "get(name)": lambda a, x: a.scripts.get(x),
    "get(tenant)": lambda a, x: a.scripts.get("manual", tenant=x),
    "list(tenant)": lambda a, x: a.scripts.list(tenant=x),
    "list(status)": lambda a, x: a.scripts.list(status=x),
    "list(event)": lambda a, x: a.scripts.list(event=x),
    "list(text)": lambda a, x: a.scripts.list(text=x),
    "list(after)": lambda a, x: a.scripts.list(after=x),
    "list(limit)": lambda a, x: a.scripts.list(limit=x),
    "revisions(name)": lambda a, x: a.scripts.revisions(x),
    "revisions(tenant)": lambda a, x: a.scripts.revisions("manual", tenant=x),
    "revision(number)": lambda a, x: a.scripts.revision("manual", x),
    "health(name)": lambda a, x: a.scripts.health(x),
    "create(name)": lambda a, x: a.scripts.create(x, "return 1"),
    "create(source)": lambda a, x: a.scripts.create("made", x, status="active"),
    "create(draft source)": lambda a, x: a.scripts.create("made", x),
    "create(on)": lambda a, x: a.scripts.create("made", "", on=x),
    "create(triggers)": lambda a, x: a.scripts.create("made", "", triggers=x),
    "create(trigger)": lambda a, x: a.scripts.create("made", "", triggers=[x]),
    "create(event)": lambda a, x: a.scripts.create("made", "", triggers=[EventTrigger(x)]),
    "create(fields)": lambda a, x: a.scripts.create("made", "", triggers=[EventTrigger("a.before_create", x)]),
    "create(cron)": lambda a, x: a.scripts.create("made", "", triggers=[CronTrigger(x)]),
    "create(timezone)": lambda a, x: a.scripts.create("made", "", triggers=[CronTrigger("* * * * *", x)]),
    "create(path)": lambda a, x: a.scripts.create("made", "", triggers=[ApiTrigger(x)]),
    "create(method)": lambda a, x: a.scripts.create("made", "", triggers=[ApiTrigger("/x", x)]),
    "create(status)": lambda a, x: a.scripts.create("made", "", status=x),
    "create(tenant)": lambda a, x: a.scripts.create("made", "", tenant=x),
    "create(description)": lambda a, x: a.scripts.create("made", "", description=x),
    "create(limits)": lambda a, x: a.scripts.create("made", "", limits=x),
    "create(capabilities)": lambda a, x: a.scripts.create("made", "", capabilities=x),
    "create(run_as)": lambda a, x: a.scripts.create("made", "", run_as=x),
    "create(priority)": lambda a, x: a.scripts.create("made", "", priority=x),
    "create(failure_policy)": lambda a, x: a.scripts.create("made", "", failure_policy=x),
    "create(author)": lambda a, x: a.scripts.create("made", "", author=x),
    "create(message)": lambda a, x: a.scripts.create("made", "", message=x),
    "update(name)": lambda a, x: a.scripts.update(x, "return 2"),
    "update(source)": lambda a, x: a.scripts.update("manual", x),
    "update(on)": lambda a, x: a.scripts.update("manual", on=x),
    "update(triggers)": lambda a, x: a.scripts.update("manual", triggers=x),
    "update(on, triggers)": lambda a, x: a.scripts.update("manual", on="a.on_commit", triggers=x),
    "update(expected_version)": lambda a, x: a.scripts.update("manual", expected_version=x),
    "update(name=)": lambda a, x: a.scripts.update("thing", **{"limits": x}),
    "activate(name)": lambda a, x: a.scripts.activate(x),
    "activate(revision)": lambda a, x: a.scripts.activate("manual", x),
    "rollback(revision)": lambda a, x: a.scripts.rollback("manual", x),
    "pause(name)": lambda a, x: a.scripts.pause(x),
    "pause(author)": lambda a, x: a.scripts.pause("manual", author=x),
    "resume(name)": lambda a, x: a.scripts.resume(x),
    "disable(name)": lambda a, x: a.scripts.disable(x),
    "archive(name)": lambda a, x: a.scripts.archive(x),
    "restore(name)": lambda a, x: a.scripts.restore(x),
    "delete(name)": lambda a, x: a.scripts.delete(x),
    "delete(expected_version)": lambda a, x: a.scripts.delete("draft", expected_version=x),
    "reset_breaker(name)": lambda a, x: a.scripts.reset_breaker(x),
    "describe(entity_type)": lambda a, x: a.entities.describe(x, readable=["a"]),
    "describe(readable)": lambda a, x: a.entities.describe("other", readable=x),
    "register(kind)": lambda a, x: a.entities.register(x),
    "Limits(fuel)": lambda a, x: a.evaluate("return 1", limits=Limits(fuel=x)),
    "Limits(deadline_ms)": lambda a, x: a.evaluate("return 1", limits=Limits(deadline_ms=x)),
    "Limits(memory_bytes)": lambda a, x: a.evaluate("return 1", limits=Limits(memory_bytes=x)),
    "Limits(input_bytes)": lambda a, x: a.evaluate("return 1", limits=Limits(input_bytes=x)),
    "Limits(output_bytes)": lambda a, x: a.evaluate("return 1", limits=Limits(output_bytes=x)),
    "Limits(host_calls)": lambda a, x: a.evaluate("return hash.sha256('x')", limits=Limits(host_calls=x)),
    "Limits(log_lines)": lambda a, x: a.evaluate("log.info('x')", limits=Limits(log_lines=x)),
    "Limits(value_depth)": lambda a, x: a.evaluate("return {{1}}", limits=Limits(value_depth=x)),
    "Recording(mode)": lambda a, x: Alloy(recording=Recording(mode=x)).close(),
    "Recording(per_second)": lambda a, x: Alloy(recording=Recording(per_second=x)).close(),
    "BreakerPolicy(failures)": lambda a, x: Alloy(breaker=BreakerPolicy(failures=x)).close(),
    "BreakerPolicy(window)": lambda a, x: Alloy(breaker=BreakerPolicy(window_seconds=x)).close(),
    "Alloy(url)": lambda a, x: Alloy(x if not isinstance(x, str) or x else "x").close(),
    "Alloy(recording)": lambda a, x: Alloy(recording=x).close(),
    "Alloy(breaker)": lambda a, x: Alloy(breaker=x).close(),
    "Alloy(poll_seconds)": lambda a, x: _used(Alloy(poll_seconds=x)),
    "Alloy(keep_runs)": lambda a, x: Alloy(keep_runs=x).close(),
    "Alloy(keep_runs_days)": lambda a, x: Alloy(keep_runs_days=x).close(),
}  # fmt: skip


def _inside(alloy: Alloy, **options: Any) -> object:
    with alloy.context(**options):
        return alloy.fire("thing.before_create", {})


def _used(alloy: Alloy) -> None:
    with alloy:
        alloy.evaluate("return 1")


@pytest.fixture
def furnished(alloy: Alloy) -> Alloy:
    alloy.scripts.create("thing", "entity.x = 1", on=["thing.before_create", "thing.before_update"], status="active")
    alloy.scripts.create("manual", "return params, entity, before", triggers=[ManualTrigger()], status="active")
    alloy.scripts.create("draft", "return 1")
    return alloy


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_argument_never_raises_anything_but_an_alloy_error(call: str, furnished: Alloy) -> None:
    problems = []
    for name, value in BAD.items():
        try:
            CALLS[call](furnished, value)
        except AlloyError as error:
            assert error.code and error.message
        except Exception as error:
            problems.append(f"{name}: {type(error).__name__}: {error}"[:150])
    assert not problems, "\n".join(problems)
    assert furnished.evaluate("return 1").value == 1
    assert furnished.fire("stable.before_create", {"a": 1}).status == "continue"


def test_unknown_filters_and_settings_are_refused_by_name(furnished: Alloy) -> None:
    with pytest.raises(AlloyError, match="colour"):
        furnished.scripts.update("manual", colour="red")
    with pytest.raises(AlloyError, match="colour"):
        furnished.runs(colour="red")


def test_a_wrong_user_is_refused_alike_on_every_way(furnished: Alloy) -> None:
    for user in (5, "", "x" * 300, ["ada"]):
        for fire in (
            lambda user: furnished.fire("thing.before_create", {}, user=user),
            lambda user: furnished.fire("thing.before_create", {}, user=user, params={}),
            lambda user: furnished.fire_many("thing.before_create", [{}], user=user),
        ):
            with pytest.raises(AlloyError):
                fire(user)
