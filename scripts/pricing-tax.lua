-- name: pricing-tax
-- on: order.before_create, order.before_update(lines, vip, country)
-- priority: 50
-- description: Adds value added tax at the rate of the country and sets the order's total.
--
-- The total is always worked out here; what the client sent is only kept when it differs, for the support desk to see.
-- A business that gave its VAT number pays the tax itself (reverse charge), so we add none.

local RATES = {NO = 25, SE = 25, DK = 25, DE = 19, FR = 20, NL = 21, GB = 20, PL = 23}

local rate = RATES[entity.country]
if not rate then
  abort("no tax rate for this country", {field = "country", country = entity.country})
end
if entity.vat_number then
  rate = 0
end

local net = money.sub(entity.subtotal, entity.discount or 0)
local tax = money.percent(net, rate)
local total = money.add(net, tax)

if entity.total and money.compare(entity.total, total) ~= 0 then
  entity.client_total = entity.total
end
entity.tax_rate = rate
entity.tax = tax
entity.total = total
