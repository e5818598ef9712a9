"""From nothing to the first fire of a stored script, as whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from alloy_lua import Alloy

from .hooks import EVENT, LUA
from .paired import Pair, claim

ROUNDS = 15

_OURS = """\
from alloy_lua import Alloy
alloy = Alloy({url!r})
outcome = alloy.fire("order.before_create", {{"total": 5, "email": " A@b.no ", "vip": True}})
assert outcome.changes["email"] == "a@b.no", outcome
alloy.close()
"""
_BARE = "import lupa.luajit21, peewee"


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def start() -> Iterator[Pair]:
    """Process start, import and first fire from a SQLite store, against a bare import of lupa and peewee."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scripts.db"
        with Alloy(url) as alloy:
            alloy.scripts.create("h1", LUA, on=EVENT, status="active")
        code = _OURS.format(url=url)
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(_seconds(code))
            bare.append(_seconds(_BARE))
    assert statistics.median(ours) > 0
    yield claim("start to first fire / bare import", ours, bare, at_most=2.5, unit=1e3, unit_name="ms")


GROUPS = (start,)
