"""The host module ``money``: exact arithmetic and named rounding."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.errors import InvalidValue

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, places=4).map(str)
RATIOS = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)


@given(a=AMOUNTS, b=AMOUNTS)
def test_sums_differences_and_products_are_exact(call, a, b):
    with localcontext() as context:
        context.prec = 100
        assert Decimal(call("money.add", a, b)) == Decimal(a) + Decimal(b)
        assert Decimal(call("money.sub", a, b)) == Decimal(a) - Decimal(b)
        assert Decimal(call("money.mul", a, b)) == Decimal(a) * Decimal(b)
    assert call("money.compare", a, b) == (Decimal(a) > Decimal(b)) - (Decimal(a) < Decimal(b))


@given(amount=AMOUNTS, ratios=RATIOS)
def test_shares_add_up_exactly_and_are_fair(call, amount, ratios):
    shares = [Decimal(share) for share in call("money.allocate", amount, ratios)]
    assert sum(shares) == Decimal(amount)
    for share, ratio in zip(shares, ratios, strict=True):
        assert abs(share - Decimal(amount) * ratio / sum(ratios)) <= Decimal("0.0001")
        assert ratio or not share


@given(a=AMOUNTS, b=AMOUNTS.filter(lambda text: Decimal(text) != 0))
def test_quotients_are_rounded_once(call, a, b):
    with localcontext() as context:
        context.prec = 200
        expected = (Decimal(a) / Decimal(b)).quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN)
    assert Decimal(call("money.div", a, b, 3)) == expected


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("money.add", 0.1, 0.2), "0.3"),
        (("money.add", "0.1000", "0.2"), "0.3000"),
        (("money.sub", "0.30", 0.3), "0.00"),
        (("money.mul", "19.99", "1.19"), "23.7881"),
        (("money.mul", -1, "0.00"), "0.00"),
        (("money.div", 2, 3), "0.67"),
        (("money.div", 2, 3, 4, "down"), "0.6666"),
        (("money.div", "1e3".replace("e3", "000"), "8", 0), "125"),
        (("money.round", 2.5, 0), "2"),
        (("money.round", 2.5, 0, "half_up"), "3"),
        (("money.round", "-2.5", 0, "half_up"), "-3"),
        (("money.round", "-0.001"), "0.00"),
        (("money.round", "1.005", None, "up"), "1.01"),
        (("money.round", 1e21, 0), "1000000000000000000000"),
        (("money.sum", []), "0"),
        (("money.sum", ["0.10"] * 10), "1.00"),
        (("money.percent", "100", "7.5"), "7.50"),
        (("money.percent", "0.10", 5, 3), "0.005"),
        (("money.allocate", "0.05", [3, 7]), ["0.02", "0.03"]),
        (("money.allocate", "-1.00", [1, 1, 1]), ["-0.34", "-0.33", "-0.33"]),
        (("money.allocate", 100, [0, 1, 1, 1], 0), ["0", "34", "33", "33"]),
        (("money.allocate", "1.005", [0.5, "0.5"]), ["0.503", "0.502"]),
        (("money.format", "1234567.891", "usd"), "1,234,567.89 USD"),
        (("money.format", 1999.5, "JPY"), "2,000 JPY"),
        (("money.format", 1, "KWD"), "1.000 KWD"),
        (("money.format", "-0.001", "EUR"), "0.00 EUR"),
    ],
)
def test_known_results(call, arguments, result):
    assert call(*arguments) == result


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("money.add", "1,5", 1), "money.add: got '1,5', wanted an amount such as"),
        (("money.add", None, 1), "money.add: got nil, wanted an amount"),
        (("money.add", True, 1), "money.add: got true, wanted an amount"),
        (("money.add", {}, 1), "money.add: got table, wanted an amount"),
        (("money.add", "1e999999999", 1), "wanted an amount such as"),
        (("money.add", float("nan"), 1), "wanted an amount between"),
        (("money.add", float("inf"), 1), "wanted an amount between"),
        (("money.add", 1e300, 1), "wanted an amount between"),
        (("money.add", "9" * 1000, 1), "wanted an amount between"),
        (("money.div", 1, "0.00"), "money.div: got '0.00', wanted a divisor other than zero"),
        (("money.round", 1, 31), "money.round: got 31, wanted 0 to 30 decimal places"),
        (("money.round", 1, 2, "banker"), "got 'banker', wanted one of half_even, half_up"),
        (("money.sum", ["1", "x"]), "money.sum: got 'x', wanted an amount"),
        (("money.allocate", 1, []), "money.allocate: got list, wanted 1 to 1000 ratios"),
        (("money.allocate", 1, [0]), "wanted 1 to 1000 ratios, none negative and one above zero"),
        (("money.allocate", 1, [2, -1]), "wanted 1 to 1000 ratios"),
        (("money.allocate", "1.005", [1], 2), "wanted an amount of at most 2 decimal places"),
        (("money.format", 1, "€"), "wanted a currency code of three letters"),
    ],
)
def test_bad_arguments_are_named(call, arguments, message):
    with pytest.raises(InvalidValue, match=message):
        call(*arguments)
