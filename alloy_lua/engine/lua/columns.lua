-- Runs programs row by row over Arrow buffers, through the FFI. What is here is given to generated drivers only
-- (engine/columns.py); no script can reach it.
local given = ...
local kit, ffi, bit, assert, error = given.kit, given.ffi, given.bit, given.assert, given.error
local loadstring, pcall = given.loadstring, given.pcall
ffi.cdef("int memcmp(const void *a, const void *b, size_t size);")
local books, meter, forget, tonumber = kit.books, kit.meter, kit.driver.forget, kit.tonumber
local OPEN = 2 ^ 50
local MOST_REASONS, LONGEST_REASON = 1000, 1024

local codes, reasons, count = {}, {}, 0
-- Returns the number of a rejection's reason in this batch, from 0; nil if there are too many reasons, or it is long.
local function code_of(reason)
  local code = codes[reason]
  if code then return code end
  if count >= MOST_REASONS or #reason > LONGEST_REASON then return nil end
  code = count
  count = count + 1
  codes[reason], reasons[count] = code, reason
  return code
end

kit.arrow = {
  cast = ffi.cast, copy = ffi.copy, string = ffi.string, memcmp = ffi.C.memcmp, band = bit.band, lshift = bit.lshift,
  rshift = bit.rshift, code_of = code_of,
}

-- Returns a function that runs the rows from `first` up to `last`, counted from 0. It answers with the row it got to
-- and, if that is not the last one, the number of the text column that has no room for it. A row that raises is left as
-- it was marked when it began.
local function driver(text, main, fuel, seconds, bytes)
  local rows = assert(loadstring(text, "=[alloy columns]"))(kit, main, fuel, seconds, bytes)
  return function(plan, first, last, record_at)
    local row = ffi.cast("int64_t *", plan)
    while first < last do
      row[0] = -1
      local ok, reached, full = pcall(rows, plan, first, last, record_at)
      books[2] = OPEN
      if ok then
        first = reached
        if full then return first, full end
      else
        if row[0] < first then error(reached, 0) end -- no row's doing
        if reached == "not enough memory" or meter.ended() == "memory_exceeded" then
          forget()
          meter.sweep()
        end
        first = tonumber(row[0]) + 1
      end
    end
    forget()
    return first
  end
end

-- Returns the next reason of this batch that has not been told yet.
local told = 0
local function next_reason()
  told = told + 1
  return kit.wire(reasons[told])
end
local function begin_batch() codes, reasons, count, told = {}, {}, 0, 0 end

return driver, begin_batch, next_reason, function() return count end
