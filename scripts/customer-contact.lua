-- name: customer-contact
-- on: customer.before_create, customer.before_update(name, email, phone, iban)
-- priority: 20
-- description: Checks a customer's name, e-mail, phone number and IBAN, and reports all faults together.
--
-- A phone number and an IBAN may be missing, but if there is one it has to be right: a wrong IBAN is found by its check
-- digits here, and not by the bank two weeks later.

local problems = {}
local function check(field, ok, message)
  if not ok then problems[field] = message end
end

check("name", validate.length(entity.name, 2, 120), "must have 2 to 120 characters")
check("email", validate.email(entity.email), "is not an e-mail address")
if entity.phone then check("phone", validate.phone(entity.phone), "is not a number with country code") end
if entity.iban then check("iban", validate.iban(entity.iban), "has a typing error") end

if next(problems) then
  abort("customer is not valid", {fields = problems})
end
