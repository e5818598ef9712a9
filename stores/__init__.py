"""Where scripts, revisions, health and runs live: `open_store` turns a URL into a `Store`."""

from __future__ import annotations

from ..errors import ConfigError
from ..ports import Store
from .urls import FORMS, MEMORY_URL, StoreURL, parse_url

__all__ = ["open_store"]


def open_store(url: str | None = None) -> Store:
    """Returns the store that ``url`` names. Its schema is not touched: call ``migrate`` on it.

    Args:
        url: None or ``memory://``; ``sqlite:///relative.db``, ``sqlite:////absolute/path.db``,
            ``sqlite:///:memory:``; ``postgresql://user:password@host:port/database``;
            ``mysql://user:password@host:port/database``.

    Raises:
        ConfigError: The URL is not of that form, or the driver it needs is not installed.
    """
    if url is None or url == MEMORY_URL:
        from .memory import MemoryStore

        return MemoryStore()
    return _open_peewee_store(parse_url(url))


def _open_peewee_store(url: StoreURL) -> Store:
    try:
        from .dialects import open_dialect
        from .peewee_store import PeeweeStore
    except ModuleNotFoundError as exc:
        if exc.name not in ("peewee", "playhouse"):
            raise
        raise ConfigError(f"store {url.shown!r} needs peewee: pip install alloy-lua (wanted {FORMS})") from exc
    return PeeweeStore(open_dialect(url), url.shown)
