return {
  {
    name = "gives a VIP ten percent from 500",
    event = "order.before_create",
    entity = {vip = true, subtotal = "500.00"},
    expect = {status = "continue", changes = {discount_rate = 10, discount = "50.00"}},
  },
  {
    name = "gives a VIP nothing just below the step",
    event = "order.before_create",
    entity = {vip = true, subtotal = "499.99"},
    expect = {status = "continue", changes = {discount_rate = 0, discount = "0.00"}},
  },
  {
    name = "gives anybody three percent of a large order",
    event = "order.before_create",
    entity = {subtotal = "1999.99"},
    expect = {status = "continue", changes = {discount_rate = 3, discount = "60.00"}},
  },
  {
    name = "takes the discount back when the order shrinks",
    event = "order.before_update",
    entity = {vip = true, lines = {{sku = "RUG-01"}}, subtotal = "80.00", discount_rate = 10, discount = "60.00"},
    before = {vip = true, lines = {}, subtotal = "600.00", discount_rate = 10, discount = "60.00"},
    expect = {status = "continue", changes = {discount_rate = 0, discount = "0.00"}},
  },
  {
    name = "fails without a subtotal, as pricing-lines has to run first",
    event = "order.before_create",
    entity = {vip = true},
    expect = {status = "failed"},
  },
}
