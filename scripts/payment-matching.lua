-- name: payment-matching
-- on: topic.payment.received
-- capabilities: orders.read, audit.write
-- description: Matches an incoming payment to its order and records whether it is exact, short or too much.
--
-- A topic is an event of the platform's own; entity is its message: {order_id, amount, currency, reference}. Nothing
-- is rejected here, since the money has arrived already: a payment that matches nothing is left to a person.

local order = orders.get(entity.order_id or "")
local verdict, difference

if not order then
  verdict = "unknown order"
elseif order.currency ~= entity.currency then
  verdict = "wrong currency"
else
  difference = money.sub(entity.amount, order.total)
  local sign = money.compare(difference, 0)
  verdict = sign == 0 and "exact" or sign < 0 and "short" or "too much"
end

audit.write({
  at = ctx.now,
  operation = "payment",
  entity_type = "order",
  id = entity.order_id or null,
  reference = entity.reference or null,
  verdict = verdict,
  difference = difference or null,
})
return {verdict = verdict, difference = difference}
