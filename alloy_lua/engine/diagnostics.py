"""From what Lua said of a failure to the error that people read: code, line, message, user frames."""

from __future__ import annotations

import re
from typing import Any

from ..errors import (
    AlloyError,
    CapabilityDenied,
    Conflict,
    HostError,
    InvalidValue,
    LimitExceeded,
    NotFound,
    ScriptError,
    ValidationError,
    WorkerLost,
)
from ..limits import Limits

# Scripts write messages, of up to a megabyte: what is looked for stands at the start and is short.
_POSITION = re.compile(r"script:(\d{1,6}): ")
_INTERNAL = re.compile(r"\[alloy [^\]\n]{1,64}\]:\d{1,6}: ")
_FRAME = re.compile(r"\n\tscript:(\d+): in (?:function '([^'\n]*)'|function <script:(\d+)>|(main chunk)|([^\n]*))")

_LIMIT_MESSAGES = {
    "fuel_exhausted": lambda limits: f"the script used up its fuel of {limits.fuel} units",
    "deadline_exceeded": lambda limits: f"the script ran longer than {limits.deadline_ms} ms",
    "memory_exceeded": lambda limits: f"the script held more than {limits.memory_bytes} bytes of memory",
    "output_exceeded": lambda limits: f"the script's output is larger than {limits.output_bytes} bytes",
    "host_calls_exceeded": lambda limits: f"the script made more than {limits.host_calls} host calls",
}


_CLASSES: dict[str, type[AlloyError]] = {
    kind.default_code: kind
    for kind in (InvalidValue, CapabilityDenied, HostError, NotFound, Conflict, ValidationError, WorkerLost)
}


def script_error(facts: dict[str, Any], limits: Limits) -> AlloyError:
    """Returns the error for ``facts`` ({code, message, traceback}) that a runtime reported for a failed run."""
    code = facts.get("code")
    frames = _frames(_text(facts.get("traceback") or ""))
    if code in _LIMIT_MESSAGES:
        return LimitExceeded(_LIMIT_MESSAGES[code](limits), code=code, traceback=frames)
    if code == "cancelled":
        return ScriptError("the run was cancelled", code=code, traceback=frames)
    message = _text(facts.get("message") or code or "unknown error")
    line = None
    match = _POSITION.match(message)
    if match:
        line, message = int(match.group(1)), message[match.end() :]
    else:
        internal = _INTERNAL.match(message)  # an error raised in C names the guarded function around it
        message = message[internal.end() :] if internal else message
        first = _FRAME.search(_text(facts.get("traceback") or ""))
        line = int(first.group(1)) if first and facts.get("traceback") else None
    if message == "not enough memory":
        return LimitExceeded(_LIMIT_MESSAGES["memory_exceeded"](limits), code="memory_exceeded")
    if message.startswith("stack overflow"):
        return LimitExceeded("the script's calls nest too deeply", code="stack_overflow", line=line)
    kind = _CLASSES.get(code or "", ScriptError)
    if kind is not ScriptError:
        return kind(message, line=line, traceback=frames)
    return ScriptError(message, code=code, line=line, traceback=frames)


def _text(said: Any) -> str:
    """Returns what Lua said as text; bytes that are not UTF-8 are shown escaped."""
    return said.decode("utf-8", "backslashreplace") if isinstance(said, bytes) else str(said)


def _frames(traceback: str) -> tuple[str, ...]:
    found = _FRAME.findall(traceback)
    frames = []
    for index, (line, name, defined, chunk, other) in enumerate(found):
        outermost = index == len(found) - 1
        if name:
            what = f"function '{name}'"
        elif chunk or (defined == "1" and outermost):
            what = "main chunk"
        elif defined:
            what = f"function defined at line {defined}"
        else:
            what = other
        frames.append(f"line {line} in {what}")
    return tuple(frames)
