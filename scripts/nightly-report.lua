-- name: nightly-report
-- cron: 0 6 * * * Europe/Oslo
-- manual: yes
-- capabilities: orders.read, mail.send
-- limits: relaxed
-- description: Sums up a day's orders by currency, country and article; run by hand it takes another day and a reader.
--
-- params.day      the day to report on, YYYY-MM-DD; yesterday if not given
-- params.mail_to  sends the report there, too
-- Runs early in the morning of the office, not of UTC. Currencies are never added up with each other.

local day = params.day or time.add(ctx.now, {days = -1}):sub(1, 10)
local list = orders.list(day)

local revenue, by_country, articles = {}, {}, {}
for _, order in ipairs(list) do
  if order.status ~= "cancelled" then
    revenue[order.currency] = money.add(revenue[order.currency] or 0, order.total)
    by_country[order.country] = (by_country[order.country] or 0) + 1
    for _, line in ipairs(order.lines) do
      articles[line.sku] = (articles[line.sku] or 0) + line.quantity
    end
  end
end

local top = {}
for sku, sold in pairs(articles) do top[#top + 1] = {sku = sku, sold = sold} end
table.sort(top, function(a, b)
  if a.sold ~= b.sold then return a.sold > b.sold end
  return a.sku < b.sku
end)
for i = #top, 4, -1 do top[i] = nil end

local report = {day = day, orders = #list, revenue = revenue, by_country = by_country, top_articles = top}
log.info("nightly report", {day = day, orders = #list})
if params.mail_to then
  mail.send(params.mail_to, "Orders of " .. day, json.encode(report, {pretty = true}))
end
return report
