"""Any script, revision, health and run comes back equal from memory and from SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alloy_lua.model import (
    ApiTrigger,
    BreakerState,
    CronTrigger,
    EventTrigger,
    FailurePolicy,
    Health,
    LogLine,
    ManualTrigger,
    Revision,
    Run,
    RunStatus,
    Script,
    Status,
)
from alloy_lua.ports import Store
from alloy_lua.stores import open_store

TENANT = "acme"

any_text = st.text(st.characters(), max_size=30)  # with NUL and halves of surrogate pairs
plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
count = st.integers(0, 2**40)
time = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
trigger = (
    st.builds(EventTrigger, any_text, st.lists(any_text, max_size=2).map(tuple))
    | st.builds(CronTrigger, any_text, any_text)
    | st.builds(ApiTrigger, any_text, any_text)
    | st.just(ManualTrigger())
)
script = st.builds(
    Script,
    id=st.just("id-1"),
    tenant=st.just(TENANT),
    name=plain_text,
    description=plain_text,
    status=st.sampled_from(Status),
    triggers=st.lists(trigger, max_size=3).map(tuple),
    limits=plain_text,
    capabilities=st.lists(any_text, max_size=3).map(tuple),
    run_as=st.none() | plain_text,
    priority=st.integers(-(2**31) + 1, 2**31 - 1),
    failure_policy=st.sampled_from(FailurePolicy),
    draft_revision=count,
    live_revision=st.none() | count,
    version=st.just(1),
    created_at=time,
    updated_at=time,
    updated_by=plain_text,
)
revision = st.builds(
    Revision, st.just("id-1"), st.integers(0, 1000), plain_text, plain_text, plain_text, plain_text, time, plain_text
)
health = st.builds(
    Health,
    st.just("id-1"),
    *[count] * 6,
    breaker=st.sampled_from(BreakerState),
    opened_at=st.none() | time,
    last_error_code=st.none() | any_text,
    last_error=st.none() | any_text,
    last_error_at=st.none() | time,
)
optional = st.none() | any_text | st.just("x" * 300)
run = st.builds(
    Run,
    id=any_text,
    tenant=any_text,
    script_id=any_text,
    script_name=any_text,
    revision=count,
    trigger=any_text,
    event=optional,
    phase=any_text,
    entity_type=optional,
    entity_id=optional,
    user=optional,
    status=st.sampled_from(RunStatus),
    started_at=time,
    duration_us=st.integers(0, 2**70),
    fuel=count,
    memory_bytes=count,
    reason=optional,
    details=json_like,
    error_code=optional,
    error_message=optional,
    error_line=st.none() | count,
    traceback=st.lists(any_text, max_size=2).map(tuple),
    changes=st.none() | st.dictionaries(any_text, json_like, max_size=2),
    value=json_like,
    logs=st.lists(st.builds(LogLine, any_text, any_text, json_like), max_size=2).map(tuple),
    dry_run=st.booleans(),
    parent_id=optional,
    depth=count,
)


@pytest.fixture(scope="module", params=["memory://", "sqlite:///:memory:"])
def shared_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One store for all examples, each of which removes what it wrote."""
    with closing(open_store(request.param)) as store:
        store.migrate()
        yield store


@settings(max_examples=60, deadline=None)
@given(script=script, revision=revision, health=health)
def test_any_script_comes_back_equal(shared_store: Store, script: Script, revision: Revision, health: Health) -> None:
    shared_store.add_script(script, revision)
    try:
        shared_store.add_health([health])
        assert shared_store.get_script(TENANT, script.name) == script
        assert shared_store.list_revisions(TENANT, "id-1") == [revision]
        assert shared_store.get_health(TENANT, "id-1") == health
        active = [script] if script.status is Status.ACTIVE else []
        assert list(shared_store.iter_active()) == active
        saved = shared_store.save_script(replace(script, updated_by="x"), expected_version=1)
        assert shared_store.get_script(TENANT, "id-1") == saved
    finally:
        version = shared_store.get_script(TENANT, "id-1").version
        shared_store.delete_script(TENANT, "id-1", expected_version=version)


@settings(max_examples=80, deadline=None)
@given(run=run)
def test_any_run_comes_back_equal(shared_store: Store, run: Run) -> None:
    shared_store.add_runs([run])
    try:
        assert shared_store.get_run(run.tenant, run.id) == run
    finally:
        assert shared_store.prune_runs(keep=0) == 1
