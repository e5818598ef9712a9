"""Host module ``money``: declarations; the arithmetic is in `decimals`."""

from __future__ import annotations

from ...hostapi import HostFunction, HostModule, Param
from .lazy import lazy

_MODES = "half_even (default), half_up, half_down, up, down, ceiling or floor"


def _amount(name: str, doc: str) -> Param:
    return Param(name, "any", doc)


_AMOUNT = _amount("amount", "A number or a decimal string.")
_OTHER = _amount("other", "A number or a decimal string.")
_PLACES = Param("places", "integer", "Decimal places of the result; 2 if left out.", True)
_MODE = Param("mode", "string", f"How to round: {_MODES}.", True)

MODULE = HostModule(
    "money",
    "Decimal arithmetic without loss. Amounts are numbers (0.1 is exactly 0.1) or decimal strings; "
    "results are decimal strings.",
    (
        HostFunction(
            "money.add",
            "The exact sum of two amounts.",
            (_AMOUNT, _OTHER),
            "string",
            lazy("decimals", "add"),
            example='return money.add("0.10", 0.2) --> "0.30"',
        ),
        HostFunction(
            "money.sub",
            "The exact difference of two amounts.",
            (_AMOUNT, _OTHER),
            "string",
            lazy("decimals", "sub"),
            example='return money.sub("20.00", "0.01") --> "19.99"',
        ),
        HostFunction(
            "money.mul",
            "The exact product of an amount and a factor, with all its decimal places.",
            (_AMOUNT, _amount("factor", "A number or a decimal string.")),
            "string",
            lazy("decimals", "mul"),
            example='return money.mul("19.99", 3) --> "59.97"',
        ),
        HostFunction(
            "money.div",
            "The quotient of two amounts, rounded.",
            (_AMOUNT, _amount("divisor", "A number or a decimal string, not zero."), _PLACES, _MODE),
            "string",
            lazy("decimals", "div"),
            example='return money.div("10.00", 3) --> "3.33"',
        ),
        HostFunction(
            "money.round",
            "The amount rounded to a number of decimal places.",
            (_AMOUNT, _PLACES, _MODE),
            "string",
            lazy("decimals", "round_"),
            example='return money.round("2.345", 2, "half_up") --> "2.35"',
        ),
        HostFunction(
            "money.sum",
            'The exact sum of a list of amounts; "0" for an empty list.',
            (Param("amounts", "list", "Numbers or decimal strings."),),
            "string",
            lazy("decimals", "sum_"),
            example='return money.sum({"1.10", "2.20", 3}) --> "6.30"',
        ),
        HostFunction(
            "money.allocate",
            "The amount split by ratios into shares that add up to it exactly; "
            "left-over units go to the first shares whose ratio is not zero.",
            (
                _AMOUNT,
                Param("ratios", "list", "Numbers or decimal strings, none negative."),
                Param("places", "integer", "Decimal places of the shares; 2, or those of the amount if more.", True),
            ),
            "list",
            lazy("decimals", "allocate"),
            example='return money.allocate("100.00", {1, 1, 1}) --> ["33.34", "33.33", "33.33"]',
        ),
        HostFunction(
            "money.percent",
            "A percentage of the amount, rounded.",
            (_AMOUNT, _amount("rate", 'Per cent: 19 or "7.5".'), _PLACES, _MODE),
            "string",
            lazy("decimals", "percent"),
            example='return money.percent("49.90", 19) --> "9.48"',
        ),
        HostFunction(
            "money.compare",
            "-1 if the amount is less than the other, 0 if they are equal, 1 if it is more.",
            (_AMOUNT, _OTHER),
            "number",
            lazy("decimals", "compare"),
            example='return money.compare("1.5", 1.50) --> 0',
        ),
        HostFunction(
            "money.format",
            "The amount for readers: rounded (half_even) to the currency's minor unit, "
            "thousands separated by commas, the code behind.",
            (_AMOUNT, Param("currency", "string", "An ISO 4217 code such as EUR.")),
            "string",
            lazy("decimals", "format_"),
            example='return money.format(1234.5, "EUR") --> "1,234.50 EUR"',
        ),
    ),
)
