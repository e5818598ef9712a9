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


def _functions() -> type[Platform]:
    from .with_functions import FunctionsPlatform

    return FunctionsPlatform


def _dataclass() -> type[Platform]:
    from .with_functions import DataclassPlatform

    return DataclassPlatform


def _attrs() -> type[Platform]:
    from .with_functions import AttrsPlatform

    return AttrsPlatform


def _pydantic() -> type[Platform]:
    from .with_functions import PydanticPlatform

    return PydanticPlatform


IN_SQLITE_ONLY = ("functions", "dataclass", "attrs", "pydantic")
"""They hold records and do not write them: the platform's own sqlite3 does."""

PLATFORMS: dict[str, Callable[[], type[Platform]]] = {
    "peewee": _peewee, "sqlalchemy": _sqlalchemy, "django": _django, "functions": _functions, "dataclass": _dataclass, "attrs": _attrs,
    "pydantic": _pydantic,
}  # fmt: skip
