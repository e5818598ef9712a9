"""Regular expressions in linear time, through RE2, with caps on pattern, program and work.

RE2 never backtracks: one search costs at most (length of the text) x (size of the compiled pattern). That
product is capped before a search, so is the number of searches of one call, and a clock is
read between them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NoReturn

import re2  # type: ignore[import-untyped, unused-ignore]

from ...errors import InvalidValue
from .arguments import as_text, shown, wrong

MAX_PATTERN = 1_000
MAX_COMPILED_BYTES = 1024 * 1024
MAX_WORK = 20_000_000
MAX_MATCHES = 1_000
MAX_SECONDS = 0.02
CACHED_PATTERNS = 128

_REFERENCE = re.compile(r"\$(?:(\$)|([0-9])|\{(\w+)\})")


@lru_cache(maxsize=CACHED_PATTERNS)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = MAX_COMPILED_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)


def _compile(function: str, pattern: str | bytes) -> Any:
    pattern = as_text(function, pattern)
    if len(pattern) > MAX_PATTERN:
        _fail(function, f"the pattern has {len(pattern)} characters, wanted at most {MAX_PATTERN}")
    try:
        return _compiled(pattern)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
        _fail(function, f"bad pattern {shown(pattern)}: {reason} (RE2 syntax: no backreferences, no look-around)")


def _fail(function: str, reason: str) -> NoReturn:
    raise InvalidValue(f"{function}: {reason}", details={"function": function})


def _prepare(function: str, text: str | bytes, pattern: str | bytes) -> tuple[Any, str]:
    compiled, text = _compile(function, pattern), as_text(function, text)
    if len(text) * compiled.programsize > MAX_WORK:
        _fail(function, f"a text of {len(text)} characters is too long for this pattern; shorten or split it")
    return compiled, text


def _matches(function: str, compiled: Any, text: str) -> Iterator[Any]:
    give_up = time.thread_time() + MAX_SECONDS
    for count, match in enumerate(compiled.finditer(text)):
        if count == MAX_MATCHES:
            _fail(function, f"more than {MAX_MATCHES} matches; shorten the text, or give a limit")
        yield match
        if time.thread_time() > give_up:
            _fail(function, f"gave up after {MAX_SECONDS * 1000:.0f} ms; shorten the text or simplify the pattern")


def _captures(match: Any) -> list[str]:
    return list(match.groups("")) or [match.group()]


def _limit(function: str, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise wrong(function, value, "a limit of at least 1")
    return value


def test(text: str | bytes, pattern: str | bytes) -> bool:
    compiled, text = _prepare("regex.test", text, pattern)
    return compiled.search(text) is not None


def match(text: str | bytes, pattern: str | bytes) -> list[str] | None:
    compiled, text = _prepare("regex.match", text, pattern)
    found = compiled.search(text)
    return None if found is None else _captures(found)


def find_all(text: str | bytes, pattern: str | bytes, limit: int | None = None) -> list[Any]:
    compiled, text = _prepare("regex.find_all", text, pattern)
    limit, found = _limit("regex.find_all", limit), []
    for match in _matches("regex.find_all", compiled, text):
        found.append(_captures(match) if compiled.groups else match.group())
        if len(found) == limit:
            break
    return found


def replace(text: str | bytes, pattern: str | bytes, replacement: str | bytes, limit: int | None = None) -> str:
    compiled, text = _prepare("regex.replace", text, pattern)
    expand = _template(compiled, as_text("regex.replace", replacement))
    limit, pieces, end = _limit("regex.replace", limit), [], 0
    for done, match in enumerate(_matches("regex.replace", compiled, text), 1):
        pieces += [text[end : match.start()], expand(match)]
        end = match.end()
        if done == limit:
            break
    return "".join(pieces) + text[end:]


def _template(compiled: Any, replacement: str) -> Callable[[Any], str]:
    parts: list[str | int] = []
    end = 0
    for reference in _REFERENCE.finditer(replacement):
        parts += [replacement[end : reference.start()], _part(compiled, reference)]
        end = reference.end()
    parts.append(replacement[end:])
    return lambda match: "".join(part if isinstance(part, str) else match.group(part) or "" for part in parts)


def _part(compiled: Any, reference: re.Match[str]) -> str | int:
    dollar, number, name = reference.groups()
    if dollar:
        return "$"
    group = int(number or name) if (number or name).isdecimal() else compiled.groupindex.get(name, -1)
    if not 0 <= group <= compiled.groups:
        raise wrong("regex.replace", reference.group(), "a reference to a group of the pattern ('$$' for a dollar)")
    return int(group)


def split(text: str | bytes, pattern: str | bytes, limit: int | None = None) -> list[str]:
    compiled, text = _prepare("regex.split", text, pattern)
    limit, end = _limit("regex.split", limit), 0
    parts: list[str] = []
    for match in _matches("regex.split", compiled, text):
        if len(parts) + 1 == limit:
            break
        if match.end() > match.start():
            parts.append(text[end : match.start()])
            end = match.end()
    return [*parts, text[end:]]
