-- The guarded math library: `random` draws from a seed of the run, so a replay draws the same numbers.
local kit = ...
local math = math
local type = type
local serial, load_metered = kit.meter.serial, kit.meter.load
local short, short_numbers, more_text = kit.short, kit.short_numbers, kit.more_text

local G = {huge = math.huge, pi = math.pi}

-- Numbers given as text must be short. Each function has a text of its own: LuaJIT compiles the copies of one closure
-- together, and would then look up each time which function it stands for.
local WRAPPED = [[
local F, T, K
return function(f, short_numbers, type)
  return function(...)
    local a, b = ...
    if type(a) == "string" or type(b) == "string" then return f(short_numbers(...)) end
    return f(...)
  end
end]]
for _, name in ipairs({
  "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "ldexp", "log",
  "log10", "modf", "pow", "rad", "sin", "sinh", "sqrt", "tan", "tanh",
}) do G[name] = load_metered(WRAPPED, "=[alloy numbers]", "F", "T", "K")(math[name], short_numbers, type) end

-- The same for any number of arguments.
local VARIADIC = [[
local F, T, K
return function(f, short_numbers, type, more_text)
  return function(...)
    local a, b, c, d = ...
    if type(a) == "string" or type(b) == "string" or type(c) == "string" or type(d) == "string" or more_text(...) then
      return f(short_numbers(...))
    end
    return f(...)
  end
end]]
for _, name in ipairs({"max", "min"}) do
  G[name] = load_metered(VARIADIC, "=[alloy numbers]", "F", "T", "K")(math[name], short_numbers, type, more_text)
end

local seed, seeded = 0, -1
local function ensure_seed()
  local current = serial()
  if seeded ~= current then
    seeded = current
    math.randomseed(seed)
  end
end
function G.random(...)
  ensure_seed()
  local a, b = ...
  if type(a) == "string" or type(b) == "string" then return math.random(short_numbers(...)) end
  return math.random(...)
end
function G.randomseed(x)
  if type(x) == "string" then x = short(x) end
  seeded = serial()
  math.randomseed(x)
end

kit.math = G
kit.seed = function(value) seed = value end
