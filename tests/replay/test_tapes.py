"""Recording runs and replaying them: exactly, without effects, without secrets; what differs is named."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, ManualTrigger, NotFound, ValidationError
from alloy_lua.hostapi import Param
from alloy_lua.model import RunStatus
from alloy_lua.values import Secret

from .conftest import platform, script

VIP = """
local level = crm.level(entity.name)
entity.discount = level == "gold" and 10 or 0
entity.code = math.random(1000000)
entity.seen = time.now()
entity.due = "2026-03-01"
if before then entity.was = before.total end
return {mail.send(entity.name, level), ctx.run_id, ctx.now, ctx.dry_run, ctx.user, ctx.trace, params, uuid.new()}
"""
ORDER = {"id": 7, "name": "ann", "total": Decimal("12.50"), "due": date(2026, 1, 1), "discount": 0}


def fired(alloy: Alloy, record: dict[str, Any] = ORDER, **options: Any) -> Any:
    """Returns the outcome of a fire and the id of its run, which is written."""
    outcome = alloy.fire("order.before_create", record, **options)
    alloy.flush()
    return outcome, outcome.runs[0].id


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_run_replays_exactly_and_nothing_is_called(tmp_path: Path, isolation: Any) -> None:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", isolation=isolation) as alloy:
        calls = platform(alloy)
        script(alloy, "vip", VIP)
        alloy.tapes.record("vip")
        with alloy.context(trace="request-1"):
            outcome, run_id = fired(alloy, before={"total": 3}, params={"x": [1, None, "é"]}, user="ada")
        made = list(calls)
        assert outcome.status is RunStatus.CONTINUE and made == [("level", "ann"), ("send", "ann", "gold")]
        replayed = alloy.tapes.replay(run_id)
        assert replayed.same, replayed.as_dict()
        assert replayed.replayed == replayed.recorded and replayed.recorded.assigned["was"] == 3
        assert calls == made
        assert alloy.scripts.health("vip").runs == 1  # the replay is not counted
        alloy.flush()
        assert len(alloy.runs()) == 1


def test_errors_of_calls_and_of_the_script_replay_too(alloy: Alloy, calls: list[Any]) -> None:
    script(alloy, "s", 'local ok, why = pcall(crm.level, entity.name) error(why .. " / " .. tostring(ok))')
    alloy.tapes.record()
    outcome, run_id = fired(alloy, {"name": "eve"})
    assert "crm.level failed / false" in outcome.error.message
    assert alloy.tapes.replay(run_id).same and calls == [("level", "eve")]


def test_another_revision_sees_fields_that_the_first_did_not_read(alloy: Alloy) -> None:
    script(alloy, "s", "entity.a = 1")
    alloy.tapes.record("s")
    _, run_id = fired(alloy, {"name": "ann", "total": 5, "odd": object()})
    alloy.scripts.update("s", "entity.a = entity.total + 1 return entity.odd")
    found = alloy.tapes.replay(run_id, revision=2)
    assert found.differences == {"a": (1, 6)} and not found.same
    assert alloy.tapes.get(run_id).left_out == ["odd"]


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_calls_that_are_not_on_tape_are_named(tmp_path: Path, isolation: Any) -> None:
    with Alloy(f"sqlite:///{tmp_path}/alloy.db", isolation=isolation) as alloy:
        _calls_not_on_tape(alloy, platform(alloy))


def _calls_not_on_tape(alloy: Alloy, calls: list[Any]) -> None:
    script(alloy, "s", "crm.level(entity.name) mail.send('ann', 'hello')")
    alloy.tapes.record("s")
    _, run_id = fired(alloy)
    made = list(calls)
    told = {
        "crm.level('bob') entity.late = 1": ["crm.level('bob') has other arguments on the tape"],
        "crm.level('ann') crm.level('ann')": ["crm.level('ann') is not on the tape"],
        "crm.level('ann') entity.sent = mail.send('ann', 'bye')": [
            "mail.send('ann', 'bye') has other arguments on the tape"
        ],
        "crm.level('ann')": ["mail.send('ann', 'hello') is on the tape and was not made"],
        "mail.send('ann', 'hello') crm.level('ann') return time.now()": [],
    }
    for number, (source, wanted) in enumerate(told.items(), 2):
        alloy.scripts.update("s", source)
        found = alloy.tapes.replay(run_id, revision=number)
        assert [str(each) for each in found.divergences] == wanted, source
        if "late" in source:  # nothing is known of a run that asks for what nobody recorded
            assert (found.replayed.error, found.replayed.assigned) == ("diverged", {})
        if "sent" in source:  # one with effects goes on
            assert found.replayed.assigned == {"sent": 2}
    assert calls == made


def test_no_secret_is_on_tape(alloy: Alloy) -> None:
    text = "s3cr3t-Text/with=ödd & parts"
    alloy.secrets.set("key", text)
    given: list[str] = []

    @alloy.function("pay.sign", params=[Param("key", "secret"), Param("what", "string")])
    def sign(key: Secret, what: str) -> dict[str, str]:
        given.append(key.reveal())
        return {"echo": f"{what} {key.reveal()}", what: key.reveal().encode().hex()}

    script(alloy, "s", "entity.x = pay.sign(secret('key'), entity.told).echo", capabilities=["secret.key"])
    alloy.tapes.record("s")
    outcome, run_id = fired(alloy, {"told": text, "x": ""}, params={"again": text})
    assert given == [text], outcome
    assert outcome.status is RunStatus.CONTINUE
    taped = repr(alloy.tapes.get(run_id))
    assert "[secret key]" in taped and "'secret(key)'" in taped
    sealed = alloy.store.documents.get("default", "secret", "key")
    assert sealed is not None
    for hidden in (text, text.encode().hex(), sealed.body["sealed"]):
        assert hidden not in taped
    alloy.tapes.replay(run_id)
    assert given == [text]


def test_a_durable_run_replays_over_its_sleep(alloy: Alloy, calls: list[Any]) -> None:
    source = "local a = time.now() mail.send('ann', 'x') sleep(0.05) return {time.now() > a, durable.key()}"
    script(alloy, "s", source, on=None, triggers=[ManualTrigger()], capabilities=["durable", "mail"])
    alloy.tapes.record("s")
    alloy.jobs.start()
    job = alloy.jobs.enqueue("s")
    deadline = time.monotonic() + 15
    while alloy.jobs.get(job.id).state != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    alloy.flush()
    (tape,) = alloy.tapes.list("s")
    found = alloy.tapes.replay(tape.run_id)
    assert found.same, found.as_dict()
    assert found.recorded.value[0] is True and len(calls) == 1


def test_runs_are_recorded_by_share_for_a_script_or_a_tenant_until_told_otherwise(alloy: Alloy) -> None:
    script(alloy, "a", "entity.a = 1", priority=1)
    script(alloy, "b", "entity.b = 1")
    alloy.tapes.record(share=0.0)
    alloy.tapes.record("a", share=0.5, keep=10)
    for number in range(60):
        alloy.fire("order.before_create", {"id": number})
    alloy.flush()
    a = alloy.scripts.get("a")
    found = alloy.tapes.list(limit=1000)
    assert {tape.script_id for tape in found} == {a.id} and 10 < len(found) < 50
    alloy.tapes.prune()
    assert len(alloy.tapes.list("a")) == 10
    assert [(rule.script_id, rule.share) for rule in alloy.tapes.rules()] == [(None, 0.0), (a.id, 0.5)]
    assert alloy.tapes.stop("a") and alloy.tapes.stop() and not alloy.tapes.stop("b")
    alloy.fire("order.before_create", {"id": 1})
    alloy.flush()
    assert len(alloy.tapes.list()) == 10
    assert [e.action for e in alloy.audit.list(kind="tape")] == ["tape.stop"] * 2 + ["tape.record"] * 2
    alloy.tapes.delete(alloy.tapes.list()[0].run_id)
    assert len(alloy.tapes.list()) == 9


def test_scripts_that_are_not_recorded_keep_their_short_way(alloy: Alloy) -> None:
    script(alloy, "s", "entity.a = 1")
    short = type(alloy.fire("order.before_create", {"id": 1})).__name__
    alloy.tapes.record("s")
    assert type(alloy.fire("order.before_create", {"id": 1})).__name__ != short
    assert [o.changes for o in alloy.fire_many("order.before_create", [{"id": 1}, {"id": 2}])] == [{"a": 1}] * 2
    alloy.tapes.stop("s")
    assert type(alloy.fire("order.before_create", {"id": 1})).__name__ == short
    alloy.flush()
    assert len(alloy.tapes.list()) == 3


def test_threads_that_fire_and_write_lose_no_tape(alloy: Alloy) -> None:
    script(alloy, "s", "entity.a = 1")
    alloy.tapes.record("s")

    def work(thread: int) -> None:
        for number in range(40):
            alloy.fire("order.before_create", {"id": number})
            alloy.flush()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(alloy.tapes.list(limit=1000)) == 160 and alloy.tapes.lost == 0


def test_a_run_too_large_for_tape_goes_on_and_is_counted(alloy: Alloy) -> None:
    script(alloy, "s", "entity.a = 1")
    alloy.tapes.record("s")
    outcome, run_id = fired(alloy, {"text": "x" * 1_100_000})
    assert outcome.changes == {"a": 1} and alloy.tapes.lost == 1
    with pytest.raises(NotFound, match=run_id):
        alloy.tapes.get(run_id)


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"share": "x"}, {"keep_days": 0}, {"keep": 0}, {"script": "no"}])
def test_a_wrong_rule_is_refused(alloy: Alloy, wrong: dict[str, Any]) -> None:
    with pytest.raises(NotFound if "script" in wrong else ValidationError):
        alloy.tapes.record(**wrong)
    assert alloy.tapes.rules() == []
