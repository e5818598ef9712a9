return {
  {
    name = "promises two working days at home",
    event = "order.before_create",
    entity = {country = "NO", placed_at = "2026-03-02T09:00:00+00:00"},
    expect = {status = "continue", changes = {promised_on = "2026-03-04"}},
  },
  {
    name = "skips the weekend",
    event = "order.before_create",
    entity = {country = "NO", placed_at = "2026-03-06T09:00:00+00:00"},
    expect = {status = "continue", changes = {promised_on = "2026-03-10"}},
  },
  {
    name = "counts from the next day after the van left, by the clock in Oslo",
    event = "order.before_create",
    entity = {country = "NO", placed_at = "2026-03-02T13:05:00+00:00"},
    expect = {status = "continue", changes = {promised_on = "2026-03-05"}},
  },
  {
    name = "takes two weeks to a country that is not in the table",
    event = "order.before_create",
    entity = {country = "IS", placed_at = "2026-03-02T09:00:00+00:00"},
    expect = {status = "continue", changes = {promised_on = "2026-03-16"}},
  },
  {
    name = "fails on a date that is none",
    event = "order.before_create",
    entity = {country = "NO", placed_at = "soon"},
    expect = {status = "failed"},
  },
}
