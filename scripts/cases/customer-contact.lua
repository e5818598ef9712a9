return {
  {
    name = "lets good contact data pass",
    event = "customer.before_create",
    entity = {name = "Åse", email = "ase@example.no", phone = "+4722225555", iban = "NO9386011117947"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "does without phone and IBAN",
    event = "customer.before_create",
    entity = {name = "Åse", email = "ase@example.no"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "rejects all faults together",
    event = "customer.before_create",
    entity = {name = "Å", email = "ase.example.no", phone = "22225555", iban = "NO9386011117948"},
    expect = {
      status = "rejected",
      reason = "customer is not valid",
      details = {
        fields = {
          name = "must have 2 to 120 characters",
          email = "is not an e-mail address",
          phone = "is not a number with country code",
          iban = "has a typing error",
        },
      },
    },
  },
  {
    name = "rejects an update that swaps two digits of the IBAN",
    event = "customer.before_update",
    entity = {name = "Åse", email = "ase@example.no", iban = "NO9386011119747"},
    before = {name = "Åse", email = "ase@example.no", iban = "NO9386011117947"},
    expect = {status = "rejected", reason = "customer is not valid"},
  },
}
