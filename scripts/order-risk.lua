-- name: order-risk
-- on: order.before_create
-- priority: 90
-- on_failure: open
-- limits: strict
-- description: Scores how likely an order is fraud, and sends the doubtful ones to a person.
--
-- on_failure is open: a score is nice to have, and a fault in it must never stop a sale. The failure still shows in
-- the script's health, and the circuit breaker takes the script out if it keeps failing.

local THROWAWAY = [[@(mailinator|guerrillamail|10minutemail)\.]]
local REVIEW_FROM = 50

local score, why = 0, {}
local function add(points, reason)
  score = score + points
  why[#why + 1] = reason
end

if regex.test(entity.email, THROWAWAY) then add(40, "throwaway e-mail") end
if not entity.vip and money.compare(entity.total, 2500) > 0 then add(30, "large order") end
if #entity.lines == 1 and entity.lines[1].quantity >= 10 then add(20, "many of one article") end
if entity.shipping and not entity.shipping.postcode:match("^%d+$") then add(20, "odd postcode") end

entity.risk = math.min(score, 100)
if score >= REVIEW_FROM then
  entity.status = "review"
  entity.risk_reasons = why
  log.warn("order held for review", {score = score, reasons = why})
end
