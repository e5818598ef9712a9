-- The bytecode verifier: proves of a freshly loaded function (and all functions inside it) that
--   1. without the matched fuel checks no control-flow graph has a cycle: no loop is unmetered;
--   2. no call, and no operation that can run a metamethod, is reached from an entry before a check;
--   3. the meter's upvalues are touched by nothing but matched checks;
--   4. no check-free path performs more than `longest_path` operations whose cost depends on operand size. To find a
--      key or make room for one takes as long as the table is large, unless the table was made on the very same path.
-- Of a calm program it proves instead of 2 that none of its functions can become a metamethod, that no call is
-- reached before a check, and that what a function does before its first check is short: so a call that passes no
-- check comes to an end by itself, and counts as a few operations in 4.
-- So a mistake of the scanner that places the checks cannot become a hole. Opcode numbers are of the bundled
-- LuaJIT 2.1 (lj_bc.h); `selftest` in runtime.py refuses to run on another.
require("jit").off(true, true)
local util = require("jit.util")
local funcinfo, funcbc, funck, funcuvname = util.funcinfo, util.funcbc, util.funck, util.funcuvname
local band, rshift = bit.band, bit.rshift
local floor, max, find = math.floor, math.max, string.find
local type, tostring, pairs, ipairs = type, tostring, pairs, ipairs

local NAMES = [[ISLT ISGE ISLE ISGT ISEQV ISNEV ISEQS ISNES ISEQN ISNEN ISEQP ISNEP ISTC ISFC IST ISF ISTYPE ISNUM
MOV NOT UNM LEN ADDVN SUBVN MULVN DIVVN MODVN ADDNV SUBNV MULNV DIVNV MODNV ADDVV SUBVV MULVV DIVVV MODVV POW CAT
KSTR KCDATA KSHORT KNUM KPRI KNIL UGET USETV USETS USETN USETP UCLO FNEW TNEW TDUP GGET GSET TGETV TGETS TGETB TGETR
TSETV TSETS TSETB TSETM TSETR CALLM CALL CALLMT CALLT ITERC ITERN VARG ISNEXT RETM RET RET0 RET1 FORI JFORI FORL IFORL
JFORL ITERL IITERL JITERL LOOP ILOOP JLOOP JMP FUNCF IFUNCF JFUNCF FUNCV IFUNCV JFUNCV FUNCC FUNCCW]]
local OP, NAME = {}, {}
do
  local i = 0
  for name in NAMES:gmatch("%S+") do
    OP[name], NAME[i] = i, name
    i = i + 1
  end
end
local function set(names)
  local t = {}
  for name in names:gmatch("%S+") do t[OP[name]] = true end
  return t
end

local LAST_COMPARE = OP.ISF
local CALLS = set("CALLM CALL CALLMT CALLT ITERC ITERN")
local ENDS = set("CALLMT CALLT RETM RET RET0 RET1")
local JUMPS = set("JMP UCLO ISNEXT")
local FORKS = set("FORI FORL ITERL")
local REFUSED = set([[JFORI IFORL JFORL IITERL JITERL ILOOP JLOOP IFUNCF JFUNCF IFUNCV JFUNCV FUNCC FUNCCW
 ISTYPE ISNUM TGETR TSETR KCDATA]])
local SIZED = set([[ISLT ISGE ISLE ISGT UNM ADDVN SUBVN MULVN DIVVN MODVN ADDNV SUBNV MULNV DIVNV MODNV ADDVV SUBVV
 MULVV DIVVV MODVV POW CAT CALLM CALL CALLMT CALLT ITERC ITERN TGETV TGETS TGETB TSETV TSETS TSETB TSETM VARG]])
local STORES = set("TSETV TSETS TSETB")
local META = set([[ISLT ISGE ISLE ISGT ISEQV ISNEV UNM LEN ADDVN SUBVN MULVN DIVVN MODVN ADDNV SUBNV MULNV DIVNV MODNV
 ADDVV SUBVV MULVV DIVVV MODVV POW CAT GGET GSET TGETV TGETS TGETB TSETV TSETS TSETB TSETM]])
local CALL_WEIGHT = 4 -- operations that a call counts for in a calm program
local LEAF_OPERATIONS, LEAF_INSTRUCTIONS = 16, 160 -- what a calm function may do before its first check
local UPVALUE_WRITES = set("USETV USETS USETN USETP")

local function decode(proto)
  local info = funcinfo(proto)
  local code = {n = info.bytecodes, op = {}, a = {}, b = {}, c = {}, d = {}, proto = proto, info = info}
  for pc = 0, code.n - 1 do
    local ins = funcbc(proto, pc)
    code.op[pc], code.a[pc] = band(ins, 0xff), band(rshift(ins, 8), 0xff)
    code.c[pc], code.b[pc], code.d[pc] = band(rshift(ins, 16), 0xff), rshift(ins, 24), rshift(ins, 16)
  end
  return code
end

local function upvalue_slots(code, names)
  local slots = {}
  for i = 0, code.info.upvalues - 1 do
    local name = funcuvname(code.proto, i)
    for key, wanted in pairs(names) do
      if name == wanted then slots[key] = i end
    end
  end
  return slots
end

local function line_at(code, pc) return tostring(funcinfo(code.proto, pc).currentline) end

-- Returns the offset after the check at pc, or nil. A check is
--   UGET K; [MULVN by a positive integer;] UGET F; ADDVV; USETV F; UGET F; KSHORT 0; ISGE; JMP; UGET T; CALL; USETV F
local function check_end(code, pc, up)
  local op, a, b, c, d = code.op, code.a, code.b, code.c, code.d
  if op[pc] ~= OP.UGET or d[pc] ~= up.K then return nil end
  local r = a[pc]
  if op[pc + 1] == OP.MULVN then
    local weight = funck(code.proto, c[pc + 1])
    local whole = type(weight) == "number" and weight >= 1 and weight == floor(weight)
    if not (whole and a[pc + 1] == r and b[pc + 1] == r) then return nil end
    pc = pc + 1
  end
  if pc > code.n - 11 then return nil end
  local matched = op[pc + 1] == OP.UGET and a[pc + 1] == r + 1 and d[pc + 1] == up.F
    and op[pc + 2] == OP.ADDVV and a[pc + 2] == r and b[pc + 2] == r and c[pc + 2] == r + 1
    and op[pc + 3] == OP.USETV and a[pc + 3] == up.F and d[pc + 3] == r
    and op[pc + 4] == OP.UGET and a[pc + 4] == r and d[pc + 4] == up.F
    and op[pc + 5] == OP.KSHORT and a[pc + 5] == r + 1 and d[pc + 5] == 0
    and op[pc + 6] == OP.ISGE and a[pc + 6] == r and d[pc + 6] == r + 1
    and op[pc + 7] == OP.JMP -- to any target: LuaJIT threads jumps to jumps
    and op[pc + 8] == OP.UGET and a[pc + 8] == r and d[pc + 8] == up.T
    and op[pc + 9] == OP.CALL and a[pc + 9] == r and b[pc + 9] == 2 and c[pc + 9] == 1
    and op[pc + 10] == OP.USETV and a[pc + 10] == up.F and d[pc + 10] == r
  return matched and pc + 11 or nil
end

-- Returns the set of check heads and the set of instructions inside checks.
local function find_checks(code, up)
  local head, inside, count = {}, {}, 0
  local pc = 1
  while up.F and up.T and up.K and pc < code.n do
    local after = check_end(code, pc, up)
    if after then
      head[pc] = true
      count = count + 1
      for i = pc, after - 1 do inside[i] = true end
      pc = after
    else
      pc = pc + 1
    end
  end
  return head, inside, count
end

local function refused_instruction(code, up, inside, stats)
  for pc = 1, code.n - 1 do
    local op = code.op[pc]
    if REFUSED[op] then return "unexpected instruction " .. NAME[op] .. " at line " .. line_at(code, pc) end
    if op == OP.GSET then stats.sets_globals = true end
    if not inside[pc] then
      local slot = op == OP.UGET and code.d[pc] or UPVALUE_WRITES[op] and code.a[pc] or nil
      if slot and (slot == up.F or slot == up.T or slot == up.K) then
        return "stray use of the meter at line " .. line_at(code, pc)
      end
    end
  end
end

local function successors(code, head, pc)
  local op = code.op[pc]
  if head[pc] or ENDS[op] then return nil end
  local target = pc + 1 + code.d[pc] - 0x8000
  if JUMPS[op] then return target end
  if FORKS[op] then return pc + 1, target end
  if op <= LAST_COMPARE then return pc + 1, pc + 2 end -- takes or skips the JMP that follows
  return pc + 1
end

-- Returns the instructions in post-order, or nil and where a cycle is.
local function post_order(code, head)
  local order, count, colour = {}, 0, {}
  local stack, step = {}, {}
  for root = 1, code.n - 1 do
    if not colour[root] then
      local top = 1
      stack[1], step[1], colour[root] = root, 0, 1
      while top > 0 do
        local pc = stack[top]
        local first, second = successors(code, head, pc)
        step[top] = step[top] + 1
        local following
        if step[top] == 1 then following = first elseif step[top] == 2 then following = second end
        if step[top] > 2 then
          colour[pc] = 2
          count = count + 1
          order[count] = pc
          top = top - 1
        elseif following then
          if following < 1 or following >= code.n then return nil, "jump out of range" end
          if colour[following] == 1 then return nil, "unmetered loop at line " .. line_at(code, following) end
          if not colour[following] then
            colour[following] = 1
            top = top + 1
            stack[top], step[top] = following, 0
          end
        end
      end
    end
  end
  return order
end

-- Returns the instructions that store into a table which nothing but such stores has touched since it was made, and
-- which is therefore no larger than the text that fills it. Every doubt counts against it.
local function stores_into_new_tables(code)
  local entered, new, found = {}, {}, {}
  for pc = 1, code.n - 1 do
    local target = pc + 1 + code.d[pc] - 0x8000
    if JUMPS[code.op[pc]] or FORKS[code.op[pc]] then entered[target] = true end
  end
  for pc = 1, code.n - 1 do
    local op, a, b, c, d = code.op[pc], code.a[pc], code.b[pc], code.c[pc], code.d[pc]
    if entered[pc] or op == OP.LOOP then new = {} end
    if STORES[op] and new[b] then
      found[pc] = true
      new[a], new[c] = nil, c == b and new[c] or nil
    elseif op == OP.TSETM and new[a - 1] then
      found[pc] = true
    else
      new[a], new[b], new[c], new[d] = nil, nil, nil, nil
      -- a call takes and returns registers from `a` on, a concatenation takes those from b to c, a closure takes any
      local first, last = 256, 256
      if op == OP.CAT then first, last = b, c elseif CALLS[op] then first = a - 3 elseif op == OP.FNEW then first = 0 end
      for register in pairs(new) do
        if register >= first and register <= last then new[register] = nil end
      end
      if op == OP.TNEW or op == OP.TDUP then new[a] = true end
    end
  end
  return found
end

local function weight_at(code, pc, call_weight)
  local op = code.op[pc]
  if code.cheap[pc] then return 0 end
  if op == OP.CAT then return code.c[pc] - code.b[pc] end
  if CALLS[op] then return call_weight end
  return SIZED[op] and 1 or 0
end

local function too_long(code, head, inside, order, limit, calm)
  local longest, instructions = {}, {}
  for i = 1, #order do
    local pc = order[i]
    local first, second = successors(code, head, pc)
    local rest, following = first and longest[first] or 0, first and instructions[first] or 0
    if second then rest, following = max(rest, longest[second] or 0), max(following, instructions[second] or 0) end
    longest[pc] = rest + (inside[pc] and 0 or weight_at(code, pc, calm and CALL_WEIGHT or 1))
    instructions[pc] = following + (head[pc] and 0 or 1)
    if longest[pc] > limit then
      return "straight-line code too long (" .. longest[pc] .. " operations) near line " .. line_at(code, pc)
    end
  end
  if calm and ((longest[1] or 0) > LEAF_OPERATIONS or (instructions[1] or 0) > LEAF_INSTRUCTIONS) then
    return "too much before the first check of a function near line " .. line_at(code, 1)
  end
end

local function unmetered_operation(code, head, calm)
  local seen, queue, count = {[1] = true}, {1}, code.n > 1 and 1 or 0
  while count > 0 do
    local pc = queue[count]
    count = count - 1
    local op = code.op[pc]
    if not head[pc] then
      if CALLS[op] or META[op] and not calm then return "unmetered " .. NAME[op] .. " at line " .. line_at(code, pc) end
      for _, following in ipairs({successors(code, head, pc)}) do
        if not seen[following] then
          seen[following] = true
          count = count + 1
          queue[count] = following
        end
      end
    end
  end
end

-- Returns the string constant that operand `n` of an instruction names.
local function text_constant(code, n) return funck(code.proto, -n - 1) end

-- Notes what the function does that could, taken together, install a function as a metamethod: to mention
-- setmetatable; to store something under a computed key, or under a key with two underscores (but for
-- `t.__index = t`, since what is stored is the table itself).
local function note_metatables(code, stats)
  for pc = 1, code.n - 1 do
    local op = code.op[pc]
    if op == OP.GGET then
      local name = text_constant(code, code.d[pc])
      if name == "setmetatable" then stats.sets_metatables = true end
      if name == "rawset" then stats.stores_anything = true end
    elseif op == OP.TSETV then
      stats.stores_anything = true
    elseif op == OP.TSETS and code.a[pc] ~= code.b[pc] and find(text_constant(code, code.c[pc]), "^__") then
      stats.stores_anything = true
    end
  end
end

local function verify_proto(proto, names, longest_path, calm, stats)
  local code = decode(proto)
  local up = upvalue_slots(code, names)
  local head, inside, checks = find_checks(code, up)
  stats.checks, stats.functions = stats.checks + checks, stats.functions + 1
  local why = refused_instruction(code, up, inside, stats)
  if why then return why end
  code.cheap = stores_into_new_tables(code)
  local order
  order, why = post_order(code, head)
  why = why or too_long(code, head, inside, order, longest_path, calm)
    or unmetered_operation(code, head, calm)
  if why then return why end
  note_metatables(code, stats)
  if code.info.children == false then return nil end
  for i = -1, -1000000, -1 do
    local constant = funck(proto, i)
    if constant == nil then return nil end
    if type(constant) == "proto" then
      why = verify_proto(constant, names, longest_path, calm, stats)
      if why then return why end
    end
  end
end

-- Returns nil and {checks, functions, sets_globals} if all four properties hold, else the reason.
return function(main, f, t, k, longest_path, calm)
  local stats = {checks = 0, functions = 0, sets_globals = false, sets_metatables = false, stores_anything = false}
  local why = verify_proto(main, {F = f, T = t, K = k}, longest_path, calm, stats)
  if calm and stats.sets_metatables and stats.stores_anything then
    why = why or "a function of the script may become a metamethod"
  end
  return why, stats
end
