return {
  {
    name = "tidies what the shop sent and fills in the rest",
    event = "order.before_create",
    entity = {
      email = "  Ola@Example.NO ", country = "no ", note = " leave   at the\tdoor ",
      placed_at = "2026-03-02T09:00:00+00:00",
    },
    expect = {
      status = "continue",
      changes = {
        email = "ola@example.no", country = "NO", currency = "NOK", channel = "web", status = "new",
        note = "leave at the door",
      },
    },
  },
  {
    name = "keeps what is tidy already",
    event = "order.before_update",
    entity = {
      email = "anke@example.de", country = "DE", currency = "EUR", channel = "edi", status = "new",
      placed_at = "2026-03-02T09:00:00+00:00",
    },
    before = {email = "old@example.de", country = "DE"},
    expect = {status = "continue", changes = {}},
  },
  {
    name = "empties a note of blanks",
    event = "order.before_create",
    entity = {
      email = "zoe@example.fr", country = "FR", currency = "EUR", channel = "web", status = "new", note = "   ",
      placed_at = "2026-03-02T09:00:00+00:00",
    },
    expect = {status = "continue", changes = {note = null}},
  },
  {
    name = "fails on an e-mail that is a list",
    event = "order.before_create",
    entity = {email = {"a@example.no", "b@example.no"}, country = "NO"},
    expect = {status = "failed"},
  },
}
