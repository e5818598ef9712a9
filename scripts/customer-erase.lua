-- name: customer-erase
-- on: customer.before_delete
-- description: Masks personal data before a customer is deleted, unless money is still open.
--
-- Deleting here is a soft delete: orders keep pointing at the row, so the row stays and the person in it goes. The
-- e-mail becomes a fingerprint: enough to honour "never write to me again", too little to write to.

if entity.balance and money.compare(entity.balance, 0) > 0 then
  abort("customer still owes money", {field = "balance", balance = entity.balance})
end

entity.email_hash = entity.email and hash.sha256(str.trim(entity.email):lower())
entity.name = "(erased)"
entity.search_key = nil
entity.email = nil
entity.phone = nil
entity.iban = nil
entity.birth_date = nil
entity.erased_at = ctx.now
