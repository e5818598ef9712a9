-- name: order-quote
-- api: POST /orders/quote
-- capabilities: catalog.read
-- limits: strict
-- description: Tells a shop what an order would cost, without making one.
--
-- params is the request (method, path, query, headers, body); what is returned is the response. Prices come from the
-- catalogue, never from the caller. A wrong request is an answer with status 400 or 422, not a failure of the script.

local JSON = {["content-type"] = "application/json"}
local MAX_LINES = 50

local function respond(status, body)
  return {status = status, headers = JSON, body = body}
end

local body = params.body
if type(body) ~= "table" or type(body.lines) ~= "table" then
  return respond(400, {error = "body must be a JSON object with a list of lines"})
end
if #body.lines < 1 or #body.lines > MAX_LINES then
  return respond(422, {error = "lines: wanted 1 to " .. MAX_LINES, got = #body.lines})
end

local quoted, totals, problems = {}, {}, {}
for i, line in ipairs(body.lines) do
  local product = type(line.sku) == "string" and catalog.product(line.sku)
  local quantity = line.quantity or 1
  if not product then
    problems[#problems + 1] = {line = i, error = "unknown article"}
  elseif type(quantity) ~= "number" or quantity < 1 or quantity % 1 ~= 0 then
    problems[#problems + 1] = {line = i, error = "quantity must be a whole number of at least 1"}
  else
    totals[#totals + 1] = money.mul(product.price, quantity)
    quoted[i] = {sku = line.sku, name = product.name, quantity = quantity, total = totals[#totals]}
  end
end

if #problems > 0 then
  return respond(422, {error = "some lines can not be quoted", lines = problems})
end
return respond(200, {lines = quoted, currency = "EUR", total = money.sum(totals), quote_for = body.customer or null})
