"""The tapes: which runs are recorded, reading them, and replaying them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

from .. import checks
from ..access import trail
from ..access.acting import require, who
from ..access_model import AuditEntry
from ..bridges.entities import EntityBridge
from ..errors import AlloyError, NotFound, StoreError
from ..forking import after_fork
from ..hostapi import Vault
from ..model import DEFAULT_TENANT, Script, Tape
from ..ports import Document, Store, TapeQuery
from ..runner.execution import Execution
from ..runner.ids import seed_of
from ..runner.runner import Runner
from ..values import jsonable
from .calls import Divergence
from .compare import differences
from .kinds import TAPING
from .rerun import rerun_tape
from .tape import Ending, TapedRun, ending_of, taped_run, text_of

EVERY_SCRIPT = "*"  # no script has this id
LONGEST_DAYS = 3660.0
MOST_KEPT = 10_000_000
MAX_PENDING = 2_000
BATCH = 100
_log = logging.getLogger("alloy_lua.replay")


class TapingRule(NamedTuple):
    """Which runs are recorded, and how long they are kept.

    Attributes:
        tenant: Whose.
        script_id: The script; None for all of the tenant's.
        share: How many of the runs, from 0 to 1.
        keep_days: How long a tape is kept.
        keep: How many tapes of a script are kept.
        by: Who asked for it.
        since: When.
    """

    tenant: str
    script_id: str | None
    share: float
    keep_days: float
    keep: int
    by: str
    since: datetime

    def takes(self, run_id: str) -> bool:
        """Returns whether the run called ``run_id`` is recorded: the same answer for each try of it."""
        return self.share >= 1 or seed_of(run_id) % 1_000_000 < self.share * 1_000_000


class Replayed(NamedTuple):
    """What a recorded run came to when it was run again.

    Attributes:
        run_id: The run.
        revision: The revision that was run now.
        recorded: What it came to then.
        replayed: What it came to now.
        differences: What stands in each name of which the two differ: then and now.
        divergences: Host calls that are not the recorded ones.
    """

    run_id: str
    revision: int
    recorded: Ending
    replayed: Ending
    differences: dict[str, tuple[Any, Any]]
    divergences: list[Divergence]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and not self.divergences

    def as_dict(self) -> dict[str, Any]:
        """Returns all of it as JSON-like data."""
        return {
            "run_id": self.run_id, "revision": self.revision, "same": self.same,
            "recorded": jsonable(self.recorded._asdict()), "replayed": jsonable(self.replayed._asdict()),
            "differences": {name: jsonable(pair) for name, pair in self.differences.items()},
            "divergences": [each._asdict() | {"message": str(each)} for each in self.divergences],
        }  # fmt: skip


class TapeDeck:
    """Records runs where that is asked for, and replays them.

    Args:
        store: Where tapes and rules are.
        runner: Returns the runner in use.
        entities: Knows the schemas of records.
        vault: Knows what has to be kept off the tapes.
        changed: Called after a rule was changed.

    Attributes:
        lost: How many runs should be on tape and are not: too large, or too many at once for the store.
    """

    def __init__(
        self, store: Store, runner: Callable[[], Runner], entities: EntityBridge, vault: Vault,
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._runner = runner
        self._entities = entities
        self._vault = vault
        self._changed = changed
        self._pending: deque[Tape] = deque()
        self._writing = Lock()
        self._kept: dict[tuple[str, str], int] = {}
        self.lost = 0
        after_fork(self._reset)

    def _reset(self) -> None:
        self._pending.clear()  # the parent writes them
        self._writing = Lock()

    # -- what is recorded ----------------------------------------------------------------------------------------
    def record(
        self, script: str | None = None, *, share: float = 1.0, keep_days: float = 7.0, keep: int = 10_000,
        tenant: str = DEFAULT_TENANT,
    ) -> TapingRule:  # fmt: skip
        """Returns the rule by which runs are recorded from now on, on every node.

        Args:
            script: Whose runs, by name or id; None for all scripts of the tenant that have no rule of their own.
            share: How many of the runs, from 0 to 1.
            keep_days: How long a tape is kept.
            keep: How many tapes of a script are kept.
            tenant: Whose script it is.
        """
        owner, found = self._which("scripts.operate", script, tenant)
        rule = TapingRule(
            owner, None if found is None else found.id, checks.number(share, "share", 0, 1),
            checks.number(keep_days, "keep_days", 0.001, LONGEST_DAYS),
            checks.whole_number(keep, "keep", 1, MOST_KEPT), who(), datetime.now(UTC),
        )  # fmt: skip
        body = {"share": rule.share, "keep_days": rule.keep_days, "keep": rule.keep}
        self._store.documents.put(
            Document(owner, TAPING, rule.script_id or EVERY_SCRIPT, body, rule.since, rule.by),
            audit=_entry("tape.record", owner, found, body),
        )
        self._changed()
        return rule

    def stop(self, script: str | None = None, *, tenant: str = DEFAULT_TENANT) -> bool:
        """Returns whether there was a rule for ``script`` to remove; what is on tape stays until it expires."""
        owner, found = self._which("scripts.operate", script, tenant)
        name, audit = EVERY_SCRIPT if found is None else found.id, _entry("tape.stop", owner, found, None)
        there = self._store.documents.delete(owner, TAPING, name, audit=audit)
        if there:
            self._changed()
        return there

    def rules(self, *, tenant: str = DEFAULT_TENANT) -> list[TapingRule]:
        """Returns the tenant's rules."""
        require("scripts.read", checks.name(tenant, "tenant"))
        return [_rule(one) for one in self._store.documents.of_kind(TAPING, tenant)]

    def lookup(self) -> dict[tuple[str, str | None], TapingRule]:
        """Returns all rules by tenant and script id."""
        found = [_rule(one) for one in self._store.documents.of_kind(TAPING)]
        return {(rule.tenant, rule.script_id): rule for rule in found}

    # -- tapes ---------------------------------------------------------------------------------------------------
    def list(
        self, script: str | None = None, *, since: datetime | None = None, until: datetime | None = None,
        before: str | None = None, limit: int = 100, tenant: str = DEFAULT_TENANT,
    ) -> Sequence[Tape]:  # fmt: skip
        """Returns tapes of a script, or of all, newest first, behind that of the run ``before``."""
        owner, found = self._which("scripts.try", script, tenant)
        query = TapeQuery(
            owner, None if found is None else found.id,
            None if since is None else checks.aware_time(since, "since"),
            None if until is None else checks.aware_time(until, "until"),
            checks.optional_name(before, "before"), checks.whole_number(limit, "limit", 1, 1000),
        )  # fmt: skip
        return self._store.tapes.matching(query)

    def get(self, run_id: str, *, tenant: str = DEFAULT_TENANT) -> TapedRun:
        """Returns what is on the tape of a run.

        Raises:
            NotFound: The run is not on tape.
        """
        require("scripts.try", checks.name(tenant, "tenant"))
        return taped_run(self._store.tapes.get(tenant, checks.name(run_id, "run_id")).body)

    def delete(self, run_id: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Removes the tape of a run.

        Raises:
            NotFound: The run is not on tape.
        """
        require("scripts.operate", checks.name(tenant, "tenant"))
        if not self._store.tapes.delete(tenant, checks.name(run_id, "run_id")):
            raise NotFound(f"tape {run_id!r}: tenant {tenant!r} has none of that run", details={"run": run_id})

    def replay(self, run_id: str, *, revision: int | None = None, tenant: str = DEFAULT_TENANT) -> Replayed:
        """Returns what a recorded run comes to now. Its host calls are answered from the tape; none is made.

        Args:
            run_id: The run.
            revision: What is run; None for the revision that ran then.
            tenant: Whose run it was.

        Raises:
            NotFound: The run is not on tape, or the script or revision is gone.
            CompileError: The revision does not compile.
        """
        require("scripts.try", checks.name(tenant, "tenant"))
        tape = self._store.tapes.get(tenant, checks.name(run_id, "run_id"))
        taped, runner = taped_run(tape.body), self._runner()
        number = taped.revision if revision is None else checks.whole_number(revision, "revision", 1)
        script = replace(self._store.get_script(tenant, tape.script_id), live_revision=number)
        program = runner.engine.compile(self._store.get_revision(tenant, script.id, number).source)
        ran = rerun_tape(runner, self._entities, script, program, taped)
        assert taped.ending is not None
        now = ending_of(ran.result)
        found = differences(_told(taped.ending), _told(now))
        return Replayed(taped.run_id, number, taped.ending, now, found, ran.divergences)

    # -- for the watches -----------------------------------------------------------------------------------------
    def keep(self, rule: TapingRule, execution: Execution, taped: TapedRun) -> None:
        """Takes a tape, to be written in the background. Never raises: a run must not fail by being recorded."""
        script = execution.script
        assert script is not None
        try:
            body = text_of(taped, lambda value: self._vault.scrub(script.tenant, value))
        except AlloyError:
            self.lost += 1
            return
        if len(self._pending) >= MAX_PENDING:
            self.lost += 1
            return
        ends = taped.now + timedelta(days=rule.keep_days)
        self._kept[script.tenant, script.id] = rule.keep
        self._pending.append(Tape(script.tenant, execution.run_id, script.id, taped.now, ends, body))

    def flush(self) -> None:
        """Writes the tapes taken so far; those that the store does not take are counted as lost."""
        with self._writing:
            while self._pending:
                batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
                try:
                    self._store.tapes.add(batch)
                except StoreError as error:
                    self.lost += len(batch)
                    _log.error("%d tapes could not be written: %s", len(batch), error)
                    return

    def prune(self) -> None:
        """Removes tapes that have expired, or are more than their rule keeps."""
        self._store.tapes.prune(datetime.now(UTC))
        for (tenant, script_id), keep in list(self._kept.items()):
            self._store.tapes.trim(tenant, script_id, keep)

    # -- inside --------------------------------------------------------------------------------------------------
    def _which(self, permission: str, script: str | None, tenant: str) -> tuple[str, Script | None]:
        require(permission, checks.name(tenant, "tenant"))
        return tenant, None if script is None else self._store.get_script(tenant, checks.name(script, "script name"))


def _entry(action: str, tenant: str, script: Script | None, details: dict[str, Any] | None) -> AuditEntry:
    object_id, name = (tenant, EVERY_SCRIPT) if script is None else (script.id, script.name)
    return trail.entry(action, tenant=tenant, object_id=object_id, name=name, details=details)


def _told(ending: Ending) -> dict[str, Any]:
    told = {str(name): jsonable(value) for name, value in ending.assigned.items()}
    named = {name: getattr(ending, name) for name in ("status", "value", "reason", "details", "error")}
    return told | {f"({name})": jsonable(value) for name, value in named.items()}


def _rule(document: Document) -> TapingRule:
    body, name = document.body, document.name
    return TapingRule(
        document.tenant, None if name == EVERY_SCRIPT else name, body["share"], body["keep_days"], body["keep"],
        document.updated_by, document.updated_at,
    )  # fmt: skip
