"""The commands on recorded runs and back-tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alloy_lua import Alloy
from alloy_lua.cli.main import main

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Returns what a command on a database with a script and its draft printed, after checking its exit code."""
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    monkeypatch.setenv("ALLOY_DATABASE", url)
    monkeypatch.chdir(tmp_path)
    with Alloy(url) as alloy:
        alloy.scripts.create("vip", "entity.discount = 0", on="order.before_create", status="active")
        alloy.scripts.update("vip", "entity.discount = entity.total > 50 and 10 or 0")

    def call(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(arguments) == code
        said = capsys.readouterr()
        return said.out + said.err

    return call


def test_a_file_of_records_shows_what_the_draft_would_change(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text('{"total": 20, "discount": 1}\n\n{"entity": {"total": 70}, "user": "ada"}\n')
    said = run("backtest", "vip", "--records", "orders.jsonl")
    assert "revision 2 against 1, 2 records" in said and "changed, record 2: discount 0 -> 10" in said
    said = run("backtest", "vip", "--records", "orders.jsonl", "--at-most", "changed=0.1", code=1)
    assert "too much: changed: 1 of 2, wanted at most 10.00%" in said
    found = json.loads(run("backtest", "vip", "--records", "orders.jsonl", "--limit", "1", "--json"))
    assert found["tally"]["counts"]["same"] == 1 and found["problems"] == []
    assert "not_found" in run("backtest", "vip", "--records", "none.jsonl", code=1)
    (tmp_path / "orders.jsonl").write_text("{")
    assert "line 1: got what is no JSON" in run("backtest", "vip", "--records", "orders.jsonl", code=1)
    assert "threshold 'slow': unknown" in run("backtest", "vip", "--at-most", "slow=1", code=1)


def test_runs_are_recorded_and_replayed(run: Run) -> None:
    assert "recording 100% of the runs of vip" in run("tapes", "record", "vip")
    run("fire", "order.before_create", "--entity", '{"total": 70, "discount": 1}')
    (tape,) = json.loads(run("tapes", "list", "--json"))
    assert tape["run_id"] in run("tapes", "list", "--script", "vip")
    assert "on revision 1: the same" in run("tapes", "replay", tape["run_id"])
    assert "discount: 0 -> 10" in run("tapes", "replay", tape["run_id"], "--revision", "2", code=1)
    assert "1 recorded runs" in run("backtest", "vip")
    assert run("tapes", "list").split()[-1] == "vip"
    assert run("tapes", "stop", "vip") == "stopped\n"
    assert "the runs of all scripts" in run("tapes", "record", "--share", "0.5")
    assert [run("tapes", "stop") for _ in range(2)] == ["stopped\n", "nothing was recorded\n"]


def test_a_rollout_is_begun_shown_and_stopped(run: Run) -> None:
    said = run("rollout", "canary", "vip", "--percent", "100", "--at-most", "newly_failing=0.5", "--author", "ada")
    assert "candidate revision 2, 1 is live" in " ".join(said.split())
    fired = json.loads(run("fire", "order.before_create", "--entity", '{"total": 70, "discount": 1}', "--json"))
    assert fired["changes"] == {"discount": 10}
    assert "changed, run" in run("rollout", "show", "vip")
    assert "conflict" in run("rollout", "shadow", "vip", code=1)
    assert "stopped: seen enough" in run("rollout", "stop", "vip", "--reason", "seen enough")
    assert json.loads(run("rollout", "show", "vip", "--json"))["tally"]["counts"]["changed"] == 1


def test_a_back_test_that_says_nothing_says_why(run: Run) -> None:
    said = run("backtest", "vip", "--revision", "1")
    assert "to record them: alloy-lua tapes record vip\n" in said
    assert "warning: revision 1 was compared with itself; --revision and --baseline name others\n" in said
    assert "warning" not in run("backtest", "vip", "--records", "/dev/null")


def test_a_rollout_is_shown_with_the_scripts_name(run: Run) -> None:
    assert run("rollout", "shadow", "vip").startswith("shadow of script vip\n")
    assert run("rollout", "show", "vip").startswith("shadow of script vip\n")
