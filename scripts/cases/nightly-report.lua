return {
  {
    name = "sums up a day without adding currencies to each other",
    params = {day = "2001-02-03"},
    expect = {
      status = "continue",
      value = {
        day = "2001-02-03",
        orders = 3,
        revenue = {EUR = "125.00", NOK = "93.13"},
        by_country = {DE = 1, NO = 1},
        top_articles = {{sku = "VASE-01", sold = 4}, {sku = "LAMP-01", sold = 1}},
      },
    },
  },
  {
    name = "reports an empty day",
    params = {day = "1999-12-31"},
    expect = {
      status = "continue",
      value = {day = "1999-12-31", orders = 0, revenue = {}, by_country = {}, top_articles = {}},
    },
  },
  {
    name = "sends the report to a reader",
    params = {day = "1999-12-31", mail_to = "boss@example.no"},
    expect = {status = "continue"},
  },
  {
    name = "fails on a day that is no text",
    params = {day = 20010203},
    expect = {status = "failed"},
  },
}
