"""The audit log: what is in it, who may see it, how it leaves."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import threading
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, AlloyError, NotFound, ValidationError
from alloy_lua.access.digests import digest_of
from alloy_lua.access_model import Actor, AuditEntry, Role
from alloy_lua.errors import PermissionDenied
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

ROOT = Actor("root", Role.ADMIN, token_id="t1")
START = datetime.now(UTC)


def test_every_change_of_a_script_is_logged_with_who_what_why_and_from_where(alloy: Alloy) -> None:
    with alloy.acting(ROOT, via="api", address="10.0.0.1", request_id="r-1", reason="as asked"):
        made = alloy.scripts.create("x", "return 1", author="somebody else", message="first")
        alloy.scripts.update("x", "return 2", priority=5)
        alloy.scripts.activate("x", reason="tested")
        alloy.scripts.rollback("x", 1)
        for move in ("pause", "resume", "disable", "archive", "restore"):
            getattr(alloy.scripts, move)("x")
        alloy.scripts.reset_breaker("x")
        alloy.scripts.delete("x")
    assert (made.updated_by, made.version) == ("root", 1)
    entries = list(reversed(alloy.audit.list()))
    verbs = [
        "create",
        "update",
        "activate",
        "rollback",
        "pause",
        "resume",
        "disable",
        "archive",
        "restore",
        "reset_breaker",
        "delete",
    ]
    assert [entry.action for entry in entries] == [f"script.{verb}" for verb in verbs]
    for entry in entries:
        assert (entry.actor, entry.via, entry.address, entry.request_id, entry.token_id) == (
            "root", "api", "10.0.0.1", "r-1", "t1",
        )  # fmt: skip
        assert (entry.tenant, entry.kind, entry.object_id, entry.name) == ("default", "script", made.id, "x")
        assert START <= entry.at <= datetime.now(UTC)
    assert [entry.reason for entry in entries[:4]] == ["first", "as asked", "tested", "as asked"]
    assert (entries[0].before, entries[-1].after) == (None, None)
    for earlier, later in pairwise(entries):
        assert earlier.after == later.before
    assert entries[1].details == {
        "changed": ["priority", "draft_revision"], "revision": 2, "sha256": entries[1].details["sha256"],
    }  # fmt: skip
    assert entries[2].details == {"changed": ["status", "live_revision"], "live_revision": 2}


def test_what_is_refused_is_not_logged(alloy: Alloy) -> None:
    alloy.scripts.create("x", "return")
    for call in (
        lambda: alloy.scripts.create("x", "return"),
        lambda: alloy.scripts.update("x", priority=5, expected_version=9),
        lambda: alloy.scripts.update("x", priority="high"),
        lambda: alloy.scripts.pause("x"),
        lambda: alloy.scripts.delete("none"),
        lambda: alloy.scripts.activate("x", author=""),
    ):
        with pytest.raises(AlloyError):
            call()
    assert [entry.action for entry in alloy.audit.list()] == ["script.create"]


def test_who_acts_follows_threads_that_are_given_the_context_and_ends_with_the_block(alloy: Alloy) -> None:
    with alloy.acting(ROOT):
        thread = threading.Thread(target=lambda: alloy.scripts.create("in-thread", "return 1", author="thread"))
        thread.start()
        thread.join()
        with alloy.acting(Actor("inner", Role.ADMIN)):
            alloy.scripts.create("inner", "return 1")
        alloy.scripts.create("outer", "return 1")
    alloy.scripts.create("after", "return 1", author="ann")
    alloy.scripts.create("host", "return 1")
    assert [(entry.name, entry.actor) for entry in reversed(alloy.audit.list())] == [
        ("in-thread", "thread"), ("inner", "inner"), ("outer", "root"), ("after", "ann"), ("host", "system"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"actor": "root"}, {"via": "telnet"}, {"address": ""}, {"request_id": 5}, {"reason": "x" * 2001}]
)
def test_wrong_surroundings_are_named(alloy: Alloy, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))), alloy.acting(**{"actor": ROOT, **wrong}):
        pass


def test_what_others_change_can_be_recorded_too(alloy: Alloy) -> None:
    with alloy.acting(ROOT, via="api"):
        made = alloy.audit.record("safe_mode.on", tenant=None, object_id="all", name="all", reason="fire")
    assert (made.kind, made.actor, made.via, made.seq) == ("safe_mode", "root", "api", 1)
    assert alloy.audit.list(kind="safe_mode") == [made]


def test_the_log_is_read_within_ones_reach_only(alloy: Alloy) -> None:
    for tenant in ("acme", "globex"):
        alloy.scripts.create("x", "return 1", tenant=tenant)
    with alloy.acting(Actor("eve", Role.OPERATOR, frozenset({"acme"}))):
        assert [entry.tenant for entry in alloy.audit.list(tenant="acme")] == ["acme"]
        for call in (alloy.audit.list, alloy.audit.export, alloy.audit.verify):
            with pytest.raises(PermissionDenied, match="right to all tenants"):
                call()
        with pytest.raises(NotFound):
            alloy.audit.list(tenant="globex")
    with alloy.acting(Actor("ann", Role.REVIEWER)), pytest.raises(PermissionDenied):
        alloy.audit.list()


@pytest.mark.parametrize(
    "filters", [{"colour": 1}, {"since": datetime(2026, 1, 1)}, {"limit": 0}, {"before": -1}, {"actor": 5}]
)
def test_a_wrong_filter_is_named(alloy: Alloy, filters: dict[str, Any]) -> None:
    for call in (alloy.audit.list, alloy.audit.export):
        with pytest.raises(ValidationError, match=next(iter(filters))):
            call(**filters)


def test_an_export_is_all_of_it_in_pages(alloy: Alloy) -> None:
    for n in range(7):
        alloy.scripts.create(f"s{n}", "return 1", message="müde\n\x1b[31m", author='=cmd("x")' if n == 6 else "ann")
    lines = list(alloy.audit.export(limit=2))
    assert all(line.endswith("\n") and line.isascii() for line in lines)
    found = [json.loads(line) for line in lines]
    assert [one["seq"] for one in found] == [7, 6, 5, 4, 3, 2, 1]
    entry = alloy.audit.list()[0]
    assert found[0] == {**entry._asdict(), "at": entry.at.isoformat()}
    assert [json.loads(line)["name"] for line in alloy.audit.export(limit=1, actor="ann", before=3)] == ["s1", "s0"]

    text = "".join(alloy.audit.export("csv", limit=3))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == AuditEntry._fields
    assert [row["seq"] for row in rows] == ["7", "6", "5", "4", "3", "2", "1"]
    assert (rows[0]["actor"], rows[0]["reason"]) == ('\'=cmd("x")', "müde\n\\x1b[31m")
    assert json.loads(rows[0]["details"]) == entry.details
    with pytest.raises(ValidationError, match="format"):
        alloy.audit.export("xml")


@pytest.mark.parametrize(
    ("damage", "broken_at"),
    [
        ("UPDATE alloy_audit SET body = replace(body, 's2', 's9') WHERE seq = 3", 3),
        ("DELETE FROM alloy_audit WHERE seq = 2", 2),
        ("DELETE FROM alloy_audit WHERE seq = 1", 1),
        ("DELETE FROM alloy_audit WHERE seq = 5", 5),
        ("UPDATE alloy_audit SET seq = 9 WHERE seq = 5", 5),
        ("DELETE FROM alloy_audit", 1),
        ("UPDATE alloy_audit SET actor = 'nobody' WHERE seq = 4", 4),
    ],
)
def test_entries_that_were_changed_or_taken_out_are_found(tmp_path: Path, damage: str, broken_at: int) -> None:
    path = tmp_path / "alloy.db"
    with Alloy(f"sqlite:///{path}") as alloy:
        for n in range(5):
            alloy.scripts.create(f"s{n}", "return 1")
        whole = alloy.audit.verify()
        assert (whole.entries, whole.broken_at, whole.hash) == (5, None, alloy.audit.list()[0].hash)
        connection = sqlite3.connect(path)
        assert connection.execute(damage).rowcount > 0
        connection.commit()
        connection.close()
        assert alloy.audit.verify().broken_at == broken_at


def test_an_empty_log_is_whole(alloy: Alloy) -> None:
    assert alloy.audit.verify() == (0, None, "")


def test_digests_are_the_same_for_the_same_record_and_differ_otherwise(alloy: Alloy) -> None:
    script = alloy.scripts.create("x", "return 1", on="a.before_create")
    assert digest_of(script) == digest_of(alloy.scripts.get("x")) != digest_of(alloy.scripts.update("x", priority=1))
    assert digest_of({"b": 1, "a": (1, 2)}) == digest_of({"a": [1, 2], "b": 1})
    assert digest_of(frozenset({"b", "a"})) == digest_of(["a", "b"])


def test_changes_of_secrets_egress_safe_mode_and_values_are_logged_from_wherever_they_come() -> None:
    with Alloy(settings=Settings({"secrets_key": new_key()})) as alloy:
        ada = Actor("ada", Role.ADMIN)
        url = "https://api.example.com/*"
        alloy.secrets.set("crm", "very-secret-text", by="bob")
        alloy.egress.allow(url, ["GET", "POST"], by="bob")
        bypass = alloy.safe_mode.set("broken", event="topic.x", tenant="acme", by="bob")
        alloy.kv.set("rate", 1.08)
        with alloy.acting(ada, via="cli", reason="tidy up"):
            alloy.secrets.delete("crm")
            alloy.egress.remove(url)
            alloy.safe_mode.clear(bypass.id)
            alloy.kv.delete("rate")
        found = alloy.audit.list()[::-1]
        assert [(e.action, e.name, e.tenant, e.actor, e.via, e.reason) for e in found] == [
            ("secret.set", "crm", "default", "bob", "python", None),
            ("egress.allow", url, "default", "bob", "python", None),
            ("safe_mode.set", "acme/event topic.x", "acme", "bob", "python", "broken"),
            ("kv.set", "rate", "default", "system", "python", None),
            ("secret.delete", "crm", "default", "ada", "cli", "tidy up"),
            ("egress.remove", url, "default", "ada", "cli", "tidy up"),
            ("safe_mode.clear", "acme/event topic.x", "acme", "ada", "cli", "tidy up"),
            ("kv.delete", "rate", "default", "ada", "cli", "tidy up"),
        ]
        assert found[1].details == {"methods": ["GET", "POST"], "private": False}
        assert "very-secret-text" not in str(found) and alloy.audit.verify().broken_at is None


def test_a_refused_change_of_a_secret_or_rule_is_not_logged() -> None:
    with Alloy(settings=Settings({"secrets_key": new_key()})) as alloy:
        for refused in (
            lambda: alloy.secrets.set("crm", "short"), lambda: alloy.secrets.delete("none"),
            lambda: alloy.egress.remove("https://none.example/*"), lambda: alloy.safe_mode.clear("default/none"),
        ):  # fmt: skip
            with pytest.raises(AlloyError):
                refused()
        assert alloy.audit.list() == []
