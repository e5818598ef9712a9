-- name: customer-normalise
-- on: customer.before_create, customer.before_update(name, email, phone, iban)
-- priority: 10
-- description: Tidies a customer's name and contact fields and fills in language, credit limit and search key.
--
-- A phone number or IBAN is the same with and without blanks; storing one form makes it findable and comparable.

local LANGUAGES = {NO = "no", SE = "sv", DE = "de", FR = "fr", NL = "nl", GB = "en", PL = "pl"}

local function compact(text)
  return (text:gsub("[%s%-%./()]", ""))
end

if entity.name then
  entity.name = str.trim(entity.name):gsub("%s+", " ")
  entity.search_key = str.slug(entity.name)
end
if entity.email then
  entity.email = str.trim(entity.email):lower()
end
if entity.phone then
  entity.phone = compact(entity.phone):gsub("^00", "+")
end
if entity.iban then
  entity.iban = compact(entity.iban):upper()
end

entity.language = entity.language or LANGUAGES[entity.country] or "en"
entity.credit_limit = entity.credit_limit or "500.00"
