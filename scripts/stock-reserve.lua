-- name: stock-reserve
-- on: order.after_create
-- priority: 200
-- capabilities: stock.read, stock.write
-- description: Reserves the articles of a new order, all of them or none.
--
-- An after hook, because it writes: reserving belongs in the order's own transaction, and must not happen for an order
-- that a later before hook rejects. It looks first and reserves afterwards, so a shortage leaves nothing half done.

local wanted = {}
for _, line in ipairs(entity.lines) do
  wanted[line.sku] = (wanted[line.sku] or 0) + line.quantity
end

local short = {}
for sku, quantity in pairs(wanted) do
  local available = stock.available(sku)
  if available < quantity then
    short[sku] = {wanted = quantity, available = available}
  end
end
if next(short) then
  abort("not enough on stock", {field = "lines", articles = short})
end

for sku, quantity in pairs(wanted) do
  stock.reserve(sku, quantity)
end
