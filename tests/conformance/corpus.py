"""Real Lua files: each that LuaJIT compiles must compile metered, unless it is refused for a listed reason."""

from __future__ import annotations

import time
from collections import Counter

from alloy_lua import CompileError
from alloy_lua.engine import program

from . import fetch, packages
from .refusals import reason_of
from .twin import Twin

NOT_TEXT = "not UTF-8: scripts are text"


class Corpus:
    """What came of compiling all files of all packages; every different text counts once."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.faults: list[str] = []
        self.size = 0
        self.long = self.long_compiled = 0
        self._twin = Twin("off")

    def run(self) -> None:
        """Compiles everything. Raises `fetch.FetchError` if a package cannot be had."""
        began = time.monotonic()
        for package in packages.CORPUS:
            for path, data in fetch.lua_files(package):
                if data not in self.seen:
                    self.seen.add(data)
                    self._file(f"{package.name}: {path}", data)
        self._twin.close()
        self.seconds = time.monotonic() - began

    def _file(self, name: str, data: bytes) -> None:
        self.size += len(data)
        try:
            source = data.decode()
        except UnicodeDecodeError:
            self._refused(NOT_TEXT)
            return
        fine = self._twin.plain_error(source) is None
        try:
            self._twin.compile(source)
        except CompileError as error:
            if not fine:
                self.counts["compile in neither"] += 1
                return
            reason = reason_of(error.message)
            if reason is None:
                self.faults.append(f"{name}: refused: {error.message}")
                return
            self._refused(reason)
            if len(data) > program.MAX_SOURCE_BYTES:
                self._without_limit(name, source)
            return
        self.counts["compile plain and metered"] += 1
        if not fine:
            self.faults.append(f"{name}: compiles here, but not in LuaJIT")

    def _refused(self, reason: str) -> None:
        self.counts["refused for a listed reason"] += 1
        self.reasons[reason] += 1

    def _without_limit(self, name: str, source: str) -> None:
        """Long files show whether the metering holds beyond the limit on length, too."""
        self.long += 1
        limit, program.MAX_SOURCE_BYTES = program.MAX_SOURCE_BYTES, 1 << 30
        try:
            self._twin.compile(source)
            self.long_compiled += 1
        except CompileError as error:
            if reason_of(error.message) is None:
                self.faults.append(f"{name}: refused beyond the limit on length: {error.message}")
            else:
                self.reasons[f"(long, too) {reason_of(error.message)}"] += 1
        finally:
            program.MAX_SOURCE_BYTES = limit

    def report(self) -> str:
        """Returns the counts, the pass rate, the reasons and the faults, a line each."""
        good, refused = self.counts["compile plain and metered"], self.counts["refused for a listed reason"]
        total = good + refused + len(self.faults)
        lines = [
            f"corpus: {len(packages.CORPUS)} packages, {len(self.seen)} different files, {self.size / 1e6:.1f} MB, {self.seconds:.0f} s",
            *(f"  {number} {what}" for what, number in self.counts.most_common()),
            f"  pass rate: {good} of {total} that LuaJIT compiles, {good / max(1, total):.2%}; {len(self.faults)} faults",
            *(f"  {number} refused: {reason}" for reason, number in self.reasons.most_common()),
            f"  {self.long_compiled} of the {self.long} too long ones compile metered without the limit on length",
        ]
        return "\n".join([*lines, *self.faults])
