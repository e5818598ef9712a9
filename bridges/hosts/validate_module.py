"""Host module ``validate``: declarations; the checks are in `checks`."""

from __future__ import annotations

from ...hostapi import HostFunction, HostModule, Param
from .lazy import lazy

_VALUE = Param("value", "any", "The value to check; the answer for nil is false.")

MODULE = HostModule(
    "validate",
    "Checks of single values: each answers true or false, and false for a value of another type.",
    (
        HostFunction(
            "validate.email",
            "Whether the value is an e-mail address (mailbox@domain.tld, at most 254 characters).",
            (_VALUE,),
            "boolean",
            lazy("checks", "email"),
            example='return validate.email("ann@example.com") --> true',
        ),
        HostFunction(
            "validate.url",
            "Whether the value is an absolute URL with a host, at most 2048 characters.",
            (_VALUE, Param("schemes", "list", "Allowed schemes; http and https if left out.", True)),
            "boolean",
            lazy("checks", "url"),
            example='return validate.url("https://example.com/a?b=c") --> true',
        ),
        HostFunction(
            "validate.phone",
            "Whether the value is a phone number in E.164 form: + and 7 to 15 digits.",
            (_VALUE,),
            "boolean",
            lazy("checks", "phone"),
            example='return validate.phone("+4930123456") --> true',
        ),
        HostFunction(
            "validate.iban",
            "Whether the value is an IBAN: known country, its length, check digits; blanks are ignored.",
            (_VALUE,),
            "boolean",
            lazy("checks", "iban"),
            example='return validate.iban("DE89 3704 0044 0532 0130 00") --> true',
        ),
        HostFunction(
            "validate.length",
            "Whether a string has so many characters (code points), or a list so many items.",
            (
                _VALUE,
                Param("min", "integer", "The least length."),
                Param("max", "integer", "The most; without end if left out.", True),
            ),
            "boolean",
            lazy("checks", "length"),
            example='return validate.length("abc", 1, 10) --> true',
        ),
        HostFunction(
            "validate.range",
            "Whether the value is a number from min to max, both included.",
            (
                _VALUE,
                Param("min", "number", "The least value; none if nil.", True),
                Param("max", "number", "The most; none if left out.", True),
            ),
            "boolean",
            lazy("checks", "range_"),
            example="return validate.range(5, 1, 4) --> false",
        ),
        HostFunction(
            "validate.one_of",
            "Whether the value equals one of the choices.",
            (_VALUE, Param("choices", "list", "The allowed values.")),
            "boolean",
            lazy("checks", "one_of"),
            example='return validate.one_of("red", {"red", "green"}) --> true',
        ),
        HostFunction(
            "validate.uuid",
            "Whether the value is a UUID in canonical text form.",
            (_VALUE,),
            "boolean",
            lazy("checks", "uuid"),
            example='return validate.uuid("not-a-uuid") --> false',
        ),
        HostFunction(
            "validate.date",
            "Whether the value is a day of the calendar, written YYYY-MM-DD.",
            (_VALUE,),
            "boolean",
            lazy("checks", "date"),
            example='return validate.date("2026-02-29") --> false',
        ),
    ),
)
