"""An Alloy in memory, and people to act on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alloy_lua import Alloy


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    """An empty Alloy in memory."""
    with Alloy() as made:
        yield made
