"""Calls that carry an idempotency key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alloy_lua import Alloy, Conflict, ValidationError
from alloy_lua.access.idempotency import Idempotency
from alloy_lua.access_model import Actor, Role
from alloy_lua.stores import open_store

POST = ("POST", "/scripts?a=1", b'{"name": "x"}')


class Time:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def time() -> Time:
    """A clock that stands still."""
    return Time()


@pytest.fixture
def calls(time: Time) -> Idempotency:
    """Calls in memory, by that clock."""
    return Idempotency(open_store(), now=time.now)


def test_a_second_call_gets_the_first_ones_response(calls: Idempotency) -> None:
    call = calls.begin("key", *POST)
    assert call.status is None
    assert calls.finish(call, 201, [("ETag", '"1"')], b"{}")
    again = calls.begin("key", "post", *POST[1:])
    assert (again.status, again.headers, again.body) == (201, (("ETag", '"1"'),), b"{}")


@pytest.mark.parametrize(
    "other", [("PUT", *POST[1:]), ("POST", "/scripts?a=2", POST[2]), (*POST[:2], b""), ("POST", "/scripts", POST[2])]
)
def test_another_request_with_the_same_key_is_refused(calls: Idempotency, other: tuple[str, str, bytes]) -> None:
    call = calls.begin("key", *POST)
    for _ in range(2):
        with pytest.raises(Conflict, match="was used for another request") as caught:
            calls.begin("key", *other)
        assert caught.value.code == "idempotency_mismatch"
        calls.finish(call, 201, [], b"")
    assert calls.begin("key", *POST).status == 201


def test_a_second_call_while_the_first_is_under_way_is_told_to_wait(calls: Idempotency) -> None:
    call = calls.begin("key", *POST)
    with pytest.raises(Conflict, match="under way") as caught:
        calls.begin("key", *POST)
    assert (caught.value.code, caught.value.details) == ("in_progress", {"key": "key", "retry_after": 1})
    calls.release(call)
    assert calls.begin("key", *POST).status is None


def test_a_call_that_took_too_long_is_made_again_and_answers_too_late(calls: Idempotency, time: Time) -> None:
    slow = calls.begin("key", *POST, hold_seconds=5)
    time.at += timedelta(seconds=5.1)
    second = calls.begin("key", *POST)
    assert second.status is None
    assert not calls.finish(slow, 201, [], b"slow")
    calls.release(slow)
    assert calls.finish(second, 201, [], b"second")
    assert calls.begin("key", *POST).body == b"second"


def test_a_key_is_free_again_after_a_day(calls: Idempotency, time: Time) -> None:
    calls.finish(calls.begin("key", *POST), 201, [], b"")
    time.at += timedelta(hours=24)
    assert calls.begin("key", *POST).status == 201
    assert calls.prune() == 0
    time.at += timedelta(seconds=1)
    assert calls.begin("key", "PUT", "/other", b"").status is None
    time.at += timedelta(hours=25)
    assert calls.prune() == 1


def test_keys_belong_to_who_calls_and_names_are_not_tokens(alloy: Alloy) -> None:
    actors = [
        None, Actor("ci", Role.ADMIN), Actor("ci", Role.ADMIN, token_id="t1"), Actor("ci", Role.ADMIN, token_id="t2"),
        Actor("t1", Role.ADMIN),
    ]  # fmt: skip

    def begin(actor: Actor | None) -> Any:
        if actor is None:
            return alloy.idempotency.begin("key", *POST)
        with alloy.acting(actor):
            return alloy.idempotency.begin("key", *POST)

    assert [begin(actor).status for actor in actors] == [None] * 5
    for actor in actors:
        with pytest.raises(Conflict):
            begin(actor)


@pytest.mark.parametrize("key", ["", " ", "x" * 201, None, 5])
def test_what_cannot_be_a_key_is_refused(calls: Idempotency, key: Any) -> None:
    with pytest.raises(ValidationError, match="idempotency key"):
        calls.begin(key, *POST)


@pytest.mark.parametrize("key", ["x" * 200, "é🌙", "a\x00b", "'; DROP TABLE", "\ud800"])
def test_any_other_text_can(calls: Idempotency, key: str) -> None:
    call = calls.begin(key, "POST", "/\ud800", b"\xff")
    calls.finish(call, 200, [], b"\x00\xff")
    assert calls.begin(key, "POST", "/\ud800", b"\xff").body == b"\x00\xff"
