"""The tests of this folder run on both tiers: scripts in this process, and in worker processes."""

from __future__ import annotations

import pytest

from alloy_lua.isolation import Isolation


@pytest.fixture(scope="session", params=["thread", "process"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    found: Isolation = request.param
    return found
