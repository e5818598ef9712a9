return {
  {
    name = "adds German tax after the discount",
    event = "order.before_create",
    entity = {country = "DE", subtotal = "600.00", discount = "60.00"},
    expect = {status = "continue", changes = {tax_rate = 19, tax = "102.60", total = "642.60"}},
  },
  {
    name = "keeps the client's total when it differs",
    event = "order.before_create",
    entity = {country = "NO", subtotal = "100.00", discount = "0.00", total = "100.00"},
    expect = {status = "continue", changes = {tax_rate = 25, tax = "25.00", total = "125.00", client_total = "100.00"}},
  },
  {
    name = "leaves the tax to a business with a VAT number",
    event = "order.before_update",
    entity = {country = "FR", subtotal = "100.00", discount = "0.00", vat_number = "FR40303265045", total = "100.00"},
    before = {country = "NO", subtotal = "100.00", discount = "0.00", vat_number = "FR40303265045", total = "100.00"},
    expect = {status = "continue", changes = {tax_rate = 0, tax = "0.00"}},
  },
  {
    name = "rejects a country without a rate",
    event = "order.before_create",
    entity = {country = "XX", subtotal = "100.00", discount = "0.00"},
    expect = {status = "rejected", reason = "no tax rate for this country"},
  },
}
