-- The inner loop of a worker process (engine/process/worker.py): answers requests for rows without leaving Lua.
-- Frames are those of engine/process/frames.py. Any other request, and what is no whole frame, goes to Python.
local kit, ffi, ROWS, DONE = ...
ffi.cdef("int read(int fd, void *buffer, size_t size); int write(int fd, const void *buffer, size_t size);")
local C, text, copy = ffi.C, ffi.string, ffi.copy
local SIZE, HEAD, ROWS_HEAD = 65536, 9, 13 -- what a pipe holds, a head, a head and a count
local buffer = ffi.new("uint8_t[?]", SIZE)
local length, number = ffi.cast("uint32_t *", buffer), ffi.cast("uint32_t *", buffer + 5)
local count = ffi.cast("uint32_t *", buffer + HEAD)
local batches, output_bytes, depths = {}, {}, {}

-- Returns how many bytes of a request for rows have come; else nil and what has come.
local function receive()
  local got = C.read(0, buffer, SIZE)
  if got >= ROWS_HEAD and length[0] + 4 == got and buffer[4] == ROWS and batches[number[0]] then return got end
  return nil, text(buffer, got > 0 and got or 0)
end

local function reply(rows)
  local size = #rows
  length[0], buffer[4], number[0] = size + HEAD - 4, DONE, 0
  if size > SIZE - HEAD then
    C.write(1, buffer, HEAD)
    C.write(1, rows, size)
    return
  end
  copy(buffer + HEAD, rows, size)
  C.write(1, buffer, size + HEAD)
end

-- Answers until something else is asked for, and returns that.
local function serve()
  while true do
    local got, request = receive()
    if not got then return request end
    local way = number[0]
    reply(batches[way](text(buffer + ROWS_HEAD, got - ROWS_HEAD), count[0], output_bytes[way], depths[way], 0))
  end
end

-- Has rows of the way `way` answered here from now on.
local function bind(way, batch, bytes, depth) batches[way], output_bytes[way], depths[way] = batch, bytes, depth end

return serve, bind
