"""What every store promises of documents, tried on each kind."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from alloy_lua.access.trail import entry
from alloy_lua.access_ports import AuditQuery
from alloy_lua.errors import ValidationError
from alloy_lua.ports import Document, Store

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def document(name: str = "a", tenant: str = "acme", kind: str = "rule", **body: object) -> Document:
    return Document(tenant, kind, name, body, NOON, "ada")


def test_a_document_comes_back_as_written_and_is_replaced_as_a_whole(store: Store) -> None:
    first = document(text="ünïcode 🌙", n=1, deep={"list": [1, None, "x" * 100_000]})
    store.documents.put(first)
    assert store.documents.get("acme", "rule", "a") == first
    for _ in range(2):  # the second time nothing changes
        store.documents.put(document(n=2))
        assert store.documents.get("acme", "rule", "a") == document(n=2)


def test_documents_are_listed_by_kind_and_tenant_in_order(store: Store) -> None:
    for name, tenant, kind in (
        ("b", "acme", "rule"),
        ("a", "acme", "rule"),
        ("a", "zeta", "rule"),
        ("a", "acme", "key"),
    ):
        store.documents.put(document(name, tenant, kind))
    assert [(d.tenant, d.name) for d in store.documents.of_kind("rule")] == [
        ("acme", "a"),
        ("acme", "b"),
        ("zeta", "a"),
    ]
    assert [d.name for d in store.documents.of_kind("rule", "acme")] == ["a", "b"]
    assert store.documents.of_kind("rule", "globex") == []
    assert store.documents.get("globex", "rule", "a") is None


def test_a_deleted_document_is_gone_and_only_that_one(store: Store) -> None:
    store.documents.put(document("a"))
    store.documents.put(document("b"))
    assert store.documents.delete("acme", "rule", "a")
    assert not store.documents.delete("acme", "rule", "a")
    assert not store.documents.delete("globex", "rule", "b")
    assert [d.name for d in store.documents.of_kind("rule")] == ["b"]


def test_writes_move_the_change_counter(store: Store) -> None:
    before = store.change_counter()
    store.documents.put(document())
    store.documents.delete("acme", "rule", "a")
    assert store.change_counter() == before + 2


@pytest.mark.parametrize("change", [{"name": "x" * 201}, {"tenant": "\x00"}, {"updated_by": "\ud800"}])
def test_what_some_database_cannot_hold_is_refused_by_name(store: Store, change: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        store.documents.put(document()._replace(**change))
    with pytest.raises(ValidationError, match="JSON-like"):
        store.documents.put(document(when=NOON))
    assert store.documents.of_kind("rule") == []


def test_threads_that_write_one_document_at_once_leave_one(store: Store) -> None:
    failures: list[Exception] = []

    def write(n: int) -> None:
        try:
            for _ in range(5):
                store.documents.put(document(n=n))
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.documents.of_kind("rule")) == 1


def test_a_change_and_its_audit_entry_are_kept_both_or_neither(store: Store) -> None:
    audit = entry("rule.set", tenant="acme", object_id="a", name="a")
    store.documents.put(document(), audit=audit)
    with pytest.raises(ValidationError):
        store.documents.put(document("x" * 300), audit=audit)
    assert store.documents.delete("acme", "rule", "a", audit=audit)
    assert not store.documents.delete("acme", "rule", "a", audit=audit)
    assert [found.seq for found in store.audit.matching(AuditQuery())] == [2, 1]
