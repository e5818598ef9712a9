"""What a runtime is to the engine and the runner, in whatever process it lives."""

from __future__ import annotations

from typing import Any, Protocol

from ..limits import Limits
from .hosttable import Broker
from .program import Program


class AnyRuntime(Protocol):
    """A Lua state, for one thread at a time: a `Runtime` or a `RemoteRuntime`, whose docstrings say more.

    Attributes:
        retired: Whether it must not be used again.
        text: Whether it is one for short runs (see `Runtime`).
    """

    retired: bool
    text: bool

    @property
    def broker(self) -> Broker:
        """What answers host calls."""

    def syntax_error(self, text: bytes) -> str | None:
        """Returns LuaJIT's message if ``text`` does not compile, else None."""

    def load(self, program: Program) -> object:
        """Loads and verifies ``program``, the first time it is called for it."""

    def run(
        self, program: Program, packed: bytes, fuel: int, seconds: float, limits: Limits, seed: int, read_only: bool,
        eager: bool,
    ) -> str | bytes:  # fmt: skip
        """Returns the packed outcome of running ``program`` on a packed input."""

    def stop(self) -> None:
        """Ends the run in progress with the code ``cancelled``, from any thread."""

    def unstop(self) -> None:
        """Takes a `stop` back that came too late."""

    def scalar(self, program: Program, limits: Limits) -> tuple[Any, Any]:
        """Returns the program's scalar and batch drivers."""

    def train(self, scalar: Any, arguments: tuple[Any, ...]) -> None:
        """Has a scalar driver compiled, with ``arguments`` as an example."""

    def train_batch(self, batch: Any, packed: bytes) -> None:
        """Has a batch driver compiled, with packed rows as an example."""

    def collect(self, limits: Limits) -> str | bytes:
        """Returns the packed outcome of the scalar run that has just answered -1."""

    def litter(self) -> int:
        """Returns how many bytes the runs so far have left behind."""

    def sweep(self) -> None:
        """Collects them; does not raise, but retires a runtime that cannot be swept."""
