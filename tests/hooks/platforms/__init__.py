"""The platforms by name; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from .base import Platform


def _peewee() -> type[Platform]:
    from .with_peewee import PeeweePlatform

    return PeeweePlatform


PLATFORMS: dict[str, Callable[[], type[Platform]]] = {"peewee": _peewee}
