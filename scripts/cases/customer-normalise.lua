return {
  {
    name = "tidies every contact field",
    event = "customer.before_create",
    entity = {
      name = "  Åse   Bjørnstad ", email = " ASE@Example.no", phone = "0047 22 22-55 55", iban = "no93 8601 1117 947",
      country = "NO",
    },
    expect = {
      status = "continue",
      changes = {
        name = "Åse Bjørnstad", search_key = "ase-bjornstad", email = "ase@example.no", phone = "+4722225555", iban = "NO9386011117947",
        language = "no", credit_limit = "500.00",
      },
    },
  },
  {
    name = "keeps a language and a limit that were chosen",
    event = "customer.before_create",
    entity = {
      name = "Anke", email = "anke@example.de", country = "DE", language = "en", credit_limit = "9000.00",
    },
    expect = {status = "continue", changes = {search_key = "anke"}},
  },
  {
    name = "speaks English where it knows no better",
    event = "customer.before_create",
    entity = {country = "IS", credit_limit = "1.00"},
    expect = {status = "continue", changes = {language = "en"}},
  },
  {
    name = "fails on a phone number that came as a number",
    event = "customer.before_update",
    entity = {name = "Anke", phone = 4722225555, country = "DE"},
    before = {name = "Anke", country = "DE"},
    expect = {status = "failed"},
  },
}
