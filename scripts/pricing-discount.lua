-- name: pricing-discount
-- on: order.before_create, order.before_update(lines, vip, country)
-- priority: 40
-- description: Ten percent off for VIP customers from 500, three percent for anybody from 1500.
--
-- Change the steps here and activate: no deploy. The highest rate wins, rates do not add up. Amounts are decimal
-- strings, so that no cent is lost to floating point.

local STEPS = {
  {rate = 10, from = "500.00", vip = true},
  {rate = 3, from = "1500.00", vip = false},
}

local rate = 0
for _, step in ipairs(STEPS) do
  local entitled = entity.vip or not step.vip
  if entitled and step.rate > rate and money.compare(entity.subtotal, step.from) >= 0 then
    rate = step.rate
  end
end

entity.discount_rate = rate
entity.discount = money.percent(entity.subtotal, rate)
if rate > 0 then
  log.info("discount given", {rate = rate, discount = entity.discount})
end
