"""The background thread: tasks added later run too, and one that fails stops no other."""

from __future__ import annotations

import logging
import threading

import pytest

from alloy_lua import Alloy
from alloy_lua.errors import StoreError
from alloy_lua.runner.upkeep import Upkeep


def test_a_task_added_later_runs_beside_one_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    failed, called = threading.Event(), threading.Event()

    def fail() -> None:
        failed.set()
        raise ValueError("on purpose")

    upkeep = Upkeep([(0.01, fail)])
    with caplog.at_level(logging.CRITICAL, "alloy_lua.upkeep"):
        upkeep.start()
        assert failed.wait(10)
        upkeep.add(0.01, called.set)
        assert called.wait(10)
        upkeep.stop()


def test_tokens_and_idempotency_keys_have_their_minutely_task(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[tuple[float, str]] = []
    monkeypatch.setattr(Upkeep, "add", lambda self, seconds, call: added.append((seconds, call.__qualname__)))
    with Alloy() as alloy:
        for _ in range(2):
            assert alloy.tokens is alloy.tokens and alloy.idempotency is alloy.idempotency
    assert added == [(60.0, "Tokens.write_last_used"), (60.0, "Idempotency.prune")]


def test_a_store_that_is_away_is_told_once_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    calls, over = iter(range(1000)), threading.Event()

    def poll() -> None:
        call = next(calls)
        if call < 3:
            raise StoreError("the database is away")
        if call == 4:
            over.set()

    upkeep = Upkeep([(0.01, poll)])
    with caplog.at_level(logging.WARNING, "alloy_lua"):
        upkeep.start()
        assert over.wait(10)
        upkeep.stop()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and "the database is away" in said[0] and "works again" in said[1]
    assert all(record.exc_info is None for record in caplog.records)
