-- name: delivery-promise
-- on: order.before_create
-- priority: 80
-- description: Works out the day by which an order arrives, counting working days only.
--
-- The day is promised on the confirmation, so it must not fall on a weekend. What is ordered after the van left at
-- 14 o'clock counts from the next day; the clock that matters is the warehouse's, in Oslo, not the server's.

local WORKING_DAYS = {NO = 2, SE = 3, DK = 3, DE = 4, NL = 4, FR = 5, PL = 5, GB = 6}
local CUT_OFF_HOUR = 14
local WAREHOUSE = "Europe/Oslo"

local placed = time.to_zone(entity.placed_at or ctx.now, WAREHOUSE)
local day = placed:sub(1, 10)
local left = WORKING_DAYS[entity.country] or 10
if tonumber(placed:sub(12, 13)) >= CUT_OFF_HOUR then
  left = left + 1
end

while left > 0 do
  day = time.add(day, {days = 1})
  if time.weekday(day) <= 5 then left = left - 1 end
end
entity.promised_on = day
