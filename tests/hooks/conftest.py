"""Platforms to run the contract on: each framework on SQLite, and on a PostgreSQL schema of the test's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from alloy_lua import Alloy

from ..stores.conftest import postgresql_server  # noqa: F401 - the fixture
from .platforms import IN_SQLITE_ONLY, PLATFORMS
from .platforms.base import Platform

KINDS = [f"{name}-sqlite" for name in PLATFORMS]
KINDS += [f"{name}-postgresql" for name in PLATFORMS if name not in IN_SQLITE_ONLY]


@pytest.fixture
def postgresql_schema(postgresql_server: str) -> Iterator[str]:  # noqa: F811
    """The URL of an empty schema, in the form that libpq knows."""
    import psycopg2

    name = f"alloy_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(postgresql_server)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE SCHEMA {name}")
        try:
            mark = "&" if "?" in postgresql_server else "?"
            yield f"{postgresql_server}{mark}options={quote(f'-c search_path={name}')}"
        finally:
            connection.cursor().execute(f"SET client_min_messages = warning; DROP SCHEMA {name} CASCADE")


@pytest.fixture(params=KINDS)
def platform(request: pytest.FixtureRequest, alloy: Alloy, tmp_path: Path) -> Iterator[Platform]:
    """A platform of each kind, without orders."""
    name, _, database = request.param.partition("-")
    url = request.getfixturevalue("postgresql_schema") if database == "postgresql" else ""
    made = PLATFORMS[name]()(alloy, os.fspath(tmp_path), url)
    try:
        yield made
    finally:
        made.close()


Bind = Callable[..., None]


@pytest.fixture
def bind(alloy: Alloy) -> Bind:
    """Binds a script to a hook of orders."""

    def add(hook: str, source: str, **options: Any) -> None:
        name = f"script-{uuid.uuid4().hex[:8]}"
        options = {"on": f"order.{hook}", "limits": "relaxed", **options}
        alloy.scripts.create(name, source, status="active", capabilities=["test"], **options)

    return add


@pytest.fixture
def said(alloy: Alloy) -> list[Any]:
    """What scripts said with ``test.say(…)``, in order."""
    heard: list[Any] = []

    @alloy.function("test.say", capability="test")
    def say(value: Any) -> None:
        heard.append(value)

    return heard
