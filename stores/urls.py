"""Store URLs: what they may look like, and how they are shown without their password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import ConfigError

MEMORY_URL = "memory://"
FORMS = (
    "memory://, sqlite:///relative.db, sqlite:////absolute/path.db, "
    "postgresql://user:password@host:port/database or mysql://user:password@host:port/database"
)
SCHEMES = ("sqlite", "postgresql", "mysql")
HIDDEN = "***"

_USER_INFO = re.compile(r"(://[^:@/?#]*):(.*)@")
_QUERY_SECRET = re.compile(r"([?&](?:ssl)?password=)([^&#]*)")


@dataclass(frozen=True, slots=True)
class StoreURL:
    """One parsed store URL.

    Attributes:
        scheme: One of `SCHEMES`.
        text: The URL as given, with its password: never print it.
        shown: The URL with the password hidden.
        parts: The URL split by its syntax.
        options: The query's parameters.
    """

    scheme: str
    text: str = field(repr=False)
    shown: str
    parts: SplitResult = field(repr=False)
    options: dict[str, str] = field(repr=False)

    @property
    def port(self) -> int | None:
        """The port, None if the URL names none.

        Raises:
            ConfigError: It is not a port number.
        """
        try:
            return self.parts.port
        except ValueError:
            raise ConfigError(f"store URL {self.shown!r}: the port is not a number up to 65535") from None

    def hide(self, message: str) -> str:
        """Returns ``message`` with every appearance of the URL's passwords hidden."""
        for secret in _secrets(self.text):
            message = message.replace(secret, HIDDEN)
        return message

    def only(self, allowed: tuple[str, ...]) -> dict[str, str]:
        """Returns the options.

        Raises:
            ConfigError: One of them is not in ``allowed``.
        """
        for name in self.options:
            if name not in allowed:
                wanted = ", ".join(allowed)
                raise ConfigError(f"store URL {self.shown!r}: unknown option {name!r}, wanted one of {wanted}")
        return self.options

    def seconds(self, name: str, default: float) -> float:
        """Returns option ``name`` as seconds.

        Raises:
            ConfigError: It is not a number above zero.
        """
        text = self.options.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) <= 0:
            raise ConfigError(f"store URL {self.shown!r}: option {name}: got {text!r}, wanted seconds above zero")
        return float(text)


def parse_url(text: str) -> StoreURL:
    """Returns the parsed URL.

    Raises:
        ConfigError: It is not of one of the `FORMS`.
    """
    if not isinstance(text, str):
        raise ConfigError(f"store URL: got {type(text).__name__}, wanted a string such as {FORMS}")
    shown = redacted(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ConfigError(f"store URL {shown!r}: not a URL, wanted {FORMS}") from None
    if parts.scheme not in SCHEMES or "://" not in text:
        raise ConfigError(f"store URL {shown!r}: wanted {FORMS}")
    return StoreURL(parts.scheme, text, shown, parts, dict(parse_qsl(parts.query, keep_blank_values=True)))


def redacted(text: str) -> str:
    """Returns a URL (or any text with URLs in it) without its passwords."""
    return _QUERY_SECRET.sub(rf"\1{HIDDEN}", _USER_INFO.sub(rf"\1:{HIDDEN}@", text))


def _secrets(text: str) -> list[str]:
    quoted = [match.group(2) for pattern in (_USER_INFO, _QUERY_SECRET) for match in pattern.finditer(text)]
    found = {secret for text in quoted for secret in (text, unquote(text)) if secret}
    return sorted(found, key=len, reverse=True)
