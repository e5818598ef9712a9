"""``alloy-lua serve`` as a process: its first token, what it listens on, and how it stops."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alloy_lua import Alloy

from .conftest import Client


@contextlib.contextmanager
def served(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str, str | None]]:
    """Gives the process, its address and the admin token if it printed one."""
    command = [sys.executable, "-m", "alloy_lua.cli.main", "serve", "--port", "0", "--json", *flags]
    command += ["--database", f"sqlite:///{folder / 'served.db'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    token = None
    try:
        while True:
            line = process.stderr.readline()
            assert line, process.wait()
            if found := re.search(r"shown this once: (\S+)", line):
                token = found[1]
            if found := re.search(r"serving (http://[\d.:]+)/", line):
                break
        yield process, found[1], token
    finally:
        process.kill()
        process.communicate()


def test_the_first_start_tells_an_admin_token_once(tmp_path: Path) -> None:
    with served(tmp_path) as (process, url, token):
        assert token is not None
        assert Client(url, token).get("/me").json["role"] == "admin"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0 and json.loads(out) == {"stopped": True}
    with served(tmp_path) as (_, url, again):
        assert again is None and Client(url, token).get("/me").status == 200


def test_a_stop_lets_calls_under_way_finish_and_loses_no_record(tmp_path: Path) -> None:
    slow = "local t = 0 for i = 1, params.n do t = t + math.sin(i) end return 'done'"
    with served(tmp_path) as (process, url, token):
        admin = Client(url, token)
        made = admin.post("/scripts", {
            "name": "slow", "source": slow, "status": "active", "limits": "relaxed", "triggers": [{"kind": "manual"}],
        })  # fmt: skip
        assert made.status == 201
        replies: list[Any] = []
        body = {"params": {"n": 20_000_000}, "run_id": "last-one"}
        thread = threading.Thread(target=lambda: replies.append(admin.post("/scripts/slow/run", body)))
        thread.start()
        until = time.monotonic() + 5
        while not admin.get("/running").json["items"] and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        thread.join(10)
        assert replies[0].status == 200 and replies[0].json["value"] == "done"
    with served(tmp_path) as (_, url, _):
        assert Client(url, token).get("/runs/last-one").json["value"] == "done"


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with served(tmp_path) as (_, url, _):
        port = url.rpartition(":")[2]
        command = [sys.executable, "-m", "alloy_lua.cli.main", "serve", "--port", port, "--database", "memory://"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        assert f"error: config_error: cannot listen on 127.0.0.1:{port}" in done.stderr


def test_jobs_and_schedules_run_where_the_settings_say_so_and_jobs_under_way_may_finish(tmp_path: Path) -> None:
    slow = "local t = 0 for i = 1, params.n do t = t + math.sin(i) end return t"
    with served(tmp_path, "--job-slots", "2", "--schedules") as (process, url, token):
        admin = Client(url, token)
        for script in (
            {"name": "slow", "source": slow, "limits": "relaxed", "triggers": [{"kind": "manual"}]},
            {"name": "often", "source": "return 1", "triggers": [{"kind": "cron", "expression": "* * * * * *"}]},
        ):
            assert admin.post("/scripts", {**script, "status": "active"}).status == 201
        until(lambda: bool(admin.get("/jobs?kind=cron&state=succeeded").json["items"]))
        admin.post("/jobs", {"script": "slow", "params": {"n": 20_000_000}, "id": "last", "attempts": 1})
        until(lambda: admin.get("/jobs/last").json["state"] == "running")
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=40) and process.returncode == 0
    with Alloy(f"sqlite:///{tmp_path / 'served.db'}") as alloy:
        assert (alloy.jobs.get("last").state, alloy.jobs.get("last").attempt) == ("succeeded", 1)
        assert alloy.jobs.nodes() == []


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)
