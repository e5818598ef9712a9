"""The texts of the trusted half of a runtime, read once: the files of ``lua/``, and the Lua halves of host modules."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .lexer import tokens
from .metering import Names, meter, names_for

PRELUDE = (
    "meter", "verify", "control", "patterns", "matcher", "strings", "tables", "numbers", "msgpack", "rows", "host",
    "offered", "sandbox", "driver",
)  # fmt: skip
_LUA = Path(__file__).with_name("lua")  # a folder of this package, unpacked as every installer does


@cache
def read_lua(name: str) -> bytes:
    """Returns the text of a file of ``lua/``, by its name without the ending."""
    return (_LUA / f"{name}.lua").read_bytes()


def prelude_texts() -> list[bytes]:
    """Returns name and text of each trusted file, in load order."""
    return [text for name in PRELUDE for text in (name.encode(), read_lua(name))]


@cache
def metered_module(source: str) -> tuple[bytes, Names]:
    """Returns the metered text of a host module's Lua half, and the meter's names in it."""
    text = source.encode()
    names = names_for(text)
    return meter(text, tokens(text), names, "..."), names
