"""Confines itself as a worker does, then tries what a worker may not do; prints what came of each try as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import time
from collections.abc import Callable

from alloy_lua.engine.process.confine import address_space, confine


def tries() -> dict[str, Callable[[], object]]:
    libc = ctypes.CDLL(None, use_errno=True)
    never = resource.RLIM_INFINITY
    return {
        "open a file": lambda: os.open("/etc/hostname", os.O_RDONLY),
        "make a file": lambda: os.open("/tmp/alloy-confined", os.O_CREAT | os.O_WRONLY),
        "list a folder": lambda: os.listdir("/"),
        "a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "a unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "a pipe": os.pipe,
        "duplicate a descriptor": lambda: os.dup(1),
        "fork": os.fork,
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "signal the parent": lambda: os.kill(os.getppid(), 0),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (never, never)),
        "trace": lambda: answer_of(libc.ptrace(0, 0, 0, 0)),
        "new rights": lambda: answer_of(libc.setuid(0)),
        "memory without end": lambda: bytearray(1 << 30),
    }


def answer_of(answer: int) -> None:
    if answer == -1:
        raise OSError(ctypes.get_errno(), "refused")


def main() -> None:
    found: dict[str, str] = {}
    planned = tries()
    protections = confine(2, address_space())
    for name, attempt in planned.items():
        try:
            attempt()
        except (OSError, ValueError, MemoryError) as error:
            found[name] = type(error).__name__
        else:
            found[name] = "done"
    time.monotonic()
    data = json.dumps({"protections": [list(p) for p in protections], "tries": found}).encode()
    os.write(1, data)
    os._exit(0)


if __name__ == "__main__":
    main()
