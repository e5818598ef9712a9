"""Rollouts: shadows and canaries, what came of them on all nodes together, and their end when it is too much."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from .. import checks
from ..access import trail
from ..access.acting import require, who
from ..access.reviews import require_approval
from ..engine import Program
from ..errors import AlloyError, Conflict, NotFound, ScriptError, ValidationError
from ..model import DEFAULT_TENANT, Script, Status
from ..ports import Document, Quota, Store
from ..runner.health import Vitals
from ..runner.runner import Runner
from .gate import require_backtest
from .kinds import ROLLOUT
from .tally import Tally, thresholds_in
from .trial import COUNTERS, MOST_EXAMPLES, Mode, Rollout, State, Trial, rollout_in, tally_of

NOBODY = ""  # no tenant has this name: its key-value space holds what all nodes count together
KEPT_DAYS = 90
MAX_REASON = 500
NO_QUOTA = Quota(10**9, 10**15)
_log = logging.getLogger("alloy_lua.replay")


class Standing(NamedTuple):
    """A rollout and what has come of it.

    Attributes:
        rollout: The rollout.
        tally: What all nodes have counted.
        examples: Some of the runs that differ: kind, record and fields, live and candidate.
    """

    rollout: Rollout
    tally: Tally
    examples: list[dict[str, Any]]


class Rollouts:
    """Begins and ends rollouts; at most one of a script at a time.

    Args:
        store: Where they are, and where nodes count together.
        runner: Returns the runner in use.
        changed: Called after each change, to take it up here at once.
        vitals: Returns the counters and breaker of a script.
    """

    def __init__(
        self, store: Store, runner: Callable[[], Runner], changed: Callable[[], None],
        vitals: Callable[[Script], Vitals],
    ) -> None:  # fmt: skip
        self._store = store
        self._runner = runner
        self._changed = changed
        self._vitals = vitals
        self._trials: dict[str, Trial] = {}
        self._ended: list[Trial] = []

    # -- for people ----------------------------------------------------------------------------------------------
    def shadow(
        self, script: str, revision: int | None = None, *, percent: float = 100.0,
        users: Iterable[str] | None = None, tenant: str = DEFAULT_TENANT, **thresholds: Any,
    ) -> Rollout:  # fmt: skip
        """Returns the rollout that runs a revision beside the live one from now on, with its effects discarded.

        Args:
            script: Its name or id; it is active.
            revision: The candidate; None for the draft.
            percent: For how many records, from 0 to 100.
            users: For whose runs; None for everybody's.
            tenant: Whose script it is.
            thresholds: What ends it: the fields of `Thresholds`. By default nothing does.

        Raises:
            Conflict: Another rollout of the script goes on.
            CompileError: The revision does not compile.
        """
        found = self._found("scripts.operate", script, tenant)
        return self._begin(Mode.SHADOW, found, revision, percent, users, {"newly_failing": None, **thresholds})

    def canary(
        self, script: str, revision: int | None = None, *, percent: float | None = None,
        users: Iterable[str] | None = None, tenant: str = DEFAULT_TENANT, **thresholds: Any,
    ) -> Rollout:  # fmt: skip
        """Returns the rollout that runs a revision in place of the live one for some records or users.

        The live revision runs beside it, with its effects discarded, so that both can be compared. When a threshold
        is passed, the rollout ends by itself on all nodes.

        Args:
            script: Its name or id; it is active.
            revision: The candidate; None for the draft.
            percent: For how many records, from 0 to 100; None for all of ``users``.
            users: For whose runs; None for everybody's.
            tenant: Whose script it is.
            thresholds: What ends it: the fields of `Thresholds`. By default one new failure does.

        Raises:
            Conflict, CompileError: As for `shadow`.
            ReviewRequired, BacktestRequired: The revision may not be activated.
        """
        found = self._found("scripts.activate", script, tenant)
        if percent is None and users is None:
            raise ValidationError("canary: got neither percent nor users, wanted one of them, or both")
        text = self._store.get_revision(tenant, found.id, revision or found.draft_revision)
        require_approval(self._store, found, text)
        require_backtest(self._store, found, text, tenant)
        return self._begin(Mode.CANARY, found, revision, 100.0 if percent is None else percent, users, thresholds)

    def get(self, script: str, *, tenant: str = DEFAULT_TENANT) -> Standing:
        """Returns the newest rollout of a script, and what has come of it on all nodes.

        Raises:
            NotFound: It has had none.
        """
        found = self._found("scripts.read", script, tenant)
        rollout = self._stored(found)
        if rollout is None:
            raise NotFound(f"script {found.name}: has had no rollout", details={"script": found.name})
        self.flush()
        rollout = self._stored(found) or rollout
        now = datetime.now(UTC)
        counted = {name: self._store.kv.get(NOBODY, _key(rollout, name), now) or 0 for name in COUNTERS}
        slots = (self._store.kv.get(NOBODY, _key(rollout, f"example {n}"), now) for n in range(MOST_EXAMPLES))
        return Standing(rollout, tally_of(counted), [one for one in slots if one is not None])

    def stop(self, script: str, reason: str = "stopped", *, tenant: str = DEFAULT_TENANT) -> Rollout:
        """Returns the rollout, ended; activate the candidate to keep it.

        Raises:
            NotFound: None of the script goes on.
        """
        found = self._found("scripts.operate", script, tenant)
        why = checks.text(reason, "reason", MAX_REASON)
        rollout = self._stored(found)
        if rollout is None or rollout.state is not State.RUNNING:
            raise NotFound(f"script {found.name}: no rollout goes on", details={"script": found.name})
        return self._put(found, rollout._replace(state=State.STOPPED, reason=why), "rollout.stop")

    # -- for the runner ------------------------------------------------------------------------------------------
    def trials(self, compiled: Callable[[str], Program]) -> dict[str, Trial]:
        """Returns what is on trial, by script; what was on trial before goes on with its counts.

        Args:
            compiled: Returns the program of a source.
        """
        found = {}
        for document in self._store.documents.of_kind(ROLLOUT):
            rollout = rollout_in(document)
            if rollout.state is State.RUNNING:
                trial = self._trials.get(rollout.script_id)
                if trial is None or trial.rollout != rollout:
                    trial = self._trial(rollout, compiled)
                if trial is not None:
                    found[rollout.script_id] = trial
        self._ended += [trial for trial in self._trials.values() if trial not in found.values()]
        self._trials = found
        return found

    def flush(self) -> None:
        """Adds what was counted here to what all nodes have counted, and ends the rollouts that went too far."""
        ended, self._ended = self._ended, []
        for trial in ended:
            self._count(trial)
        for trial in list(self._trials.values()):
            totals = self._count(trial)
            problems = trial.rollout.thresholds.passed_by(totals) if totals is not None and not trial.over else []
            if problems:
                trial.over = True  # here at once, on other nodes when they see the document
                Context().run(self._roll_back, trial.rollout, "; ".join(problems))  # nobody's act, whoever looks on

    # -- inside --------------------------------------------------------------------------------------------------
    def _found(self, permission: str, script: str, tenant: str) -> Script:
        require(permission, checks.name(tenant, "tenant"))
        return self._store.get_script(tenant, checks.name(script, "script name"))

    def _stored(self, script: Script) -> Rollout | None:
        document = self._store.documents.get(script.tenant, ROLLOUT, script.id)
        return None if document is None else rollout_in(document)

    def _begin(
        self, mode: Mode, script: Script, revision: int | None, percent: float, users: Iterable[str] | None,
        thresholds: dict[str, Any],
    ) -> Rollout:  # fmt: skip
        number = script.draft_revision if revision is None else checks.whole_number(revision, "revision", 1)
        if script.status is not Status.ACTIVE or script.live_revision in (None, number):
            raise ValidationError(
                f"script {script.name}: is {script.status} with revision {script.live_revision} live, "
                f"wanted an active one with another revision than {number} live"
            )
        before = self._stored(script)
        if before is not None and before.state is State.RUNNING and before.live == script.live_revision:
            raise Conflict(
                f"script {script.name}: a {before.mode} of revision {before.revision} goes on; stop it first",
                details={"script": script.name, "revision": before.revision, "updated_by": before.by},
            )
        self._runner().engine.compile(self._store.get_revision(script.tenant, script.id, number).source)
        rollout = Rollout(
            uuid.uuid4().hex, script.tenant, script.id, mode, script.live_revision or 0, number,
            checks.number(percent, "percent", 0, 100),
            None if users is None else tuple(sorted(checks.names(users, "users"))), thresholds_in(thresholds),
            State.RUNNING, None, who(), datetime.now(UTC),
        )  # fmt: skip
        return self._put(script, rollout, f"rollout.{mode}")

    def _put(self, script: Script, rollout: Rollout, action: str) -> Rollout:
        stamped = rollout._replace(by=who(), at=datetime.now(UTC))
        body = stamped.body()
        details = {name: body[name] for name in ("mode", "revision", "percent", "users", "state")}
        audit = trail.entry(
            action, tenant=script.tenant, object_id=script.id, name=script.name, reason=stamped.reason, details=details
        )
        document = Document(script.tenant, ROLLOUT, script.id, body, stamped.at, stamped.by)
        self._store.documents.put(document, audit=audit)
        self._changed()
        return stamped

    def _trial(self, rollout: Rollout, compiled: Callable[[str], Program]) -> Trial | None:
        """Returns what runs a rollout in this process; None if one of its texts is gone or does not compile here."""
        try:
            candidate, live = (
                compiled(self._store.get_revision(rollout.tenant, rollout.script_id, number).source)
                for number in (rollout.revision, rollout.live)
            )
        except AlloyError as error:
            _log.warning("the rollout of script %s rests: %s", rollout.script_id, error)
            return None
        return Trial(rollout, candidate, live)

    def _count(self, trial: Trial) -> Tally | None:
        """Returns the numbers of all nodes, with those of this one added; None if there was nothing to add."""
        fresh, examples = trial.take()
        if not fresh:
            return None
        now, rollout = datetime.now(UTC), trial.rollout
        ends, kv = now + timedelta(days=KEPT_DAYS), self._store.kv
        totals: dict[str, Any] = {
            name: kv.incr(NOBODY, _key(rollout, name), fresh[name], ends, NO_QUOTA, now)
            if name in fresh else kv.get(NOBODY, _key(rollout, name), now) or 0
            for name in COUNTERS
        }  # fmt: skip
        for one in examples:
            number = kv.incr(NOBODY, _key(rollout, "examples"), 1, ends, NO_QUOTA, now)
            if number <= MOST_EXAMPLES:
                kv.set(NOBODY, _key(rollout, f"example {int(number) - 1}"), one, ends, NO_QUOTA, now)
        return tally_of(totals)

    def _roll_back(self, rollout: Rollout, why: str) -> None:
        now = datetime.now(UTC)
        ends = now + timedelta(days=KEPT_DAYS)
        if self._store.kv.incr(NOBODY, _key(rollout, "rolled back"), 1, ends, NO_QUOTA, now) > 1:
            return  # another node was first
        try:
            script = self._store.get_script(rollout.tenant, rollout.script_id)
        except NotFound:
            return
        _log.warning("revision %d of script %s is rolled back: %s", rollout.revision, script.name, why)
        vitals = self._vitals(script)
        vitals.last_error = ScriptError(f"revision {rollout.revision} was rolled back: {why}", code="rolled_back")
        vitals.last_error_at = now
        if rollout.mode is Mode.CANARY:
            vitals.reset()  # it was the candidate that failed
        self._store.add_health([vitals.state_alone()])
        self._put(script, rollout._replace(state=State.ROLLED_BACK, reason=why), "rollout.roll_back")


def _key(rollout: Rollout, name: str) -> str:
    return f"rollout {rollout.id} {name}"
