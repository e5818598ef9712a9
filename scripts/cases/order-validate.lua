return {
  {
    name = "lets a good order pass",
    event = "order.before_create",
    entity = {customer_id = "C00001", email = "ola@example.no", country = "NO", currency = "NOK", total = "10.00"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "takes an order without a total, as pricing works it out",
    event = "order.before_create",
    entity = {customer_id = "C00001", email = "ola@example.no", country = "NO", currency = "NOK"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "rejects all faults together",
    event = "order.before_create",
    entity = {email = "ola(at)example.no", country = "XX", currency = "NOK", total = "-0.01"},
    expect = {
      status = "rejected",
      reason = "order is not valid",
      details = {
        fields = {
          customer_id = "is missing",
          email = "is not an e-mail address",
          country = "is not one that we deliver to",
          total = "must not be negative",
        },
      },
    },
  },
  {
    name = "rejects an update that takes the e-mail away",
    event = "order.before_update",
    entity = {customer_id = "C00001", country = "NO", currency = "NOK", total = "10.00"},
    before = {customer_id = "C00001", email = "ola@example.no", country = "NO", currency = "NOK", total = "10.00"},
    expect = {status = "rejected", reason = "order is not valid"},
  },
}
