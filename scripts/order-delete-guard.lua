-- name: order-delete-guard
-- on: order.before_delete
-- description: Refuses to delete an order that somebody works on or that the books still need.
--
-- Deleting is for mistakes. An order that was confirmed has reserved stock and may be paid: it is cancelled first.

local DELETABLE = {new = true, review = true, cancelled = true}

if not DELETABLE[entity.status or "new"] then
  abort("order must be cancelled before it is deleted", {field = "status", status = entity.status})
end
if entity.invoice_number then
  abort("order with an invoice must be kept", {field = "invoice_number", invoice_number = entity.invoice_number})
end
