return {
  {
    name = "finds the exact payment",
    event = "topic.payment.received",
    entity = {order_id = "O-KNOWN-1", amount = "93.13", currency = "NOK", reference = "KID 1"},
    expect = {status = "continue", value = {verdict = "exact", difference = "0.00"}},
  },
  {
    name = "finds the short payment",
    event = "topic.payment.received",
    entity = {order_id = "O-KNOWN-1", amount = "90.00", currency = "NOK"},
    expect = {status = "continue", value = {verdict = "short", difference = "-3.13"}},
  },
  {
    name = "finds the payment that is too much",
    event = "topic.payment.received",
    entity = {order_id = "O-KNOWN-2", amount = "130.00", currency = "EUR"},
    expect = {status = "continue", value = {verdict = "too much", difference = "5.00"}},
  },
  {
    name = "does not compare currencies with each other",
    event = "topic.payment.received",
    entity = {order_id = "O-KNOWN-1", amount = "93.13", currency = "EUR"},
    expect = {status = "continue", value = {verdict = "wrong currency"}},
  },
  {
    name = "keeps a payment that belongs to nothing",
    event = "topic.payment.received",
    entity = {amount = "1.00", currency = "NOK", reference = "thanks"},
    expect = {status = "continue", value = {verdict = "unknown order"}},
  },
}
