"""Several processes: a change made in one is seen by the others; a fork leaves both sides working."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from alloy_lua import Alloy

OTHER = """
import sys, time
from alloy_lua import Alloy
with Alloy(sys.argv[1]) as alloy:
    print("first", alloy.fire("t.before_create", {"v": 0}).changes["v"], flush=True)
    ends = time.monotonic() + 20
    while alloy.fire("t.before_create", {"v": 0}).changes["v"] == 1 and time.monotonic() < ends:
        time.sleep(0.01)
    print("second", alloy.fire("t.before_create", {"v": 0}).changes["v"], flush=True)
"""

FORKED = """
import os, sys, time, threading
from alloy_lua import Alloy, Recording
url = sys.argv[1] or None
alloy = Alloy(url, recording=Recording(mode="full"), poll_seconds=0.1, isolation=sys.argv[2])
alloy.scripts.create("s", "entity.v = (entity.v or 0) + 1", on="t.before_create", status="active")
assert alloy.fire("t.before_create", {"v": 1}).changes == {"v": 2}
busy = threading.Thread(target=lambda: [alloy.fire("t.before_create", {"v": i}) for i in range(20000)], daemon=True)
busy.start()
time.sleep(0.02)
child = os.fork()
if child == 0:
    status = 1
    try:
        assert alloy.fire("t.before_create", {"v": 5}, user="child").changes == {"v": 6}
        assert alloy.evaluate("return 1 + 1").value == 2
        assert alloy.fire("t.before_create", {"v": 5}, params={}).changes == {"v": 6}
        threads = [threading.Thread(target=alloy.fire, args=("t.before_create", {"v": 1})) for _ in range(4)]
        [t.start() for t in threads]; [t.join(10) for t in threads]
        assert not any(t.is_alive() for t in threads)
        time.sleep(1.0)
        names = {t.name for t in threading.enumerate()}
        assert any("alloy" in name for name in names), "no background thread in the child: " + str(names)
        if url:
            assert alloy.runs(limit=1000), "nothing was recorded in the child"
        alloy.close()
        status = 0
    finally:
        os._exit(status)
_, result = os.waitpid(child, 0)
busy.join()
assert alloy.fire("t.before_create", {"v": 5}).changes == {"v": 6}
alloy.close()
sys.exit(os.waitstatus_to_exitcode(result))
"""


def test_a_change_in_one_process_is_seen_by_another_within_two_seconds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with Alloy(url) as alloy:
        alloy.scripts.create("s", "entity.v = 1", on="t.before_create", status="active")
        with subprocess.Popen([sys.executable, "-c", OTHER, url], stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "first 1\n"
            alloy.scripts.update("s", "entity.v = 2")
            alloy.scripts.activate("s")
            began = time.monotonic()
            assert other.stdout.readline() == "second 2\n"
            assert time.monotonic() - began < 2


def fork(url: str, isolation: str) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, url, isolation], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_child_forked_after_use_works(isolation: str) -> None:
    fork("", isolation)


def test_a_child_forked_after_use_works_on_a_database(tmp_path: Path, isolation: str) -> None:
    fork(f"sqlite:///{tmp_path}/a.db", isolation)


def test_two_processes_record_runs_with_ids_of_their_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with Alloy(url) as alloy:
        alloy.scripts.create("s", "entity.v = 1", on="t.before_create", status="active")
        code = (
            "import sys; from alloy_lua import Alloy\n"
            "with Alloy(sys.argv[1]) as a: [a.fire('t.before_create', {'v': i}) for i in range(50)]"
        )
        workers = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
        for i in range(50):
            alloy.fire("t.before_create", {"v": i})
        assert [worker.wait(30) for worker in workers] == [0, 0]
        alloy.flush()
        assert len({run.id for run in alloy.runs(limit=1000)}) == 150
        assert alloy.scripts.health("s").runs == 150


def test_the_process_ends_although_nobody_called_close() -> None:
    code = (
        "from alloy_lua import Alloy; a = Alloy(); print(a.evaluate('return 1').value); a.fire('t.before_create', {})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
