-- Runs programs row by row over Arrow buffers, through the FFI. What is here is given to generated drivers only
-- (engine/columns.py); no script can reach it.
local given = ...
local kit, ffi, bit, assert, error = given.kit, given.ffi, given.bit, given.assert, given.error
local loadstring, pcall = given.loadstring, given.pcall
ffi.cdef("int memcmp(const void *a, const void *b, size_t size);")
local books, meter, forget, tonumber = kit.books, kit.meter, kit.driver.forget, kit.tonumber
local OPEN = 2 ^ 50

-- Returns a new list with room for `size` elements; filled with the first of `elements`, tables, if they are given.
local LIST, setmetatable = kit.LIST, kit.setmetatable
local function list_of(size, elements)
  local list = setmetatable({}, LIST)
  for j = 1, elements and size or 0 do
    local element = elements[j] or {}
    elements[j], list[j] = element, element
  end
  return list
end

kit.arrow = {
  cast = ffi.cast, copy = ffi.copy, string = ffi.string, memcmp = ffi.C.memcmp, band = bit.band, lshift = bit.lshift,
  rshift = bit.rshift, list_of = list_of,
}

-- Returns a function that runs rows from `first` on, counted from 0, and answers with the row it got to: `last`, or one
-- before it, to have the caller look at clock and signals. With it, if a text has no room, comes the text's number: 0 for
-- the reasons of rejections, else the written field's. A row that raises is left as it was marked when it began.
local function driver(text, main, fuel, seconds, bytes)
  local rows = assert(loadstring(text, "=[alloy columns]"))(kit, main, fuel, seconds, bytes)
  return function(plan, first, last, record_at)
    local row = ffi.cast("int64_t *", plan)
    row[0] = -1
    local ok, reached, full = pcall(rows, plan, first, last, record_at)
    books[2] = OPEN
    if not ok then
      if row[0] < first then error(reached, 0) end -- no row's doing
      if reached == "not enough memory" or meter.ended() == "memory_exceeded" then
        forget()
        meter.sweep()
      end
      reached = tonumber(row[0]) + 1
    end
    forget()
    if full then return reached, full end
    return reached -- a second value, were it nil, would make a tuple of it in Python
  end
end

return driver
