-- What is offered to scripts: every name, grouped by the reason why it is safe. The sandbox is built from this list
-- and from nothing else; a name that is not here cannot be reached (sandbox.lua).
local kit = ...

kit.offered = {
  globals = {
    {"pure, and constant in cost", "assert getmetatable ipairs rawequal rawget type"},
    {"reads short text only", "select tonumber"},
    {"cannot make a table weak: what is left in one depends on the garbage collector", "setmetatable"},
    {"cannot hold back the end of a run", "error pcall xpcall"},
    {"shows no addresses", "tostring"},
    {"comes in the same order in every process", "next pairs"},
    {"refuses tables that runs share", "rawset"},
    {"pays for what it moves", "unpack"},
    {"looks at the entity and what it was", "changed"},
    {"ends the run", "abort"},
    {"a value that nothing can be read from", "null"},
    {"read-only libraries", "coroutine log math string table"},
  },
  string = {
    {"constant in cost: bounded by the stack", "byte char len"},
    {"pays for the bytes it handles", "format lower rep reverse sub upper"},
    {"its worst case is known before it runs, or it is metered", "find gmatch gsub match"},
  },
  table = {
    {"pays for the elements it handles", "concat insert maxn move remove"},
    {"a merge sort in Lua, metered like a script", "sort"},
  },
  math = {
    {"pure, and constant in cost: reads short text only",
      "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp ldexp log log10 max min modf pow rad sin sinh sqrt "
      .. "tan tanh"},
    {"constants", "huge pi"},
    {"draws from a seed of the run", "random randomseed"},
  },
  coroutine = {
    {"constant in cost", "isyieldable running status yield"},
    {"nested to a fixed depth; ends with the run", "create resume wrap"},
  },
  log = {
    {"kept up to a number of lines and bytes", "debug error info warn"},
  },
}
