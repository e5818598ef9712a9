"""Fires, evaluations and runs over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import Answer, Client, Running, Serve

HOOK = """\
if entity.total < 0 then abort("negative", {field = "total"}) end
if entity.total > 1000 then entity.discount = entity.total * 0.1 end
"""


@pytest.fixture(scope="module")
def hooked(admin: Client) -> Client:
    admin.post("/scripts", {
        "name": "discount", "source": HOOK, "status": "active",
        "triggers": [{"kind": "event", "event": "order.before_create"}],
    })  # fmt: skip
    return admin


def fire(client: Client, **entity: Any) -> Answer:
    return client.post("/fire", {"event": "order.before_create", "entity": entity})


def test_a_fire_tells_what_the_scripts_made_of_the_record(hooked: Client) -> None:
    for _ in range(3):  # the first goes through a thread, later ones do not
        done = fire(hooked, total=1500.5)
        assert (done.status, done.json["status"], done.json["changes"]) == (200, "continue", {"discount": 150.05})
        assert done.json["runs"][0]["script"] == "discount"
        refused = fire(hooked, total=-1).json
        assert (refused["status"], refused["reason"], refused["details"]) == (
            "rejected",
            "negative",
            {"field": "total"},
        )
        failed = fire(hooked, total="x").json
        assert (failed["status"], failed["error"]["code"], failed["error"]["line"]) == ("failed", "runtime_error", 1)


def test_a_fire_that_nobody_listens_to_goes_on(admin: Client) -> None:
    for _ in range(2):
        done = admin.post("/fire", {"event": "nothing.before_create", "entity": {"a": 1}})
        assert (done.status, done.json) == (200, {"status": "continue", "fuel": 0})


@pytest.mark.parametrize(
    "body",
    [
        {"event": "order.befor_create", "entity": {}},
        {"event": "order.before_create", "entity": []},
        {"event": "order.before_create", "entity": {}, "extra": 1},
        {"entity": {}},
    ],
)
def test_wrong_fires_are_refused(admin: Client, body: Any) -> None:
    assert (admin.post("/fire", body).status, admin.post("/fire", body).code) == (422, "validation_error")


def test_many_records_get_the_outcomes_that_each_gets_alone(hooked: Client) -> None:
    entities = [{"total": total} for total in (5, 2000, -1, 10)]
    done = hooked.post("/fire-many", {"event": "order.before_create", "entities": entities}).json
    assert (done["rejected"], done["failed"]) == (1, 0)
    alone = [fire(hooked, **entity).json for entity in entities]
    for one, among in zip(alone, done["outcomes"], strict=True):
        assert {name: told for name, told in one.items() if name != "runs"} == among
    listed = hooked.post("/fire-many", {"event": "order.before_create", "entities": entities, "runs": True}).json
    assert [outcome["runs"][0]["script"] for outcome in listed["outcomes"]] == ["discount"] * 4


def test_batches_are_capped(serve: Serve) -> None:
    from alloy_lua.api import ApiOptions

    client = serve(ApiOptions(max_batch=2)).client()
    body = {"event": "order.before_create", "entities": [{}, {}, {}]}
    assert client.post("/fire-many", body).code == "validation_error"
    assert client.post("/fire-many", {**body, "entities": [{}, {}]}).status == 200


def test_a_text_is_evaluated(admin: Client) -> None:
    done = admin.post("/evaluate", {"source": "log.warn('hm', {a = 1}) return params.a + 1", "params": {"a": 1}}).json
    assert done["value"] == 2 and done["logs"] == [{"level": "warn", "message": "hm", "data": {"a": 1}}]
    assert admin.post("/evaluate", {"source": "while true do end", "limits": "strict"}).json["error"]["code"] in (
        "fuel_exhausted", "deadline_exceeded",
    )  # fmt: skip
    assert admin.post("/evaluate", {"source": "return +"}).json["error"]["code"] == "compile_error"


def test_values_that_json_has_no_word_for_are_told_as_text(admin: Client) -> None:
    done = admin.post("/evaluate", {"source": "return {bytes = '\\255', half = 0.5, whole = 2^53}"}).json
    assert done["value"] == {"bytes": "\\xff", "half": 0.5, "whole": 2**53}


def test_runs_are_listed_read_and_explained(service: Running, hooked: Client) -> None:
    fire(hooked, total="x", id="o-17")
    service.alloy.flush()
    page = hooked.get("/runs?script=discount&status=failed&entity_id=o-17").json["items"]
    assert [run["error_code"] for run in page] == ["runtime_error"]
    run = hooked.get(f"/runs/{page[0]['id']}").json
    assert run["error"]["line"] == 1 and run["error"]["excerpt"][0] == {
        "number": 1, "text": HOOK.splitlines()[0], "here": True,
    }  # fmt: skip
    assert hooked.get("/runs/none").code == "not_found"
    assert hooked.get("/runs?since=2030-01-01T00:00:00Z").json["items"] == []
    assert hooked.get("/runs?since=2030-01-01T00:00:00").code == "validation_error"  # no zone


def test_runs_come_in_pages(service: Running, hooked: Client) -> None:
    for total in range(4):
        fire(hooked, total=-1 - total, id="paged")
    service.alloy.flush()
    first = hooked.get("/runs?entity_id=paged&limit=3").json
    rest = hooked.get(f"/runs?entity_id=paged&limit=3&cursor={first['next_cursor']}").json
    ids = [run["id"] for run in first["items"] + rest["items"]]
    assert len(ids) == len(set(ids)) == 4 and rest["next_cursor"] is None


def test_a_script_is_run_by_hand_waited_for_or_not(admin: Client) -> None:
    admin.post("/scripts", {
        "name": "report", "source": "return {day = params.day, user = ctx.user}", "status": "active",
        "triggers": [{"kind": "manual"}],
    })  # fmt: skip
    done = admin.post("/scripts/report/run", {"params": {"day": "mon"}})
    assert done.status == 200 and done.json["value"] == {"day": "mon", "user": "admin-all"}
    begun = admin.post("/scripts/report/run", {"params": {"day": "tue"}, "wait": False})
    assert begun.status == 202 and begun.json["state"] == "running"
    until = time.monotonic() + 10
    while (state := admin("GET", begun.headers["Location"].removeprefix("/api/v1")).json)["state"] == "running":
        assert time.monotonic() < until
    assert state["outcome"]["value"] == {"day": "tue", "user": "admin-all"}
    assert admin.post("/scripts/none/run", {"wait": False}).status == 404
    assert admin.get("/runs/none/state").status == 404


def test_a_dry_run_reports_and_records_nothing(service: Running, admin: Client) -> None:
    admin.post("/scripts", {"name": "tried", "source": "entity.a = 2 return ctx.dry_run"})
    done = admin.post("/scripts/tried/dry-run", {"entity": {"a": 1}}).json
    assert (done["changes"], done["value"]) == ({"a": 2}, True)
    service.alloy.flush()
    assert admin.get("/runs?script=tried").json["items"] == []


def test_a_call_with_an_idempotency_key_is_made_once(service: Running, admin: Client) -> None:
    new = {"name": "once", "source": "return 1"}
    first = admin.post("/scripts", new, Idempotency_Key="k-1")
    again = admin.post("/scripts", new, Idempotency_Key="k-1")
    assert (first.status, again.status, again.text) == (201, 201, first.text)
    assert again.headers["Idempotent-Replayed"] == "true" and again.headers["ETag"] == first.headers["ETag"]
    other = admin.post("/scripts", {**new, "name": "other"}, Idempotency_Key="k-1")
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert admin.post("/scripts", new).status == 409  # the name is taken
    assert admin.post("/scripts", {"name": "bad name"}, Idempotency_Key="k-2").status == 422
    assert admin.post("/scripts", {"name": "good", "source": ""}, Idempotency_Key="k-2").status == 201
    assert admin.post("/scripts", new, Idempotency_Key="k 3").code == "validation_error"


def test_the_same_call_from_many_at_once_is_made_once(service: Running, admin: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    admin.post("/scripts", {
        "name": "counted", "source": "return 1", "status": "active", "triggers": [{"kind": "manual"}],
    })  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: admin.post("/scripts/counted/run", {}, Idempotency_Key="same"), range(8)))
    assert {reply.status for reply in replies} <= {200, 409} and any(reply.status == 200 for reply in replies)
    assert admin.get("/scripts/counted/health").json["runs"] == 1
