"""Host module ``json``: tables as JSON text and back."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ...errors import InvalidValue
from ...hostapi import HostFunction, HostModule, Param
from .arguments import as_table, as_text, wrong

MAX_DEPTH = 32
MAX_BYTES = 1024 * 1024
MAX_VALUES = 15_000  # so that one call takes a few milliseconds, as does
MAX_ESCAPES = 60_000
MAX_INTEGER = 2**53


def _fail(function: str, reason: str) -> NoReturn:
    raise InvalidValue(f"{function}: {reason}", details={"function": function})


def encode(value: Any = None, options: Any = None) -> str:
    chosen = as_table("json.encode", options, ("pretty", "sort"))
    layout: dict[str, Any] = {"indent": 2} if chosen.get("pretty") else {"separators": (",", ":")}
    plain = _encodable(value, 0, [MAX_VALUES])
    text = json.dumps(plain, ensure_ascii=False, sort_keys=chosen.get("sort", True) is not False, **layout)
    if len(text.encode()) > MAX_BYTES:
        _fail("json.encode", f"the text would have {len(text.encode())} bytes, wanted at most {MAX_BYTES}")
    return text


def _encodable(value: Any, depth: int, left: list[int]) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is list or kind is dict:
        if depth >= MAX_DEPTH:
            _fail("json.encode", f"the value is nested deeper than {MAX_DEPTH} tables")
        left[0] -= len(value)
        if left[0] < 0:
            _fail("json.encode", f"the value has more than {MAX_VALUES} values inside")
        if kind is list:
            return [_encodable(item, depth + 1, left) for item in value]
        return {_key(key): _encodable(item, depth + 1, left) for key, item in value.items()}
    if kind is float:
        return _number(value)
    raise wrong("json.encode", value, "text in UTF-8 (see base64.encode)")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    raise wrong("json.encode", key, "text as every key (a list has no gaps and no names)")


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise wrong("json.encode", value, "a finite number: JSON has no NaN and no infinity")
    return int(value) if value.is_integer() and abs(value) <= MAX_INTEGER else value


def decode(text: str | bytes) -> Any:
    text = as_text("json.decode", text)
    if len(text.encode()) > MAX_BYTES:
        _fail("json.decode", f"the text has {len(text.encode())} bytes, wanted at most {MAX_BYTES}")
    if text.count(",") > MAX_VALUES and _commas(text) > MAX_VALUES:
        _fail("json.decode", f"the text has more than {MAX_VALUES} values")
    if text.count("\\") > MAX_ESCAPES:
        _fail("json.decode", f"the text has more than {MAX_ESCAPES} escapes")
    try:
        value = _loads(text)
    except RecursionError:
        _too_deep()
    if _is_odd(value, 0):
        _loads(text, parse_int=_read_integer, parse_float=_read_float)  # says which number
    if "\\u" in text:
        _check_text(value)
    return value


def _loads(text: str, **hooks: Any) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, **hooks)
    except json.JSONDecodeError as error:
        _fail("json.decode", f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    except ValueError:  # Python reads no integer of thousands of digits
        _fail("json.decode", "got an integer of thousands of digits, wanted a whole number within 2^53")


def _commas(text: str) -> int:
    """Returns how many commas there are outside of strings."""
    bare = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    return sum(part.count(",") for part in bare)


def _too_deep() -> NoReturn:
    _fail("json.decode", f"the value is nested deeper than {MAX_DEPTH} arrays and objects")


def _read_integer(digits: str) -> int:
    # The length is looked at first: int() of very long texts is slow, and refused by Python with another error.
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise wrong("json.decode", digits, "a whole number within 2^53, or the number as a JSON string")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise wrong("json.decode", digits, "a number that fits 64 bits")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise wrong("json.decode", name, "a finite number: JSON has no NaN and no infinity")


def _is_odd(value: Any, depth: int) -> bool:
    """Returns whether there is a number inside that a script could not hold; refuses values nested too deep."""
    kind = type(value)
    if kind is int:
        return not -MAX_INTEGER <= value <= MAX_INTEGER
    if kind is float:
        return not math.isfinite(value)
    if kind is list or kind is dict:
        if depth >= MAX_DEPTH:
            _too_deep()
        inner = value if kind is list else value.values()
        return any(_is_odd(item, depth + 1) for item in inner if type(item) is not str)
    return False


def _check_text(value: Any) -> None:
    # A lone \ud800 escape is legal JSON, but no UTF-8 string can hold it.
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise wrong("json.decode", value, "text without lone surrogate escapes") from None
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)


MODULE = HostModule(
    "json",
    "JSON text (RFC 8259). Nested at most 32 deep, at most 1 MiB and 15,000 values. JSON null inside tables is "
    "``null``.",
    (
        HostFunction(
            "json.encode",
            "The JSON text of a value; keys are sorted unless ``sort = false``.",
            (
                Param("value", "any", "nil, boolean, number, string, list or table with text keys."),
                Param("options", "table", "``pretty = true`` for lines and indents, ``sort = false``.", True),
            ),
            "string",
            encode,
            cost=50,
            example='return json.encode({id = 7, tags = {"a", "b"}}) --> "{\\"id\\":7,\\"tags\\":[\\"a\\",\\"b\\"]}"',
        ),
        HostFunction(
            "json.decode",
            "The value that the JSON text stands for.",
            (Param("text", "string", "JSON text."),),
            "any",
            decode,
            cost=50,
            example='return json.decode(\'{"id": 7, "tags": ["a", "b"]}\') --> {"id": 7, "tags": ["a", "b"]}',
        ),
    ),
)
