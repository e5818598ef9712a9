return {
  {
    name = "totals lines and order without losing a cent",
    event = "order.before_create",
    entity = {lines = {
      {sku = "LAMP-01", quantity = 3, unit_price = "74.50"},
      {sku = "VASE-01", quantity = 1, unit_price = "24.99"},
    }},
    expect = {
      status = "continue",
      changes = {
        subtotal = "248.49",
        lines = {
          {sku = "LAMP-01", quantity = 3, unit_price = "74.50", line_total = "223.50"},
          {sku = "VASE-01", quantity = 1, unit_price = "24.99", line_total = "24.99"},
        },
      },
    },
  },
  {
    name = "rejects an order without lines",
    event = "order.before_create",
    entity = {lines = {}},
    expect = {status = "rejected", reason = "order has no lines"},
  },
  {
    name = "rejects an order whose lines are missing",
    event = "order.before_create",
    entity = {customer_id = "C00001"},
    expect = {status = "rejected", reason = "order has no lines"},
  },
  {
    name = "rejects half an article",
    event = "order.before_update",
    entity = {lines = {{sku = "LAMP-01", quantity = 0.5, unit_price = "74.50"}}},
    before = {lines = {{sku = "LAMP-01", quantity = 1, unit_price = "74.50"}}},
    expect = {status = "rejected", reason = "line quantity must be a whole number of at least 1"},
  },
  {
    name = "fails on a price that is no amount",
    event = "order.before_create",
    entity = {lines = {{sku = "LAMP-01", quantity = 1, unit_price = "cheap"}}},
    expect = {status = "failed"},
  },
}
