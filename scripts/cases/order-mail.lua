return {
  {
    name = "confirms a new order in German",
    event = "order.on_commit",
    entity = {
      number = "2026-000001", email = "anke@example.de", country = "DE", status = "new", total = "642.60",
      currency = "EUR",
    },
    expect = {status = "continue"},
  },
  {
    name = "says nothing when the status stayed the same",
    event = "order.on_commit",
    entity = {number = "2026-000001", email = "anke@example.de", country = "DE", status = "new"},
    before = {number = "2026-000001", email = "anke@example.de", country = "DE", status = "new"},
    expect = {status = "continue"},
  },
  {
    name = "says nothing without an address",
    event = "order.on_commit",
    entity = {number = "2026-000001", status = "new"},
    expect = {status = "continue"},
  },
  {
    name = "says nothing about a status that has no text",
    event = "order.on_commit",
    entity = {number = "2026-000001", email = "ola@example.no", country = "NO", status = "delivered"},
    before = {number = "2026-000001", email = "ola@example.no", country = "NO", status = "shipped"},
    expect = {status = "continue"},
  },
}
