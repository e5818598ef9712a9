return {
  {
    name = "records a new record",
    event = "order.after_create",
    entity = {id = "O000001", total = "10.00"},
    expect = {status = "continue"},
  },
  {
    name = "records an update with an emptied field",
    event = "customer.after_update",
    entity = {id = "C00001", name = "Åse", iban = "NO9386011117947"},
    before = {id = "C00001", name = "Aase", iban = "NO9386011117948", phone = "+4722225555"},
    expect = {status = "continue"},
  },
  {
    name = "records nothing when nothing changed",
    event = "order.after_update",
    entity = {id = "O000001", total = "10.00"},
    before = {id = "O000001", total = "10.00"},
    expect = {status = "continue"},
  },
  {
    name = "records a record that is gone",
    event = "order.after_delete",
    entity = {id = "O000001", total = "10.00"},
    before = {id = "O000001", total = "10.00"},
    expect = {status = "continue"},
  },
}
