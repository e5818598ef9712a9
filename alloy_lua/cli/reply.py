"""What a command answers: data for machines, lines for people, errors and an exit code. Printed in one place."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import Enum
from typing import Any, TextIO

from ..errors import AlloyError

OK, FAILED, USAGE, REJECTED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 130, 141


class UsageError(AlloyError):
    """The command line is wrong in a way that only the command finds; it exits as the parser does."""

    default_code = "usage"


@dataclass(frozen=True, slots=True)
class Reply:
    """A command's answer.

    Attributes:
        data: What ``--json`` prints; any values that scripts or records can hold.
        lines: What is printed otherwise.
        code: The exit code.
        errors: Reported on stderr, a line each.
        warnings: The same, for what went well and may not be what was meant.
    """

    data: Any
    lines: Iterable[str]
    code: int = OK
    errors: Sequence[AlloyError] = ()
    warnings: Sequence[str] = ()

    def show(self, out: TextIO, err: TextIO, as_json: bool) -> None:
        """Prints the answer and its errors."""
        if as_json:
            print(json.dumps(plain(self.data), indent=2), file=out)
        else:
            for text in self.lines:
                print(text, file=out)
        out.flush()
        for error in self.errors:
            print(error_line(error), file=err)
        for text in self.warnings:
            print(visible(f"warning: {text}"), file=err)


def error_line(error: AlloyError) -> str:
    """Returns ``error: <code>: <message>`` with line and column, where known, on one line."""
    place = ", ".join(
        f"{name} {number}" for name, number in (("line", error.line), ("column", error.column)) if number is not None
    )
    return visible(f"error: {error.code}: {error.message}" + (f" ({place})" if place else ""))


def plain(value: Any) -> Any:
    """Returns ``value`` as JSON can say it: decimals, dates and ids as text, what is no number as null."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _key(key: Any) -> str:
    found = plain(key)
    return found if isinstance(found, str) else json.dumps(found)


def compact(value: Any) -> str:
    """Returns ``value`` as JSON on one line, for people: letters as they are."""
    return visible(json.dumps(plain(value), ensure_ascii=False))


def visible(text: str, keep: str = "") -> str:
    """Returns ``text`` with escapes in place of what a terminal would act on, line ends too; not of ``keep``."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def pairs(entries: Mapping[str, str]) -> list[str]:
    """Returns one indented line for each entry, values aligned."""
    width = max(map(len, entries), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in entries.items()]
