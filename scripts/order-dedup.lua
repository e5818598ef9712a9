-- name: order-dedup
-- on: order.before_create
-- priority: 60
-- capabilities: orders.read
-- description: Gives every order a key made of who, when and what, and rejects an order whose key was seen before.
--
-- A button pressed twice and a retried request make two orders that differ only in their ids. A unique index on
-- dedup_key closes the last gap between two requests at the same instant; this hook gives the readable message.

local parts = {}
for i, line in ipairs(entity.lines) do
  parts[i] = line.sku .. "*" .. line.quantity
end
table.sort(parts)

local day = (entity.placed_at or ctx.now):sub(1, 10)
entity.dedup_key = hash.sha256(entity.customer_id .. "|" .. day .. "|" .. str.join(parts, "|"))

local first = orders.find_key(entity.dedup_key)
if first and first ~= entity.id then
  abort("order was sent twice", {field = "dedup_key", first = first})
end
