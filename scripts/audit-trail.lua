-- name: audit-trail
-- on: *.after_create, *.after_update, *.after_delete
-- priority: 900
-- capabilities: audit.write
-- description: Writes who did what to which record, with the old and new value of every changed field.
--
-- Runs for every kind of record, last and in the same transaction: either the change and its trail are both stored, or
-- neither is. Secrets are named but not copied, since an audit trail lives longer than the record.

local SECRET = {iban = true, birth_date = true, password = true}

-- In a table a nil would simply be absent; null says "was empty" out loud.
local function shown(name, value)
  if value == nil then return null end
  if SECRET[name] then return "***" end
  return value
end

local changes = {}
if ctx.operation == "update" then
  for name, value in pairs(entity) do
    if changed(name) then changes[name] = {from = shown(name, before[name]), to = shown(name, value)} end
  end
  for name, value in pairs(before) do
    if entity[name] == nil then changes[name] = {from = shown(name, value), to = null} end
  end
  if not next(changes) then return end
end

audit.write({
  at = ctx.now,
  user = ctx.user or "system",
  operation = ctx.operation,
  entity_type = ctx.entity_type,
  id = entity.id,
  changes = changes,
})
