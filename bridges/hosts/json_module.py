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
MAX_INTEGER = 2**53


def _fail(function: str, reason: str) -> NoReturn:
    raise InvalidValue(f"{function}: {reason}", details={"function": function})


def encode(value: Any = None, options: Any = None) -> str:
    chosen = as_table("json.encode", options, ("pretty", "sort"))
    layout: dict[str, Any] = {"indent": 2} if chosen.get("pretty") else {"separators": (",", ":")}
    plain = _encodable(value, 0)
    text = json.dumps(plain, ensure_ascii=False, sort_keys=chosen.get("sort", True) is not False, **layout)
    if len(text.encode()) > MAX_BYTES:
        _fail("json.encode", f"the text would have {len(text.encode())} bytes, wanted at most {MAX_BYTES}")
    return text


def _encodable(value: Any, depth: int) -> Any:
    if isinstance(value, list | dict):
        if depth >= MAX_DEPTH:
            _fail("json.encode", f"the value is nested deeper than {MAX_DEPTH} tables")
        if isinstance(value, list):
            return [_encodable(item, depth + 1) for item in value]
        return {_key(key): _encodable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        raise wrong("json.encode", value, "text in UTF-8 (see base64.encode)")
    return value


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
    try:
        value = json.loads(text, parse_int=_read_integer, parse_float=_read_float, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        _fail("json.decode", f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _too_deep()
    _check_decoded(value, 0)
    return value


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


def _check_decoded(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list | dict):
        if depth >= MAX_DEPTH:
            _too_deep()
        for item in value:
            _check_decoded(item, depth + 1)
        if isinstance(value, dict):
            for item in value.values():
                _check_decoded(item, depth + 1)


def _check_text(text: str) -> None:
    # A lone \ud800 escape is legal JSON, but no UTF-8 string can hold it.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise wrong("json.decode", text, "text without lone surrogate escapes") from None


MODULE = HostModule(
    "json",
    "JSON text (RFC 8259). Nested at most 32 deep, at most 1 MiB. JSON null inside tables is ``null``.",
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
