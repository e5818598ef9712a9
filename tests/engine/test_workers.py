"""The process tier: real workers that are killed, stopped and abandoned, and what they may not do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Limits, Outcome, ValidationError
from alloy_lua.engine.engine import result_of
from alloy_lua.engine.process import frames, seccomp
from alloy_lua.engine.process.pool import WORKERS
from alloy_lua.engine.process.remote import GRACE_SECONDS
from alloy_lua.isolation import PROTECTIONS, REQUIRED

CONFINED = Path(__file__).with_name("confined.py")
PATIENCE = 3.0  # seconds that a busy machine may take for what takes milliseconds
ADD = "entity.sum = entity.a + entity.b"


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy(isolation="process") as made:
        made.scripts.create("add", ADD, on="t.before_create", status="active")
        yield made


def children() -> set[int]:
    """Returns the ids of this process's children, those that nobody has waited for included."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


def workers(alloy: Alloy) -> dict[int, bool]:
    """Returns the process id of each worker, and whether a request is under way in it."""
    return {r.process.pid: r.process.due != float("inf") for r in tuple(alloy._core.engine.pool._all)}  # type: ignore[attr-defined]


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    ends = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < ends:
        time.sleep(0.005)
    return found


def code_of(outcome: Outcome) -> str | None:
    return outcome.error.code if outcome.error else None


def sum_of(alloy: Alloy) -> Any:
    return alloy.fire("t.before_create", {"a": 1, "b": 2}).changes.get("sum")


# -- what a worker may not do ----------------------------------------------------------------------------------------
def test_every_protection_is_reported_and_the_required_ones_are_in_force(alloy: Alloy) -> None:
    found = {protection.name: protection for protection in alloy.protection()}
    assert tuple(found) == PROTECTIONS
    assert all(found[name].in_force for name in REQUIRED), found
    assert all(protection.in_force or protection.reason for protection in found.values())


def test_threads_have_no_protection_to_report() -> None:
    with Alloy() as alloy:
        assert alloy.protection() == ()


def test_the_kernel_knows_a_worker_as_confined(alloy: Alloy) -> None:
    assert sum_of(alloy) == 3
    namespaces = {p.name: p.in_force for p in alloy.protection()}["namespaces"]
    for pid in workers(alloy):
        proc = Path(f"/proc/{pid}")
        assert eventually(lambda proc=proc: {p.name for p in (proc / "fd").iterdir()} == {"0", "1"})
        assert eventually(lambda proc=proc: "Seccomp:\t2" in (proc / "status").read_text())
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert all((proc / "fd" / name).readlink().name.startswith("pipe:") for name in ("0", "1"))
        limits = (proc / "limits").read_text().splitlines()
        for name in ("Max file size", "Max core file size", "Max processes", "Max open files"):
            assert any(line.startswith(name) and line.split()[-3:-1] == ["0", "0"] for line in limits), name
        assert any(line.startswith("Max address space") and "unlimited" not in line.split()[3] for line in limits)
        if namespaces:
            assert (proc / "ns" / "net").readlink() != Path("/proc/self/ns/net").readlink()
            assert int(status["CapEff"], 16) == 0
        assert b"SECRET" not in (proc / "environ").read_bytes()


def test_a_confined_process_can_open_start_and_reach_nothing() -> None:
    done = subprocess.run([sys.executable, str(CONFINED)], capture_output=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    missing = [name for name, in_force, _ in found["protections"] if not in_force]
    assert not set(missing) & set(REQUIRED), found["protections"]
    assert {name: came for name, came in found["tries"].items() if came == "done"} == {}


REFUSE = """
import ctypes, struct, sys
sys.path[:0] = [p for p in sys.argv[2:]]
libc = ctypes.CDLL(None, use_errno=True)
unshare = {"x86_64": 272, "aarch64": 97}[__import__("platform").machine()]
lines = [(0x20, 0, 0, 0), (0x15, 0, 1, unshare), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
from alloy_lua.engine.process.seccomp import _Program
program = _Program(len(lines), ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
from alloy_lua import Alloy, AlloyError
from alloy_lua.isolation import PROTECTIONS
with Alloy(isolation="process") as alloy:
    assert alloy.evaluate("return 1").value == 1
    print([tuple(p) for p in alloy.protection() if not p.in_force])
try:
    Alloy(isolation="process", protections=PROTECTIONS)
except AlloyError as error:
    print(error.code, error.details, error)
"""


def test_a_kernel_that_refuses_is_reported_and_is_an_error_where_it_matters() -> None:
    done = subprocess.run([sys.executable, "-c", REFUSE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    reported, error = done.stdout.splitlines()
    assert reported == "[('namespaces', False, '[Errno 1] EPERM')]"
    assert error.startswith("config_error {'missing': ['namespaces']}") and "EPERM" in error


@pytest.mark.parametrize(
    "options", [{"isolation": "none"}, {"isolation": None}, {"protections": ["armour"]}, {"protections": "seccomp"}]
)
def test_wrong_options_are_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options)).removesuffix("s")):
        Alloy(**options)


def test_the_filter_knows_both_machines() -> None:
    x86, arm = seccomp.filter_code("x86_64"), seccomp.filter_code("aarch64")
    assert x86 is not None and arm is not None and len(x86) % 8 == len(arm) % 8 == 0 and x86 != arm
    assert seccomp.filter_code("riscv64") is None


# -- workers that die ------------------------------------------------------------------------------------------------
def test_a_worker_killed_while_idle_is_replaced_unnoticed(alloy: Alloy) -> None:
    for _ in range(3):
        assert sum_of(alloy) == 3
        assert alloy.evaluate("return 7").value == 7
        before = workers(alloy)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
        assert alloy.evaluate("return 7").value == 7
        assert sum_of(alloy) == 3
        assert not set(before) & set(workers(alloy))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_in_a_run_is_an_error_of_that_run_only(alloy: Alloy, number: int) -> None:
    ended: list[Outcome] = []
    endless = Limits(fuel=10**15, deadline_ms=60_000)
    run = threading.Thread(target=lambda: ended.append(alloy.evaluate("while true do end", limits=endless)))
    run.start()
    assert eventually(lambda: any(workers(alloy).values()))
    time.sleep(0.1)
    assert sum_of(alloy) == 3, "another worker does other work meanwhile"
    [os.kill(pid, number) for pid, busy in workers(alloy).items() if busy]
    run.join(PATIENCE)
    assert not run.is_alive() and code_of(ended[0]) == "worker_lost"
    assert alloy.evaluate("return 1").value == 1


def test_a_worker_that_dies_in_a_host_call_is_lost_cleanly(alloy: Alloy) -> None:
    @alloy.function("t.kill")
    def kill() -> None:
        for pid in workers(alloy):
            os.kill(pid, signal.SIGKILL)

    assert code_of(alloy.evaluate("t.kill() return 1")) == "worker_lost"
    assert alloy.evaluate("return 1").value == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda alloy: alloy.evaluate("return 1", limits=Limits(deadline_ms=50)),
        lambda alloy: alloy.fire("t.before_create", {"a": 1, "b": 2}, params={}),
        lambda alloy: alloy.run("add", entity={"a": 1, "b": 2}, dry_run=True),
    ],
    ids=["evaluate", "fire", "run"],
)
def test_a_worker_that_hangs_is_killed_soon_after_the_deadline(alloy: Alloy, use: Any) -> None:
    assert use(alloy).error is None  # the worker has loaded the script
    for pid in workers(alloy):
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    outcome = use(alloy)
    took = time.monotonic() - began
    assert took < 0.1 + GRACE_SECONDS + PATIENCE
    assert code_of(outcome) == "deadline_exceeded", outcome
    for pid, _ in list(workers(alloy).items()):
        os.kill(pid, signal.SIGCONT)
    assert alloy.evaluate("return 1").value == 1 and sum_of(alloy) == 3


def test_short_fires_and_batches_survive_a_worker_that_hangs(alloy: Alloy) -> None:
    records = [{"a": i, "b": 1} for i in range(10)]
    for call in (lambda: [alloy.fire("t.before_create", r) for r in records], lambda: alloy.fire_many("t.before_create", records)):  # fmt: skip
        call()
        stopped = list(workers(alloy))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        threading.Timer(0.3, lambda stopped=stopped: [os.kill(pid, signal.SIGKILL) for pid in stopped]).start()
        codes = [code_of(outcome) for outcome in call()]
        assert codes[1:] == [None] * 9 and codes[0] in (None, "worker_lost", "deadline_exceeded"), codes


def test_a_worker_cannot_call_the_host_more_often_than_its_script_may(alloy: Alloy) -> None:
    runtime: Any = alloy._core.engine.pool.acquire()
    program = alloy.compile("return json.encode({1})")
    packed = b"\x94\xc0\xc0\xc0\xc0"
    runtime.run(program, packed, 1000, 1.0, Limits(host_calls=1), 0, False, False)
    call = frames.frame(frames.CALL, 0, b"\x90")[frames.HEAD_BYTES :]
    with pytest.raises(frames.Gone):
        [runtime._answer(0, call) for _ in range(2)]
    with pytest.raises(frames.Gone):
        runtime._answer(10_000, call)
    alloy._core.engine.pool.release(runtime)


def test_an_answer_that_is_no_outcome_is_a_lost_worker() -> None:
    for nonsense in (b"", b"\xc1", b"\x93\x01\x02\x03", b"\x96\xa8continue\x01\x02\xc0\x00\x01", b"\xa5hello"):
        result = result_of(nonsense, Limits())
        assert result.error is not None and result.error.code == "worker_lost"


def test_a_frame_of_the_wrong_length_is_refused() -> None:
    reader, writer = os.pipe()
    try:
        for bad in (frames.HEAD.pack(2**31, 0, 0), frames.HEAD.pack(1, 0, 0), frames.HEAD.pack(5, 0, 0) + b"more"):
            os.write(writer, bad)
            with pytest.raises(frames.Gone):
                frames.receive(reader, 1000)
        os.write(writer, frames.frame(1, 2, b"x" * 500)[:7])
        threading.Timer(0.05, lambda: os.write(writer, frames.frame(1, 2, b"x" * 500)[7:])).start()
        assert frames.receive(reader, 1000) == frames.frame(1, 2, b"x" * 500)
    finally:
        os.close(reader)
        os.close(writer)
    with pytest.raises(frames.Gone):
        frames.receive(reader, 1000)


# -- nothing is left behind ------------------------------------------------------------------------------------------
def test_descriptors_and_children_do_not_grow() -> None:
    before, descriptors = children(), set(os.listdir("/proc/self/fd"))
    alloy = Alloy(isolation="process")
    alloy.scripts.create("add", ADD, on="t.before_create", status="active")
    for turn in range(200):
        assert alloy.evaluate(f"return {turn}").value == turn
        assert sum_of(alloy) == 3
        if turn % 50 == 49:
            for pid in workers(alloy):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)
    assert len(children() - before) <= WORKERS
    alloy.close()
    alloy.close()
    assert eventually(lambda: children() == before)
    assert set(os.listdir("/proc/self/fd")) == descriptors


def test_an_alloy_that_nobody_closes_leaves_no_worker(alloy: Alloy) -> None:
    code = (
        "from alloy_lua import Alloy; a = Alloy(isolation='process'); a.evaluate('return 1')\n"
        "print(*[r.process.pid for r in a._core.engine.pool._all])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in done.stdout.split()))


def test_workers_of_a_killed_platform_end() -> None:
    code = (
        "from alloy_lua import Alloy, Limits; a = Alloy(isolation='process'); import threading, time\n"
        "long = Limits(fuel=10**15, deadline_ms=1000)\n"
        "threading.Thread(target=lambda: a.evaluate('while true do end', limits=long)).start(); time.sleep(0.3)\n"
        "print(*[r.process.pid for r in a._core.engine.pool._all], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as platform:
        assert platform.stdout is not None
        pids = platform.stdout.readline().split()
        platform.kill()
    assert len(pids) >= 2
    assert eventually(lambda: not any(alive(pid) for pid in pids), 10), "a worker outlives its platform"


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_new_host_function_replaces_the_workers(alloy: Alloy) -> None:
    assert sum_of(alloy) == 3
    before = set(workers(alloy))

    @alloy.function("t.twice")
    def twice(x: int) -> int:
        return 2 * x

    assert alloy.evaluate("return t.twice(21)").value == 42
    assert not before & set(workers(alloy))
    assert eventually(lambda: not any(alive(str(pid)) for pid in before))


# -- many at once ----------------------------------------------------------------------------------------------------
def test_many_threads_share_few_workers(alloy: Alloy) -> None:
    values: list[Any] = []
    source = "local s = 0 for i = 1, 200000 do s = s + i end return s"
    threads = [
        threading.Thread(target=lambda: values.append(alloy.evaluate(source, limits="relaxed").value))
        for _ in range(3 * WORKERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert values == [200000 * 200001 // 2] * (3 * WORKERS)
    assert len(workers(alloy)) <= WORKERS + 1, "one for short runs, the others for long ones"


def test_a_run_inside_a_run_uses_the_same_worker(alloy: Alloy) -> None:
    seen: list[int] = []
    patient = Limits(deadline_ms=20_000)

    @alloy.function("t.again", capability="again")
    def again(depth: int) -> Any:
        seen.append(sum(workers(alloy).values()) + len(workers(alloy)))
        return alloy.evaluate(f"return t.again({depth - 1})" if depth > 1 else "return 'deep'", capabilities=["again"], limits=patient).value  # fmt: skip

    outcome = alloy.evaluate("return t.again(5)", capabilities=["again"], limits=patient)
    assert outcome.value == "deep", outcome
    assert len(seen) == 5 and len(set(seen)) == 1


def test_a_worker_out_of_memory_goes_on(alloy: Alloy) -> None:
    hungry = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"
    first = set(workers(alloy))
    for _ in range(5):
        outcome = alloy.evaluate(hungry, limits=Limits(fuel=10**9, deadline_ms=5000))
        assert code_of(outcome) == "memory_exceeded"
        assert alloy.evaluate("return 1").value == 1
    assert first <= set(workers(alloy)), "the state is made anew, the process stays"


def test_a_larger_memory_limit_is_kept_too(alloy: Alloy) -> None:
    source = "local t = {} for i = 1, 200 do t[i] = ('x'):rep(1000000) .. i end return #t"
    outcome = alloy.evaluate(source, limits=Limits(fuel=10**8, deadline_ms=10_000, memory_bytes=400 * 1024 * 1024))
    assert outcome.value == 200, outcome
