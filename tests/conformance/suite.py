"""The test suite of PUC Lua 5.1, plain and metered: every assertion must come to the same.

Each file runs in a process of its own, with all of LuaJIT's libraries; what it loads itself is metered, too.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lupa.luajit21 import LuaRuntime

from alloy_lua.engine.runtime import LONGEST_PATH

from . import fetch, packages, sandboxed
from .mutation import metered
from .twin import ENGINE, LOAD_METER, first_difference

SECONDS = 240
FOLDER = fetch.FOLDER / "lua-5.1-tests"
ROOT = Path(__file__).parents[2]
EXCLUDED = {
    "all.lua": "runs the other files, each of which is run here by itself",
    "main.lua": "tests the options of the stand-alone interpreter, by starting it",
    "db.lua": "tests line hooks, which see a check as one more visit of its line; the sandbox has no debug library",
}
# What is not compared line by line, since LuaJIT itself does not repeat it: it seeds its string hash anew each time.
UNORDERED = {
    "attrib.lua": "prints in the order of `pairs`",
    "nextvar.lua": "makes as many assertions as `pairs` and removals happen to leave",
}
# What is changed in this copy of the suite: (text, what stands for it).
MENDED = {
    "pm.lua": [(b"do; table.insert(ret, k); end", b"do table.insert(ret, k) end")],  # LuaJIT does not compile it
    # LuaJIT has no `arg` in a vararg function, which Lua 5.1 has for compatibility
    "vararg.lua": [
        (b"function f(a, ...)", b"function f(a, ...) local arg = {n = select('#', ...), ...}"),
        (b"function vararg (...)", b"function vararg (...) local arg = {n = select('#', ...), ...}"),
        (b"function t:f (...)", b"function t:f (...) local arg = {n = select('#', ...), ...}"),
    ],
    # how far the collector comes in a step depends on what is in memory; LuaJIT gives both
    "gc.lua": [(b"assert(gcinfo() < x)", b""), (b"assert(dosteps(", b"tostring(dosteps(")],
    # LuaJIT's tostring returns what a metamethod returns; the sandbox's wants a string
    "events.lua": [(b"assert(tostring(a) == nil)", b"")],
    # whether a traceback fits on a full stack depends on the size of frames; LuaJIT gives both
    "errors.lua": [
        (b"while stack[i] ~= l1 do", b"while false do"),
        (b"assert(i > 15)", b""),
        (b"local msg = doit(prog)", b"local msg = tostring(doit(prog))"),  # LuaJIT compiles one of the texts
        (b'(string.find(m, "^.-:%d+: stack overflow"))', b"type(m)"),
    ],
}


def files() -> list[Path]:
    """Returns the suite's files, unpacked. Raises `fetch.FetchError` if they cannot be had."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "libs" / "P1").mkdir(parents=True)
    for path, data in fetch.lua_files(packages.SUITE):
        if "/_lua5.1-tests/" in path:
            name = Path(path).name
            for text, other in MENDED.get(name, ()):
                data = data.replace(text, other)
            (FOLDER / name).write_bytes(data)
    return sorted(path for path in FOLDER.glob("*.lua"))


def run_here(name: str, *, plain: bool) -> str:
    """Returns the report of one file, run in this process, in the folder it expects."""
    lua: Any = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
    load = lua.eval("function(text, name, ...) return assert(loadstring(text, name))(...) end")
    meter = lua.eval(LOAD_METER)((ENGINE / "meter.lua").read_bytes())
    verify = load((ENGINE / "verify.lua").read_bytes(), "=verify")
    # the file may change what is global
    error_of, make = lua.execute(
        "local load, assert, select = loadstring, assert, select "
        "return function(text) return (select(2, load(text))) end, function(text) return assert(load(text, '=script'))() end"
    )

    def meter_text(source: str) -> tuple[bytes, str, str, str] | None:
        data = source.encode("latin-1")
        if data.startswith(b"\x1b") or error_of(b"--" + data if data.startswith(b"#") else data) is not None:
            return None  # bytecode, or LuaJIT's own message
        for calm in (True, False):
            text, names = metered(data, calm=calm)
            if error_of(text) is not None:
                return None
            why = verify(make(text), *names, LONGEST_PATH, calm)
            if not (why[0] if isinstance(why, tuple) else why):
                return text, *names
        raise AssertionError(f"the verifier rejects {source[:60]!r}: {why}")

    runner = Path(__file__).with_name("suite.lua").read_bytes()
    report: str = load(runner, "=suite", name, meter, None if plain else meter_text)
    return report


class Suite:
    """What came of all files."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.lines: list[str] = []
        self.sandboxed: list[str] = []
        self.assertions = 0

    def run(self) -> None:
        """Runs every file plain and metered."""
        began = time.monotonic()
        for path in files():
            if path.name in EXCLUDED:
                self.lines.append(f"  {path.name}: excluded: {EXCLUDED[path.name]}")
                continue
            plain, got = (self._report(path, way) for way in ("plain", "metered"))
            self._judge(path.name, plain, got)
            self._sandbox(path)
        self.seconds = time.monotonic() - began

    def _report(self, path: Path, way: str) -> str:
        code = f"from tests.conformance.suite import run_here; print(run_here({path.name!r}, plain={way == 'plain'}))"
        try:
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=path.parent, env={"PYTHONPATH": str(ROOT)},
                capture_output=True, timeout=SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"still running after {SECONDS} s"
        output = done.stdout.decode("utf-8", "replace")
        return (
            output
            if done.returncode == 0
            else f"{output}died with code {done.returncode}: {done.stderr.decode()[-300:]}"
        )

    def _sandbox(self, path: Path) -> None:
        line, fine = sandboxed.compare(path)
        (self.sandboxed if fine else self.faults).append(f"  {path.name}: {line}")

    def _judge(self, name: str, plain: str, got: str) -> None:
        passed = plain.rpartition("assertions passed\t")[2].strip()
        failed = plain.count("failed\t")
        self.assertions += int(passed) if passed.isdigit() else 0
        if name in UNORDERED:
            plain, got = (_unordered(report) for report in (plain, got))
        ended = plain.rpartition("ended\t")[2].partition("\n")[0].replace("\t", " ")
        said = f"{passed} assertions pass, {failed} fail in LuaJIT itself; ends {ended[:90]}"
        if plain == got:
            self.lines.append(f"  {name}: same: {said}")
        else:
            self.faults.append(f"  {name}: differs: {first_difference(plain, got)}")

    def report(self) -> str:
        """Returns a line for each file."""
        head = f"suite: {self.assertions} assertions of PUC Lua 5.1's tests; {len(self.faults)} files differ; {self.seconds:.0f} s"
        return "\n".join([head, *self.lines, "suite in the sandbox:", *self.sandboxed, *self.faults])


def _unordered(report: str) -> str:
    kept = ("failed\t", "ended\t", "globals\t")
    return "\n".join(sorted(line for line in report.split("\n") if line.startswith(kept)))
