"""Decimal arithmetic behind the host module ``money``: exact, and rounded only where the caller says so."""

from __future__ import annotations

import decimal
import re
from decimal import Decimal
from typing import Any

from ...errors import InvalidValue
from .arguments import as_text, wrong

MAX_DIGITS = 60
MAX_PLACES = 30
MAX_SHARES = 1_000
MAX_AMOUNTS = 5_000
WANTED = 'an amount such as 19.99 or "19.99"'

MODES = {
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_up": decimal.ROUND_HALF_UP,
    "half_down": decimal.ROUND_HALF_DOWN,
    "up": decimal.ROUND_UP,
    "down": decimal.ROUND_DOWN,
    "ceiling": decimal.ROUND_CEILING,
    "floor": decimal.ROUND_FLOOR,
}

# ISO 4217: the currencies whose minor unit is not a hundredth.
_PLACES_OF = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS = {code: places for places, codes in _PLACES_OF.items() for code in codes.split()}

_AMOUNT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
# Wide enough that no sum or product of amounts of MAX_DIGITS is ever rounded by the context.
_EXACT = decimal.Context(prec=4 * MAX_DIGITS, rounding=decimal.ROUND_HALF_EVEN)


def _read(function: str, value: Any) -> Decimal:
    if isinstance(value, str):
        text = value.strip()
        if not _AMOUNT.fullmatch(text):
            raise wrong(function, value, WANTED)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = repr(value)
    else:
        raise wrong(function, value, WANTED)
    amount = Decimal(text) if len(text) <= MAX_DIGITS else Decimal("inf")
    if not amount.is_finite() or abs(amount.adjusted()) > MAX_DIGITS // 2:
        raise wrong(function, value, f"an amount between 1e-{MAX_DIGITS // 2} and 1e{MAX_DIGITS // 2}")
    return amount


def _write(amount: Decimal) -> str:
    return f"{abs(amount) if amount.is_zero() else amount:f}"


def _places(function: str, places: int | None, default: int) -> int:
    if places is None:
        return default
    if not 0 <= places <= MAX_PLACES:
        raise wrong(function, places, f"0 to {MAX_PLACES} decimal places")
    return places


def _mode(function: str, mode: str | bytes | None) -> str:
    name = "half_even" if mode is None else as_text(function, mode)
    if name not in MODES:
        raise wrong(function, name, f"one of {', '.join(MODES)}")
    return MODES[name]


def _rounded(amount: Decimal, places: int, mode: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), rounding=mode, context=_EXACT)


def add(amount: Any = None, other: Any = None) -> str:
    return _write(_EXACT.add(_read("money.add", amount), _read("money.add", other)))


def sub(amount: Any = None, other: Any = None) -> str:
    return _write(_EXACT.subtract(_read("money.sub", amount), _read("money.sub", other)))


def mul(amount: Any = None, factor: Any = None) -> str:
    return _write(_EXACT.multiply(_read("money.mul", amount), _read("money.mul", factor)))


def div(amount: Any = None, divisor: Any = None, places: int | None = None, mode: str | None = None) -> str:
    dividend, by = _read("money.div", amount), _read("money.div", divisor)
    if by.is_zero():
        raise wrong("money.div", divisor, "a divisor other than zero")
    return _write(_ratio("money.div", dividend, by, places, mode))


def _ratio(function: str, dividend: Decimal, divisor: Decimal, places: int | None, mode: str | None) -> Decimal:
    scale, rounding = _places(function, places, 2), _mode(function, mode)
    # So many digits that a quotient of two amounts cannot look like a tie without being one.
    return _rounded(_EXACT.divide(dividend, divisor), scale, rounding)


def percent(amount: Any = None, rate: Any = None, places: int | None = None, mode: str | None = None) -> str:
    part = _EXACT.multiply(_read("money.percent", amount), _read("money.percent", rate))
    return _write(_ratio("money.percent", part, Decimal(100), places, mode))


def round_(amount: Any = None, places: int | None = None, mode: str | None = None) -> str:
    scale, rounding = _places("money.round", places, 2), _mode("money.round", mode)
    return _write(_rounded(_read("money.round", amount), scale, rounding))


def sum_(amounts: list[Any]) -> str:
    if len(amounts) > MAX_AMOUNTS:
        raise InvalidValue(
            f"money.sum: got {len(amounts)} amounts, wanted at most {MAX_AMOUNTS}; add up parts of the list",
            details={"function": "money.sum"},
        )
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, _read("money.sum", amount))
    return _write(total)


def compare(amount: Any = None, other: Any = None) -> int:
    a, b = _read("money.compare", amount), _read("money.compare", other)
    return (a > b) - (a < b)


def allocate(amount: Any, ratios: list[Any], places: int | None = None) -> list[str]:
    total = _read("money.allocate", amount)
    own_scale = max(0, -int(total.as_tuple().exponent))
    scale = _places("money.allocate", places, max(2, own_scale))
    unit = Decimal(1).scaleb(-scale)
    if _rounded(total, scale, decimal.ROUND_DOWN) != total:
        raise wrong("money.allocate", amount, f"an amount of at most {scale} decimal places")
    weights = _weights(ratios)
    sign = -1 if total < 0 else 1
    units = int(_EXACT.divide(abs(total), unit))
    return [_write(_EXACT.multiply(unit, Decimal(sign * share))) for share in _shares(units, weights)]


def _weights(ratios: list[Any]) -> list[int]:
    weights = [_read("money.allocate", ratio) for ratio in ratios[: MAX_SHARES + 1]]
    if not 1 <= len(weights) <= MAX_SHARES or min(weights) < 0 or max(weights) == 0:
        raise wrong("money.allocate", ratios, f"1 to {MAX_SHARES} ratios, none negative and one above zero")
    finest = min(int(weight.as_tuple().exponent) for weight in weights)
    return [int(weight.scaleb(-finest, context=_EXACT)) for weight in weights]


def _shares(units: int, weights: list[int]) -> list[int]:
    whole = sum(weights)
    shares = [units * weight // whole for weight in weights]
    # Fewer units are left than there are weights above zero: the first of those get one each.
    left = units - sum(shares)
    for index, weight in enumerate(weights):
        if left and weight:
            shares[index] += 1
            left -= 1
    return shares


def format_(amount: Any, currency: str | bytes) -> str:
    code = as_text("money.format", currency)
    if not _CURRENCY.fullmatch(code):
        raise wrong("money.format", code, "a currency code of three letters, such as EUR")
    places = EXPONENTS.get(code.upper(), 2)
    value = _rounded(_read("money.format", amount), places, decimal.ROUND_HALF_EVEN)
    return f"{abs(value) if value.is_zero() else value:,.{places}f} {code.upper()}"
