-- name: pricing-lines
-- on: order.before_create, order.before_update(lines, vip, country)
-- priority: 30
-- description: Totals every line and the order; the first of three pricing scripts, each building on the one before.
--
-- pricing-lines (30) sets the subtotal, pricing-discount (40) takes the discount off, pricing-tax (50) adds tax:
-- three rules with three owners, in the order of their priorities. All watch the same fields, so they run together.

local lines = entity.lines
if type(lines) ~= "table" or #lines == 0 then
  abort("order has no lines", {field = "lines"})
end

-- A new list is assigned at the end, as a change inside a nested table is easy to overlook for a reader.
local priced, totals = {}, {}
for i, line in ipairs(lines) do
  local quantity = line.quantity
  if type(quantity) ~= "number" or quantity < 1 or quantity % 1 ~= 0 then
    abort("line quantity must be a whole number of at least 1", {field = "lines", line = i, sku = line.sku})
  end
  local copy = {}
  for name, value in pairs(line) do copy[name] = value end
  copy.line_total = money.round(money.mul(line.unit_price, quantity), 2)
  priced[i], totals[i] = copy, copy.line_total
end

entity.lines = priced
entity.subtotal = money.sum(totals)
