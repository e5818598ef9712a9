"""What a worker gives up before it sees the first script: descriptors, resources, namespaces, rights, system calls."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
from collections.abc import Callable

from ...isolation import Protection
from . import seccomp

MIB = 1024 * 1024
SLACK_BYTES = 128 * MIB  # address space beyond the interpreter's and the scripts': machine code, input and output
CPU_SECONDS = 30  # processor time that is left to a worker whose platform grants no more

_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522


def confine(keep: int, start_bytes: int) -> list[Protection]:
    """Gives up all that the worker does not need; returns what came of each protection.

    Args:
        keep: How many descriptors stay open, from 0.
        start_bytes: The address space it has already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    steps: dict[str, Callable[[], None]] = {
        "descriptors": lambda: os.closerange(keep, _highest_descriptor()),
        "namespaces": lambda: _leave_namespaces(libc),
        "rlimits": lambda: _limit_resources(start_bytes),
        "no_new_privs": lambda: _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        "seccomp": lambda: seccomp.install(libc),
    }
    return [_attempt(name, step) for name, step in steps.items()]


def _attempt(name: str, step: Callable[[], None]) -> Protection:
    try:
        step()
    except (OSError, ValueError) as error:
        return Protection(name, False, str(error))
    return Protection(name, True)


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, errno.errorcode.get(number, str(number)))


def _highest_descriptor() -> int:
    return max(map(int, os.listdir("/proc/self/fd"))) + 1


def _leave_namespaces(libc: ctypes.CDLL) -> None:
    """Moves to a network of no devices; a user namespace lets anybody do so, and its rights are given up at once."""
    _check(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC))
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(libc.capset(ctypes.byref(head), ctypes.byref(none)))


def _limit_resources(start_bytes: int) -> None:
    never = resource.RLIM_INFINITY
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE,
                 resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):  # fmt: skip
        resource.setrlimit(kind, (0, 0))
    # These two the platform raises when it has to (handle.py); the filter keeps the worker from doing so.
    resource.setrlimit(resource.RLIMIT_AS, (start_bytes + SLACK_BYTES, never))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, never))


def address_space() -> int:
    """Returns the bytes of address space that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
