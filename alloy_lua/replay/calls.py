"""The host calls of a run on tape: `Taping` takes them down as they are made, `Playback` answers them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..engine.hosttable import MAX_RESULT_BYTES, HostTable
from ..errors import AlloyError
from ..hostapi import HostCall, HostFunction, Journal
from ..jobs.journal import Diverged, step_name
from ..values import handle, jsonable, pack, unpack
from .tape import TapedCall, micros, moment_of

NOT_MADE = "not_made"


def reaches_out(function: HostFunction | None) -> bool:
    """Returns whether what a function answers depends on more than the run: on data, services, the platform."""
    return function is None or function.blocking or function.effect or function.capability is not None


class Taping:
    """A journal that makes each call and takes it down.

    Args:
        hosts: The functions.
        inner: The journal that the run has already, if it is durable.
    """

    def __init__(self, hosts: HostTable, inner: Journal | None) -> None:
        self._hosts = hosts
        self._inner = inner
        self.calls: list[TapedCall] = []

    def step(self, function: str, arguments: list[Any], call: HostCall, perform: Callable[[], Any]) -> Any:
        """Returns the answer to one call, taken down."""
        if not reaches_out(self._hosts.get(function)):
            return self._answer(function, arguments, call, perform)
        shown, before = jsonable(arguments), call.now
        try:
            answer = self._answer(function, arguments, call, perform)
            packed = pack(answer, limit=MAX_RESULT_BYTES, what=f"result of {function}")
        except AlloyError as error:
            self.calls.append(TapedCall(function, shown, error.code, error.message))
            raise
        now = None if call.now == before else micros(call.now)
        self.calls.append(TapedCall(function, shown, None, unpack(packed, handle), now))
        return answer

    def effects(self) -> list[dict[str, Any]]:
        """Returns the calls with effects."""
        made = ((call, self._hosts.get(call.function)) for call in self.calls)
        return [_effect(call.function, call.arguments) for call, found in made if found is not None and found.effect]

    def _answer(self, function: str, arguments: list[Any], call: HostCall, perform: Callable[[], Any]) -> Any:
        return perform() if self._inner is None else self._inner.step(function, arguments, call, perform)


class Divergence(NamedTuple):
    """A host call in which a replayed run differs from its tape.

    Attributes:
        kind: ``not_recorded``, ``other_arguments``, or ``not_made`` for one that is on tape only.
        function: What was called.
        arguments: What with, JSON-like.
    """

    kind: str
    function: str
    arguments: list[Any]

    def __str__(self) -> str:
        said = {"not_recorded": "is not on the tape", "other_arguments": "has other arguments on the tape",
                "not_made": "is on the tape and was not made"}  # fmt: skip
        shown = ", ".join(repr(one) for one in self.arguments)
        return f"{self.function}({shown[:200]}) {said[self.kind]}"


class Playback:
    """A journal that answers calls from a tape and makes none that has effects.

    A call that is not on tape is a divergence. One with effects is answered as its function's next call was, or with
    nil; any other ends the run, unless ``reads``.

    Args:
        hosts: The functions.
        calls: What is on tape.
        reads: Whether calls without effects that are not on tape are made, and count as no divergence.

    Attributes:
        made: The calls that were answered otherwise than from the tape, for the tape of another run.
        effects: The calls with effects that the run asked for.
        divergences: What differs from the tape.
    """

    def __init__(self, hosts: HostTable, calls: Iterable[TapedCall], *, reads: bool) -> None:
        self._hosts = hosts
        self._reads = reads
        self._left: dict[str, deque[TapedCall]] = {}
        for call in calls:
            self._left.setdefault(step_name(call.function, call.arguments), deque()).append(call)
        self.made: list[TapedCall] = []
        self.effects: list[dict[str, Any]] = []
        self.divergences: list[Divergence] = []

    def step(self, function: str, arguments: list[Any], call: HostCall, perform: Callable[[], Any]) -> Any:
        """Returns the answer to one call.

        Raises:
            AlloyError: The call failed when it was recorded.
            Diverged: It is not on tape.
        """
        found = self._hosts.get(function)
        if not reaches_out(found):
            return perform()
        shown = jsonable(arguments)
        effect = found is not None and found.effect
        if effect:
            self.effects.append(_effect(function, shown))
        waiting = self._left.get(step_name(function, shown))
        if waiting:
            return _replayed(waiting.popleft(), call)
        if effect:
            return self._instead(function, shown, call)
        if self._reads:
            taping = Taping(self._hosts, None)
            try:
                return taping.step(function, arguments, call, perform)
            finally:
                self.made += taping.calls
        self._differs(function, shown)
        raise Diverged(str(self.divergences[-1]))

    def unmade(self) -> list[Divergence]:
        """Returns the calls on tape that the run did not make."""
        left = [call for waiting in self._left.values() for call in waiting]
        return [Divergence(NOT_MADE, call.function, call.arguments) for call in left]

    def _instead(self, function: str, arguments: list[Any], call: HostCall) -> Any:
        """Returns what stands for the answer to a call with effects that is not on tape."""
        if not self._reads:
            self._differs(function, arguments)
        waiting = self._of(function)
        return _replayed(waiting.popleft(), call) if waiting else None

    def _differs(self, function: str, arguments: list[Any]) -> None:
        kind = "other_arguments" if self._of(function) else "not_recorded"
        self.divergences.append(Divergence(kind, function, arguments))

    def _of(self, function: str) -> deque[TapedCall] | None:
        """Returns the waiting calls on tape that hold the next one of ``function``, None if none is left."""
        return next((waiting for waiting in self._left.values() if waiting and waiting[0].function == function), None)


def _replayed(taped: TapedCall, call: HostCall) -> Any:
    if taped.now is not None:
        call.now = moment_of(taped.now)
    if taped.error is not None:
        raise AlloyError(str(taped.answer), code=taped.error)
    return taped.answer


def _effect(function: str, arguments: list[Any]) -> dict[str, Any]:
    return {"function": function, "arguments": arguments}
