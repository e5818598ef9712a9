return {
  {
    name = "lets a new order go",
    event = "order.before_delete",
    entity = {id = "O000001", status = "new"},
    before = {id = "O000001", status = "new"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "rejects a confirmed order",
    event = "order.before_delete",
    entity = {id = "O000001", status = "confirmed"},
    before = {id = "O000001", status = "confirmed"},
    expect = {
      status = "rejected",
      reason = "order must be cancelled before it is deleted",
      details = {field = "status", status = "confirmed"},
    },
  },
  {
    name = "rejects a cancelled order that has an invoice",
    event = "order.before_delete",
    entity = {id = "O000001", status = "cancelled", invoice_number = "I-77"},
    before = {id = "O000001", status = "cancelled", invoice_number = "I-77"},
    expect = {status = "rejected", reason = "order with an invoice must be kept"},
  },
}
