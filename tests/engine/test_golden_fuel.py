"""What each construct and library function costs, as ``golden_fuel.py`` wrote it; the same hot, cold and elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from alloy_lua import Alloy

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE.parent / "lua" / "golden" / "fuel.json").read_text())
sys.path.insert(0, str(HERE))
from golden_fuel import CALLS, costs  # noqa: E402

SHOW = f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
from golden_fuel import costs
from alloy_lua import Alloy
with Alloy() as alloy:
    print(json.dumps(costs(alloy)))
"""


def differences(found: dict[str, int]) -> dict[str, Any]:
    return {name: (GOLDEN.get(name), cost) for name, cost in found.items() if GOLDEN.get(name) != cost}


def test_each_construct_and_function_costs_what_it_did(alloy: Alloy) -> None:
    for turn in range(40):  # the last ones run compiled
        assert differences(costs(alloy)) == {}, f"turn {turn}: python tests/engine/golden_fuel.py writes them anew"
    assert set(GOLDEN) == set(costs(alloy))


def test_each_costs_the_same_in_another_process() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert differences(json.loads(done.stdout)) == {}


def test_every_library_function_has_a_golden_cost(alloy: Alloy) -> None:
    source = """
      local names = {}
      for library, functions in pairs({string = string, table = table, coroutine = coroutine, log = log}) do
        for name in pairs(functions) do names[#names + 1] = library .. "." .. name end
      end
      return names
    """
    names = set(alloy.evaluate(source).value)
    untold = {name for name in names if not any(call.startswith(name) or name in call for call in CALLS)}
    same_as_another = {
        "coroutine.running",
        "coroutine.isyieldable",
        "coroutine.yield",
        "log.debug",
        "log.warn",
        "log.error",
    }
    assert untold <= same_as_another, untold
