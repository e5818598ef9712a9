"""From source text to a `Program`: syntax, tokens, metering and analysis. Needs no Lua state of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from ..errors import CompileError, ValidationError
from .aborts import returning_aborts
from .analysis import analyse, changes_tables
from .lexer import column_of, tokens
from .metering import Names, meter, names_for

COMPILER = "alloy-lua/1 luajit-2.1"
MAX_SOURCE_BYTES = 64 * 1024
ARGUMENTS = ("entity", "before", "params", "ctx")

_MESSAGE = re.compile(r"script:(\d+): (.*)", re.DOTALL)
_NEAR = re.compile(r" near '(.*)'\Z", re.DOTALL)

SyntaxCheck = Callable[[bytes], str | None]


class Program(NamedTuple):
    """A compiled script: immutable, shared by all runtimes, each of which loads and verifies it once.

    Attributes:
        sha256: Digest of the source, the program's identity.
        source: The text as its author wrote it.
        metered: A chunk that returns the metered function.
        names: The meter's upvalue names in ``metered``.
        arguments: Which of `ARGUMENTS` the function takes, in order.
        reads: Entity fields read, None if the entity is used as a whole.
        writes: Entity fields assigned, None if the entity is used as a whole.
        mentions: Every name in the source that may be a global.
        random: Whether it may draw random numbers.
        calm: Whether it is metered as a script whose functions cannot become metamethods (see `meter`).
    """

    sha256: str
    source: str
    metered: bytes
    names: Names
    arguments: tuple[str, ...]
    reads: tuple[str, ...] | None
    writes: tuple[str, ...] | None
    mentions: frozenset[str]
    random: bool
    calm: bool


def digest(source: str) -> str:
    """Returns the SHA-256 of the source's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def compile_source(source: str, check_syntax: SyntaxCheck, *, calm: bool = True) -> Program:
    """Returns the program of ``source``.

    Args:
        source: Lua text, at most `MAX_SOURCE_BYTES` in UTF-8.
        check_syntax: Returns LuaJIT's message for a chunk, None if it compiles.
        calm: Whether to meter it as a calm script if it looks like one; only the verifier knows for sure.

    Raises:
        CompileError: The text is too long, is not text, or does not compile; carries line and column.
        ValidationError: ``source`` is not a string.
    """
    text = _bytes_of(source)
    message = check_syntax(text)
    if message is not None:
        raise _compile_error(text, message)
    found = tokens(text)
    usage = analyse(found)
    names = names_for(text)
    arguments = tuple(name for name in ARGUMENTS if name in usage.mentions)
    parameters = ", ".join(arguments)
    calm = calm and "goto" not in usage.mentions
    metered = meter(text, found, names, parameters, calm=calm)
    if check_syntax(metered) is not None:  # a script that uses `...` at its top level
        metered = meter(text, found, names, ", ".join((*arguments, "...")), calm=calm)
        message = check_syntax(metered)
        if message is not None:
            raise _compile_error(text, message)
    return Program(digest(source), source, metered, names, arguments, *usage, calm)


def with_returning_aborts(program: Program, check_syntax: SyntaxCheck) -> Program | None:
    """Returns ``program`` with each `abort` statement as a return; None if it has none, or not all of them can be.

    It is metered at the same places, so it costs the same fuel, and is verified like any other when it is loaded. Where
    it runs, `abort` has to return.
    """
    text = _bytes_of(program.source)
    found = tokens(text)
    edits = returning_aborts(found)
    if not edits:
        return None
    parameters = ", ".join(program.arguments)
    metered = meter(text, found, program.names, parameters, calm=program.calm, edits=edits)
    if check_syntax(metered) is not None:
        return None
    return program._replace(sha256=f"{program.sha256}, aborts return", metered=metered)


def may_change_tables(program: Program) -> bool:
    """Returns whether the program may change a table that a field holds."""
    return changes_tables(tokens(_bytes_of(program.source)))


def _bytes_of(source: str) -> bytes:
    if not isinstance(source, str):
        raise ValidationError(f"source: got {type(source).__name__}, wanted a string")
    try:
        text = source.encode()
    except UnicodeEncodeError as error:
        raise CompileError(f"source: got a lone surrogate at character {error.start + 1}, wanted text") from None
    if len(text) > MAX_SOURCE_BYTES:
        raise CompileError(f"source: got {len(text)} bytes, wanted at most {MAX_SOURCE_BYTES}")
    text = text.removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"\x1b"):
        raise CompileError("source: got LuaJIT bytecode, wanted Lua text", line=1, column=1)
    if b"\0" in text:
        raise CompileError("source: got a NUL byte, wanted text")
    if text.startswith(b"#"):
        text = b"--" + text
    return text


def _compile_error(text: bytes, message: str) -> CompileError:
    match = _MESSAGE.match(message)
    if match is None:
        return CompileError(message)
    line, reason = int(match.group(1)), match.group(2)
    return CompileError(reason, line=line, column=_column(text, line, reason))


def _column(text: bytes, line: int, reason: str) -> int:
    lines = re.split(rb"\r\n|\n\r|\n|\r", text)
    content = lines[line - 1] if line <= len(lines) else b""
    near = _NEAR.search(reason)
    if near:
        token = near.group(1).encode("latin-1", "replace")
        if token == b"<eof>":
            return column_of(content, len(content))
        at = content.rfind(token)
        if at >= 0:
            return column_of(content, at)
    return len(content) - len(content.lstrip()) + 1
