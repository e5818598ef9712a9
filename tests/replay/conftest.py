"""What the tests of replay share: a platform whose calls are counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

LEVELS = {"ann": "gold", "bob": "basic"}


@pytest.fixture
def alloy(tmp_path: Path) -> Iterator[Alloy]:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", settings=Settings({"secrets_key": new_key()})) as made:
        yield made


@pytest.fixture
def calls(alloy: Alloy) -> list[Any]:
    """The calls that reached the platform: ``crm.level`` reads, ``mail.send`` has an effect."""
    return platform(alloy)


def platform(alloy: Alloy) -> list[Any]:
    made: list[Any] = []

    @alloy.function("crm.level", capability="crm")
    def level(name: str) -> str:
        made.append(("level", name))
        if name not in LEVELS:
            raise KeyError(name)
        return LEVELS[name]

    @alloy.function("mail.send", capability="mail", effect=True)
    def send(to: str, text: str) -> int:
        made.append(("send", to, text))
        return len(made)

    return made


def script(alloy: Alloy, name: str, source: str, **settings: Any) -> None:
    given = {"on": "order.before_create", "capabilities": ["crm", "mail"], "status": "active", **settings}
    alloy.scripts.create(name, source, **given)
