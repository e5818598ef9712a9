"""The system calls a worker may make: a filter of the kernel's, by ctypes.

A worker reads and writes its two pipes and manages its memory; it needs about twenty calls. Every other call answers
EPERM. A filter is a program for the kernel's packet filter machine (seccomp(2), bpf(4)): this one loads the call's
number and compares it with each allowed one.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

# By name: the number on x86-64 and on aarch64 (None where there is no such call).
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "futex": (202, 98),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "rt_sigreturn": (15, 139),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "close": (3, 57),
    "sched_yield": (24, 124),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, and linux/audit.h's AUDIT_ARCH
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
_NUMBER_AT, _MACHINE_AT = 0, 4  # in struct seccomp_data
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def filter_code(machine: str) -> bytes | None:
    """Returns the filter for ``machine`` (as `platform.machine` names it), None if its call numbers are not known."""
    if machine not in _MACHINES:
        return None
    column, audit = _MACHINES[machine]
    numbers = [number for numbers in ALLOWED.values() if (number := numbers[column]) is not None]
    code = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        code.append((_EQUAL, left, 0, number))  # to the last line
    code += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *line) for line in code)


def install(libc: ctypes.CDLL) -> None:
    """Puts the filter in force for this process; there is no way back.

    Raises:
        OSError: The kernel refuses, or the machine is not known.
    """
    machine = platform.machine()
    code = filter_code(machine)
    if code is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}")
    held = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(held))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, errno.errorcode.get(number, str(number)))
