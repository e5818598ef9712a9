"""Host module ``uuid``: identifiers that a replay of the same run makes again."""

from __future__ import annotations

import re
import uuid as uuid_library
from hashlib import blake2b

from ...hostapi import HostCall, HostFunction, HostModule, Param
from .arguments import as_text, wrong

NAMESPACES = {
    "dns": uuid_library.NAMESPACE_DNS,
    "url": uuid_library.NAMESPACE_URL,
    "oid": uuid_library.NAMESPACE_OID,
    "x500": uuid_library.NAMESPACE_X500,
}
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def new(call: HostCall) -> str:
    seed = blake2b(f"{call.run_id}:{call.serial}".encode(), digest_size=16, person=b"alloy-lua uuid")
    return str(uuid_library.UUID(bytes=seed.digest(), version=4))


def v5(namespace: str | bytes, name: str | bytes) -> str:
    space = NAMESPACES.get(str(namespace))
    if space is None and valid(namespace):
        space = uuid_library.UUID(str(namespace))
    if space is None:
        raise wrong("uuid.v5", namespace, f"{', '.join(NAMESPACES)} or a UUID as namespace")
    return str(uuid_library.uuid5(space, as_text("uuid.v5", name)))


def valid(value: object) -> bool:
    return isinstance(value, str) and _CANONICAL.fullmatch(value) is not None


MODULE = HostModule(
    "uuid",
    "Unique identifiers in their canonical text form.",
    (
        HostFunction(
            "uuid.new",
            "A new UUID (version 4), the same again when the same run is replayed.",
            (),
            "string",
            new,
            wants_call=True,
            example="return uuid.new()",
        ),
        HostFunction(
            "uuid.v5",
            "The UUID (version 5) of a name: the same name always gives the same id.",
            (
                Param("namespace", "string", "dns, url, oid, x500 or a UUID."),
                Param("name", "string", "The name within the namespace."),
            ),
            "string",
            v5,
            example='return uuid.v5("dns", "example.com") --> "cfbff0d1-9375-5685-968c-48ce8b15ae17"',
        ),
        HostFunction(
            "uuid.valid",
            "Whether the value is a UUID in canonical text form, in either case.",
            (Param("text", "any", "The value to look at."),),
            "boolean",
            valid,
            example='return uuid.valid("cfbff0d1-9375-5685-968c-48ce8b15ae17") --> true',
        ),
    ),
)
