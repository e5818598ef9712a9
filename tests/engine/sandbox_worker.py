"""Runs hostile scripts in a process of its own: one JSON request a line in, one JSON answer a line out.

All requests share one `Alloy`, and so one LuaJIT state for as long as that survives: after each script a probe looks
for anything it left behind.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from alloy_lua import Alloy, Limits, Outcome

PROBE = """
local names = 0
for _, library in ipairs({string, table, math, coroutine, log, hash}) do
  for name, value in pairs(library) do
    assert(type(value) == "function" or type(value) == "number")
    names = names + #name
  end
end
assert(("aXb"):upper():lower():find("x", 1, true) == 2 and math.floor(math.pi) == 3)
assert(leaked == nil and tostring({}) == "table: 0x00000001")
local t = {}
for i = 1, 600000 do t[i] = i end
return {names, math.random(1000000), #t}
"""


def probe(alloy: Alloy) -> list[Any]:
    """Returns what a harmless script makes: the same after every script, if nothing leaks."""
    outcome = alloy.evaluate(PROBE, run_id="probe", limits=Limits(deadline_ms=5000))
    return [outcome.status.value, outcome.value, outcome.fuel, str(outcome.error)]


def fields(outcome: Outcome) -> dict[str, Any]:
    """Returns the fields of tests/conftest.py's ``End``."""
    found: dict[str, Any] = {"status": outcome.status.value, "fuel": outcome.fuel, "message": None}
    if outcome.error is not None:
        found |= {"code": outcome.error.code, "message": outcome.error.message, "line": outcome.error.line}
    elif outcome.reason is not None:
        found["message"] = str(outcome.reason)
    return found


def main() -> None:
    isolation: Any = sys.argv[1]
    with Alloy(isolation=isolation) as alloy:
        clean = probe(alloy)
        for line in sys.stdin:
            request = json.loads(line)
            began = time.process_time()
            try:
                outcome = alloy.evaluate(
                    request["source"], entity=request["entity"], limits=Limits(**request["limits"])
                )
                answer: dict[str, Any] = {"end": fields(outcome)}
            except BaseException as error:
                answer = {"raised": f"{type(error).__name__}: {error}"}
            answer["seconds"] = time.process_time() - began
            after = probe(alloy)
            answer["left_behind"] = None if after == clean else {"clean": clean, "after": after}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
