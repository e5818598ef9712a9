"""Recorded runs and back-tests over HTTP."""

from __future__ import annotations

from .conftest import Client, Running

LIVE = "entity.discount = entity.total > 100 and 10 or 0"
DRAFT = "entity.discount = entity.total > 50 and 10 or 0"


def test_a_run_is_recorded_listed_read_replayed_and_removed(service: Running, admin: Client) -> None:
    trigger = {"kind": "event", "event": "taped.before_create"}
    admin.post("/scripts", {"name": "taped", "source": LIVE, "triggers": [trigger], "status": "active"})
    rule = admin("PUT", "/scripts/taped/taping", {"keep_days": 1})
    assert (rule.status, rule.json["share"], rule.json["keep_days"]) == (200, 1.0, 1.0)
    admin.post("/scripts/taped/activate")
    fired = admin.post("/fire", {"event": "taped.before_create", "entity": {"total": 70}})
    run = fired.json["runs"][0]["id"]
    service.alloy.flush()
    assert [one["run_id"] for one in admin.get("/tapes?script=taped").json["items"]] == [run]
    assert admin.get(f"/tapes/{run}").json["tape"]["entity"] == {"total": 70}
    assert admin.post(f"/tapes/{run}/replay").json["same"] is True
    admin("PATCH", "/scripts/taped", {"source": DRAFT})
    other = admin.post(f"/tapes/{run}/replay", {"revision": 2}).json
    assert (other["same"], other["differences"]) == (False, {"discount": [0, 10]})
    assert service.client("viewer").get(f"/tapes/{run}").status == 403
    assert admin("DELETE", "/scripts/taped/taping").status == 204
    assert admin("DELETE", "/scripts/taped/taping").status == 404
    assert admin("PUT", "/taping", {"share": 0}).json["script_id"] is None
    assert [rule["share"] for rule in admin.get("/taping").json["items"]] == [0.0]
    assert [admin("DELETE", "/taping").status for _ in range(2)] == [204, 404]
    assert admin("DELETE", f"/tapes/{run}").status == 204
    assert admin.get(f"/tapes/{run}").status == 404


def test_a_back_test_is_a_job_with_a_report_that_activation_may_ask_for(service: Running, admin: Client) -> None:
    admin.post("/scripts", {"name": "tested", "source": LIVE})
    admin.post("/scripts/tested/activate")
    admin("PATCH", "/scripts/tested", {"source": DRAFT})
    rule = admin("PUT", "/scripts/tested/backtest-rule", {"changed": 0.5})
    assert rule.json["thresholds"]["changed"] == 0.5 and admin.get("/scripts/tested/backtest-rule").json == rule.json
    refused = admin.post("/scripts/tested/activate")
    assert (refused.status, refused.code) == (403, "backtest_required")
    assert "there is none" in refused.json["error"]["details"]["problems"][0]
    started = admin.post("/scripts/tested/backtests", {"records": [{"total": n} for n in (10, 70, 200)]})
    assert started.status == 202 and started.headers["Location"].endswith(f"/api/v1/backtests/{started.json['id']}")
    state = admin.get(f"/backtests/{started.json['id']}").json
    assert state["state"] == "ready" and state["note"] == started.json["note"]
    assert "--job-slots" in state["note"]  # nobody takes jobs here
    service.alloy.jobs.run_one(started.json["id"])
    done = admin.get(f"/backtests/{started.json['id']}").json
    assert (done["state"], done["report"]["tally"]["counts"]["changed"]) == ("succeeded", 1)
    assert "changed, record 2: discount 0 -> 10" in done["report"]["text"]
    assert len(admin.get("/scripts/tested/backtests").json["items"]) == 1
    assert admin.post("/scripts/tested/activate").json["live_revision"] == 2
    assert admin("DELETE", "/scripts/tested/backtest-rule").status == 204
    assert admin.get("/scripts/tested/backtest-rule").status == 404
    wrong = admin.post("/scripts/tested/backtests", {"records": [1]})
    assert (wrong.status, wrong.code) == (422, "validation_error")


def test_a_canary_is_begun_watched_and_stopped(service: Running, admin: Client) -> None:
    trigger = {"kind": "event", "event": "rolled.before_create"}
    admin.post("/scripts", {"name": "rolled", "source": LIVE, "triggers": [trigger], "status": "active"})
    admin.post("/scripts/rolled/activate")
    admin("PATCH", "/scripts/rolled", {"source": DRAFT})
    assert admin.get("/scripts/rolled/rollout").status == 404
    operator = service.client("operator", scopes=["scripts.operate", "scripts.read", "events.fire"])
    new = {"mode": "canary", "percent": 100, "records": 2, "changed": 0.0}
    assert operator.post("/scripts/rolled/rollout", new).code == "permission_denied"
    begun = admin.post("/scripts/rolled/rollout", new)
    assert (begun.status, begun.json["state"], begun.json["thresholds"]["changed"]) == (201, "running", 0.0)
    assert admin.post("/scripts/rolled/rollout", new).code == "conflict"
    fire = {"event": "rolled.before_create", "entity": {"total": 70}}
    assert [admin.post("/fire", fire).json["changes"] for _ in range(2)] == [{"discount": 10}] * 2
    ended = admin.get("/scripts/rolled/rollout").json
    assert (ended["state"], ended["tally"]["counts"]["changed"], ended["by"]) == ("rolled_back", 2, "system")
    assert admin.post("/fire", fire).json["changes"] == {"discount": 0}
    assert admin.post("/scripts/rolled/rollout", {"mode": "shadow", "users": ["ann"]}).json["users"] == ["ann"]
    stopped = operator.post("/scripts/rolled/rollout/stop", {"reason": "seen enough"})
    assert (stopped.json["state"], stopped.json["reason"]) == ("stopped", "seen enough")
    assert operator.post("/scripts/rolled/rollout/stop").status == 404
