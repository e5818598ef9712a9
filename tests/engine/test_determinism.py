"""The same run id and input give the same result, order and fuel: in any process, with the JIT cold or hot."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from alloy_lua import Alloy, Limits

SCRIPTS = {
    "random": "local t = {} for i = 1, 20 do t[i] = math.random(1000) end return t",
    "order": "local t = {} for i = 1, 50 do t['k' .. i * 7 % 51] = i end local s = {} for k in pairs(t) do s[#s + 1] = k end return s",
    "holes": "local t = {} for i = 1, 40 do t[i] = i t['k' .. i] = i end for i = 2, 40, 3 do t[i] = nil t['k' .. i] = nil end "
    "local s = {} for k in pairs(t) do s[#s + 1] = tostring(k) end return s",
    "objects": "local s, t = {}, {} for i = 1, 9 do t[{}] = i end for k, v in pairs(t) do s[#s + 1] = tostring(k) .. v end return #s",
    "names": "return {tostring({}), tostring(print), tostring(function() end), ('%s'):format({})}",
    "sort": "local t = {} for i = 1, 300 do t[i] = (i * 7919) % 300 end table.sort(t) return t",
    "patterns": "return {(('ab '):rep(500)):gsub('%a+', '<%0>'), ('a'):rep(60):find('.-.-b')}",
    "floats": "local s = 0 for i = 1, 500 do s = s + math.sin(i) * i ^ 0.5 / (i + 0.1) - math.exp(-i) end return ('%.17g'):format(s)",
    "integers": "local s = 0 for i = 1, 3000 do s = (s * 31 + i) % 2147483647 end return s",
    "closures": "local fs = {} for i = 1, 100 do fs[i] = function(x) return x + i end end local s = 0 for i = 1, 100 do s = fs[i](s) end return s",
    "coroutines": "local c = coroutine.wrap(function() for i = 1, 200 do coroutine.yield(i) end end) local s = 0 for i = 1, 200 do s = s + c() end return s",
    "errors": "local n = 0 for i = 1, 100 do if not pcall(error, i) then n = n + 1 end end return n",
    "strings": "local s = '' for i = 1, 200 do s = s .. i end return #s",
    "failure": "local t = {} for i = 1, 500 do t[i] = i end error('at ' .. #t)",
    "exhausted": "while true do local x = {} end",
}
SHOW = """
import json, sys
from alloy_lua import Alloy, Limits
scripts = json.loads(sys.argv[1])
with Alloy() as alloy:
    found = {}
    for name, source in scripts.items():
        outcome = alloy.evaluate(source, run_id="the-run", params={}, limits=Limits(deadline_ms=5000))
        found[name] = [outcome.status.value, outcome.value, outcome.fuel, str(outcome.error)]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def elsewhere() -> list[dict[str, object]]:
    """What the scripts make in two other processes, whose strings hash differently."""
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SHOW, json.dumps(SCRIPTS)], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_is_the_same_in_every_process_and_hot_or_cold(
    name: str, shared: Alloy, elsewhere: list[dict[str, object]]
) -> None:
    turns = 3 if name == "exhausted" else 150
    seen = set()
    for _ in range(turns):
        outcome = shared.evaluate(SCRIPTS[name], run_id="the-run", params={}, limits=Limits(deadline_ms=5000))
        seen.add(json.dumps([outcome.status.value, outcome.value, outcome.fuel, str(outcome.error)]))
    assert len(seen) == 1
    assert [json.dumps(other[name]) for other in elsewhere] == [*seen] * 2


def test_another_run_id_draws_other_numbers(shared: Alloy) -> None:
    source = SCRIPTS["random"]
    assert shared.evaluate(source, run_id="a").value != shared.evaluate(source, run_id="b").value


def test_random_in_a_fired_hook_follows_its_run_id(alloy: Alloy) -> None:
    alloy.scripts.create("dice", "entity.roll = math.random(1000000)", on="game.before_create", status="active")
    rolls = [alloy.fire("game.before_create", {"roll": 0}).changes["roll"] for _ in range(20)]
    assert len(set(rolls)) > 15, "runs with ids of their own draw the same numbers"
    again = [alloy.fire("game.before_create", {"roll": 0}, run_id="same").changes["roll"] for _ in range(3)]
    assert len(set(again)) == 1


def test_a_recorded_run_can_be_replayed_by_its_id(alloy: Alloy) -> None:
    alloy.scripts.create("dice", "entity.roll = math.random(1000000)", on="game.before_create", status="active")
    outcome = alloy.fire("game.before_create", {"roll": 0})
    replayed = alloy.fire("game.before_create", {"roll": 0}, run_id=outcome.runs[0].id, dry_run=True)
    assert replayed.changes == outcome.changes


def test_a_fired_hook_costs_the_same_in_the_first_and_the_thousandth_fire(alloy: Alloy) -> None:
    source = "local s = 0 for i = 1, entity.n do s = s + i end entity.sum = s"
    alloy.scripts.create("sum", source, on="t.before_create", status="active")
    fuel = {alloy.fire("t.before_create", {"n": 10, "sum": 0}).fuel for _ in range(1000)}
    assert fuel == {11}
