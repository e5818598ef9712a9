-- name: order-mail
-- on: order.on_commit
-- capabilities: mail.send
-- on_failure: open
-- description: Writes to the customer when an order arrives, is shipped or is cancelled, in the customer's language.
--
-- On commit, never before: a mail can't be rolled back. Runs at least once, so the receiver may see a mail twice after
-- a crash; better than never. Texts are here so that the shop's staff can change a word without a release.

local TEXTS = {
  en = {
    new = {"We have your order %s", "Thank you. You pay %s."},
    shipped = {"Your order %s is on its way", "The parcel left us today."},
    cancelled = {"Your order %s is cancelled", "Nothing will be charged."},
  },
  de = {
    new = {"Ihre Bestellung %s ist da", "Vielen Dank. Sie zahlen %s."},
    shipped = {"Ihre Bestellung %s ist unterwegs", "Das Paket ist heute abgegangen."},
    cancelled = {"Ihre Bestellung %s ist storniert", "Es wird nichts berechnet."},
  },
  no = {
    new = {"Vi har bestillingen din %s", "Takk! Du betaler %s."},
    shipped = {"Bestillingen din %s er på vei", "Pakken ble sendt i dag."},
    cancelled = {"Bestillingen din %s er kansellert", "Du blir ikke belastet."},
  },
}
local LANGUAGES = {NO = "no", DE = "de"}

local was = before and before.status
if entity.status == was or not entity.email then return end

local text = TEXTS[LANGUAGES[entity.country] or "en"][entity.status]
if text then
  local subject = text[1]:format(entity.number)
  mail.send(entity.email, subject, text[2]:format(money.format(entity.total, entity.currency)))
end
