return {
  {
    name = "quotes from the catalogue",
    params = {
      method = "POST",
      path = "/orders/quote",
      body = {customer = "C00001", lines = {{sku = "LAMP-01", quantity = 2, unit_price = "0.01"}, {sku = "VASE-01"}}},
    },
    expect = {
      status = "continue",
      value = {
        status = 200,
        headers = {["content-type"] = "application/json"},
        body = {
          currency = "EUR",
          quote_for = "C00001",
          total = "173.99",
          lines = {
            {sku = "LAMP-01", name = "Reading lamp", quantity = 2, total = "149.00"},
            {sku = "VASE-01", name = "Vase, mouth-blown", quantity = 1, total = "24.99"},
          },
        },
      },
    },
  },
  {
    name = "answers 422 and names every line that is wrong",
    params = {body = {lines = {{sku = "GHOST-99"}, {sku = "LAMP-01", quantity = 0}, {sku = "VASE-01"}}}},
    expect = {
      status = "continue",
      value = {
        status = 422,
        headers = {["content-type"] = "application/json"},
        body = {
          error = "some lines can not be quoted",
          lines = {
            {line = 1, error = "unknown article"},
            {line = 2, error = "quantity must be a whole number of at least 1"},
          },
        },
      },
    },
  },
  {
    name = "answers 422 to an empty list",
    params = {body = {lines = {}}},
    expect = {
      status = "continue",
      value = {
        status = 422,
        headers = {["content-type"] = "application/json"},
        body = {error = "lines: wanted 1 to 50", got = 0},
      },
    },
  },
  {
    name = "answers 400 to a body that is no object",
    params = {method = "POST", path = "/orders/quote", body = "lines"},
    expect = {
      status = "continue",
      value = {
        status = 400,
        headers = {["content-type"] = "application/json"},
        body = {error = "body must be a JSON object with a list of lines"},
      },
    },
  },
}
