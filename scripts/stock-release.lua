-- name: stock-release
-- on: order.after_update(status), order.after_delete
-- priority: 200
-- capabilities: stock.write
-- description: Puts an order's articles back on stock when it is cancelled or deleted.
--
-- A cancelled order that is deleted later must not be released a second time, hence the look at its status.

local cancelled_now = ctx.operation == "update" and entity.status == "cancelled" and before.status ~= "cancelled"
local deleted_open = ctx.operation == "delete" and entity.status ~= "cancelled"

if cancelled_now or deleted_open then
  for _, line in ipairs(entity.lines) do
    stock.release(line.sku, line.quantity)
  end
end
