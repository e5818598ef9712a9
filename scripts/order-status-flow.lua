-- name: order-status-flow
-- on: order.before_update(status)
-- priority: 15
-- description: Lets an order's status change only along the arrows of its life, and notes when it did.
--
-- The arrows are a table, so that the whole life of an order can be read, and changed, in one place.

local NEXT = {
  review = {new = true, cancelled = true},
  new = {confirmed = true, cancelled = true},
  confirmed = {shipped = true, cancelled = true},
  shipped = {delivered = true, returned = true},
  delivered = {returned = true},
  cancelled = {},
  returned = {},
}

local from, to = before.status or "new", entity.status
if not NEXT[to] then
  abort("status is unknown", {field = "status", status = to})
end
if not NEXT[from][to] then
  abort("status change is not allowed", {field = "status", from = from, to = to})
end
if to == "shipped" and str.is_blank(entity.tracking_number or "") then
  abort("shipped order needs a tracking number", {field = "tracking_number"})
end

entity.previous_status = from
entity.status_changed_at = ctx.now
entity.status_changed_by = ctx.user
