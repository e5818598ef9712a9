"""What goes through the pipes between the platform and a worker: frames of a length, a kind, a number and a body.

The platform asks and the worker answers; while it runs a script the worker may ask for host calls in between.
All numbers are little-endian. The length counts what follows it.
"""

from __future__ import annotations

import os
import struct

HEAD = struct.Struct("<IBI")
HEAD_BYTES = HEAD.size
LENGTH = struct.Struct("<I")
LENGTH_BYTES = LENGTH.size
CHUNK = 65_536  # what a pipe holds

# The platform's requests.
HOSTS, SYNTAX, LOAD, BIND, RUN, ROWS, ANSWER = range(7)
# The worker's replies: started, done, failed with an error, and a host call.
HELLO, DONE, FAILED, CALL = range(7, 11)

RUN_HEAD = struct.Struct("<QdQ??")  # fuel, seconds, seed, read_only, eager
ROWS_HEAD = struct.Struct("<I")  # count
ROW_HEAD = struct.Struct("<IBII")  # a whole head and a count
ANSWER_HEAD = struct.Struct("<QH")  # fuel to charge, length of the code that stands before the answer


class Gone(Exception):
    """The other side has closed its end, or does not keep to the protocol."""


def frame(kind: int, number: int, body: bytes) -> bytes:
    """Returns the bytes of one frame."""
    return HEAD.pack(len(body) + HEAD_BYTES - LENGTH_BYTES, kind, number) + body


def send(fd: int, data: bytes) -> None:
    """Writes all of ``data``.

    Raises:
        Gone: Nobody reads.
    """
    try:
        sent = os.write(fd, data)
        while sent < len(data):
            sent += os.write(fd, memoryview(data)[sent:])
    except OSError as error:
        raise Gone(str(error)) from None


def receive(fd: int, most: int) -> bytes:
    """Returns one whole frame of at most ``most`` bytes.

    Raises:
        Gone: Nobody writes any more, or what came is no frame.
    """
    try:
        return complete(fd, os.read(fd, CHUNK), most)
    except OSError as error:
        raise Gone(str(error)) from None


def complete(fd: int, data: bytes, most: int) -> bytes:
    """Returns the whole frame that begins with ``data``; the rest is read.

    Raises:
        Gone: As `receive`.
    """
    if len(data) >= HEAD_BYTES and HEAD.unpack_from(data)[0] + LENGTH_BYTES == len(data):
        return data
    whole = bytearray(data)
    if not whole:
        raise Gone("closed")
    _fill(fd, whole, HEAD_BYTES)
    wanted = int(HEAD.unpack_from(whole)[0]) + LENGTH_BYTES
    if not max(HEAD_BYTES, len(whole)) <= wanted <= most:
        raise Gone(f"a frame of {wanted} bytes")
    _fill(fd, whole, wanted)
    return bytes(whole)


def _fill(fd: int, whole: bytearray, wanted: int) -> None:
    while len(whole) < wanted:
        more = os.read(fd, min(wanted - len(whole), 16 * CHUNK))
        if not more:
            raise Gone("closed")
        whole += more
