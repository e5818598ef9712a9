"""What may go with the runs of a script: a recording of them, another revision beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..engine import RunResult
from ..outcome import ScriptRun
from .context import Ambient
from .view import View

if TYPE_CHECKING:
    from .execution import Execution
    from .runner import Runner


class Watch(Protocol):
    """Stands around the runs of one script. Such a script has no short way."""

    def perform(
        self, runner: Runner, execution: Execution, ambient: Ambient, view: View | None,
        before: Mapping[str, Any] | None, params: Mapping[str, Any] | None,
    ) -> tuple[RunResult, ScriptRun]:  # fmt: skip
        """Returns what `Runner.perform_unwatched` returns, which it calls."""


Watches = Mapping[str, Watch]
"""The watches by the ids of their scripts; most platforms have none."""
