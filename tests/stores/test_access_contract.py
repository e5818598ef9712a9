"""What every store promises of tokens, tenants, reviews and idempotency keys, tried on each kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from alloy_lua.access_model import AuditEntry, IdempotentCall, Review, Role, Tenant, Token, Verdict
from alloy_lua.access_ports import AuditQuery
from alloy_lua.errors import Conflict, NotFound, ValidationError
from alloy_lua.model import Revision, Script
from alloy_lua.ports import Store

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def entry(action: str = "token.create", name: str = "ann", **changes: object) -> AuditEntry:
    made = AuditEntry(NOON, "ada", action, "acme", action.partition(".")[0], f"id-{name}", name)
    return made._replace(**changes)


def token(n: int = 1, **changes: object) -> Token:
    return Token(f"t{n}", "ann", Role.AUTHOR, ("acme",), None, "0" * 64, NOON, "ada")._replace(**changes)


def call(key: str = "k", claim: str = "first", **changes: object) -> IdempotentCall:
    return IdempotentCall("name:ann", key, "f" * 64, claim, NOON, NOON + MINUTE)._replace(**changes)


def claim(store: Store, made: IdempotentCall, at: datetime = NOON) -> IdempotentCall:
    return store.idempotency.claim(made, now=at, forget_before=at - timedelta(days=1))


def actions(store: Store) -> list[str]:
    return [found.action for found in store.audit.oldest_first()]


# -- tokens ------------------------------------------------------------------------------------------------------
def test_a_token_comes_back_as_it_was_added(store: Store) -> None:
    added = [
        token(1),
        token(2, tenants=None, scopes=("runs.*", "scripts.read"), expires_at=NOON + MINUTE),
        token(3, name="ünïcode 🌙", tenants=("a", "b'\"\\")),
    ]
    for one in added:
        store.tokens.add(one, audit=entry())
    assert [store.tokens.get(one.id) for one in added] == added
    assert actions(store) == ["token.create"] * 3


def test_an_unknown_token_is_none(store: Store) -> None:
    store.tokens.add(token(), audit=entry())
    for unknown in ("none", "", "T1", "t1 ", "\x00", "\ud800", "x" * 5000):
        assert store.tokens.get(unknown) is None


def test_a_second_token_of_the_same_id_is_refused_and_not_logged(store: Store) -> None:
    store.tokens.add(token(), audit=entry())
    before = store.change_counter()
    with pytest.raises(Conflict, match="t1"):
        store.tokens.add(token(name="bob"), audit=entry())
    assert store.tokens.get("t1") == token()
    assert (actions(store), store.change_counter()) == (["token.create"], before)


def test_a_first_token_is_written_only_if_there_never_was_one(store: Store) -> None:
    assert store.tokens.add_first(token(1), audit=entry())
    store.tokens.revoke("t1", NOON, "ada", audit=entry("token.revoke"))
    assert not store.tokens.add_first(token(2), audit=entry())
    assert store.tokens.get("t2") is None
    assert actions(store) == ["token.create", "token.revoke"]


def test_tokens_are_listed_page_by_page_in_order_of_id(store: Store) -> None:
    for n in (3, 1, 2):
        store.tokens.add(token(n), audit=entry())
    assert [found.id for found in store.tokens.page()] == ["t1", "t2", "t3"]
    assert [found.id for found in store.tokens.page(limit=2)] == ["t1", "t2"]
    assert [found.id for found in store.tokens.page(after="t1", limit=1)] == ["t2"]
    assert store.tokens.page(after="t3") == []


def test_revoking_is_kept_logged_and_seen_once(store: Store) -> None:
    store.tokens.add(token(), audit=entry())
    before = store.change_counter()
    assert store.tokens.revoke("t1", NOON + MINUTE, "bob", audit=entry("token.revoke"))
    assert store.change_counter() > before
    assert not store.tokens.revoke("t1", NOON, "eve", audit=entry("token.revoke"))
    assert not store.tokens.revoke("none", NOON, "eve", audit=entry("token.revoke"))
    assert store.tokens.get("t1") == token(revoked_at=NOON + MINUTE, revoked_by="bob")
    assert actions(store) == ["token.create", "token.revoke"]


def test_the_time_of_last_use_only_moves_forward_and_does_not_count_as_a_change(store: Store) -> None:
    store.tokens.add(token(1), audit=entry())
    store.tokens.add(token(2), audit=entry())
    before = store.change_counter()
    store.tokens.touch({"t1": NOON + MINUTE, "t2": NOON, "gone": NOON})
    store.tokens.touch({"t1": NOON, "t2": NOON + MINUTE})
    assert [found.last_used_at for found in store.tokens.page()] == [NOON + MINUTE, NOON + MINUTE]
    assert store.change_counter() == before


def test_the_key_stays_what_it_was_first(store: Store) -> None:
    assert store.tokens.key("one") == "one"
    assert store.tokens.key("two") == "one"


def test_a_token_that_some_database_cannot_hold_is_refused_by_all(store: Store) -> None:
    for field, value in (("name", "a\x00"), ("created_by", "\ud800"), ("created_at", datetime(2026, 1, 1))):
        with pytest.raises(ValidationError, match=field):
            store.tokens.add(token(**{field: value}), audit=entry())
    assert (store.tokens.page(), actions(store)) == ([], [])


# -- tenants -----------------------------------------------------------------------------------------------------
def tenant(name: str = "acme", **settings: object) -> Tenant:
    return Tenant(name, settings, 0, NOON, "ada")


def test_a_tenant_without_a_row_is_at_version_zero(store: Store) -> None:
    assert store.tenants.get("acme") == Tenant("acme", {})
    assert store.tenants.page() == []


def test_settings_come_back_and_writes_are_versioned(store: Store) -> None:
    before = store.change_counter()
    first = store.tenants.save(tenant(review_required=True), expected_version=0, audit=entry("tenant.update"))
    assert first == store.tenants.get("acme") == tenant(review_required=True)._replace(version=1)
    second = store.tenants.save(tenant(other=[1, None, "ü"]), expected_version=1, audit=entry("tenant.update"))
    assert second == store.tenants.get("acme") == tenant(other=[1, None, "ü"])._replace(version=2)
    assert store.change_counter() == before + 2


def test_a_stale_write_of_settings_says_who_and_when(store: Store) -> None:
    store.tenants.save(tenant(), expected_version=0, audit=entry("tenant.update"))
    for expected in (0, 2):
        with pytest.raises(Conflict, match="acme") as caught:
            store.tenants.save(tenant(x=1), expected_version=expected, audit=entry("tenant.update"))
        assert caught.value.details == {
            "expected": expected, "actual": 1, "updated_by": "ada", "updated_at": NOON.isoformat(),
        }  # fmt: skip
    assert (store.tenants.get("acme").settings, len(actions(store))) == ({}, 1)


def test_a_write_of_settings_that_were_never_there_is_stale(store: Store) -> None:
    with pytest.raises(Conflict) as caught:
        store.tenants.save(tenant(), expected_version=7, audit=entry("tenant.update"))
    assert caught.value.details == {"expected": 7, "actual": 0}


def test_tenants_with_scripts_or_settings_are_listed_once_in_order(
    store: Store, make_script: Callable[..., Script], make_revision: Callable[..., Revision]
) -> None:
    for n, name in enumerate(("globex", "acme", "zeta", "acme")):
        store.add_script(make_script(n, tenant=name), make_revision(n, script_id=f"id-{n}"))
    for name in ("acme", "Übel"):
        store.tenants.save(tenant(name, n=1), expected_version=0, audit=entry("tenant.update"))
    found = store.tenants.page()
    assert [(one.name, one.version) for one in found] == [("acme", 1), ("globex", 0), ("zeta", 0), ("Übel", 1)]
    assert [one.name for one in store.tenants.page(after="acme", limit=2)] == ["globex", "zeta"]


# -- reviews -----------------------------------------------------------------------------------------------------
def review(n: int = 1, **changes: object) -> Review:
    made = Review(
        f"r{n}", "acme", "id-1", 1, "0" * 64, "1" * 64, Verdict.APPROVE, "bob", "ünïcode 🌙", NOON + n * MINUTE
    )
    return made._replace(**changes)


@pytest.fixture
def script(store: Store, make_script: Callable[..., Script], make_revision: Callable[..., Revision]) -> Script:
    """Script id-1 of acme, stored."""
    made = make_script()
    store.add_script(made, make_revision())
    return made


def test_reviews_come_back_oldest_first_by_script_and_revision(store: Store, script: Script) -> None:
    second, first, other = review(2, verdict=Verdict.REJECT), review(1), review(3, revision=2)
    for made in (second, first, other):
        store.reviews.add(made, audit=entry("script.review"))
    assert store.reviews.of_script("acme", "id-1") == [first, second, other]
    assert store.reviews.of_script("acme", "id-1", revision=2) == [other]
    assert store.reviews.of_script("globex", "id-1") == []
    assert len(actions(store)) == 3


def test_a_review_of_no_script_of_that_tenant_is_refused(store: Store, script: Script) -> None:
    for changes in ({"tenant": "globex"}, {"script_id": "none"}):
        with pytest.raises(NotFound):
            store.reviews.add(review(**changes), audit=entry("script.review"))
    assert actions(store) == []


def test_reviews_go_with_their_script_and_the_log_stays(store: Store, script: Script) -> None:
    store.reviews.add(review(), audit=entry("script.review"))
    store.delete_script("acme", "id-1", expected_version=1, audit=entry("script.delete"))
    assert store.reviews.of_script("acme", "id-1") == []
    assert actions(store) == ["script.review", "script.delete"]


# -- idempotency keys --------------------------------------------------------------------------------------------
def test_a_call_is_claimed_once_and_its_response_comes_back(store: Store) -> None:
    first = call()
    assert claim(store, first) == first
    assert claim(store, call(claim="second")) == first
    done = first._replace(status=201, headers=(("ETag", '"ü"'), ("X", "y")), body=b"\x00\xff{}" * 1000)
    assert store.idempotency.finish(done)
    assert claim(store, call(claim="third")) == done
    assert not store.idempotency.finish(done._replace(status=500))


def test_keys_of_actors_and_of_other_spellings_are_different(store: Store) -> None:
    made = [call(), call("K"), call("k "), call("ḱ"), call(actor="name:bob"), call("x" * 5000), call("\x00")]
    for n, one in enumerate(made):
        assert claim(store, one._replace(claim=f"c{n}")).claim == f"c{n}"


def test_a_released_call_can_be_made_again_but_a_finished_one_stays(store: Store) -> None:
    claim(store, call())
    store.idempotency.release(call(claim="not mine"))
    assert claim(store, call(claim="second")).claim == "first"
    store.idempotency.release(call())
    assert claim(store, call(claim="second")).claim == "second"
    store.idempotency.finish(call(claim="second", status=200))
    store.idempotency.release(call(claim="second"))
    assert claim(store, call(claim="third")).status == 200


def test_a_call_whose_process_died_is_taken_over_and_its_late_answer_dropped(store: Store) -> None:
    claim(store, call())
    later = NOON + 2 * MINUTE
    second = call(claim="second", created_at=later, held_until=later + MINUTE)
    assert claim(store, second, later) == second
    assert not store.idempotency.finish(call(status=200))
    assert store.idempotency.finish(second._replace(status=201))
    assert claim(store, call(claim="third"), later).status == 201


def test_a_call_is_forgotten_after_its_time_pruned_or_not(store: Store) -> None:
    claim(store, call(status=None))
    store.idempotency.finish(call(status=200))
    day_after = NOON + timedelta(days=1, seconds=1)
    again = call(claim="again", fingerprint="e" * 64, created_at=day_after, held_until=day_after + MINUTE)
    assert claim(store, again, day_after) == again
    claim(store, call("other"))
    assert store.idempotency.prune(older_than=NOON + MINUTE) == 1
    assert store.idempotency.prune(older_than=NOON + MINUTE) == 0
    assert claim(store, call(claim="x"), day_after) == again


def test_of_many_claims_at_once_one_wins(store: Store) -> None:
    winners: list[list[str]] = []
    for round_ in range(5):
        start, found = threading.Barrier(6), [""] * 6

        def race(n: int, key: str = f"key-{round_}", start: threading.Barrier = start, out: list[str] = found) -> None:
            start.wait()
            out[n] = claim(store, call(key, claim=f"claim-{n}")).claim

        threads = [threading.Thread(target=race, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners.append(found)
    assert [len(set(found)) for found in winners] == [1] * 5
    assert all(found[0].startswith("claim-") for found in winners)


# -- the audit log -----------------------------------------------------------------------------------------------
def test_an_entry_comes_back_as_written_with_its_place_and_hash(store: Store) -> None:
    made = entry(
        before="0" * 64, after="1" * 64, reason="ünïcode 🌙 \x00 \ud800", details={"list": [1, None, "x"]}, via="api",
        address="::1", request_id="r-1", token_id="t1", tenant=None, object_id="x" * 5000,
    )  # fmt: skip
    written = store.audit.add(made)
    assert written._replace(seq=0, hash="") == made
    assert (written.seq, len(written.hash)) == (1, 64)
    assert store.audit.matching(AuditQuery()) == [written]
    assert store.audit.head() == (1, written.hash)


def test_each_hash_is_over_the_entry_and_the_hash_before(store: Store) -> None:
    first, second = store.audit.add(entry()), store.audit.add(entry(details={"when": ("a", "b")}))
    assert first == first.sealed(1, "")
    assert second == second.sealed(2, first.hash)
    assert second.sealed(2, "").hash != second.hash
    assert second._replace(reason="other").sealed(2, first.hash).hash != second.hash


FILTERS: tuple[tuple[dict[str, object], list[int]], ...] = (
    ({}, [4, 3, 2, 1]),
    ({"tenant": "globex"}, [3]),
    ({"actor": "bob"}, [2]),
    ({"action": "script.pause"}, [4]),
    ({"kind": "token"}, [3, 2, 1]),
    ({"object_id": "id-zoe"}, [2]),
    ({"since": NOON + MINUTE}, [4]),
    ({"until": NOON + MINUTE}, [3, 2, 1]),
    ({"before": 3}, [2, 1]),
    ({"limit": 2}, [4, 3]),
    ({"before": 3, "limit": 1}, [2]),
    ({"tenant": "acme", "kind": "token"}, [2, 1]),
    ({"actor": "\ud800"}, []),
)


def test_entries_are_filtered_and_paged_newest_first(store: Store) -> None:
    store.audit.add(entry())
    store.audit.add(entry(actor="bob", object_id="id-zoe"))
    store.audit.add(entry(tenant="globex"))
    store.audit.add(entry("script.pause", at=NOON + MINUTE))
    for filters, expected in FILTERS:
        query = AuditQuery(**filters)  # type: ignore[arg-type]
        assert [found.seq for found in store.audit.matching(query)] == expected, filters
    assert [found.seq for found in store.audit.oldest_first(after=1, limit=2)] == [2, 3]


def test_a_change_and_its_entry_are_kept_together_or_not_at_all(
    store: Store, script: Script, make_revision: Callable[..., Revision]
) -> None:
    unloggable = entry("script.update", details={"when": NOON})
    before = store.change_counter()
    with pytest.raises(ValidationError, match="JSON-like"):
        store.save_script(replace(script, priority=9), expected_version=1, audit=unloggable)
    with pytest.raises(ValidationError, match="JSON-like"):
        store.delete_script("acme", "id-1", expected_version=1, audit=unloggable)
    with pytest.raises(ValidationError, match="JSON-like"):
        store.tokens.add(token(), audit=unloggable)
    with pytest.raises(ValidationError, match="JSON-like"):
        store.tenants.save(tenant(x=1), expected_version=0, audit=unloggable)
    with pytest.raises(ValidationError, match="JSON-like"):
        store.reviews.add(review(), audit=unloggable)
    assert store.get_script("acme", "id-1") == script
    assert (store.tokens.page(), store.tenants.get("acme").version) == ([], 0)
    assert store.reviews.of_script("acme", "id-1") == []
    assert (store.audit.head()[0], store.change_counter()) == (0, before)

    with pytest.raises(Conflict):
        store.save_script(script, expected_version=5, audit=entry("script.update"))
    assert store.audit.head()[0] == 0
    store.save_script(script, expected_version=1, audit=entry("script.update"))
    assert actions(store) == ["script.update"]


def test_entries_of_many_threads_are_one_chain_without_gaps(store: Store) -> None:
    failures: list[Exception] = []

    def write(n: int) -> None:
        try:
            for _ in range(5):
                store.audit.add(entry(actor=f"actor-{n}"))
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = store.audit.oldest_first()
    assert [one.seq for one in found] == list(range(1, 21))
    assert all(one == one.sealed(one.seq, before.hash) for before, one in pairwise(found))
