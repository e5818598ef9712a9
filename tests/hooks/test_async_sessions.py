"""SQLAlchemy's async sessions: the same hooks, without blocking each other's transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alloy_lua import Alloy
from alloy_lua.bridges.sqlalchemy import HookRejected

from .platforms.with_sqlalchemy import Order, SQLAlchemyPlatform

Bind = Callable[..., None]


@pytest.fixture
def platform(alloy: Alloy, tmp_path: Path) -> SQLAlchemyPlatform:
    return SQLAlchemyPlatform(alloy, str(tmp_path), "")


def test_an_async_session_fires_the_hooks_of_a_sync_one(
    platform: SQLAlchemyPlatform, bind: Bind, said: list[Any]
) -> None:
    bind("before_create", 'if entity.total < 0 then abort("too low") end entity.note = "new"')
    bind("before_update", "if changed('total') then entity.note = 'was ' .. before.total end")
    bind("after_delete", "test.say('deleted ' .. entity.name)")
    bind("on_commit", "test.say(params.operation)")
    sessions = platform.async_sessions

    async def main() -> None:
        async with sessions.begin() as session:
            session.add(Order(name="a", total=1))
        async with sessions() as session:
            session.add(Order(total=-1))
            with pytest.raises(HookRejected, match="too low"):
                await session.commit()
            await session.rollback()
        async with sessions.begin() as session:
            order = await session.get_one(Order, 1)
            assert order.note == "new"
            order.total = 2
        async with sessions.begin() as session:
            order = await session.get_one(Order, 1)
            assert order.note == "was 1.0" or order.note == "was 1"
            await session.delete(order)

    asyncio.run(main())
    assert said == ["create", "update", "deleted a", "delete"]


def test_an_async_transaction_is_undone_by_a_failing_after_hook(
    platform: SQLAlchemyPlatform, bind: Bind, said: list[Any]
) -> None:
    bind("after_create", 'if entity.name == "bad" then abort("no") end')
    bind("on_commit", "test.say('commit ' .. entity.name)")
    bind("on_rollback", "test.say('rollback ' .. entity.name)")

    async def main() -> None:
        with pytest.raises(HookRejected):
            async with platform.async_sessions.begin() as session:
                session.add(Order(name="good"))
                await session.flush()
                session.add(Order(name="bad"))
        async with platform.async_sessions() as session:
            session.add(Order(name="bad"))
            with pytest.raises(HookRejected):
                await session.commit()
            await session.commit()
            assert await session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0

    asyncio.run(main())
    assert said == ["rollback good", "rollback bad", "rollback bad"]
