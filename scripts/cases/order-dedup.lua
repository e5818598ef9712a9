return {
  {
    name = "gives an order its key",
    event = "order.before_create",
    entity = {
      id = "O-NEW", customer_id = "C00001", placed_at = "2026-03-02T09:00:00+00:00",
      lines = {{sku = "LAMP-01", quantity = 2}, {sku = "CHAIR-01", quantity = 1}},
    },
    expect = {
      status = "continue",
      changes = {dedup_key = "c2b3a2889140e42a2441a3cac7be7d7465780af1f413dc0a189392655f524c09"},
    },
  },
  {
    name = "gives the same key whatever the order of the lines and the time of day",
    event = "order.before_create",
    entity = {
      id = "O-NEW", customer_id = "C00001", placed_at = "2026-03-02T17:45:00+00:00",
      lines = {{sku = "CHAIR-01", quantity = 1}, {sku = "LAMP-01", quantity = 2}},
    },
    expect = {
      status = "continue",
      changes = {dedup_key = "c2b3a2889140e42a2441a3cac7be7d7465780af1f413dc0a189392655f524c09"}},
  },
  {
    name = "rejects an order that the platform has already",
    event = "order.before_create",
    entity = {
      id = "O-NEW", customer_id = "C-OLD", placed_at = "2001-02-03T10:00:00+00:00",
      lines = {{sku = "LAMP-01", quantity = 1}},
    },
    expect = {
      status = "rejected",
      reason = "order was sent twice",
      details = {field = "dedup_key", first = "O-KNOWN-1"},
    },
  },
  {
    name = "fails without lines, as pricing-lines has to run first",
    event = "order.before_create",
    entity = {id = "O-NEW", customer_id = "C00001"},
    expect = {status = "failed"},
  },
}
