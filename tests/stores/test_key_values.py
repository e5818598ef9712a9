"""What every store promises of its key-value spaces, tried on each kind."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alloy_lua.access.trail import entry
from alloy_lua.access_ports import AuditQuery
from alloy_lua.errors import InvalidValue, LimitExceeded, ValidationError
from alloy_lua.ports import Quota, Store
from alloy_lua.stores import open_store

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WIDE = Quota()


def put(
    store: Store, key: str, value: Any, *, tenant: str = "acme", ends: datetime | None = None, quota: Quota = WIDE
) -> None:
    store.kv.set(tenant, key, value, ends, quota, NOON)


@pytest.mark.parametrize(
    "value", [0, -1.5, 2**53, "", "ünïcode 🌙 \n", True, False, [], {}, [1, None, {"deep": ["x"]}], "x" * 100_000]
)
def test_a_value_comes_back_as_it_was_set(store: Store, value: Any) -> None:
    put(store, "k", value)
    found = store.kv.get("acme", "k", NOON)
    assert (found, type(found)) == (value, type(value))


def test_keys_of_tenants_and_of_other_spellings_are_different(store: Store) -> None:
    for tenant, key in (("acme", "k"), ("globex", "k"), ("acme", "K"), ("acme", "k "), ("acme", "ḱ")):
        put(store, key, f"{tenant}/{key}", tenant=tenant)
    assert store.kv.get("globex", "k", NOON) == "globex/k"
    assert [store.kv.get("acme", key, NOON) for key in ("k", "K", "k ", "ḱ")] == [
        "acme/k",
        "acme/K",
        "acme/k ",
        "acme/ḱ",
    ]
    assert store.kv.usage("acme")[0] == 4
    assert store.kv.get("ACME", "k", NOON) is None


def test_an_expired_value_is_gone_for_every_method_before_it_is_pruned(store: Store) -> None:
    put(store, "k", 5, ends=NOON + SECOND)
    assert store.kv.get("acme", "k", NOON) == 5
    later = NOON + SECOND
    assert store.kv.get("acme", "k", later) is None
    assert store.kv.incr("acme", "k", 1, None, WIDE, later) == 1
    assert store.kv.get("acme", "k", later + SECOND) == 1
    put(store, "k", 5, ends=NOON + SECOND)
    assert store.kv.delete("acme", "k", later) is False
    assert store.kv.usage("acme") == (0, 0)


def test_a_set_without_a_time_takes_the_old_time_away(store: Store) -> None:
    put(store, "k", 1, ends=NOON + SECOND)
    put(store, "k", 2)
    assert store.kv.get("acme", "k", NOON + timedelta(days=9)) == 2


def test_a_counters_time_runs_from_its_first_use(store: Store) -> None:
    ends = NOON + 10 * SECOND
    assert store.kv.incr("acme", "n", 2, ends, WIDE, NOON) == 2
    assert store.kv.incr("acme", "n", 3, NOON + 99 * SECOND, WIDE, NOON + 5 * SECOND) == 5
    assert store.kv.get("acme", "n", ends) is None
    assert store.kv.incr("acme", "n", 0.5, None, WIDE, ends) == 0.5


def test_incr_refuses_what_is_no_number_and_leaves_it(store: Store) -> None:
    put(store, "k", "text")
    with pytest.raises(InvalidValue, match="holds no number"):
        store.kv.incr("acme", "k", 1, None, WIDE, NOON)
    put(store, "n", 2**53)
    with pytest.raises(InvalidValue, match="2\\^53"):
        store.kv.incr("acme", "n", 1, None, WIDE, NOON)
    assert store.kv.get("acme", "k", NOON) == "text"
    assert store.kv.get("acme", "n", NOON) == 2**53


def test_no_increment_of_many_threads_is_lost(store: Store) -> None:
    failures: list[Exception] = []

    def count() -> None:
        try:
            for _ in range(20):
                store.kv.incr("acme", "n", 1, None, WIDE, NOON)
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.kv.get("acme", "n", NOON) == 120
    assert store.kv.usage("acme")[0] == 1


def test_the_quota_of_keys_counts_what_lives(store: Store) -> None:
    quota = Quota(keys=2)
    put(store, "a", 1, quota=quota, ends=NOON + SECOND)
    put(store, "b", 1, quota=quota)
    put(store, "b", 2, quota=quota)
    for call in (lambda: put(store, "c", 1, quota=quota), lambda: store.kv.incr("acme", "c", 1, None, quota, NOON)):
        with pytest.raises(LimitExceeded, match="3 keys, wanted at most 2") as caught:
            call()
        assert caught.value.code == "quota_exceeded"
    put(store, "c", 1, quota=quota, tenant="globex")
    store.kv.set("acme", "c", 1, None, quota, NOON + SECOND)  # a has expired and makes room
    assert store.kv.get("acme", "a", NOON) is None
    assert store.kv.usage("acme")[0] == 2


def test_the_quota_of_bytes_counts_names_and_values(store: Store) -> None:
    quota = Quota(bytes=20)
    put(store, "a", "1234567", quota=quota)  # 1 + 9
    assert store.kv.usage("acme") == (1, 10)
    with pytest.raises(LimitExceeded, match="21 bytes, wanted at most 20"):
        put(store, "b", "12345678", quota=quota)
    put(store, "b", "1234567", quota=quota)
    put(store, "a", "", quota=quota)
    put(store, "b", "x" * 14, quota=quota)
    assert store.kv.usage("acme") == (2, 20)
    assert store.kv.delete("acme", "b", NOON) is True
    assert store.kv.usage("acme") == (1, 3)


def test_pruning_removes_what_has_expired_of_all_tenants(store: Store) -> None:
    for tenant in ("acme", "globex"):
        put(store, "gone", 1, tenant=tenant, ends=NOON)
        put(store, "stays", 1, tenant=tenant, ends=NOON + SECOND)
        put(store, "for ever", 1, tenant=tenant)
    assert store.kv.prune(NOON) == 2
    assert store.kv.prune(NOON) == 0
    assert store.kv.usage("acme") == store.kv.usage("globex") == (2, 6 + 9)


@pytest.mark.parametrize("key", ["", "x" * 201, "\x00", "\ud800"])
def test_a_key_that_not_every_database_can_hold_is_refused(store: Store, key: str) -> None:
    for call in (
        lambda: put(store, key, 1),
        lambda: store.kv.get("acme", key, NOON),
        lambda: store.kv.delete("acme", key, NOON),
    ):
        with pytest.raises(ValidationError, match="kv key"):
            call()


@pytest.mark.parametrize("value", [NOON, float("nan"), {"a": {1, 2}}, "a\ud800"])
def test_a_value_that_is_not_json_like_is_refused(store: Store, value: Any) -> None:
    with pytest.raises(ValidationError, match="kv value"):
        put(store, "k", value)
    assert store.kv.usage("acme") == (0, 0)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_no_increment_of_many_processes_is_lost(kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    code = (
        "import sys; from datetime import UTC, datetime; from alloy_lua.stores import open_store\n"
        "from alloy_lua.ports import Quota; store = open_store(sys.argv[1]); now = datetime.now(UTC)\n"
        "for _ in range(25): store.kv.incr('acme', 'n', 1, None, Quota(), now)\n"
        "store.close()"
    )
    with closing(open_store(url)) as store:
        store.migrate()
        command = [sys.executable, "-W", "error", "-c", code, url]
        racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        assert [racer.communicate(timeout=60)[1] for racer in racers] == ["", "", ""]
        assert store.kv.get("acme", "n", NOON) == 75


def test_keys_are_listed_by_what_they_begin_with_in_order(store: Store) -> None:
    for key in ("b", "a%", "a_", "a", "aé", "A", "a/x"):
        put(store, key, "xy")
    put(store, "a-gone", 1, ends=NOON)
    put(store, "a-other", 1, tenant="other")
    put(store, "a-late", 1, ends=NOON + SECOND)

    def keys(prefix: str, after: str | None = None, limit: int = 9) -> list[str]:
        return [found.key for found in store.kv.keys("acme", prefix, after, limit, NOON)]

    assert keys("") == ["A", "a", "a%", "a-late", "a/x", "a_", "aé", "b"]
    assert keys("a", "a-late") == ["a/x", "a_", "aé"] and keys("a", "a", 2) == ["a%", "a-late"]
    assert keys("a%") == ["a%"] and keys("a_") == ["a_"] and keys("x" * 300) == []
    late = store.kv.keys("acme", "a-late", None, 1, NOON)[0]
    assert (late.size, late.expires_at) == (7, NOON + SECOND)


def test_a_change_and_its_audit_entry_are_kept_both_or_neither(store: Store) -> None:
    audit = entry("kv.set", tenant="acme", object_id="k", name="k")
    store.kv.set("acme", "k", 1, None, WIDE, NOON, audit=audit)
    with pytest.raises(LimitExceeded):
        store.kv.set("acme", "l", 1, None, Quota(1, 100), NOON, audit=audit)
    assert store.kv.delete("acme", "k", NOON, audit=audit)
    assert not store.kv.delete("acme", "k", NOON, audit=audit)
    assert [found.seq for found in store.audit.matching(AuditQuery())] == [2, 1]
