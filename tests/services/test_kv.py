"""The key-value functions as scripts use them; what the stores promise is tried in tests/stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from alloy_lua import Alloy
from alloy_lua.settings import Settings


@pytest.fixture(params=["memory://", "sqlite"])
def kept(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Alloy]:
    url = request.param if request.param != "sqlite" else f"sqlite:///{tmp_path / 'alloy.db'}"
    with Alloy(url, settings=Settings({"kv_keys": 3})) as made:
        yield made


def run(alloy: Alloy, source: str, **options: Any) -> Any:
    options.setdefault("capabilities", ["kv"])
    return alloy.evaluate(source, **options)


def test_values_of_every_kind_outlive_a_run(kept: Alloy) -> None:
    for text, value in (("true", True), ("1.5", 1.5), ("'ü'", "ü"), ("{1, {a = 2}}", [1, {"a": 2}]), ("{}", {})):
        assert run(kept, f"kv.set('k', {text})").status == "continue"
        assert run(kept, "return kv.get('k')").value in (value, [] if value == {} else value)
    assert run(kept, "return {kv.delete('k'), kv.delete('k'), kv.get('k') == nil}").value == [True, False, True]


def test_counters_add_up_and_expire(kept: Alloy) -> None:
    assert run(kept, "return {kv.incr('n'), kv.incr('n', 2.5), kv.incr('n', -1)}").value == [1, 3.5, 2.5]
    assert run(kept, "return kv.incr('t', 1, {ttl = 0.05})").value == 1
    time.sleep(0.1)
    assert run(kept, "return kv.get('t') == nil").value is True


def test_tenants_have_their_own(kept: Alloy) -> None:
    run(kept, "kv.set('k', 1)", tenant="a")
    assert run(kept, "return kv.get('k') == nil", tenant="b").value is True


def test_the_quota_is_an_error_that_names_it(kept: Alloy) -> None:
    outcome = run(kept, "for i = 1, 4 do kv.set('k' .. i, i) end")
    assert (outcome.error.code, "4 keys, wanted at most 3" in outcome.error.message) == ("quota_exceeded", True)


@pytest.mark.parametrize(
    "source",
    [
        "kv.set('', 1)", "kv.set(('x'):rep(201), 1)", "kv.set('k')", "kv.set('k', ('x'):rep(70000))", "kv.set('k', 1, {ttl = 0})",
        "kv.set('k', 1, {ttl = -1})", "kv.set('k', 1, {ttl = 1e12})", "kv.set('k', 1, {nonsense = 1})", "kv.set('k', '\\255')", "kv.get('\\255')",
        "kv.get('a\\0b')", "kv.incr('k', 'x')", "kv.set('k', 0/0)", "kv.set('s', 'x') kv.incr('s')",
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_an_invalid_value(kept: Alloy, source: str) -> None:
    assert run(kept, source).error.code == "invalid_value"


def test_grants_and_phases(kept: Alloy) -> None:
    assert run(kept, "return kv.get('k')", capabilities=[]).error.code == "capability_denied"
    for phase, code in (("before_create", "capability_denied"), ("after_create", None)):
        kept.scripts.create(
            phase.replace("_", "-"), "kv.incr('n')", on=f"order.{phase}", status="active", capabilities=["kv"]
        )
        error = kept.fire(f"order.{phase}", {}).error
        assert (error.code if error else None) == code
    kept.scripts.create(
        "reads", "entity.n = kv.get('n')", on="note.before_create", status="active", capabilities=["kv"]
    )
    assert kept.fire("note.before_create", {}).changes == {"n": 1}


def test_a_dry_run_writes_nothing(kept: Alloy) -> None:
    outcome = run(kept, "kv.set('k', 1) kv.incr('n') return kv.get('k') == nil", dry_run=True)
    assert outcome.value is True
    assert [one["function"] for one in outcome.effects] == ["kv.set", "kv.incr"]


def test_upkeep_prunes(kept: Alloy) -> None:
    run(kept, "kv.set('k', 1, {ttl = 0.01})")
    time.sleep(0.05)
    assert kept.store.kv.usage("default")[0] == 1
    kept._prune()
    assert kept.store.kv.usage("default") == (0, 0)
