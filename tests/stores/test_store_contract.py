"""What every store promises, tried on each kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from alloy_lua.errors import Conflict, NotFound, ValidationError
from alloy_lua.model import BreakerState, EventTrigger, Health, ManualTrigger, Revision, Run, RunStatus, Script, Status
from alloy_lua.ports import HookFilter, RunQuery, ScriptQuery, Store

Make = Callable[..., Script]
MakeRevision = Callable[..., Revision]
MakeRun = Callable[..., Run]


@pytest.fixture
def add(store: Store, make_script: Make, make_revision: MakeRevision) -> Make:
    """Adds script number ``n`` with its first revision."""

    def added(n: int = 1, **changes: object) -> Script:
        script = make_script(n, **changes)
        store.add_script(script, make_revision(n, script_id=script.id))
        return script

    return added


# -- scripts -----------------------------------------------------------------------------------------------------
def test_a_script_comes_back_as_it_was_added_by_name_and_by_id(store: Store, add: Make) -> None:
    script = add()
    assert store.get_script("acme", "script-001") == script
    assert store.get_script("acme", "id-1") == script


def test_a_time_of_another_zone_comes_back_as_the_same_moment(store: Store, add: Make) -> None:
    add(created_at=datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2))))
    assert store.get_script("acme", "id-1").created_at == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_name_wins_over_an_id(store: Store, add: Make) -> None:
    add(1)
    named_like_an_id = add(2, name="id-1")
    assert store.get_script("acme", "id-1") == named_like_an_id


@pytest.mark.parametrize("key", ["none", "", "SCRIPT-001", "script-001 ", "\x00", "\ud800", "x" * 5000])
def test_an_unknown_key_is_not_found(store: Store, add: Make, key: str) -> None:
    add()
    with pytest.raises(NotFound):
        store.get_script("acme", key)


def test_names_that_differ_in_case_accents_or_trailing_space_are_different(store: Store, add: Make) -> None:
    names = ["Über", "uber", "über", "über "]
    for n, name in enumerate(names):
        add(n, name=name)
    assert [store.get_script("acme", name).name for name in names] == names


def test_a_second_script_of_the_same_name_is_refused_and_says_who_and_when(store: Store, add: Make) -> None:
    holder = add(1)
    with pytest.raises(Conflict, match="script-001") as caught:
        add(2, name=holder.name)
    assert caught.value.details["updated_by"] == "ada"
    assert caught.value.details["updated_at"] == holder.updated_at.isoformat()
    with pytest.raises(NotFound):
        store.get_script("acme", "id-2")
    assert store.change_counter() == 1


def test_a_second_script_of_the_same_id_is_refused(store: Store, add: Make) -> None:
    add(1)
    with pytest.raises(Conflict) as caught:
        add(1, name="other")
    assert caught.value.details["id"] == "id-1"
    assert store.get_script("acme", "id-1").name == "script-001"


def test_an_id_of_another_tenant_is_refused_without_telling_of_that_tenant(store: Store, add: Make) -> None:
    add(1, updated_by="secret-agent")
    with pytest.raises(Conflict) as caught:
        add(1, tenant="globex")
    assert "secret-agent" not in f"{caught.value} {caught.value.details}"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a\x00b"},
        {"description": "\ud800"},
        {"name": "x" * 201},
        {"tenant": "x" * 201},
        {"priority": 2**31},
        {"created_at": datetime(2026, 3, 1)},
    ],
)
def test_what_some_database_cannot_hold_is_refused_by_all(store: Store, add: Make, changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        add(1, **changes)


def test_a_revision_of_another_script_is_refused(
    store: Store, add: Make, make_revision: MakeRevision, make_script: Make
) -> None:
    script = add(1)
    with pytest.raises(ValidationError, match="id-2"):
        store.save_script(script, expected_version=1, revision=make_revision(2))
    with pytest.raises(ValidationError, match="id-3"):
        store.add_script(make_script(4), make_revision(3))


def test_saving_writes_all_settings_and_the_revision(store: Store, add: Make, make_revision: MakeRevision) -> None:
    script = add()
    changed = replace(
        script,
        name="renamed",
        description="",
        status=Status.PAUSED,
        triggers=(ManualTrigger(),),
        capabilities=(),
        run_as=None,
        live_revision=None,
        updated_by="bob",
    )
    saved = store.save_script(changed, expected_version=1, revision=make_revision(number=2))
    assert saved == replace(changed, version=2)
    assert store.get_script("acme", "renamed") == saved
    assert [revision.number for revision in store.list_revisions("acme", "id-1")] == [1, 2]
    with pytest.raises(NotFound):
        store.get_script("acme", "script-001")


def test_a_stale_write_is_refused_with_who_and_when_and_changes_nothing(
    store: Store, add: Make, make_revision: MakeRevision
) -> None:
    script = add()
    saved = store.save_script(replace(script, updated_by="bob"), expected_version=1)
    before = store.change_counter()
    with pytest.raises(Conflict) as caught:
        store.save_script(replace(script, name="x"), expected_version=1, revision=make_revision(number=2))
    assert caught.value.details == {
        "expected": 1,
        "actual": 2,
        "updated_by": "bob",
        "updated_at": script.updated_at.isoformat(),
    }
    assert store.get_script("acme", "id-1") == saved
    assert len(store.list_revisions("acme", "id-1")) == 1
    assert store.change_counter() == before


def test_saving_or_deleting_an_unknown_script_is_not_found(store: Store, make_script: Make) -> None:
    with pytest.raises(NotFound):
        store.save_script(make_script(), expected_version=1)
    with pytest.raises(NotFound):
        store.delete_script("acme", "id-1", expected_version=1)


def test_renaming_to_a_taken_name_is_refused_and_keeps_the_revision_out(
    store: Store, add: Make, make_revision: MakeRevision
) -> None:
    add(1)
    script = add(2)
    with pytest.raises(Conflict) as caught:
        store.save_script(replace(script, name="script-001"), expected_version=1, revision=make_revision(2, 2))
    assert caught.value.details["name"] == "script-001"
    assert caught.value.details["updated_by"] == "ada"
    assert store.get_script("acme", "id-2") == script
    assert len(store.list_revisions("acme", "id-2")) == 1


def test_a_freed_name_can_be_taken(store: Store, add: Make) -> None:
    store.save_script(replace(add(1), name="moved"), expected_version=1)
    add(2, name="script-001")
    assert store.get_script("acme", "script-001").id == "id-2"


def test_of_two_threads_that_write_the_same_version_one_is_refused(store: Store, add: Make) -> None:
    script = add()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def write(name: str) -> None:
        start.wait()
        try:
            store.save_script(replace(script, updated_by=name), expected_version=1)
            outcomes.append("saved")
        except Conflict as exc:
            outcomes.append(f"expected {exc.details['expected']}, actual {exc.details['actual']}")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["expected 1, actual 2", "saved"]


def test_many_threads_write_their_own_scripts_and_every_write_is_counted(store: Store, add: Make) -> None:
    scripts = [add(n) for n in range(6)]
    failures: list[Exception] = []

    def write(script: Script) -> None:
        try:
            for version in range(1, 6):
                script = store.save_script(script, expected_version=version)
                assert store.get_script("acme", script.id) == script
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.change_counter() == 6 + 6 * 5


def test_deleting_needs_the_version_and_takes_revisions_and_health_but_no_runs(
    store: Store, add: Make, make_run: MakeRun
) -> None:
    add()
    store.add_health([Health("id-1", runs=3)])
    store.add_runs([make_run()])
    with pytest.raises(Conflict):
        store.delete_script("acme", "id-1", expected_version=2)
    store.delete_script("acme", "id-1", expected_version=1)
    with pytest.raises(NotFound):
        store.get_script("acme", "id-1")
    assert store.list_revisions("acme", "id-1") == []
    assert store.get_run("acme", "run-0001").script_id == "id-1"
    add()
    assert store.get_health("acme", "id-1") == Health("id-1")


def test_every_write_of_a_script_and_no_other_moves_the_change_counter(
    store: Store, add: Make, make_run: MakeRun
) -> None:
    counts = [store.change_counter()]
    script = add()
    counts.append(store.change_counter())
    store.save_script(script, expected_version=1)
    counts.append(store.change_counter())
    store.delete_script("acme", "id-1", expected_version=2)
    counts.append(store.change_counter())
    assert counts == [0, 1, 2, 3]
    store.add_runs([make_run()])
    store.add_health([Health("id-1", runs=1)])
    assert store.change_counter() == 3


# -- listing -----------------------------------------------------------------------------------------------------
def names(store: Store, **query: object) -> list[str]:
    return [script.name for script in store.list_scripts(ScriptQuery("acme", **query))]  # type: ignore[arg-type]


def test_scripts_are_listed_in_order_of_code_points_in_pages(store: Store, add: Make) -> None:
    expected = ["B", "a", "a b", "a-b", "b", "ä", "日", "🌙"]
    for n, name in enumerate(reversed(expected)):
        add(n, name=name)
    assert names(store) == expected
    assert names(store, limit=3) == expected[:3]
    assert names(store, limit=3, after=expected[2]) == expected[3:6]
    assert names(store, after="🌙") == []
    assert names(store, limit=0) == []


def test_scripts_are_listed_by_entity_phase_and_tag(store: Store, add: Make) -> None:
    add(1, name="one", triggers=(EventTrigger("order.before_create"),), tags=("b2b", "prices"))
    add(2, name="two", triggers=(EventTrigger("order.line.after_update"), EventTrigger("*.on_commit")), tags=("b2",))
    add(3, name="three", triggers=())
    before, after = ("before_create", "before_update"), ("after_update",)
    assert names(store, hooks=HookFilter("order", before)) == ["one"]
    assert names(store, hooks=HookFilter("order", after)) == []
    assert names(store, hooks=HookFilter("order.line", after)) == ["two"]
    assert names(store, hooks=HookFilter(None, before)) == ["one"]
    assert names(store, hooks=HookFilter(None, ("on_commit",))) == ["two"]
    assert names(store, hooks=HookFilter("\ud800", before)) == []
    assert names(store, tag="b2b") == ["one"] and names(store, tag="b2") == ["two"] and names(store, tag="2b") == []
    assert store.get_script("acme", "one").tags == ("b2b", "prices") and store.get_script("acme", "three").tags == ()


def test_scripts_are_listed_by_status_event_and_text(store: Store, add: Make) -> None:
    add(1, name="one", status=Status.DRAFT, description="Ärger 100%")
    add(2, name="two", triggers=(EventTrigger("a.on_commit"), EventTrigger("a.on_commit", ("x",))))
    add(3, name="Three_", triggers=(), description="plain")
    assert names(store, status=Status.DRAFT) == ["one"]
    assert names(store, event="a.on_commit") == ["two"]
    assert names(store, event="order.before_create") == ["one"]
    assert names(store, event="order.before_create", status=Status.ACTIVE) == []
    assert names(store, text="äRG") == ["one"]
    assert names(store, text="0%") == ["one"]
    assert names(store, text="e_") == ["Three_"]
    assert names(store, text="DISCOUNT") == ["two"]
    assert names(store, text="\x00") == []
    assert names(store, event="\ud800") == []


def test_a_changed_trigger_moves_the_script_to_its_new_event(store: Store, add: Make) -> None:
    script = add()
    store.save_script(replace(script, triggers=(EventTrigger("b.on_commit"),)), expected_version=1)
    assert names(store, event="order.before_create") == []
    assert names(store, event="b.on_commit") == ["script-001"]


def test_active_scripts_of_all_tenants_come_in_order_of_tenant_and_name(store: Store, add: Make) -> None:
    add(1, tenant="b", name="a")
    add(2, tenant="a", name="z")
    add(3, tenant="a", name="b")
    for n, status in enumerate(set(Status) - {Status.ACTIVE}, start=4):
        add(n, tenant="a", status=status)
    active = list(store.iter_active())
    assert [script.id for script in active] == ["id-3", "id-2", "id-1"]
    assert active[0] == store.get_script("a", "id-3")


# -- revisions ---------------------------------------------------------------------------------------------------
def test_revisions_come_back_as_written_oldest_first(store: Store, add: Make, make_revision: MakeRevision) -> None:
    script = add()
    big = make_revision(number=2, source="-- " + "ü" * 200_000, message="", created_at=make_revision().created_at)
    store.save_script(script, expected_version=1, revision=big)
    assert store.list_revisions("acme", "id-1") == [make_revision(number=1), big]
    assert store.get_revision("acme", "id-1", 2) == big
    with pytest.raises(NotFound):
        store.get_revision("acme", "id-1", 3)


def test_a_revision_never_changes(store: Store, add: Make, make_revision: MakeRevision) -> None:
    script = add()
    with pytest.raises(Conflict, match="revision 1"):
        store.save_script(script, expected_version=1, revision=make_revision(number=1, source="other"))
    assert store.get_revision("acme", "id-1", 1) == make_revision(number=1)
    assert store.get_script("acme", "id-1").version == 1


# -- health ------------------------------------------------------------------------------------------------------
def test_health_adds_counts_and_replaces_the_breaker_and_the_last_error(store: Store, add: Make) -> None:
    created = add().created_at
    assert store.get_health("acme", "id-1") == Health("id-1")
    error = {"last_error_code": "runtime_error", "last_error": "bad \x00 \udc80", "last_error_at": created}
    first = Health("id-1", 5, 4, 3, 2, 1, 2**40, BreakerState.OPEN, created, **error)  # type: ignore[arg-type]
    store.add_health([first])
    assert store.get_health("acme", "id-1") == first
    store.add_health([Health("id-1", runs=1, fuel=1), Health("gone", runs=1), Health("id-1", runs=1, changed=2)])
    assert store.get_health("acme", "id-1") == Health("id-1", 7, 6, 3, 2, 1, 2**40 + 1, **error)  # type: ignore[arg-type]


def test_health_counts_of_many_threads_all_arrive(store: Store, add: Make) -> None:
    ids = [add(n).id for n in range(3)]

    def count() -> None:
        for _ in range(5):
            store.add_health([Health(script_id, runs=1) for script_id in reversed(ids)])

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.get_health("acme", script_id).runs for script_id in ids] == [20, 20, 20]


# -- runs --------------------------------------------------------------------------------------------------------
def run_ids(store: Store, **query: object) -> list[str]:
    return [run.id for run in store.list_runs(RunQuery("acme", **query))]  # type: ignore[arg-type]


def test_a_run_comes_back_as_it_was_written(store: Store, make_run: MakeRun) -> None:
    full = make_run(
        status=RunStatus.FAILED,
        reason="no",
        details={"field": "total"},
        error_code="runtime_error",
        error_message="bad\x00",
        error_line=3,
        dry_run=True,
        parent_id="run-0000",
        depth=2,
    )
    bare = make_run(2, event=None, entity_type=None, entity_id=None, user=None, changes=None, value=None, logs=())
    store.add_runs([full, bare])
    assert store.get_run("acme", full.id) == full
    assert store.get_run("acme", bare.id) == bare
    with pytest.raises(NotFound):
        store.get_run("acme", "run-0003")


def test_a_run_that_is_stored_already_is_left_as_it_is(store: Store, make_run: MakeRun) -> None:
    first = make_run(1, value="first")
    store.add_runs([first])
    store.add_runs([make_run(2), make_run(1, value="second"), make_run(2, value="twin")])
    assert store.get_run("acme", "run-0001") == first
    assert store.get_run("acme", "run-0002") == make_run(2)
    assert store.count_runs(RunQuery("acme")) == 2
    store.add_runs([])


def test_a_large_batch_arrives_whole(store: Store, make_run: MakeRun) -> None:
    store.add_runs([make_run(n) for n in range(507)])
    assert store.count_runs(RunQuery("acme")) == 507


def test_runs_are_listed_newest_first_in_pages(store: Store, make_run: MakeRun) -> None:
    at = make_run().started_at
    store.add_runs([make_run(n, started_at=at + timedelta(seconds=n // 2)) for n in range(5)])
    assert run_ids(store) == ["run-0004", "run-0003", "run-0002", "run-0001", "run-0000"]
    assert run_ids(store, limit=2) == ["run-0004", "run-0003"]
    assert run_ids(store, limit=2, before="run-0003") == ["run-0002", "run-0001"]
    assert run_ids(store, before="run-0000") == []
    assert run_ids(store, before="pruned") == []
    assert run_ids(store, limit=0) == []


def test_runs_are_listed_and_counted_by_every_filter(store: Store, make_run: MakeRun) -> None:
    other = {
        "script_id": "id-2",
        "revision": 2,
        "event": "order.after_create",
        "entity_type": "invoice",
        "entity_id": "x" * 300,
        "status": RunStatus.REJECTED,
        "min_duration_us": 1000,
    }
    renamed = {"duration_us" if name == "min_duration_us" else name: value for name, value in other.items()}
    store.add_runs([make_run(1), make_run(2, **renamed)])
    for name, value in other.items():
        assert run_ids(store, **{name: value}) == ["run-0002"], name
        query = RunQuery("acme", limit=0, before="run-0001", **{name: value})  # type: ignore[arg-type]
        assert store.count_runs(query) == 1, name
    assert run_ids(store, **other) == ["run-0002"]
    assert run_ids(store, entity_id="x" * 301) == []
    assert run_ids(store, entity_id="\x00") == []
    first, second = make_run(1).started_at, make_run(2).started_at
    assert run_ids(store, since=second) == ["run-0002"]
    assert run_ids(store, until=second) == ["run-0001"]
    assert run_ids(store, since=first, until=second + timedelta(microseconds=1)) == ["run-0002", "run-0001"]


def test_pruning_removes_by_age_and_by_number_and_counts(store: Store, make_run: MakeRun) -> None:
    store.add_runs([make_run(n, tenant="acme" if n % 2 else "globex") for n in range(10)])
    assert store.prune_runs() == 0
    assert store.prune_runs(older_than=make_run(3).started_at) == 3
    assert store.prune_runs(keep=4) == 3
    assert run_ids(store) == ["run-0009", "run-0007"]
    assert store.prune_runs(keep=4) == 0
    assert store.prune_runs(older_than=make_run(8).started_at, keep=3) == 2
    assert store.prune_runs(keep=0) == 2


def test_pruning_takes_steps_however_many_runs_start_at_once(
    store: Store, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alloy_lua.stores.run_queries.PRUNE_ROWS", 2)
    at = make_run(0).started_at
    store.add_runs([make_run(n, started_at=at + timedelta(seconds=n // 4)) for n in range(12)])
    assert store.prune_runs(older_than=at + timedelta(seconds=2)) == 8
    assert store.prune_runs(keep=2) == 2
    assert run_ids(store) == ["run-0011", "run-0010"]


# -- tenants -----------------------------------------------------------------------------------------------------
def test_no_method_reaches_another_tenants_rows(store: Store, add: Make, make_run: MakeRun) -> None:
    script = add()
    store.add_health([Health("id-1", runs=1)])
    store.add_runs([make_run()])
    for stranger in ("globex", "ACME", "acme ", "", "\x00"):
        for call in (
            lambda tenant: store.get_script(tenant, "id-1"),
            lambda tenant: store.get_script(tenant, "script-001"),
            lambda tenant: store.get_revision(tenant, "id-1", 1),
            lambda tenant: store.get_run(tenant, "run-0001"),
            lambda tenant: store.delete_script(tenant, "id-1", expected_version=1),
        ):
            with pytest.raises(NotFound):
                call(stranger)
        assert store.list_scripts(ScriptQuery(stranger)) == []
        assert store.list_revisions(stranger, "id-1") == []
        assert store.get_health(stranger, "id-1") == Health("id-1")
        assert store.list_runs(RunQuery(stranger)) == []
        assert store.count_runs(RunQuery(stranger)) == 0
    with pytest.raises(NotFound):
        store.save_script(replace(script, tenant="globex"), expected_version=1)
    assert store.get_script("acme", "id-1") == script


def test_two_tenants_have_their_own_scripts_and_runs_of_the_same_names(
    store: Store, add: Make, make_run: MakeRun
) -> None:
    add(1)
    other = add(2, tenant="globex", name="script-001")
    store.add_runs([make_run(1), make_run(1, tenant="globex", value="other")])
    assert store.get_script("globex", "script-001") == other
    assert store.get_run("globex", "run-0001").value == "other"
    assert run_ids(store) == ["run-0001"]


# -- opening and closing -----------------------------------------------------------------------------------------
def test_a_store_can_be_closed_twice_and_migrated_twice(store: Store) -> None:
    assert store.pending_migrations() == []
    assert store.migrate() == []
    store.close()
    store.close()
