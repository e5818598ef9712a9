"""Secrets: texts that tenants keep for their scripts, sealed in the store, opened only for host functions."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from . import checks
from .access.acting import require
from .access.trail import entry
from .errors import ConfigError, NotFound, ValidationError
from .model import DEFAULT_TENANT
from .ports import Document, Documents

KIND = "secret"
KEY_VARIABLE = "ALLOY_SECRETS_KEY"
SHORTEST = 8  # shorter texts occur by chance: scrubbing them would garble what has nothing to do with them
LONGEST = 16_384
MOST_SCRUBBED = 1_000

_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


class SecretInfo(NamedTuple):
    """What may be told of a secret."""

    name: str
    updated_at: datetime
    updated_by: str


class Secrets:
    """A tenant's secrets: set, listed, deleted by people; opened by host functions.

    Args:
        documents: Where they are kept, sealed.
        key: Fernet keys, comma between; the first seals, all open. None for ``ALLOY_SECRETS_KEY``.
    """

    def __init__(self, documents: Documents, key: str | None = None) -> None:
        self._documents = documents
        self._key = key
        self._box: Any = None
        self._opened: dict[tuple[str, str], str] = {}
        self._hidden: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    # -- for people ----------------------------------------------------------------------------------------------
    def set(self, name: str, text: str, *, tenant: str = DEFAULT_TENANT, by: str = "system") -> None:
        """Stores a secret, in place of the one of that name.

        Args:
            name: Lower-case letters, digits, ``-``, ``_``, with dots between: ``crm-key``.
            text: 8 to 16,384 characters.
            tenant: Whose it is.
            by: Who sets it.

        Raises:
            ConfigError: There is no key to seal it with.
            ValidationError: The name or the text is none.
        """
        wanted, owner = _name(name), checks.name(tenant, "tenant")
        require("secrets.write", owner)
        if not isinstance(text, str) or not SHORTEST <= len(text) <= LONGEST:
            got = f"{len(text)} characters" if isinstance(text, str) else type(text).__name__
            raise ValidationError(f"secret {wanted}: got {got}, wanted a text of {SHORTEST} to {LONGEST} characters")
        import json

        sealed = self._sealer().encrypt(json.dumps([owner, wanted, text]).encode()).decode()
        author = checks.name(by, "by")
        document = Document(owner, KIND, wanted, {"sealed": sealed}, datetime.now(UTC), author)
        audit = entry("secret.set", tenant=owner, object_id=wanted, name=wanted, author=author)
        self._documents.put(document, audit=audit)
        self.forget()

    def list(self, *, tenant: str = DEFAULT_TENANT) -> list[SecretInfo]:
        """Returns the tenant's secrets, without their texts, in order of name."""
        require("secrets.read", checks.name(tenant, "tenant"))
        found = self._documents.of_kind(KIND, tenant)
        return [SecretInfo(one.name, one.updated_at, one.updated_by) for one in found]

    def delete(self, name: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Removes a secret.

        Raises:
            NotFound: The tenant has none of that name.
        """
        require("secrets.write", checks.name(tenant, "tenant"))
        wanted = _name(name)
        audit = entry("secret.delete", tenant=tenant, object_id=wanted, name=wanted)
        if not self._documents.delete(tenant, KIND, wanted, audit=audit):
            raise _none(tenant, name)
        self.forget()

    # -- for host functions --------------------------------------------------------------------------------------
    def open(self, tenant: str, name: str) -> str:
        """Returns the text of a secret; from then on `scrub` hides it.

        Raises:
            NotFound: The tenant has none of that name.
            ConfigError: No key opens it.
        """
        text = self._opened.get((tenant, name))
        if text is None:
            text = self._read(tenant, name)
            with self._lock:
                self._opened[tenant, name] = text
                hidden = dict(self._hidden.get(tenant, {}))
                hidden.update((shape, f"[secret {name}]") for shape in _shapes(text))
                while len(hidden) > MOST_SCRUBBED:
                    del hidden[next(iter(hidden))]
                self._hidden[tenant] = dict(sorted(hidden.items(), key=lambda item: -len(item[0])))
        return text

    def hides(self, tenant: str) -> bool:
        """Returns whether this process has opened a secret of the tenant."""
        return tenant in self._hidden

    def scrub(self, tenant: str, value: Any) -> Any:
        """Returns ``value`` with every secret that this process opened for the tenant replaced by its name."""
        hidden = self._hidden.get(tenant)
        return value if not hidden else _scrubbed(value, hidden)

    def forget(self) -> None:
        """Has every secret read from the store again at its next use; what was opened stays hidden."""
        self._opened = {}

    def _read(self, tenant: str, name: str) -> str:
        document = self._documents.get(tenant, KIND, name) if _NAME.fullmatch(name) else None
        if document is None:
            raise _none(tenant, name)
        import json

        from cryptography.fernet import InvalidToken

        try:
            owner, called, text = json.loads(self._sealer().decrypt(document.body["sealed"].encode()))
        except (InvalidToken, KeyError, ValueError):
            raise ConfigError(f"secret {name}: cannot be opened with the keys in secrets_key") from None
        if (owner, called) != (tenant, name):  # a row copied to another tenant or name opens nothing
            raise ConfigError(f"secret {name}: was sealed for another tenant or name")
        return str(text)

    def _sealer(self) -> Any:
        if self._box is None:
            self._box = sealer(self._key if self._key is not None else os.environ.get(KEY_VARIABLE))
        return self._box


def sealer(keys: str | None) -> Any:
    """Returns what seals and opens with the Fernet keys in ``keys``, comma between.

    Raises:
        ConfigError: There is no key, one is none, or the library is not installed.
    """
    if not keys:
        raise ConfigError(
            f"secrets need a key: set {KEY_VARIABLE} or secrets_key (make one with `alloy-lua secrets new-key`)"
        )
    try:
        from cryptography.fernet import Fernet, MultiFernet
    except ModuleNotFoundError:
        raise ConfigError("secrets need the extra: pip install 'alloy-lua[secrets]'") from None
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise ConfigError("secrets_key: got a text that is no Fernet key, wanted 32 bytes in URL-safe base64") from None


def new_key() -> str:
    """Returns a fresh key for ``secrets_key``."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _name(name: Any) -> str:
    if not isinstance(name, str) or len(name) > 100 or not _NAME.fullmatch(name):
        raise checks.wrong("secret name", name, "lower-case letters, digits, '-' and '_', such as crm-key")
    return name


def _none(tenant: str, name: str) -> NotFound:
    return NotFound(f"secret {name[:100]!r}: tenant {tenant!r} has none of that name", details={"secret": name[:100]})


def _shapes(text: str) -> list[str]:
    """Returns the forms in which a service may echo ``text``: as it is, quoted for URLs and JSON, in base64, in hex."""
    raw = text.encode()
    encodings: tuple[Callable[[bytes], bytes], ...] = (base64.b64encode, base64.urlsafe_b64encode)
    packed = [encode(raw).decode() for encode in encodings]
    import json

    shapes = [text, quote(text, safe=""), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], raw.hex()]
    return list(dict.fromkeys(shapes + packed + [one.rstrip("=") for one in packed]))


def _scrubbed(value: Any, hidden: dict[str, str]) -> Any:
    if isinstance(value, str):
        for text, shown in hidden.items():
            if text in value:
                value = value.replace(text, shown)
        return value
    if isinstance(value, bytes):
        for text, shown in hidden.items():
            value = value.replace(text.encode(), shown.encode())
        return value
    if isinstance(value, dict):
        return {_scrubbed(key, hidden): _scrubbed(inner, hidden) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_scrubbed(inner, hidden) for inner in value)
    return value
