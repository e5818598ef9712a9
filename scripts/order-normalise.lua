-- name: order-normalise
-- on: order.before_create, order.before_update(email, country, currency, channel, note)
-- priority: 10
-- description: Brings an order's text fields into one form and fills in what the channel left out.
--
-- Web shop, phone desk and EDI write the same thing differently. Cleaning up once, before all other hooks, lets them
-- compare with == and trust that a status, a currency and a date are there.

local CURRENCIES = {NO = "NOK", SE = "SEK", GB = "GBP", PL = "PLN"}

if entity.email then
  entity.email = str.trim(entity.email):lower()
end

entity.country = str.trim(entity.country or "NO"):upper()
entity.currency = str.trim(entity.currency or CURRENCIES[entity.country] or "EUR"):upper()
entity.channel = str.trim(entity.channel or "web"):lower()
entity.status = entity.status or "new"
entity.placed_at = entity.placed_at or ctx.now

if entity.note then
  local note = str.trim(entity.note):gsub("%s+", " ")
  entity.note = note ~= "" and note or nil
end
