"""The checks behind the host module ``validate``: each returns whether a value is what its name says."""

from __future__ import annotations

import re
from datetime import date as calendar_date
from typing import Any
from urllib.parse import urlsplit

from .arguments import wrong
from .uuid_module import valid as uuid

MAX_EMAIL = 254
MAX_MAILBOX = 64
MAX_HOST = 253
MAX_URL = 2_048

_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_NUMERIC_HOST = re.compile(r"[0-9.]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")

# ISO 13616 registry: each country with the length of the whole IBAN.
_IBAN_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
    "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
    "UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}

__all__ = ["date", "email", "iban", "length", "one_of", "phone", "range_", "url", "uuid"]


def email(value: Any = None) -> bool:
    if not isinstance(value, str) or len(value) > MAX_EMAIL:
        return False
    mailbox, at, domain = value.rpartition("@")
    named = bool(at) and len(mailbox) <= MAX_MAILBOX and _MAILBOX.fullmatch(mailbox) is not None
    return named and "." in domain and _is_host(domain)


def _is_host(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= MAX_HOST and "_" not in name and all(_LABEL.fullmatch(label) for label in labels)


def url(value: Any = None, schemes: list[Any] | None = None) -> bool:
    if not isinstance(value, str) or len(value) > MAX_URL or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in (schemes or ("http", "https")) and port != 0 and _is_authority(host)


def _is_authority(host: str) -> bool:
    if ":" not in host and not _NUMERIC_HOST.fullmatch(host):
        return _is_host(host.removesuffix("."))
    from ipaddress import ip_address

    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def phone(value: Any = None) -> bool:
    return isinstance(value, str) and _PHONE.fullmatch(value) is not None


def iban(value: Any = None) -> bool:
    if not isinstance(value, str) or not value.isascii():
        return False
    compact = value.replace(" ", "").upper()
    if IBAN_LENGTHS.get(compact[:2]) != len(compact) or not _IBAN.fullmatch(compact):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def length(value: Any, least: int, most: int | None = None) -> bool:
    if not isinstance(value, str | bytes | list) and value != {}:
        return False
    return least <= len(value) and (most is None or len(value) <= most)


def range_(value: Any, least: float | None = None, most: float | None = None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return False
    if least is None and most is None:
        raise wrong("validate.range", None, "a least or a most value")
    return (least is None or least <= value) and (most is None or value <= most)


def one_of(value: Any, choices: list[Any]) -> bool:
    return any(type(value) is type(choice) and value == choice for choice in choices) or (
        _is_number(value) and any(_is_number(choice) and value == choice for choice in choices)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def date(value: Any = None) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        return bool(calendar_date.fromisoformat(value))
    except ValueError:
        return False
