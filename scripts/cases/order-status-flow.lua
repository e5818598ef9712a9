return {
  {
    name = "confirms a new order",
    event = "order.before_update",
    entity = {status = "confirmed"},
    before = {status = "new"},
    expect = {status = "continue", changes = {previous_status = "new", status_changed_at = "*"}},
  },
  {
    name = "takes an order without a status for a new one",
    event = "order.before_update",
    entity = {status = "cancelled"},
    before = {id = "O000001"},
    expect = {status = "continue", changes = {previous_status = "new", status_changed_at = "*"}},
  },
  {
    name = "rejects a jump",
    event = "order.before_update",
    entity = {status = "delivered"},
    before = {status = "new"},
    expect = {
      status = "rejected",
      reason = "status change is not allowed",
      details = {field = "status", from = "new", to = "delivered"},
    },
  },
  {
    name = "rejects a way back from the end",
    event = "order.before_update",
    entity = {status = "new"},
    before = {status = "cancelled"},
    expect = {status = "rejected", reason = "status change is not allowed"},
  },
  {
    name = "rejects a status that nobody knows",
    event = "order.before_update",
    entity = {status = "lost"},
    before = {status = "shipped"},
    expect = {status = "rejected", reason = "status is unknown"},
  },
  {
    name = "rejects a parcel without a tracking number",
    event = "order.before_update",
    entity = {status = "shipped", tracking_number = "  "},
    before = {status = "confirmed"},
    expect = {status = "rejected", reason = "shipped order needs a tracking number"},
  },
}
