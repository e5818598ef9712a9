"""Programs are remembered by their text, the ones used last, within a bound."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alloy_lua import Alloy
from alloy_lua.engine import Engine
from alloy_lua.engine.cache import OVERHEAD, ProgramCache


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def test_the_least_recently_used_goes_first(engine: Engine) -> None:
    first, second, third = (engine.compile(f"return {n}") for n in range(3))
    cache = ProgramCache(2 * (OVERHEAD + len(first.source) + len(first.metered)))
    cache.put(first)
    cache.put(second)
    assert cache.get(first.source) is first
    cache.put(third)
    assert [cache.get(each.source) for each in (first, second, third)] == [first, None, third]
    assert len(cache) == 2


def test_one_program_is_kept_however_large(engine: Engine) -> None:
    program = engine.compile("return 'large'")
    cache = ProgramCache(1)
    cache.put(program)
    cache.put(program)
    assert cache.get(program.source) is program and len(cache) == 1


def test_a_text_is_compiled_once(engine: Engine) -> None:
    assert engine.compile("return 'once'") is engine.compile("return 'once'")


def test_scripts_that_are_gone_leave_nothing_in_the_registry() -> None:
    with Alloy() as alloy:
        for n in range(5):
            script = alloy.scripts.create(f"s{n}", "entity.n = 1", on="order.before_create", status="active")
            alloy.fire("order.before_create", {})
            alloy.scripts.disable(script.name)
        assert not alloy._core.registry._bindings
