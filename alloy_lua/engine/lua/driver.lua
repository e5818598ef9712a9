-- Runs programs. Two ways in: `scalar` (fields as arguments, the fast way, its text is generated for each
-- program by drivers.py) and `execute` (everything packed). Both end in `collect`, which packs the outcome.
local kit = ...
local meter = kit.meter
local begin, used, ended, peak, open = meter.begin, meter.used, meter.ended, meter.peak, meter.open
local encode, decode = kit.msgpack.encode, kit.msgpack.decode
local type, pcall, xpcall, rawget, rawset, pairs, setmetatable, tostring =
  type, pcall, xpcall, rawget, rawset, pairs, setmetatable, tostring
local find, traceback, setfenv = string.find, kit.traceback, kit.setfenv
local null, UNSET, books, tonumber = kit.null, kit.UNSET, kit.books, tonumber

local EPILOGUE_FUEL, EPILOGUE_SECONDS, EPILOGUE_BYTES = 1e9, 0.005, 67108864
local LONG = 65536 -- bytes of input, from which on a string in it may be long
local PROLOGUE_SECONDS = 1 -- the input is bounded by its size

-- The last run, until it is collected.
local ok, value, entity, written, original, memory, held, output_bytes, depth = true, nil, nil, nil, nil, 0, 0, 1048576, 32
local trace = ""

-- Handler of the outermost protected call. It does nothing on a full stack: there is no room to work in.
local function on_error(e)
  if ended() or (type(e) == "string" and find(e, "stack overflow", 1, true)) then return e end
  trace = traceback("", 2)
  return e
end

-- Keeps the state of a run whose outcome does not fit the fast way.
local function keep(run_ok, run_value, run_entity, run_written, run_original)
  ok, value, entity, written, original = run_ok, run_value, run_entity, run_written, run_original
end

local function error_facts(e, serial)
  if type(e) == "string" then return {message = e, code = kit.code_of(e, serial), traceback = trace} end
  if type(e) == "number" then return {message = tostring(e), traceback = trace} end
  if type(e) == "table" then
    local message, code = rawget(e, "message"), rawget(e, "code")
    if type(message) == "string" then
      return {message = message, code = code == "invalid_value" and code or nil, traceback = trace}
    end
  end
  return {message = "error object is a " .. (e == null and "null" or type(e)) .. " value", traceback = trace}
end

local CROSSES = {string = true, boolean = true, table = true}
-- Names the field in the error, which the encoder could not.
local function checked(name, now)
  local kind = type(now)
  if CROSSES[kind] or now == null then return now end
  if kind == "number" and now - now == 0 then return now end
  local got = kind ~= "number" and "a " .. kind or now ~= now and "nan" or "inf"
  kit.output_error("field " .. name .. ": got " .. got .. ", wanted a finite number, string, boolean, table or nil")
end

-- Returns the fields the script wrote, and the names it set to nil.
local function changed_fields()
  local set, unset, count = {}, setmetatable({}, kit.LIST), 0
  if not entity then return set, unset end
  if written then
    for i = 1, #written do
      local name = written[i]
      local now = rawget(entity, name)
      if now == nil then
        count = count + 1
        unset[count] = name
      elseif now ~= UNSET then set[name] = checked(name, now) end
    end
    return set, unset
  end
  for name, now in pairs(entity) do
    if type(name) ~= "string" then kit.output_error("field name: got a " .. type(name) .. ", wanted a string") end
    if type(now) == "table" or now ~= original[name] then set[name] = checked(name, now) end
  end
  for name in pairs(original) do
    if rawget(entity, name) == nil then
      count = count + 1
      unset[count] = name
    end
  end
  return set, unset
end

-- What is read but not assigned can still be changed inside, if it is a table.
local function nested_fields(set)
  if written and entity then
    for name, now in pairs(entity) do
      if type(now) == "table" and set[name] == nil then set[name] = now end
    end
  end
end

-- The outcome as a list, in the order that engine.py reads it. What the script made stands one table deep.
local function outcome(verdict, fuel, serial)
  local lines, lost = kit.logged(serial)
  local logs = lines and setmetatable(lines, kit.LIST) or null
  if verdict == "rejected" then
    local reason, details = kit.rejection()
    return {"rejected", fuel, memory, logs, lost, reason, {details == nil and null or details}}
  elseif verdict or not ok then
    local facts = verdict and {code = verdict, traceback = trace} or error_facts(value, serial)
    return {"failed", fuel, memory, logs, lost, facts}
  end
  local changes, unset = changed_fields()
  nested_fields(changes)
  return {"continue", fuel, memory, logs, lost, changes, unset, {value == nil and null or value}}
end

local function forget()
  value, entity, written, original, trace = nil, nil, nil, nil, ""
  kit.set_entities(nil, nil)
  kit.forget_iteration()
  kit.forget_subject()
  kit.forget_words()
  kit.forget_packing()
end

local function pack_outcome(verdict, fuel, serial)
  return encode(outcome(verdict, fuel, serial), depth, 2, output_bytes)
end

-- Returns the packed outcome of the run that has just ended. The verdict is the meter's, not how the call ended.
local function collect(verdict, fuel, serial)
  local _, left = meter.remaining()
  if verdict == "memory_exceeded" then forget() end
  begin(EPILOGUE_FUEL, left + EPILOGUE_SECONDS, held + EPILOGUE_BYTES)
  meter.start_clock()
  local packed_ok, packed = pcall(pack_outcome, verdict, fuel, serial)
  if not packed_ok then
    local why = packed
    if type(why) ~= "table" then why = {code = ended() or "output_exceeded", message = tostring(why)} end
    begin(EPILOGUE_FUEL, EPILOGUE_SECONDS, held + EPILOGUE_BYTES)
    local facts = {code = why.code, message = why.message, traceback = ""}
    packed = encode({"failed", fuel, memory, null, 0, facts}, 10, 1, 65536)
  end
  forget()
  packed = kit.wire(packed)
  open()
  return packed
end

local function verdict_of(run_ok, e)
  if not run_ok and not ended() and e == "not enough memory" then return "memory_exceeded" end
  return ended()
end

-- Called by the host after a scalar driver answered that there is more to tell.
local function collect_last(bytes, levels, memory_bytes)
  held, output_bytes, depth = memory_bytes, bytes, levels
  local verdict, fuel, serial = verdict_of(ok, value), used(), meter.serial()
  memory = peak()
  return collect(verdict, fuel, serial)
end

local function copy(t)
  local c = {}
  for key, v in pairs(t) do c[key] = v end
  return c
end

local function refuse_field(key)
  return "attempt to write entity." .. kit.tostring(key) .. ": the entity is read-only in this phase"
end
local function refuse_before(key)
  return "attempt to write before." .. kit.tostring(key) .. ": the previous state is read-only"
end

-- A read-only table refuses assignments to its fields; what changes inside a field shows by its text.
local function snapshot(fields)
  if not fields or fields == null then return nil end
  for _, inner in pairs(fields) do
    if type(inner) == "table" then return encode(fields, 100, 1, 1e9) end
  end
end
local function check_kept(name, fields, kept)
  if not kept then return end
  begin(EPILOGUE_FUEL, PROLOGUE_SECONDS, held + EPILOGUE_BYTES)
  local same_ok, same = pcall(function() return encode(fields, 100, 1, 1e9) == kept end)
  if same_ok and same then return end
  ok, value = false, "attempt to write inside a field of " .. name .. ", which is read-only"
end

local function budget()
  local fuel, seconds = meter.remaining()
  return {fuel = fuel, ms = seconds * 1000}
end

-- Returns a function that runs `main` on a packed input. `program` holds the names it reads and writes:
-- written (list) if every use of entity is known, else nil; unread: those written but never read.
local function executor(main, program)
  local names, unread, sets_globals = program.written, program.unread, program.sets_globals
  local params, count = program.params, #program.params
  return function(packed, fuel, seconds, memory_bytes, bytes, levels, host_calls, log_lines, log_bytes, seed, read_only, eager)
    if tonumber(books[0]) > meter.base() + memory_bytes / 2 then meter.sweep() end
    held, output_bytes, depth = memory_bytes, bytes, levels
    begin(EPILOGUE_FUEL, PROLOGUE_SECONDS, held + EPILOGUE_BYTES)
    kit.set_call_limit(host_calls)
    kit.set_log_limits(log_lines, log_bytes)
    kit.seed(seed)
    local decoded, input = pcall(decode, packed, levels, 2, 1)
    if not decoded then
      keep(false, input)
      return collect(ended(), 0, meter.serial())
    end
    local fields, previous = input[1], input[2]
    if fields == null then fields = nil end
    if previous == null then previous = nil end
    if previous then previous = kit.read_only(previous, refuse_before) end
    local shown = fields
    if fields and read_only then
      shown = kit.read_only(fields, refuse_field)
    elseif fields and names then
      for i = 1, #unread do fields[unread[i]] = UNSET end
    end
    keep(true, nil, not read_only and fields or nil, names, nil)
    if entity and not names then original = copy(fields) end
    kit.set_entities(fields, previous)
    local given, context = input[3], input[4]
    if given == null then given = {} end
    if context == null then context = nil else context.budget, context.idempotency_key = budget, kit.idempotency_key end
    local arguments = {entity = shown, before = previous, params = given, ctx = context}
    local a, b, c, d = arguments[params[1]], arguments[params[2]], arguments[params[3]], arguments[params[4]]
    local entity_kept, before_kept = snapshot(read_only and fields), snapshot(input[2])
    setfenv(main, kit.environment(sets_globals))
    begin(fuel, seconds, memory_bytes)
    if #packed > LONG then meter.long_string(#packed) end
    if eager then meter.start_clock() end
    if count == 0 then ok, value = xpcall(main, on_error)
    elseif count == 1 then ok, value = xpcall(main, on_error, a)
    elseif count == 2 then ok, value = xpcall(main, on_error, a, b)
    elseif count == 3 then ok, value = xpcall(main, on_error, a, b, c)
    else ok, value = xpcall(main, on_error, a, b, c, d) end
    meter.finish()
    local verdict, spent, serial = verdict_of(ok, value), used(), meter.serial()
    memory = peak()
    if ok and not verdict then
      check_kept("entity", fields, entity_kept)
      check_kept("before", input[2], before_kept)
    end
    return collect(verdict, spent, serial)
  end
end

kit.driver = {
  on_error = on_error, keep = keep, collect_last = collect_last, executor = executor, forget = forget,
}
