return {
  {
    name = "takes the person out of the record",
    event = "customer.before_delete",
    entity = {
      id = "C00001", name = "Åse Bjørnstad", search_key = "ase-bjornstad", email = " ASE@example.no",
      phone = "+4722225555", iban = "NO9386011117947", birth_date = "1970-01-01", balance = "0.00",
    },
    before = {id = "C00001"},
    expect = {
      status = "continue",
      changes = {
        name = "(erased)", erased_at = "*", search_key = null, email = null, phone = null, iban = null, birth_date = null,
        email_hash = "78f671e26a670a2ebe6e56b91bd025d4a0577e6cab81b7d71e9f21a290d61f36",
      },
    },
  },
  {
    name = "does without fields that were never there",
    event = "customer.before_delete",
    entity = {id = "C00001", name = "Åse Bjørnstad"},
    before = {id = "C00001", name = "Åse Bjørnstad"},
    expect = {status = "continue", changes = {name = "(erased)", erased_at = "*"}},
  },
  {
    name = "rejects while money is open",
    event = "customer.before_delete",
    entity = {id = "C00001", name = "Åse Bjørnstad", balance = "0.01"},
    before = {id = "C00001", name = "Åse Bjørnstad", balance = "0.01"},
    expect = {
      status = "rejected",
      reason = "customer still owes money",
      details = {field = "balance", balance = "0.01"},
    },
  },
}
