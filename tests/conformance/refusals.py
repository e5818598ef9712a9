"""What compiles in LuaJIT and is refused here, and why. Anything else that is refused is a fault."""

from __future__ import annotations

import re

# A part of the message -> the reason.
REFUSALS = {
    r"wanted at most 65536": "longer than 64 KiB: LuaJIT's parser takes quadratic time on some texts, and no budget runs while it parses",
    r"64-bit or imaginary literal": "`1LL` and `2i` make FFI values, which no script may hold",
    r"got a NUL byte": "a NUL byte is not text",
    r"got LuaJIT bytecode": "bytecode is not checked by LuaJIT and can do anything",
    r"lone surrogate|not UTF-8": "scripts are text in UTF-8",
    r"straight-line code too long": "one statement with more than 256 operations that may each take long: nothing can be charged in between",
    r"more than 60 upvalues": "LuaJIT allows 60 upvalues a function, and the meter takes three",
    r"control structure too long": "LuaJIT allows jumps over 32,768 instructions, and the checks take some of them",
    r"too many (syntax levels|nested functions)|chunk has too many syntax levels": "LuaJIT allows 200 levels of nesting, and the meter takes one",
    r"function or expression too complex|too many local variables|constant table overflow": "LuaJIT's limits on registers and constants, which the checks come nearer to",
}  # fmt: skip


def reason_of(message: str) -> str | None:
    """Returns why a text that LuaJIT compiles is refused with ``message``, None if there is no such reason."""
    for pattern, reason in REFUSALS.items():
        if re.search(pattern, message):
            return reason
    return None
