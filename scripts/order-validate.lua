-- name: order-validate
-- on: order.before_create, order.before_update(customer_id, email, country, currency, total)
-- priority: 20
-- description: Rejects an order with all of its faults at once, field by field, so that a form can show them together.
--
-- One abort with a table of fields is kinder than one abort per fault: nobody likes to submit a form five times.
-- The reason stays the same for every order, so that rejections can be counted by it; the facts are in the details.

local SERVED = {"NO", "SE", "DK", "DE", "FR", "NL", "GB", "PL"}
local problems = {}

local function check(field, ok, message)
  if not ok then problems[field] = message end
end

check("customer_id", entity.customer_id, "is missing")
check("email", validate.email(entity.email), "is not an e-mail address")
check("country", validate.one_of(entity.country, SERVED), "is not one that we deliver to")
check("currency", validate.length(entity.currency, 3, 3), "is not a currency code of three letters")
check("total", not entity.total or money.compare(entity.total, 0) >= 0, "must not be negative")

if next(problems) then
  abort("order is not valid", {fields = problems})
end
