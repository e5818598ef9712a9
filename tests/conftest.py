"""What all tests share: an `Alloy` in memory, and the chunks of the guest tests in ``tests/lua``.

A file of guest tests is a list of scripts divided by lines of three dashes. The first line of a chunk is a comment
that says what it shows. Further directives, each a comment at the start of a line:

- ``-- limits: fuel=1000 deadline_ms=50``: its limits instead of the defaults;
- ``-- entity: {"total": 5}``, ``-- before: …``, ``-- params: …``: what it is given, as JSON;
- ``-- phase: after_update``: fired as that hook of ``thing`` instead of evaluated;
- ``-- fuel: 12``: what it costs, exactly.

What goes wrong is written on the line it comes from: ``-- error: <part of the message>``, ``-- failed: <code>`` (or
``code|code``), ``-- rejected: <reason>``; ``-- ends: <code or status>|…`` where several ends are fine. A chunk without
such a mark must run to its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Limits, Outcome
from alloy_lua.isolation import Isolation

LUA = Path(__file__).parent / "lua"
_DIRECTIVE = re.compile(r"-- (limits|entity|before|params|phase|fuel): (.*)")
_EXPECTED = re.compile(r"-- (error|failed|rejected|ends): (.*)$")


@dataclass(frozen=True)
class Expected:
    """How a chunk ends: ``error`` with a message, ``failed`` with a code, ``rejected`` with a reason, or ``ends``."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Chunk:
    """One guest test; ``source`` is padded so that its line numbers are those of the file."""

    name: str
    source: str
    expected: Expected | None
    given: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def limits(self) -> Limits:
        """Returns the limits it names; time enough on a busy machine, unless it may end by its deadline."""
        pairs = (pair.split("=") for pair in self.given.get("limits", "").split())
        timed = self.expected is not None and "deadline_exceeded" in self.expected.text
        return Limits(**{"deadline_ms": 100 if timed else 3000, **{name: int(value) for name, value in pairs}})

    def data(self, name: str) -> Any:
        return json.loads(self.given[name]) if name in self.given else None


@dataclass(frozen=True)
class End:
    """What became of a chunk; ``message`` is the error's or the rejection's."""

    status: str
    fuel: int
    code: str | None = None
    message: str | None = None
    line: int | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> End:
        error = outcome.error
        if error is None:
            return cls(outcome.status.value, outcome.fuel, message=outcome.reason)
        return cls(outcome.status.value, outcome.fuel, error.code, error.message, error.line)


def chunks_of(path: Path) -> Iterator[Chunk]:
    lines = path.read_text().splitlines()
    start = 0
    for end in [*(i for i, line in enumerate(lines) if line == "---"), len(lines)]:
        body = lines[start:end]
        expected, given = None, {}
        for number, line in enumerate(body, start + 1):
            if mark := _EXPECTED.search(line):
                expected = Expected(mark[1], mark[2].strip(), number)
            if directive := _DIRECTIVE.match(line):
                given[directive[1]] = directive[2]
        title = body[0].removeprefix("-- ").rstrip(".")
        yield Chunk(f"{path.stem}: {title}", "\n" * start + "\n".join(body), expected, given)
        start = end + 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test that takes a ``chunk`` those of the files that its module names in ``CHUNKS``."""
    if "chunk" in metafunc.fixturenames:
        paths = sorted(path for pattern in metafunc.module.CHUNKS for path in LUA.glob(pattern))
        metafunc.parametrize("chunk", [chunk for path in paths for chunk in chunks_of(path)], ids=str)


def check_end(chunk: Chunk, ended: End) -> None:
    """Asserts that a chunk ended as its marks say."""
    expected = chunk.expected
    if expected is None:
        assert ended.status == "continue", ended
    elif expected.kind == "rejected":
        assert (ended.status, ended.message) == ("rejected", expected.text), ended
    elif expected.kind == "ends":
        assert (ended.code or ended.status) in expected.text.split("|"), ended
    else:
        assert ended.status == "failed", ended
        if expected.kind == "failed":
            assert ended.code in expected.text.split("|"), ended
        else:
            assert expected.text in (ended.message or ""), ended
            assert ended.line == expected.line, ended
    if "fuel" in chunk.given:
        assert ended.fuel == int(chunk.given["fuel"]), ended


@pytest.fixture(scope="session")
def judge() -> Callable[[Chunk, Outcome | dict[str, Any]], None]:
    """Compares how a chunk ended, an outcome or the fields of an `End`, with its marks."""

    def compare(chunk: Chunk, ended: Outcome | dict[str, Any]) -> None:
        check_end(chunk, End(**ended) if isinstance(ended, dict) else End.of(ended))

    return compare


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    """Where scripts run; the folders whose tests run on both tiers have a fixture of their own."""
    return "thread"


@pytest.fixture(scope="session")
def shared(isolation: Isolation) -> Iterator[Alloy]:
    """An Alloy for tests that only evaluate: no test may leave anything behind in it."""
    with Alloy(isolation=isolation) as made:
        yield made


@pytest.fixture
def alloy(isolation: Isolation) -> Iterator[Alloy]:
    with Alloy(isolation=isolation) as made:
        yield made
