-- name: credit-limit
-- on: order.before_create
-- priority: 70
-- capabilities: crm.read
-- description: Rejects an order that would take its customer over the credit limit.
--
-- Runs after pricing, so that entity.total is the amount to pay and not what the client sent. Reading data is allowed
-- in a before hook where the capability is granted; writing it is not.

local DEFAULT_LIMIT = "500.00"

local customer = crm.customer(entity.customer_id)
if not customer then
  abort("customer is unknown", {field = "customer_id", customer_id = entity.customer_id})
end

local limit = customer.credit_limit or DEFAULT_LIMIT
local owed = money.add(customer.balance or 0, entity.total)
if money.compare(owed, limit) > 0 then
  abort("credit limit exceeded", {field = "total", limit = limit, balance = customer.balance, total = entity.total})
end
entity.credit_left = money.sub(limit, owed)
