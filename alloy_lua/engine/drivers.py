"""The text of the scalar driver: a Lua function that runs one program with entity fields as arguments.

Fields that the script reads come in as arguments; fields that it only writes start as UNSET. The driver
answers with numbers and strings only:

- ``fuel`` alone: the run ended well and changed nothing;
- ``fuel, mask, v1, v2, …``: bit i of mask says that the i-th written field was assigned a new value;
- ``-1``: there is more to tell (rejection, error, log lines, a value, a table): ask ``collect_last``;
- ``-2``: an argument can only cross packed; nothing has run.
"""

from __future__ import annotations

from ..limits import Limits
from .program import Program

MAX_FIELDS = 24
SLICE_MIN = 36  # as in meter.lua
LONGEST_TEXT = 65536  # bytes of a field that leaves by itself

# What a driver needs to begin runs by itself. These are the meter's own variables (share_state), and the same lines as
# its begin, without the call.
METER_STATE = f"""\
local UNSET, books, tonumber, sweep = kit.UNSET, kit.books, kit.tonumber, kit.meter.sweep
local forget_long_string, finish = kit.meter.forget_long_string, kit.meter.finish
local HALF, HIGHEST, OPEN = BYTES / 2, BYTES * 1.1, 2 ^ 50
local GRANT = FUEL < {SLICE_MIN} and FUEL or {SLICE_MIN}
local F, dead, serial, limit, slice, granted, last, seconds, base, most, wall, peak, seen, watch, full, longest
local protected_depth, coroutine_depth
"""
BEGIN_RUN = f"""\
  seen = tonumber(books[0])
  if seen > base + HALF then sweep() end
  dead = false
  serial = serial + 1
  limit, slice, granted, F, last = FUEL, {SLICE_MIN}, GRANT, GRANT, -1
  seconds, protected_depth, coroutine_depth = SECONDS, 0, 0
  if longest > 0 then forget_long_string() end
  most, wall, peak, watch = base + BYTES, base + HIGHEST, 0, 0
  full, books[2] = most, wall
"""

_TEMPLATE = """\
local kit, main, FUEL, SECONDS, BYTES = ...
local keep, on_error, collect_last = kit.driver.keep, kit.driver.on_error, kit.driver.collect_last
local environment, setfenv, ended = kit.environment, kit.setfenv, kit.meter.ended
local xpcall, type = kit.xpcall, kit.type
local set_call_limit, set_log_limits, has_logged = kit.set_call_limit, kit.set_log_limits, kit.has_logged
local WRITTEN = {{{written}}}
{state}local function scalar({arguments})
{guards}
  local e = {{{fields}}}
{fresh_environment}{limits}
{begin}  local ok, value = xpcall(main, on_error{entity})
  books[2] = OPEN
  if last >= 0 then finish() end
  if not ok or value ~= nil or dead{logged} then
    keep(ok, value, e, WRITTEN)
    return -1
  end
  local mask = 0
{results}
  local used = granted - F
  used = used - used % 1
  if mask == 0 then return used end
  return used, mask{values}
end
kit.meter.share_state(scalar)
local rows = kit.rows
local read, write, write_bytes, mark = rows.read, rows.write, rows.write_bytes, rows.mark
local record_next = kit.record_next
local function put(output_bytes, depth, code, set{value_names})
  if code == -1 and ended() == "memory_exceeded" then code = -2 end -- other rows' memory counted: run it by itself
  if code == -1 then write_bytes(collect_last(output_bytes, depth, BYTES)) return mark("{no_values}") end
  if code == -2 then return mark("\\254{no_values}") end
  write(code)
  write(set or 0){writes}
end
-- Rows of {width} values in; one flat list of {stride} values a row out: fuel, mask and the written fields' values. For
-- a row that has to go another way the mask is nil, and instead of fuel stands -2 or a packed outcome.
local function batch(packed, count, output_bytes, depth, record_after)
  local at = rows.first(packed)
  rows.begin(count * {stride})
{declare}
  for row = 1, count do
{takes}
    put(output_bytes, depth, scalar({arguments}))
    if row == record_after then record_next() end
  end
  return rows.finish()
end
return scalar, batch
"""

_GUARD = '  if type(a{i}) == "number" and not (a{i} > -9007199254740992 and a{i} < 9007199254740992) then return -2 end'
_CHECK = """\
  local k{i} = type(v{i})
  if not (k{i} == "nil" or k{i} == "boolean" or k{i} == "number" and v{i} >= -9007199254740992 \
and v{i} <= 9007199254740992 or k{i} == "string" and #v{i} <= {share}) then
    keep(ok, value, e, WRITTEN)
    return -1
  end"""


def fits(program: Program) -> bool:
    """Returns whether the scalar driver can run ``program``: its use of the entity, and nothing else, is known."""
    return (
        program.reads is not None
        and program.writes is not None
        and program.arguments in ((), ("entity",))
        and len(set(program.reads) | set(program.writes)) <= MAX_FIELDS
        and not program.random
        and "changed" not in program.mentions
        and not any(name.startswith("_") for name in (*program.reads, *program.writes))  # private: never readable
    )


def _limit_calls(program: Program, limits: Limits, calls_host: bool) -> str:
    text = ""
    if "log" in program.mentions:
        text += f"  set_log_limits({limits.log_lines}, {limits.log_bytes})"
    if calls_host:
        text += f"  set_call_limit({limits.host_calls})"
    return text


def scalar_driver(program: Program, limits: Limits, *, sets_globals: bool, calls_host: bool) -> str:
    """Returns the Lua text of the scalar driver of a program that `fits`, under ``limits``."""
    reads, writes = program.reads or (), program.writes or ()
    place = {name: i for i, name in enumerate(reads, 1)}
    fields = [f'["{name}"]=a{i}' for name, i in place.items()]
    fields += [f'["{name}"]=UNSET' for name in writes if name not in place]
    results = []
    # Longer texts are told the long way, which counts them: so all fields together are within the limit.
    share = min(LONGEST_TEXT, limits.output_bytes // (2 * len(writes))) if writes else 0
    for i, name in enumerate(writes, 1):
        results.append(f'  local v{i} = e["{name}"]')
        if name in place:
            results.append(f"  if v{i} ~= a{place[name]} then mask = mask + {1 << (i - 1)} end")
        else:
            results.append(f"  if v{i} ~= UNSET then mask = mask + {1 << (i - 1)} else v{i} = nil end")
        results.append(_CHECK.format(i=i, share=share))
    names = [f"v{i}" for i in range(1, len(writes) + 1)]
    return _TEMPLATE.format(
        written=", ".join(f'"{name}"' for name in writes),
        arguments=", ".join(f"a{i}" for i in place.values()),
        guards="\n".join(_GUARD.format(i=i) for i in place.values()),
        fields=", ".join(fields),
        fresh_environment="  setfenv(main, environment(true))" if sets_globals else "",
        limits=_limit_calls(program, limits, calls_host),
        state=METER_STATE,
        begin=BEGIN_RUN,
        entity=", e" if program.arguments else "",
        logged=" or has_logged()" if "log" in program.mentions else "",
        results="\n".join(results),
        values="".join(f", {name}" for name in names),
        value_names="".join(f", {name}" for name in names),
        no_values="\\192" * (1 + len(names)),
        stride=2 + len(names),
        writes="".join(f"\n  write({name})" for name in names),
        width=len(reads),
        declare=f"  local {', '.join(f'a{i}' for i in place.values())}" if reads else "",
        takes="\n".join(f"    a{i}, at = read(packed, at)" for i in place.values()),
    )
