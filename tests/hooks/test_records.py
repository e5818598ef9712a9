"""Validate and apply, and the parts of the functions' and aiohttp's bridges that the contract leaves out."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import attrs
import pydantic
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from alloy_lua import Alloy, AlloyError, Rejected, ValidationError
from alloy_lua.bridges.aiohttp import hook_context
from alloy_lua.bridges.records import HookRejected, RecordHooks, fields_of

Bind = Callable[..., None]


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Order:
    total: float
    due: date | None = None
    size: Literal["s", "m"] = "s"
    colour: Colour = Colour.RED
    tags: list[str] = dataclasses.field(default_factory=list)


@attrs.define
class Small:
    total: int = attrs.field(validator=attrs.validators.lt(10))


class Strict(pydantic.BaseModel):
    total: float = pydantic.Field(lt=10, description="in euros")


def test_a_schema_is_made_of_annotations() -> None:
    fields = {field.name: field for field in fields_of(Order)}
    assert (fields["total"].type, fields["total"].required) == ("number", True)
    assert (fields["due"].type, fields["due"].required) == ("date", False)
    assert (fields["size"].type, fields["size"].choices) == ("string", ("s", "m"))
    assert (fields["tags"].type, fields["colour"].type) == ("list", "any")
    assert fields_of(Strict)[0].doc == "in euros"


def test_apply_returns_a_new_validated_record(alloy: Alloy, bind: Bind) -> None:
    records = RecordHooks(alloy)
    records.register(Order)
    bind("before_create", 'entity.due = "2026-01-31" entity.tags = {"a"} entity.size = "m"')
    order = Order(5)
    changed = records.apply("create", order)
    assert changed == Order(5, date(2026, 1, 31), "m", Colour.RED, ["a"])
    assert order.due is None
    assert records.apply("update", order) is order


@pytest.mark.parametrize(
    ("kind", "refused"), [(Strict, pydantic.ValidationError), (Small, ValueError)], ids=["pydantic", "attrs"]
)
def test_a_change_that_the_class_refuses_raises_its_error(
    alloy: Alloy, bind: Bind, kind: Any, refused: type[Exception]
) -> None:
    records = RecordHooks(alloy)
    records.register(kind, "order")
    bind("before_create", "entity.total = 10")
    with pytest.raises(refused) as caught:
        records.apply("create", kind(total=1))
    assert not isinstance(caught.value, AlloyError)


def test_apply_compares_with_the_record_before(alloy: Alloy, bind: Bind) -> None:
    records = RecordHooks(alloy)
    records.register(Order)
    bind("before_update", 'if entity.total > before.total then abort("no", {field = "total"}) end')
    with pytest.raises(HookRejected) as caught:
        records.apply("update", Order(2), Order(1))
    assert caught.value.errors == {"total": ["no"]}
    assert records.apply("update", Order(1), Order(2)) == Order(1)


def test_a_class_that_is_not_registered_is_named(alloy: Alloy) -> None:
    with pytest.raises(ValidationError, match="got Order, wanted one of a registered class"):
        RecordHooks(alloy).apply("create", Order(1))


@pytest.mark.parametrize("write", ["order", "order.save", ".create", 5])
def test_a_function_says_what_it_writes(alloy: Alloy, write: Any) -> None:
    with pytest.raises(ValidationError, match="write: got"):
        alloy.hooked(write)


def test_a_coroutine_function_is_hooked_too(alloy: Alloy, bind: Bind, said: list[Any]) -> None:
    bind("before_create", 'if entity.total < 0 then abort("too low") end entity.note = ctx.user')
    bind("after_create", "if entity.total > 100 then abort('too high') end")
    bind("on_commit", "test.say('commit ' .. entity.total)")
    bind("on_rollback", "test.say('rollback ' .. entity.total)")

    @alloy.hooked("order.create")
    async def create(order: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {**order, "id": 1}

    async def work(user: str, total: int) -> dict[str, Any]:
        with alloy.context(user=user):
            return await create({"total": total})

    async def main() -> list[Any]:
        return await asyncio.gather(work("ann", 1), work("bea", 101), work("cleo", -1), return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert first == {"total": 1, "note": "ann", "id": 1}
    assert isinstance(second, Rejected) and isinstance(third, Rejected)
    assert sorted(said) == ["commit 1", "rollback 101"]


def test_requests_side_by_side_keep_their_context(alloy: Alloy) -> None:
    alloy.scripts.create(
        "who", "entity.who = ctx.user .. ctx.trace", on="order.before_create", status="active", tenant="acme"
    )

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        outcome = await alloy.fire_async("order.before_create", {})
        return web.json_response(outcome.entity)

    async def main() -> list[Any]:
        middleware = hook_context(alloy, user=lambda r: r.query.get("user"), tenant=lambda r: r.query.get("tenant"))
        app = web.Application(middlewares=[middleware])
        app.router.add_get("/", handler)
        async with TestClient(TestServer(app)) as client:

            async def ask(number: int) -> Any:
                trace = f"00-{number:032x}-{number:016x}-01"
                address = f"/?user=u{number}&tenant={'acme' if number % 2 else 'other'}"
                async with client.get(address, headers={"traceparent": trace}) as answer:
                    return await answer.json()

            return await asyncio.gather(*map(ask, range(6)))

    expected = [{"who": f"u{n}{n:032x}"} if n % 2 else {} for n in range(6)]
    assert asyncio.run(main()) == expected
