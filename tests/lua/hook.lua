-- entity fields can be read and written
-- entity: {"total": 5, "name": "x"}
assert(entity.total == 5 and entity.name == "x" and entity.missing == nil)
entity.total = 6
assert(entity.total == 6)
---
-- the entity as a whole can be listed
-- entity: {"b": 2, "a": 1, "list": [1, 2]}
local names = {}
for name in pairs(entity) do names[#names + 1] = name end
assert(table.concat(names, " ") == "a b list" and #entity.list == 2)
---
-- without an entity there is none
assert(entity == nil and before == nil)
---
-- nested values are tables, JSON null inside them is null
-- entity: {"address": {"city": null, "lines": ["a", null]}}
assert(entity.address.city == null and entity.address.lines[2] == null and #entity.address.lines == 2)
---
-- a field that is null is nil
-- entity: {"note": null}
assert(entity.note == nil)
---
-- a field that is null is nil when the entity is listed, too
-- entity: {"note": null, "total": 1}
for name in pairs(entity) do assert(name == "total") end
assert(entity.note == nil)
---
-- a field that was null is nil in before
-- before: {"note": null}
assert(before.note == nil)
---
-- a parameter that is null is nil
-- params: {"note": null}
assert(params.note == nil)
---
-- before shows the previous state
-- entity: {"total": 5}
-- before: {"total": 4}
assert(before.total == 4 and entity.total == 5)
---
-- before cannot be written
-- before: {"total": 4}
before.total = 5 -- error: attempt to write before.total: the previous state is read-only
---
-- before cannot be written with rawset
-- before: {"total": 4}
rawset(before, "total", 5) -- error: the table is read-only
---
-- changed compares with before
-- entity: {"a": 1, "b": [1, {"x": 2}], "c": "same"}
-- before: {"a": 2, "b": [1, {"x": 2}], "c": "same", "d": 1}
assert(changed("a") and not changed("b") and not changed("c") and changed("d") and not changed("e"))
entity.c = "other"
assert(changed("c"))
entity.b[2].x = 3
assert(changed("b"))
---
-- changed is true for every field there is when there is no before
-- entity: {"a": 1}
assert(changed("a") and not changed("b"))
---
-- changed wants the name of a field
-- entity: {"a": 1}
changed(1) -- error: bad argument #1 (field) to changed: got number, wanted string
---
-- params by name, empty if there are none
-- params: {"limit": 3}
assert(params.limit == 3 and params.other == nil)
---
-- params are empty without any
assert(next(params) == nil)
---
-- ctx tells who, when and what
assert(ctx.run_id == "run-1" and ctx.user == "ada" and ctx.tenant == "default" and ctx.phase == "manual")
assert(ctx.attempt == 1 and ctx.dry_run == false)
assert(ctx.now:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$"))
---
-- what ctx does not know is nil
assert(ctx.event == nil and ctx.operation == nil and not ctx.entity_type)
---
-- ctx.budget tells what is left
local before_work = ctx.budget()
for _ = 1, 1000 do end
local after_work = ctx.budget()
assert(before_work.fuel - after_work.fuel >= 1000 and before_work.fuel <= 1000000 and after_work.ms <= 3000)
---
-- abort rejects with a reason
abort("too small") -- rejected: too small
---
-- abort without a reason
abort() -- rejected: rejected
---
-- abort takes a number as reason
abort(42) -- rejected: 42
---
-- abort cannot be caught by pcall
pcall(abort, "no") -- rejected: no
error("never")
---
-- abort cannot be caught by xpcall or a coroutine
xpcall(function()
  coroutine.wrap(function() abort("still no") end)() -- rejected: still no
end, function() abort("another") end)
error("never")
---
-- abort out of a comparator
table.sort({1, 2}, function() abort("sorted") end) -- rejected: sorted
---
-- abort out of a gsub callback
("x"):gsub(".", function() abort("replaced") end) -- rejected: replaced
---
-- abort out of __tostring and __index
pcall(function()
  return setmetatable({}, {__index = function() abort("indexed") end}).x -- rejected: indexed
end)
---
-- abort wants text as reason
abort({}) -- error: bad argument #1 (reason) to abort: got table, wanted string
---
-- abort wants a table as details
abort("x", 5) -- error: bad argument #2 (details) to abort: got number, wanted table
---
-- a caught misuse of abort goes on
assert(not pcall(abort, {}))
---
-- log takes any message and data
log.debug("a"); log.info("b", {x = 1}); log.warn(5); log.error(nil, {1, null})
log.info({})
---
-- log refuses data that cannot leave
log.info("x", {f = function() end}) -- error: log data: got a function
---
-- a hook sees its event
-- entity: {"id": 1}
-- phase: before_create
assert(ctx.event == "thing.before_create" and ctx.phase == "before" and ctx.entity_type == "thing")
assert(ctx.operation == "create" and #ctx.run_id > 20)
---
-- a before hook may write
-- entity: {"id": 1}
-- phase: before_update
entity.name = "new"
---
-- an after hook may not write a field
-- entity: {"name": "x"}
-- phase: after_update
entity.name = "y" -- error: attempt to write entity.name: the entity is read-only in this phase
---
-- an on_commit hook may not write a field
-- entity: {"name": "x"}
-- phase: on_commit
entity.name = "y" -- error: attempt to write entity.name: the entity is read-only in this phase
---
-- an after hook may not write with rawset
-- entity: {"name": "x"}
-- phase: after_create
rawset(entity, "name", "y") -- error: the table is read-only
---
-- an after hook may not set a metatable
-- entity: {"name": "x"}
-- phase: after_create
setmetatable(entity, {}) -- error: cannot change a protected metatable
---
-- an after hook may read and list
-- entity: {"name": "x", "list": [1]}
-- before: {"name": "w"}
-- phase: after_update
assert(entity.name == "x" and changed("name") and before.name == "w" and next(entity) == "list")
for name, value in pairs(entity) do assert(entity[name] == value) end
---
-- pairs does not give an after hook a writable entity
-- entity: {"name": "x"}
-- phase: after_update
local _, shown = pairs(entity)
pcall(rawset, shown, "name", "y")
assert(entity.name == "x", "pairs gave away the entity")
---
-- an after hook may not write inside a field
-- entity: {"address": {"city": "Oslo"}}
-- phase: after_update
entity.address.city = "Bergen" -- failed: runtime_error
---
-- before cannot be written inside a field
-- before: {"address": {"city": "Oslo"}}
before.address.city = "Bergen" -- failed: runtime_error
---
-- an after hook may reject
-- entity: {"name": "x"}
-- phase: after_update
if entity.name == "x" then abort("too late") end -- rejected: too late
