"""What an Alloy says once it is closed."""

from __future__ import annotations

import pytest

from alloy_lua import Alloy, AlloyError

EVENT = "order.before_create"
CALLS = {
    "fire": lambda alloy: alloy.fire(EVENT, {"n": 1}),
    "fire, nobody listens": lambda alloy: alloy.fire("order.before_update", {"n": 1}),
    "fire_many": lambda alloy: alloy.fire_many(EVENT, [{"n": 1}]),
    "run": lambda alloy: alloy.run("double", dry_run=True),
    "evaluate": lambda alloy: alloy.evaluate("return 1"),
    "compile": lambda alloy: alloy.compile("return 1"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("url", [None, "sqlite"])
def test_nothing_runs_afterwards(name, url, tmp_path):
    alloy = Alloy(url and f"sqlite:///{tmp_path}/a.db")
    alloy.scripts.create("double", "entity.n = entity.n * 2", on=EVENT, status="active")
    assert alloy.fire(EVENT, {"n": 2}).changes == {"n": 4}
    assert alloy.fire("order.before_update", {"n": 1}).changes == {}
    alloy.close()
    with pytest.raises(AlloyError, match="closed") as caught:
        CALLS[name](alloy)
    assert caught.value.code == "closed"
    alloy.close()
