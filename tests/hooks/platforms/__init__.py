"""The platforms by name; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from .base import Platform


def _peewee() -> type[Platform]:
    from .with_peewee import PeeweePlatform

    return PeeweePlatform


def _sqlalchemy() -> type[Platform]:
    from .with_sqlalchemy import SQLAlchemyPlatform

    return SQLAlchemyPlatform


def _django() -> type[Platform]:
    from .with_django import DjangoPlatform

    return DjangoPlatform


PLATFORMS: dict[str, Callable[[], type[Platform]]] = {
    "peewee": _peewee, "sqlalchemy": _sqlalchemy, "django": _django,
}  # fmt: skip
