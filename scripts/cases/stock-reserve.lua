return {
  {
    name = "reserves what is there, adding up lines of one article",
    event = "order.after_create",
    entity = {lines = {
      {sku = "LAMP-01", quantity = 1},
      {sku = "LAMP-01", quantity = 2},
      {sku = "VASE-01", quantity = 1},
    }},
    expect = {status = "continue"},
  },
  {
    name = "rejects an order when one article is short",
    event = "order.after_create",
    entity = {lines = {{sku = "LAMP-01", quantity = 1}, {sku = "GHOST-99", quantity = 2}}},
    expect = {
      status = "rejected",
      reason = "not enough on stock",
      details = {field = "lines", articles = {["GHOST-99"] = {wanted = 2, available = 0}}},
    },
  },
  {
    name = "fails on an order without lines",
    event = "order.after_create",
    entity = {id = "O000001"},
    expect = {status = "failed"},
  },
}
