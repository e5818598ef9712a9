"""The text of a column driver: a Lua loop that runs one program over the rows of Arrow columns.

The driver reads the buffers of the columns and writes into buffers that the caller made, so no Python object stands for
a row. Every row is marked `AGAIN` when it begins and gets its status when it has come to an end that the buffers can
tell: it changed nothing but scalars, or it was rejected. Every other row has to be run by itself.

The caller passes the address of a list of 64-bit numbers, the plan: a cell for the row in progress, the addresses of
`RESULTS`, then for each column what its layout says, then for each written field what `OUTPUTS` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..limits import Limits
from .drivers import BEGIN_RUN, LONGEST_TEXT, METER_STATE
from .program import Program

AGAIN = 3  # the status of a row that has to be run by itself
RESULTS = (
    "status",
    "fuel",
    "reason_ends",
    "reason_text",
    "reason_capacity",
)  # int8, a double for all rows, int32, bytes, a number
LONGEST_REASON = 1024
STEP_FUEL = 1_000_000  # units, and `ROW_FUEL` a row: then the driver comes back, to have clock and signals looked at
ROW_FUEL = 8
OUTPUTS = ("state", "numbers", "offsets", "text", "capacity")
NUMBER, NIL, TEXT, BOOLEAN = 1, 2, 3, 4  # states of a written field; 0 is unchanged
MAX_LOCALS = 180  # of the 200 that a Lua function may have, for columns and fields


class Layout(NamedTuple):
    """How the values of a column lie in memory.

    Attributes:
        kind: ``null``, ``number``, ``boolean``, ``text``, ``dictionary``, ``list`` or ``struct``.
        ctype: The C type of the numbers, of offsets, or of the indices into a dictionary.
        exact: Whether every value is a finite number within 2^53; otherwise each is checked.
        nullable: Whether there is a bitmap that says which values are there.
        values: The layout of a dictionary's texts, or of a list's elements.
        fields: Those of a struct, in order.
    """

    kind: str
    ctype: str = ""
    exact: bool = True
    nullable: bool = False
    values: Layout | None = None
    fields: tuple[tuple[str, Layout], ...] = ()

    @property
    def is_table(self) -> bool:
        """Whether scripts see its values as tables."""
        return self.kind in ("list", "struct")


def too_wide(program: Program, layouts: Iterable[Layout]) -> bool:
    """Returns whether a driver of ``program`` would need more local variables than a Lua function may have."""
    fields = len(program.reads or ()) + len(OUTPUTS) * len(program.writes or ())
    return fields + sum(map(_locals, layouts)) > MAX_LOCALS


def _locals(layout: Layout) -> int:
    inner = 3 + _locals(layout.values) if layout.values else 0
    return 4 + inner + sum(1 + _locals(field) for _, field in layout.fields)


_TEMPLATE = """\
local kit, main, FUEL, SECONDS, BYTES = ...
local environment, setfenv, set_call_limit = kit.environment, kit.setfenv, kit.set_call_limit
local type, record_next, rejection, REJECTED = kit.type, kit.record_next, kit.rejection, kit.REJECTED
local arrow = kit.arrow
local cast, copy, text, memcmp = arrow.cast, arrow.copy, arrow.string, arrow.memcmp
local band, lshift, rshift = arrow.band, arrow.lshift, arrow.rshift
local null, list_of = kit.null, arrow.list_of
local EXACT = 9007199254740992
{state}local function rows(plan, first, behind, record_at)
  local A = cast("uint64_t *", plan)
  local row = cast("int64_t *", A)
  local status, fuel, reason_ends = cast("int8_t *", A[1]), cast("double *", A[2]), cast("int32_t *", A[3])
  local reasons, reason_room = cast("uint8_t *", A[4]), tonumber(A[5])
{pointers}
{entity_once}  local spent = 0
  for i = first, behind - 1 do
    do
    row[0] = i
    status[i] = {again}
    reason_ends[i + 1] = reason_ends[i]
{marks}
{weight}{reads}
{fields}
{weighed}{fresh_environment}{limits}
{begin}
    local value = main({entity})
    books[2] = OPEN
    local used = granted - F
    used = used - used % 1
    spent = spent + used
    if dead then goto done end
    if value ~= nil then
      if value == REJECTED then
        local reason, details = rejection()
        if details ~= nil or #reason > {longest_reason} then goto done end
        local from = reason_ends[i]
        if from + #reason > reason_room then return i, 0 end
        copy(reasons + from, reason, #reason)
        reason_ends[i + 1] = from + #reason
        fuel[0] = fuel[0] + used
        status[i] = 1
        goto done
      elseif value ~= true and value ~= false then goto done end
    end
{results}
    fuel[0] = fuel[0] + used
    status[i] = 0
    ::done::
    end
    if i == record_at then record_next() end
    spent = spent + {row_fuel}
    if spent > {step_fuel} then return i + 1 end
  end
  return behind
end
return kit.meter.share_state(rows)
"""


class _Writer:
    """Makes the parts of a driver's text, and gives out the places of the plan."""

    def __init__(
        self, program: Program, layouts: dict[str, Layout], longest: int, share: int, weighs: bool
    ) -> None:  # fmt: skip
        self.program, self.layouts, self.longest, self.share = program, layouts, longest, share
        self.weighs = weighs
        self.most_elements = longest // 64
        self.place = 1 + len(RESULTS)
        self.pointers: list[str] = []

    def pointer(self, name: str, ctype: str) -> None:
        self.pointers.append(f'  local {name} = cast("{ctype} *", A[{self.place}])')
        self.place += 1

    def number(self, name: str) -> None:
        self.pointers.append(f"  local {name} = tonumber(A[{self.place}])")
        self.place += 1

    def declare(self, i: str, layout: Layout) -> None:
        """Declares the pointers of column ``i``."""
        if layout.nullable:
            self.pointer(f"n{i}", "const uint8_t")
            self.number(f"m{i}")
        if layout.kind == "boolean":
            self.pointer(f"p{i}", "const uint8_t")
            self.number(f"f{i}")
        elif layout.ctype:
            self.pointer(f"p{i}", f"const {layout.ctype}")
        if layout.kind == "text":
            self.pointer(f"d{i}", "const uint8_t")
        if layout.values:
            self.declare(f"{i}v", layout.values)
            self.pointers.append(f"  local t{i}, l{i} = {{}}, {{}}")
        if layout.kind == "struct":
            self.pointers.append(f"  local s{i} = {{}}")
        for number, (_, field) in enumerate(layout.fields):
            self.declare(f"{i}s{number}", field)

    def read(self, i: str, layout: Layout, variable: str) -> str:
        """Returns Lua that puts row i's value of a column into a local variable, or leaves the row."""
        if layout.kind == "number" and layout.exact and not layout.nullable:
            return f"    local {variable} = p{i}[i]"
        return f"    local {variable}\n{self.load(i, layout, variable, 'i', 'nil')}"

    def load(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        """Returns Lua that puts the value at index ``at`` into a variable that is declared."""
        if layout.kind == "null":
            return f"    {variable} = {nothing}"
        body = getattr(self, f"load_{layout.kind}")(i, layout, variable, at, nothing)
        if not layout.nullable:
            return f"    do\n{body}\n    end"
        otherwise = f"    else\n      {variable} = {nothing}\n" if nothing != "nil" else ""
        return f"    if {_bit(f'n{i}', f'm{i}', at)} then\n{body}\n{otherwise}    end"

    def load_boolean(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        return f"      {variable} = {_bit(f'p{i}', f'f{i}', at)}"

    def load_number(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        value = f"tonumber(p{i}[{at}])" if "64" in layout.ctype else f"p{i}[{at}]"
        check = f"\n      if not ({variable} > -EXACT and {variable} < EXACT) then goto done end"
        return f"      {variable} = {value}" + ("" if layout.exact else check)

    def load_text(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        begin, behind = _span(i, layout, at)
        return (
            f"      local from, size = {begin}, {behind} - {begin}\n"
            f"      if size > {self.longest} then goto done end\n      {variable} = text(d{i} + from, size)"
            + ("\n      weight = weight + size" if self.weighs else "")
        )

    def load_dictionary(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        assert layout.values is not None
        inner = self.load(f"{i}v", layout.values, variable, "index", nothing)
        return (
            f"      local index = tonumber(p{i}[{at}])\n      {variable} = t{i}[index]\n"
            f"      if not {variable} then\n{inner}\n      t{i}[index] = {variable}\n"
            + (f'      elseif type({variable}) == "string" then weight = weight + #{variable}\n' if self.weighs else "")
            + "      end"
        )

    def load_list(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        """There is one list of each size, and one table for each place in it, the same for all rows: scripts that may
        keep or change one do not come here (`may_change_tables`)."""
        values = layout.values
        assert values is not None
        begin, behind = _span(i, layout, at)
        inner = self.load(f"{i}v", values, "element", "at", "null")
        elements, pooled = (f"t{i}", f" = t{i}[j]") if values.kind == "struct" else ("nil", "")
        keep = "" if pooled and not values.nullable else "\n        list[j] = element"
        return (
            f"      local from, size = {begin}, {behind} - {begin}\n"
            f"      if size > {self.most_elements} then goto done end\n"
            f"      weight = weight + size * {_weight(values)}\n"
            f"      local list = l{i}[size]\n"
            f"      if not list then\n        list = list_of(size, {elements})\n        l{i}[size] = list\n      end\n"
            f"      for j = 1, size do\n        local at = from + j - 1\n"
            f"        local element{pooled}\n{inner}{keep}\n      end\n"
            f"      {variable} = list"
        )

    def load_struct(self, i: str, layout: Layout, variable: str, at: str, nothing: str) -> str:
        lines = [] if at == "at" else [f"      {variable} = s{i}"]
        for number, (name, field) in enumerate(layout.fields):
            place = f"{variable}[{_quoted(name)}]"
            if field.kind == "number" and field.exact and not field.nullable:
                lines.append(f"      {place} = p{i}s{number}[{at}]")
            else:
                lines.append(
                    f"      do\n      local value\n{self.load(f'{i}s{number}', field, 'value', at, 'null')}\n"
                    f"      {place} = value\n      end"
                )
        return "\n".join(lines)

    def write(self, k: int, name: str) -> str:
        """Returns Lua that tells what became of field ``name``."""
        layout = self.layouts.get(name)
        reads = self.program.reads or ()
        store = self.store(k, layout)
        if name in reads:
            return f"    v = e[{_quoted(name)}]\n    if v ~= a{reads.index(name) + 1} then\n{store}\n    end"
        if layout is None or layout.kind == "null":
            inner = f"    if v ~= nil then\n{store}\n    end"
        elif layout.kind == "text":
            inner = self.compare_text(f"o{k}", layout, store)
        else:
            inner = f"{self.read(f'o{k}', layout, 'old')}\n    if v ~= old then\n{store}\n    end"
        return f"    v = e[{_quoted(name)}]\n    if v ~= UNSET then\n{inner}\n    end"

    @staticmethod
    def compare_text(i: str, layout: Layout, store: str) -> str:
        begin, end = _span(i, layout, "i")
        there = _bit(f"n{i}", f"m{i}") if layout.nullable else "true"
        return (
            f'    local there, kind = {there}, type(v)\n    if kind == "string" and there then\n'
            f"      local from = {begin}\n"
            f"      if #v ~= {end} - from or memcmp(v, d{i} + from, #v) ~= 0 then\n{store}\n      end\n"
            f'    elseif kind ~= "nil" or there then\n{store}\n    end'
        )

    def store(self, k: int, layout: Layout | None) -> str:
        """Returns Lua that stores ``v``: of a known kind if the field has a column, else of any scalar kind."""
        kind = layout.kind if layout is not None else "null"
        cases = [f"      if v == nil then state{k}[i] = {NIL}"]
        if kind in ("number", "null"):
            cases.append(
                '      elseif type(v) == "number" then\n'
                "        if not (v >= -EXACT and v <= EXACT) then goto done end\n"
                f"        values{k}[i] = v + 0\n        state{k}[i] = {NUMBER}"
            )
        if kind in ("boolean", "null"):
            cases.append(
                f'      elseif type(v) == "boolean" then\n        values{k}[i] = v and 1 or 0\n'
                f"        state{k}[i] = {BOOLEAN}"
            )
        if kind in ("text", "dictionary", "null"):
            cases.append(
                f'      elseif type(v) == "string" then\n        if #v > {self.share} then goto done end\n'
                f"        local from = ends{k}[i]\n"
                f"        if from + #v > room{k} then return i, {k} end\n"
                f"        copy(bytes{k} + from, v, #v)\n        ends{k}[i + 1] = from + #v\n"
                f"        state{k}[i] = {TEXT}"
            )
        return "\n".join([*cases, "      else goto done end"])

    def outputs(self) -> Iterator[str]:
        for k, name in enumerate(self.program.writes or (), 1):
            self.pointer(f"state{k}", "int8_t")
            self.pointer(f"values{k}", "double")
            self.pointer(f"ends{k}", "int32_t")
            self.pointer(f"bytes{k}", "uint8_t")
            self.number(f"room{k}")
            yield f"    state{k}[i] = 0"
            if holds_text(self.layouts.get(name)):
                yield f"    ends{k}[i + 1] = ends{k}[i]"


def _weight(layout: Layout) -> int:
    """Returns the most bytes that a value needs on its way into Lua in `fire`, without its texts and elements."""
    return 9 + sum(5 + len(name.encode()) + _weight(field) for name, field in layout.fields)


def holds_text(layout: Layout | None) -> bool:
    """Returns whether a written field with the column ``layout`` (None: no column) may get texts."""
    return layout is None or layout.kind in ("text", "dictionary", "null")


def holds_numbers(layout: Layout | None) -> bool:
    """Returns whether a written field with the column ``layout`` (None: no column) may get numbers or booleans."""
    return layout is None or layout.kind in ("number", "boolean", "null")


def columns_of(program: Program, names: frozenset[str]) -> list[str]:
    """Returns which of the columns ``names`` the driver reads, in the order of the plan: also old values of fields that
    the script only writes."""
    used = dict.fromkeys((*(program.reads or ()), *(program.writes or ())))
    return [name for name in used if name in names]


def _bit(bitmap: str, offset: str, at: str = "i") -> str:
    return f"band({bitmap}[rshift({at} + {offset}, 3)], lshift(1, band({at} + {offset}, 7))) ~= 0"


def _span(i: str, layout: Layout, at: str) -> tuple[str, str]:
    if layout.ctype == "int32_t":
        return f"p{i}[{at}]", f"p{i}[{at} + 1]"
    return f"tonumber(p{i}[{at}])", f"tonumber(p{i}[{at} + 1])"


def _quoted(name: str) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in name.encode()) + '"'


def column_driver(
    program: Program, limits: Limits, layouts: dict[str, Layout], *, sets_globals: bool, calls_host: bool
) -> str:
    """Returns the Lua text of the driver of a program that `fits` (drivers.py), over columns of these layouts."""
    reads, writes = program.reads or (), program.writes or ()
    texts = sum(1 for layout in layouts.values() if layout.kind in ("text", "dictionary"))
    longest = min(LONGEST_TEXT // 4, limits.input_bytes // (2 * max(1, texts)))
    share = min(LONGEST_TEXT, limits.output_bytes // (2 * max(1, len(writes))))
    once = any(layout.is_table for layout in layouts.values())
    writer = _Writer(program, layouts, longest, share, once)
    loads = []
    for name in columns_of(program, frozenset(layouts)):
        if name in reads:
            i = str(reads.index(name) + 1)
            loads.append(writer.read(i, layouts[name], f"a{i}"))
        else:
            i = f"o{writes.index(name) + 1}"
        writer.declare(i, layouts[name])
    loads += [f"    local a{i}" for i, name in enumerate(reads, 1) if name not in layouts]
    marks = list(writer.outputs())
    fields = [(_quoted(name), f"a{i}") for i, name in enumerate(reads, 1)]
    fields += [(_quoted(name), "UNSET") for name in writes if name not in reads]
    if once:
        entity = "\n".join(f"    e[{name}] = {value}" for name, value in fields)
    else:
        entity = f"    local e = {{{', '.join(f'[{name}]={value}' for name, value in fields)}}}"
    results = [writer.write(k, name) for k, name in enumerate(writes, 1)]
    return _TEMPLATE.format(
        state=METER_STATE,
        again=AGAIN,
        longest_reason=LONGEST_REASON,
        row_fuel=ROW_FUEL,
        step_fuel=STEP_FUEL,
        pointers="\n".join(writer.pointers),
        marks="\n".join(marks),
        # lists and structs have no size that one look tells: from half of what a row may hold on, it is run by itself
        weight=f"    local weight = {sum(map(_weight, layouts.values()))}\n" if once else "",
        weighed=f"    if weight > {limits.input_bytes // 2} then goto done end\n" if once else "",
        reads="\n".join(loads),
        fields=entity,
        entity_once="  local e = {}\n" if once else "",
        fresh_environment="    setfenv(main, environment(true))\n" if sets_globals else "",
        limits=f"    set_call_limit({limits.host_calls})" if calls_host else "",
        begin=BEGIN_RUN,
        entity="e" if program.arguments else "",
        results="\n".join(["    local v", *results]) if results else "",
    )
