"""Host module ``base64``: bytes as text and back."""

from __future__ import annotations

import base64
import binascii

from ...hostapi import HostFunction, HostModule, Param
from .arguments import as_bytes, from_bytes, wrong


def encode(data: str | bytes) -> str:
    return base64.b64encode(as_bytes(data)).decode()


def decode(text: str | bytes) -> str | bytes:
    try:
        return from_bytes(base64.b64decode(as_bytes(text), validate=True))
    except binascii.Error:
        raise wrong("base64.decode", text, "base64 text with its '=' padding") from None


def encode_url(data: str | bytes) -> str:
    return base64.urlsafe_b64encode(as_bytes(data)).decode().rstrip("=")


def decode_url(text: str | bytes) -> str | bytes:
    data = as_bytes(text).rstrip(b"=")
    try:
        if b"+" in data or b"/" in data:
            raise binascii.Error
        return from_bytes(base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True))
    except binascii.Error:
        raise wrong("base64.decode_url", text, "base64url text (letters, digits, '-' and '_')") from None


_DATA = Param("data", "string", "The text or bytes to encode.")

MODULE = HostModule(
    "base64",
    "Bytes as base64 text and back (RFC 4648).",
    (
        HostFunction(
            "base64.encode",
            "The base64 text of the data, padded.",
            (_DATA,),
            "string",
            encode,
            example='return base64.encode("hello") --> "aGVsbG8="',
        ),
        HostFunction(
            "base64.decode",
            "The data that the base64 text stands for.",
            (Param("text", "string", "Base64 text with its padding."),),
            "string",
            decode,
            example='return base64.decode("aGVsbG8=") --> "hello"',
        ),
        HostFunction(
            "base64.encode_url",
            "The base64url text of the data, without padding: safe in URLs and file names.",
            (_DATA,),
            "string",
            encode_url,
            example='return base64.encode_url("hi?>") --> "aGk_Pg"',
        ),
        HostFunction(
            "base64.decode_url",
            "The data that the base64url text stands for.",
            (Param("text", "string", "Base64url text, padded or not."),),
            "string",
            decode_url,
            example='return base64.decode_url("aGk_Pg") --> "hi?>"',
        ),
    ),
)
