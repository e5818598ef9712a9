"""Background jobs and schedules over HTTP: added, watched, cancelled, tried again, limited, and on the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from alloy_lua.model import CronTrigger, ManualTrigger

from .conftest import Client, Running


@pytest.fixture(scope="module", autouse=True)
def scripts(service: Running) -> None:
    create = service.alloy.scripts.create
    manual = [ManualTrigger()]
    create("add", "return params.a + params.b", triggers=manual, status="active")
    create("bad", "error('boom')", triggers=manual, status="active")
    create("steps", "queue.progress(0.5, 'half') return crm.id()", triggers=manual, status="active",
           capabilities=["durable"])  # fmt: skip
    cron = CronTrigger("30 2 * * *", "Europe/Amsterdam")
    create("nightly", "return params.scheduled_at", triggers=[cron], status="active")
    service.alloy.function("crm.id")(lambda: 7)


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def actions(admin: Client, kind: str, object_id: str) -> list[str]:
    return [entry["action"] for entry in admin.get(f"/audit?kind={kind}&object_id={object_id}").json["items"]]


def test_a_job_is_added_once_run_and_read(service: Running, admin: Client) -> None:
    new = {"script": "add", "params": {"a": 1, "b": 2}, "id": "sum/1", "priority": 5, "user": "ann"}
    made = admin.post("/jobs", new)
    assert (made.status, made.json["state"], made.json["script"]) == (201, "ready", "add")
    assert made.headers["Location"] == "/api/v1/jobs/sum%2F1"
    assert admin.post("/jobs", {**new, "params": {}}).json["created_at"] == made.json["created_at"]
    assert service.alloy.jobs.run_one("sum/1").state == "succeeded"
    read = admin.get("/jobs/sum%2F1").json
    assert (read["state"], read["params"], read["priority"], read["steps"]) == ("succeeded", {"a": 1, "b": 2}, 5, [])
    service.alloy.flush()
    assert admin.get("/runs/sum%2F1").json["value"] == 3
    assert actions(admin, "job", "sum/1") == ["job.enqueue"]
    assert admin.post("/jobs", {"script": "none"}).code == "not_found"


def test_a_durable_job_shows_its_progress_and_steps(service: Running, admin: Client) -> None:
    made = admin.post("/jobs", {"script": "steps"}, Idempotency_Key="steps-1").json
    assert admin.post("/jobs", {"script": "steps"}, Idempotency_Key="steps-1").json["id"] == made["id"]
    service.alloy.jobs.run_one(made["id"])
    read = admin.get(f"/jobs/{made['id']}").json
    assert (read["progress"], read["note"], read["user"]) == (0.5, "half", "admin-all")
    assert [(step["number"], step["name"].partition("(")[0].partition(" ")[0][:6]) for step in read["steps"]][-1] == (
        len(read["steps"]) - 1, "crm.id",
    )  # fmt: skip


def test_jobs_are_filtered_and_paged(admin: Client) -> None:
    for number in range(5):
        admin.post("/jobs", {"script": "add", "delay_s": 900, "id": f"page-{number}"})
    seen: list[str] = []
    cursor = ""
    while True:
        page = admin.get(f"/jobs?script=add&state=waiting&kind=queue&limit=2{cursor}").json
        seen += [job["id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [f"page-{number}" for number in (4, 3, 2, 1, 0)]
    assert admin.get("/job-counts").json["waiting"] == 5
    assert admin.get("/jobs?state=none").status == 422


def test_a_job_is_cancelled_and_a_dead_one_tried_again(service: Running, admin: Client) -> None:
    admin.post("/jobs", {"script": "add", "delay_s": 900, "id": "late"})
    done = admin.post("/jobs/late/cancel", {"reason": "not needed"})
    assert (done.json["state"], done.json["reason"]) == ("cancelled", "not needed")
    assert admin.post("/jobs/late/cancel").code == "conflict"
    admin.post("/jobs", {"script": "bad", "attempts": 1, "id": "letter"})
    service.alloy.jobs.run_one("letter")
    (dead,) = admin.get("/jobs?state=dead").json["items"]
    assert (dead["id"], dead["reason"]) == ("letter", "runtime_error: boom")
    assert admin.post("/jobs/letter/again", {"reason": "mended"}).json["state"] == "ready"
    assert actions(admin, "job", "letter") == ["job.again", "job.enqueue"]
    assert admin.get("/audit?action=job.again").json["items"][0]["reason"] == "mended"
    assert admin.post("/jobs/letter/again").code == "conflict"


def test_limits_are_set_and_lifted(service: Running, admin: Client) -> None:
    script = service.alloy.scripts.get("add").id
    limited = admin("PUT", "/job-limits", {"script": "add", "running": 1, "reason": "slow"})
    assert limited.json["items"] == [{"script_id": script, "running": 1, "per_minute": None}]
    assert admin.get("/job-limits").json == limited.json
    assert admin("PUT", "/job-limits", {"script": "add"}).json["items"] == []
    assert actions(admin, "job", script) == ["job.limit", "job.limit"]


def test_schedules_are_listed_previewed_and_run_now(admin: Client) -> None:
    after = "after=2026-03-28T12:00:00Z&count=2"
    times = ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"]
    (found,) = admin.get(f"/schedules?script=nightly&{after}").json["items"]
    assert (found["times"], found["trigger"]["timezone"]) == (times, "Europe/Amsterdam")
    preview = admin.get(f"/schedules/preview?expression=30%202%20*%20*%20*&timezone=Europe/Amsterdam&{after}")
    assert preview.json["times"] == times
    assert admin.get("/schedules/preview?expression=61%20*%20*%20*%20*").code == "validation_error"
    now = admin.post("/schedules/nightly/run", {"reason": "the last one was lost"})
    assert (now.status, now.json["kind"], now.json["state"]) == (201, "cron", "ready")
    assert admin.get("/audit?action=schedule.run").json["items"][0]["details"] == {"job": now.json["id"]}
    assert admin.post("/schedules/add/run").code == "validation_error"


def test_nodes_and_trouble_are_for_those_who_may_see_all_tenants(service: Running, admin: Client) -> None:
    assert admin.get("/trouble").json == {"jobs": None, "scheduler": None}
    service.alloy.jobs.start(3)
    try:
        until(lambda: bool(admin.get("/nodes").json["items"]))
        assert [node["slots"] for node in admin.get("/nodes").json["items"]] == [3]
    finally:
        service.alloy.jobs.stop()
    assert admin.get("/nodes").json["items"] == []
    for path in ("/nodes", "/trouble"):
        assert service.client("operator", "default").get(path).status == 403


def test_who_may_only_look_changes_nothing(service: Running, admin: Client) -> None:
    viewer = service.client("viewer", "default")
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/jobs", {"script": "add"}), ("POST", "/jobs/late/cancel", {}), ("POST", "/jobs/late/again", {}),
        ("PUT", "/job-limits", {"running": 1}), ("POST", "/schedules/nightly/run", {}),
    ]  # fmt: skip
    assert [viewer(*call).code for call in calls] == ["permission_denied"] * len(calls)
    assert viewer.get("/jobs").status == viewer.get("/schedules").status == 200
