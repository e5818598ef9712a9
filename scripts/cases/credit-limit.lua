return {
  {
    name = "lets an order within the limit pass",
    event = "order.before_create",
    entity = {customer_id = "C-RICH", total = "1000.00"},
    expect = {status = "continue", changes = {credit_left = "24000.00"}},
  },
  {
    name = "lets an order reach the limit exactly",
    event = "order.before_create",
    entity = {customer_id = "C-FULL", total = "0.50"},
    expect = {status = "continue", changes = {credit_left = "0.00"}},
  },
  {
    name = "rejects an order one cent over the limit",
    event = "order.before_create",
    entity = {customer_id = "C-FULL", total = "0.51"},
    expect = {
      status = "rejected",
      reason = "credit limit exceeded",
      details = {field = "total", limit = "1000", balance = "999.50", total = "0.51"},
    },
  },
  {
    name = "gives a customer without a limit the default one",
    event = "order.before_create",
    entity = {customer_id = "C-OPEN", total = "400.00"},
    expect = {status = "rejected", reason = "credit limit exceeded"},
  },
  {
    name = "rejects a customer that nobody knows",
    event = "order.before_create",
    entity = {customer_id = "C-NOBODY", total = "1.00"},
    expect = {status = "rejected", reason = "customer is unknown"},
  },
}
