-- order.before_create: checks the total, cleans the e-mail address, gives good customers their discount.
if entity.total < 0 then
  abort("total must not be negative", {field = "total"})
end
entity.email = str.trim(entity.email):lower()
if entity.vip and entity.total >= 1000 then
  entity.discount = money.percent(entity.total, 10)
  log.info("discount given", {discount = entity.discount})
end
