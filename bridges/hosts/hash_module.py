"""Host module ``hash``: digests, message authentication and constant-time comparison."""

from __future__ import annotations

import hashlib
import hmac as hmac_library
from collections.abc import Callable

from ...hostapi import HostFunction, HostModule, Param
from ...values import Secret
from .arguments import as_bytes, wrong

ALGORITHMS = ("sha256", "sha512", "sha1", "md5", "blake2b")


def _digest(algorithm: str) -> Callable[[str | bytes], str]:
    def digest(data: str | bytes) -> str:
        return hashlib.new(algorithm, as_bytes(data), usedforsecurity=False).hexdigest()

    return digest


def hmac(algorithm: str | bytes, key: str | bytes | Secret, data: str | bytes) -> str:
    if algorithm not in ALGORITHMS:
        raise wrong("hash.hmac", algorithm, f"one of {', '.join(ALGORITHMS)}")
    secret = key.reveal() if isinstance(key, Secret) else key
    return hmac_library.new(as_bytes(secret), as_bytes(data), str(algorithm)).hexdigest()


def equal(a: str | bytes, b: str | bytes) -> bool:
    return hmac_library.compare_digest(as_bytes(a), as_bytes(b))


def _digest_function(algorithm: str, note: str) -> HostFunction:
    digest = _digest(algorithm)
    return HostFunction(
        f"hash.{algorithm}",
        f"The {note} digest of the data as lower-case hex.",
        (Param("data", "string", "The text or bytes to digest."),),
        "string",
        digest,
        example=f'return hash.{algorithm}("hello") --> "{digest("hello")}"',
    )


MODULE = HostModule(
    "hash",
    "Digests and message authentication codes, as lower-case hex.",
    (
        _digest_function("sha256", "SHA-256"),
        _digest_function("sha512", "SHA-512"),
        _digest_function("sha1", "SHA-1 (broken: for old interfaces only)"),
        _digest_function("md5", "MD5 (broken: for old interfaces only)"),
        _digest_function("blake2b", "BLAKE2b (64 bytes)"),
        HostFunction(
            "hash.hmac",
            "The HMAC of the data under the key, as lower-case hex.",
            (
                Param("algorithm", "string", f"One of {', '.join(ALGORITHMS)}."),
                Param("key", "secret", "The shared secret: a handle or a text."),
                Param("data", "string", "The text or bytes to authenticate."),
            ),
            "string",
            hmac,
            example=f'return hash.hmac("sha256", "key", "hello") --> "{hmac("sha256", "key", "hello")}"',
        ),
        HostFunction(
            "hash.equal",
            "Whether the two strings are the same, in a time that does not tell how far they agree.",
            (Param("a", "string", "One string."), Param("b", "string", "The other string.")),
            "boolean",
            equal,
            example='return hash.equal("9af1", "9af1") --> true',
        ),
    ),
)
