return {
  {
    name = "releases the articles of an order that is cancelled",
    event = "order.after_update",
    entity = {status = "cancelled", lines = {{sku = "LAMP-01", quantity = 2}}},
    before = {status = "confirmed", lines = {{sku = "LAMP-01", quantity = 2}}},
    expect = {status = "continue"},
  },
  {
    name = "leaves the stock alone on any other change",
    event = "order.after_update",
    entity = {status = "confirmed"},
    before = {status = "new"},
    expect = {status = "continue"},
  },
  {
    name = "does not release twice when a cancelled order is deleted",
    event = "order.after_delete",
    entity = {status = "cancelled"},
    before = {status = "cancelled"},
    expect = {status = "continue"},
  },
  {
    name = "fails on a deleted order whose lines are missing",
    event = "order.after_delete",
    entity = {status = "new"},
    before = {status = "new"},
    expect = {status = "failed"},
  },
}
