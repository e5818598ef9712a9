"""Python values as scripts see them, and back: what crosses, in which form, and how types are restored.

Lua has nil, booleans, one kind of number, byte strings and tables. Richer Python values travel as the plain
value that a script author would expect, and take their type back from the value they replace:

=====================  ==========================================  =================================
Python                 Lua                                         back, where the field held that type
=====================  ==========================================  =================================
int up to 2**53        number                                      int
float                  number (nan and inf are refused)            float
Decimal                number up to 15 significant digits          Decimal by its shortest text
str, bytes             string                                      str, or bytes if it is not UTF-8
datetime, date, time   ISO 8601 text                               the same type
UUID                   its text                                    UUID
Enum                   its value                                   the member with that value
list, tuple, set       list                                        list, tuple, set
dict                   table (string or whole-number keys)         dict
=====================  ==========================================  =================================
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgpack

from .errors import InvalidValue

EXACT = 2**53
SECRET = 1  # the extension type under which a secret's name crosses
DECIMAL_DIGITS = 15
MAX_DEPTH = 100
DEEPEST_PLACE = 8  # levels that a message follows into a value
_INF = float("inf")


class Secret:
    """A handle to a secret: scripts see this and never the text, which `reveal` opens on the Python side."""

    __slots__ = ("_open", "name")

    def __init__(self, name: str, open: Callable[[str], str] | None = None) -> None:
        self.name = name
        self._open = open

    def reveal(self) -> str:
        """Returns the secret's text.

        Raises:
            NotFound: The tenant has no such secret.
            CapabilityDenied: The script was not granted it.
        """
        if self._open is None:
            raise InvalidValue(f"{self}: cannot be opened here")
        return self._open(self.name)

    def __repr__(self) -> str:
        return f"secret({self.name})"


def _temporal(value: Any) -> str | None:
    """Returns ISO 8601 text for date, time and datetime, None for anything else (datetime is imported lazily)."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is None or type(value).__module__ not in ("datetime", "pendulum", "whenever"):
        return None
    text: str = isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _number(value: Any) -> int | float:
    """Returns a Decimal as a number, exactly to its last digit as far as a script can tell."""
    if not value.is_finite():
        raise InvalidValue(f"got Decimal {value}, wanted a finite number")
    digits = len(value.as_tuple().digits)
    if digits > DECIMAL_DIGITS:
        stripped = value.normalize()
        digits = len(stripped.as_tuple().digits)
        if digits > DECIMAL_DIGITS:
            raise InvalidValue(
                f"Decimal {value}: got {digits} significant digits, wanted at most {DECIMAL_DIGITS}; pass it as text"
            )
    number = float(value)
    return int(number) if number.is_integer() and abs(number) < EXACT else number


def to_plain(value: Any) -> Any:
    """Returns ``value``, of a type that msgpack does not know, as one that it does.

    Raises:
        InvalidValue: Nothing can stand for a value of this type in Lua.
    """
    kind = type(value)
    if kind is Secret:
        return msgpack.ExtType(SECRET, value.name.encode())
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    if kind.__module__ == "decimal" and kind.__name__ == "Decimal":
        return _number(value)
    if kind.__module__ == "uuid" and kind.__name__ == "UUID":
        return str(value)
    text = _temporal(value)
    if text is not None:
        return text
    if hasattr(kind, "__members__") and hasattr(value, "value"):
        return value.value
    if isinstance(value, bool | int | float | str | bytes | list | dict):  # subclasses
        base: Any = next(b for b in (bool, int, float, str, bytes, list, dict) if isinstance(value, b))
        return base(value)
    if isinstance(value, Mapping):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(kind, "__pydantic_fields__"):
        return {name: getattr(value, name) for name in kind.__pydantic_fields__}
    if hasattr(kind, "__attrs_attrs__"):
        return {a.name: getattr(value, a.name) for a in kind.__attrs_attrs__}
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    raise InvalidValue(f"got a value of type {name}, which has no form in Lua")


def pack(value: Any, *, limit: int, what: str, names: Sequence[str] = ()) -> bytes:
    """Returns ``value`` as MessagePack.

    Args:
        value: Any value of the table above, nested at most `MAX_DEPTH` deep.
        limit: Most bytes the result may have.
        what: What the value is, for messages: ``"entity"``.
        names: What the elements of ``value``, a list, are called in messages.

    Raises:
        InvalidValue: The value, or one inside it, cannot cross; or it is too large.
    """
    try:
        packed = _packed(value)
    except _UNPACKABLE as error:
        whole = dict(zip(names, value, strict=True)) if names else value
        path, inner = _place(whole, "" if names else what, error)
        raise InvalidValue(f"{path or what}: {_reason(inner)}", details=_field_in(path)) from None
    if len(packed) > limit:
        raise InvalidValue(f"{what}: got {len(packed)} bytes, wanted at most {limit}")
    if _has_odd_numbers(packed):
        problem = _odd_number(dict(zip(names, value, strict=True)) if names else value, "" if names else what, 0)
        if problem:
            raise InvalidValue(problem)
    return packed


def _packed(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=to_plain, strict_types=True)
    return packed


_UNPACKABLE = (InvalidValue, OverflowError, ValueError, TypeError, UnicodeEncodeError, RecursionError)


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidValue):
        return error.message
    if isinstance(error, OverflowError):
        return f"got an integer beyond 2^64, wanted at most 2^53 ({EXACT}); pass it as text"
    if isinstance(error, UnicodeEncodeError):
        return "got a string with a lone surrogate, wanted text"
    if isinstance(error, ValueError | RecursionError):
        return f"got a value nested deeper than {MAX_DEPTH} levels or containing itself"
    return f"got a value that has no form in Lua ({error})"


def _place(value: Any, path: str, error: Exception, depth: int = 0) -> tuple[str, Exception]:
    """Returns where in ``value`` the first thing is that cannot be packed, as a path, and why it cannot."""
    too_deep = isinstance(error, ValueError | RecursionError) and not isinstance(error, UnicodeError)
    if depth == (2 if too_deep else DEEPEST_PLACE):
        return path, error
    for name, inner in _inside(value, path):
        try:
            _packed(inner)
        except _UNPACKABLE as found:
            return _place(inner, name, found, depth + 1)
    return path, error


def _inside(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yields what a value holds, each with its path."""
    if isinstance(value, Mapping):
        yield from ((f"{path}.{key}" if path else str(key), inner) for key, inner in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"{path}[{i}]", inner) for i, inner in enumerate(value, 1))


def _field_in(path: str) -> dict[str, Any]:
    """Returns the details of an error at ``path``: the field, where the path leads into one."""
    field = re.match(r"\w+\.([^.\[]+)", path)
    return {"field": field[1]} if field else {}


_ODD = (b"\xcb\x7f", b"\xcb\xff", b"\xcf", b"\xd3")


def _has_odd_numbers(packed: bytes) -> bool:
    """Returns whether the bytes may hold nan, inf or a 64-bit integer: a cheap test with false alarms."""
    return any(mark in packed for mark in _ODD)


def _odd_number(value: Any, path: str, depth: int) -> str | None:
    """Returns what is wrong with the first number in ``value`` that a script could not hold exactly."""
    if isinstance(value, Secret):
        return None
    if isinstance(value, float):
        return f"{path}: got {value}, wanted a finite number" if value != value or value in (_INF, -_INF) else None
    if isinstance(value, int) and not isinstance(value, bool) and not -EXACT <= value <= EXACT:
        return f"{path}: got the integer {value}, wanted at most 2^53 ({EXACT}); pass it as text"
    if depth > MAX_DEPTH:
        return f"{path}: nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, Mapping):
        great = next((key for key in value if isinstance(key, int) and not -EXACT <= key <= EXACT), None)
        if great is not None:
            return f"{path}: got the integer {great} as a key, wanted at most 2^53 ({EXACT})"
    elif isinstance(value, str | bytes | bool | int) or value is None:
        return None
    elif not isinstance(value, list | tuple | set | frozenset):
        return _odd_number(to_plain(value), path, depth + 1)
    for name, inner in _inside(value, path):
        problem = _odd_number(inner, name, depth + 1)
        if problem:
            return problem
    return None


def jsonable(value: Any) -> Any:
    """Returns ``value`` as JSON-like data for records: exact numbers and times as text, bytes as escaped text."""
    if value is None or type(value) in (bool, str, int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if type(value).__module__ == "decimal" or type(value) is Secret:
        return str(value)
    try:
        return jsonable(to_plain(value))
    except InvalidValue:
        return f"<{type(value).__qualname__}>"


def _no_secret(code: int, data: bytes) -> Any:
    raise InvalidValue("got a secret, which only host functions made for it can open")


def handle(code: int, name: bytes) -> Secret:
    """Returns a secret's handle that `unpack` found: nothing but its name, to be handed to scripts again."""
    return Secret(name.decode())


def unpack(packed: str | bytes, secret: Callable[[int, bytes], Any] = _no_secret) -> Any:
    """Returns the value in ``packed`` (bytes, or one latin-1 character for each byte).

    Strings that are not UTF-8 come back as bytes. ``secret`` makes the value for a secret's handle.
    """
    data = packed.encode("latin-1") if isinstance(packed, str) else packed
    try:
        return msgpack.unpackb(data, strict_map_key=False, ext_hook=secret)
    except UnicodeDecodeError:
        return _decoded(msgpack.unpackb(data, raw=True, strict_map_key=False, ext_hook=secret))


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    if isinstance(value, dict):
        return {_decoded(key): _decoded(inner) for key, inner in value.items()}
    return value


def text_of(raw: bytes) -> str | bytes:
    """Returns ``raw`` as text if it is UTF-8, else as it is."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def restore(old: Any, new: Any) -> Any:
    """Returns ``new``, which came back from Lua, with the types that ``old`` had in its place.

    ``old`` itself is returned where nothing changed, so that an untouched value is the same object.

    Raises:
        InvalidValue: ``new`` cannot be of the type of ``old`` (no such Enum member, not a date).
    """
    if new is None or old is None:
        return new
    kind = type(old)
    if kind in (str, int, bool):
        return old if type(new) is kind and new == old else new
    if kind is float:
        return float(new) if type(new) is int else new
    if isinstance(old, Mapping):
        return _restore_mapping(old, new)
    if isinstance(old, list | tuple | set | frozenset):
        return _restore_sequence(old, new)
    return _restore_scalar(old, kind, new)


def _restore_mapping(old: Mapping[Any, Any], new: Any) -> Any:
    if isinstance(new, list) and all(isinstance(key, int) for key in old):
        new = dict(enumerate(new, 1))  # a table with the keys 1, 2, 3 is a list to Lua
    if not isinstance(new, dict):
        return new
    restored = {key: restore(old.get(key), value) for key, value in new.items()}
    return old if restored == old and all(restored[k] is old[k] for k in restored) else restored


def _restore_sequence(old: Any, new: Any) -> Any:
    if new == {}:
        new = []
    if not isinstance(new, list):
        return new
    if isinstance(old, set | frozenset):
        return _restore_set(old, new)
    last = old[-1] if old else None
    restored = [restore(old[i] if i < len(old) else last, value) for i, value in enumerate(new)]
    if len(restored) == len(old) and all(a is b or a == b for a, b in zip(restored, old, strict=True)):
        return old
    return restored if isinstance(old, list) else tuple(restored)


def _restore_set(old: Any, new: list[Any]) -> Any:
    if set(map(_hashable, new)) == set(map(_hashable, map(_plain, old))):
        return old
    try:
        return type(old)(new)
    except TypeError:
        raise InvalidValue("got a list with a table in it, wanted plain values for a set") from None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bytes) or value is None else to_plain(value)


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, list | dict) else value


def _restore_scalar(old: Any, kind: type, new: Any) -> Any:
    if isinstance(new, list | dict):
        return new
    if _plain(old) == new:
        return old
    try:
        if kind.__name__ == "Decimal" and isinstance(new, int | float) and not isinstance(new, bool):
            return kind(format(new, ".15g")) if isinstance(new, float) else kind(new)
        if kind.__name__ == "Decimal" or (kind.__name__ == "UUID" and isinstance(new, str)):
            return kind(new)
        if hasattr(kind, "__members__"):
            return kind(new)
        if hasattr(kind, "fromisoformat") and isinstance(new, str):
            return kind.fromisoformat(new)
        if kind is bytes and isinstance(new, str):
            return new.encode()
    except (ValueError, ArithmeticError, TypeError):
        raise InvalidValue(f"got {new!r}, wanted a value of {kind.__name__}") from None
    return new
