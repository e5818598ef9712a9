"""Where scripts may send requests: a tenant's allow-list of URLs and methods. What is not listed is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from . import checks
from .access.acting import require
from .access.trail import entry
from .errors import CapabilityDenied, NotFound
from .model import DEFAULT_TENANT
from .ports import Document, Documents

KIND = "egress"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PORTS = {"https": 443, "http": 80}
WANTED = "https://host/path, with * for a host's first part or a path's end"

_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_ODD_PATH = re.compile(r"%2f|%5c|\\|%00", re.IGNORECASE)


class EgressRule(NamedTuple):
    """One line of the allow-list.

    Attributes:
        url: The pattern: scheme, host, port if it is not the scheme's own, path.
        methods: Methods allowed.
        private: Whether the host may lie in private or loopback ranges.
        updated_at: When it was written.
        updated_by: Who wrote it.
    """

    url: str
    methods: tuple[str, ...]
    private: bool
    updated_at: datetime
    updated_by: str

    def allows(self, method: str, scheme: str, host: str, port: int, path: str) -> bool:
        """Returns whether a request is covered; ``host`` and ``path`` as they are sent."""
        wanted = urlsplit(self.url)
        if method not in self.methods or scheme != wanted.scheme or port != (wanted.port or PORTS[scheme]):
            return False
        name = wanted.netloc.rpartition(":")[0] if wanted.port is not None else wanted.netloc
        same = host.endswith(name[1:]) if name.startswith("*.") else host == name.strip("[]")
        whole = path == wanted.path
        return same and (path.startswith(wanted.path[:-1]) if wanted.path.endswith("*") else whole)


class Egress:
    """The allow-lists of all tenants."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._rules: dict[str, tuple[EgressRule, ...]] = {}

    def allow(
        self, url: str, methods: Iterable[str] = ("GET",), *, private: bool = False, tenant: str = DEFAULT_TENANT,
        by: str = "system",
    ) -> EgressRule:  # fmt: skip
        """Returns the rule as written, in place of the one for the same URL.

        Args:
            url: A pattern such as ``https://api.example.com/v1/*`` or ``https://*.example.com:8443/hook``.
            methods: Methods allowed.
            private: Also if the host's address is private or loopback: for services inside the platform's network.
            tenant: Whose scripts may.
            by: Who allows it.

        Raises:
            ValidationError: The pattern or a method is none.
        """
        owner, pattern = checks.name(tenant, "tenant"), _pattern(url)
        require("egress.write", owner)
        wanted = tuple(
            checks.choice(m, "method", METHODS) for m in checks.items(methods, "methods", "a list of methods")
        )
        inside, author = checks.boolean(private, "private"), checks.name(by, "by")
        rule = EgressRule(pattern, wanted, inside, datetime.now(UTC), author)
        body = {"methods": list(wanted), "private": inside}
        audit = entry("egress.allow", tenant=owner, object_id=pattern, name=pattern, author=author, details=body)
        self._documents.put(Document(owner, KIND, pattern, body, rule.updated_at, author), audit=audit)
        self.forget()
        return rule

    def remove(self, url: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Takes a rule off the list.

        Raises:
            NotFound: The tenant has none for that URL.
        """
        require("egress.write", checks.name(tenant, "tenant"))
        pattern = _pattern(url)
        audit = entry("egress.remove", tenant=tenant, object_id=pattern, name=pattern)
        if not self._documents.delete(tenant, KIND, pattern, audit=audit):
            raise NotFound(f"egress rule {url!r}: tenant {tenant!r} has none", details={"url": url})
        self.forget()

    def list(self, *, tenant: str = DEFAULT_TENANT) -> list[EgressRule]:
        """Returns the tenant's rules in order of URL."""
        require("egress.read", checks.name(tenant, "tenant"))
        return [_rule(one) for one in self._documents.of_kind(KIND, tenant)]

    def check(self, tenant: str, method: str, scheme: str, host: str, port: int, path: str) -> bool:
        """Returns whether the request may go to private addresses.

        Raises:
            CapabilityDenied: No rule covers it (code ``egress_denied``).
        """
        rules = self._rules.get(tenant)
        if rules is None:
            known, rules = self._rules, tuple(_rule(one) for one in self._documents.of_kind(KIND, tenant))
            known[tenant] = rules
        odd = _ODD_PATH.search(path) or any(part in (".", "..") for part in unquote(path).split("/"))
        found = [] if odd else [rule for rule in rules if rule.allows(method, scheme, host, port, path)]
        if not found:
            shown = f"{scheme}://{host}{'' if port == PORTS.get(scheme) else f':{port}'}{path}"
            raise CapabilityDenied(
                f"http: {method} {shown} is not on the allow-list of tenant {tenant!r}",
                code="egress_denied", details={"method": method, "url": shown},
            )  # fmt: skip
        return any(rule.private for rule in found)

    def forget(self) -> None:
        """Has every list read from the store again."""
        self._rules = {}


def _rule(document: Document) -> EgressRule:
    body: dict[str, Any] = document.body
    return EgressRule(document.name, tuple(body["methods"]), body["private"], document.updated_at, document.updated_by)


def _pattern(url: Any) -> str:
    text = checks.text(url, "url", 200)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise checks.wrong("url", url, WANTED) from None
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    plain = not parts.query and not parts.fragment and "*" not in parts.path[:-1] and text.isascii()
    if parts.scheme not in PORTS or not _HOST.fullmatch(host) or not parts.path or not plain:
        raise checks.wrong("url", url, WANTED)
    return f"{parts.scheme}://{host}{'' if port in (None, PORTS[parts.scheme]) else f':{port}'}{parts.path}"
