-- The guarded math library: `random` draws from a seed of the run, so a replay draws the same numbers.
local kit = ...
local math = math
local serial = kit.meter.serial

local G = {}
for _, name in ipairs({
  "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "ldexp", "log",
  "log10", "max", "min", "modf", "pow", "rad", "sin", "sinh", "sqrt", "tan", "tanh", "huge", "pi",
}) do G[name] = math[name] end

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
  return math.random(...)
end
function G.randomseed(x)
  seeded = serial()
  math.randomseed(x)
end

kit.math = G
kit.seed = function(value) seed = value end
