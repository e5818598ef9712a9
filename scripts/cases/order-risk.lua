return {
  {
    name = "finds nothing wrong with an ordinary order",
    event = "order.before_create",
    entity = {
      email = "ola@example.no", total = "120.00", status = "new", lines = {{sku = "LAMP-01", quantity = 1}},
      shipping = {postcode = "0150"},
    },
    expect = {status = "continue", changes = {risk = 0}},
  },
  {
    name = "sends a large order with a throwaway e-mail to a person",
    event = "order.before_create",
    entity = {
      email = "x@mailinator.com", total = "2500.01", status = "new", lines = {{sku = "SOFA-01", quantity = 3}},
    },
    expect = {
      status = "continue",
      changes = {risk = 70, status = "review", risk_reasons = {"throwaway e-mail", "large order"}},
    },
  },
  {
    name = "never scores over a hundred",
    event = "order.before_create",
    entity = {
      email = "x@10minutemail.net", total = "9000.00", status = "new", lines = {{sku = "SOFA-01", quantity = 10}},
      shipping = {postcode = "n/a"},
    },
    expect = {status = "continue", changes = {risk = 100, status = "review", risk_reasons = "*"}},
  },
  {
    name = "fails, and lets the order pass, when a postcode came as a number",
    event = "order.before_create",
    entity = {
      email = "ola@example.no", total = "120.00", status = "new", lines = {{sku = "LAMP-01", quantity = 1}},
      shipping = {postcode = 150},
    },
    expect = {status = "continue", changes = {}, tolerated = {"runtime_error"}},
  },
}
