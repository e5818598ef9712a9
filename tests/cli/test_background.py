"""The commands on schedules and jobs, and the worker as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alloy_lua import Alloy, CronTrigger, ManualTrigger
from alloy_lua.cli.main import main

Run = Callable[..., str]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with two scripts in it."""
    found = f"sqlite:///{tmp_path / 'kept.db'}"
    monkeypatch.setenv("ALLOY_DATABASE", found)
    with Alloy(found) as alloy:
        cron = CronTrigger("30 2 * * *", "Europe/Amsterdam", attempts=2)
        alloy.scripts.create("nightly", "return 1", triggers=[cron], status="active")
        alloy.scripts.create("bad", "error('boom')", triggers=[ManualTrigger()], status="active")
    return found


@pytest.fixture
def run(url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Returns what a command printed, after checking its exit code."""

    def call(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main(arguments) == code
        said = capsys.readouterr()
        return said.out + said.err

    return call


def test_schedules_are_listed_and_previewed(run: Run) -> None:
    assert "cron 30 2 * * * Europe/Amsterdam" in run("schedule", "list")
    after = ("--after", "2026-03-28T12:00:00Z", "--count", "2")
    wanted = "2026-03-29 03:30:00+02:00\n2026-03-30 02:30:00+02:00\n"
    assert run("schedule", "preview", "30 2 * * *", "--timezone", "Europe/Amsterdam", *after) == wanted
    assert "  2026-03-29 03:30:00+02:00" in run("schedule", "preview", "--script", "nightly", *after)
    assert "error: validation_error: cron expression" in run("schedule", "preview", "61 * * * *", code=1)


def test_a_scheduled_script_runs_now(run: Run) -> None:
    assert "succeeded" in run("schedule", "run", "nightly")
    assert "has no schedule" in run("schedule", "run", "bad", code=1)


def test_jobs_are_added_listed_cancelled_and_repeated(run: Run, url: str) -> None:
    job = run("jobs", "add", "bad", "--params", '{"n": 1}', "--delay", "60").split()[1]
    assert "waiting" in run("jobs", "list", "--state", "waiting")
    assert "cancelled" in run("jobs", "cancel", job, "--reason", "not needed")
    assert "not needed" in run("jobs", "show", job)
    assert "error: conflict" in run("jobs", "cancel", job, code=1)
    assert "ready" in run("jobs", "again", job)
    with Alloy(url) as alloy:
        assert alloy.jobs.run_one(job).reason == "runtime_error: boom"
    assert run("jobs", "dead") == "no dead letters\n"
    assert run("jobs", "nodes") == "no nodes\n"
    assert "error: not_found" in run("jobs", "show", "none", code=1)


def test_a_worker_runs_jobs_and_ends_in_order(url: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alloy_lua.cli.main", "worker"], stdout=subprocess.PIPE, text=True
    )
    with Alloy(url) as alloy:
        job = alloy.jobs.enqueue("nightly")
        deadline = time.monotonic() + 30
        while alloy.jobs.get(job.id).state != "succeeded":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(alloy.jobs.nodes()) == 1
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, "stopped\n")
        assert alloy.jobs.nodes() == []


def test_a_job_is_added_with_its_options_and_dies_in_the_end(run: Run) -> None:
    options = ("--id", "mine", "--attempts", "2", "--backoff", "0", "--timeout", "1.5", "--order-by", "lane")
    run("jobs", "add", "bad", "--priority", "7", *options)
    assert run("jobs", "add", "bad", "--id", "mine", "--json").count('"priority": 7') == 1
    assert "state    waiting" in run("jobs", "run", "mine", code=1)
    assert "runtime_error: boom" in run("jobs", "run", "mine", code=1)
    assert "wanted waiting or ready" in run("jobs", "run", "mine", code=1)
    assert "mine" in run("jobs", "dead")
    counts = dict(line.split() for line in run("jobs", "counts").splitlines())
    assert (counts["dead"], counts["ready"]) == ("1", "0")


def test_the_steps_of_a_durable_job_are_shown(run: Run, url: str) -> None:
    with Alloy(url) as alloy:
        source = "queue.progress(1, 'asked') return kv.get('k')"
        alloy.scripts.create(
            "careful", source, triggers=[ManualTrigger()], capabilities=["durable", "kv"], status="active"
        )
    run("jobs", "add", "careful", "--id", "steps")
    run("jobs", "run", "steps")
    shown = run("jobs", "show", "steps")
    assert "100% asked" in shown and "step 2: kv.get" in shown


def test_limits_are_set_listed_and_lifted(run: Run) -> None:
    assert run("jobs", "limit", "--running", "8").splitlines()[1].split() == ["all", "8", "any"]
    run("jobs", "limit", "--script", "bad", "--per-minute", "60")
    assert len(run("jobs", "limits").splitlines()) == 3
    run("jobs", "limit")
    assert "all" not in run("jobs", "limits")
