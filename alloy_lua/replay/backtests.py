"""Back-tests: a revision and the live one over the same records, before it is activated."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from .. import checks
from ..access import trail
from ..access.acting import require, who
from ..access_model import AuditEntry
from ..bridges.entities import EntityBridge
from ..errors import NotFound, ValidationError
from ..job_model import Job, JobKind
from ..jobs.current import CURRENT
from ..jobs.journal import Taken
from ..jobs.payload import packed, unpacked
from ..model import DEFAULT_TENANT, Revision, RunStatus, Script
from ..outcome import Details, Outcome, Told
from ..ports import Document, Store, TapeQuery
from ..runner.runner import Runner
from .cases import Case, as_mappings, event_of, given, recorded
from .compare import compare
from .gate import BacktestRule, rule_in
from .kinds import BACKTEST, BACKTEST_RULE
from .report import Report, report_in
from .rerun import Ran, rerun_tape
from .tally import Tally, thresholds_in

if TYPE_CHECKING:
    from ..jobs.jobs import Jobs

DAYS, LIMIT = 7.0, 1_000
LONGEST_DAYS = 3660.0
MOST = 1_000_000
KEPT = 20  # reports of a script
TELL_SECONDS = 0.5

Progress = Callable[[int, "int | None"], object]
"""Takes how many records are done, and how many there are if that is known."""


class Backtests:
    """Runs back-tests and keeps their reports.

    Args:
        store: Where scripts, tapes and reports are.
        runner: Returns the runner in use.
        entities: Knows the schemas of records.
        jobs: Returns the queue, for those in the background.
    """

    def __init__(
        self, store: Store, runner: Callable[[], Runner], entities: EntityBridge, jobs: Callable[[], Jobs]
    ) -> None:
        self._store = store
        self._runner = runner
        self._entities = entities
        self._jobs = jobs

    # -- running -------------------------------------------------------------------------------------------------
    def run(
        self, script: str, records: Iterable[Any] | None = None, *, revision: int | None = None,
        baseline: int | None = None, on: str | None = None, days: float = DAYS, limit: int = LIMIT,
        progress: Progress | None = None, tenant: str = DEFAULT_TENANT,
    ) -> Report:  # fmt: skip
        """Returns the report on running a revision and the live one over the same records; it is also kept.

        Neither makes a call with effects. Over recorded runs, host calls are answered from the tapes. Over given
        records, those without effects are made by the live one, and the revision gets the same answers.

        Args:
            script: Its name or id.
            records: Their fields, models such as `fire` takes, or mappings of ``entity``, ``before``, ``params`` and
                ``user``; None for the runs on tape.
            revision: The candidate; None for the draft.
            baseline: What it is compared with; None for the live revision.
            on: The event that given records are fired on; None for the first that the script is bound to.
            days: How old the runs on tape may be.
            limit: How many of the newest runs on tape, or first of the given records.
            progress: Called now and then.
            tenant: Whose script it is.

        Raises:
            NotFound: There is no such script or revision.
            ValidationError: The script has no live revision to compare with, or a record is none.
            CompileError: A revision does not compile.
        """
        found = self._found("scripts.try", script, tenant)
        asked = self._asked(found, revision, baseline, on, days, limit)
        return self._run(uuid.uuid4().hex, found, asked, records, progress or _silent, who())

    def start(
        self, script: str, records: Iterable[Any] | None = None, *, revision: int | None = None,
        baseline: int | None = None, on: str | None = None, days: float = DAYS, limit: int = LIMIT,
        tenant: str = DEFAULT_TENANT,
    ) -> Job:  # fmt: skip
        """Returns the job that does what `run` does, on a node that takes jobs; its id is the report's.

        Raises:
            InvalidValue: The records are more than a job can be given; use `run`.
        """
        found = self._found("scripts.try", script, tenant)
        asked = self._asked(found, revision, baseline, on, days, limit)
        if records is not None:
            each = checks.items(records, "records", "a list of records")
            asked["records"] = list(as_mappings(each, found, on, self._entities))
            for _ in given(asked["records"], found, on, datetime.now(UTC)):
                pass  # what is wrong with a record is said now
        now = datetime.now(UTC)
        job = Job(
            uuid.uuid4().hex, tenant, found.id, JobKind.BACKTEST, now, now, payload=packed(params=asked), user=who()
        )  # fmt: skip
        self._jobs().add([job])
        return job

    def work(self, job: Job) -> Outcome:
        """Returns what a job came to that `start` made; its progress and its end are in the job."""
        asked = dict(unpacked(job.payload)["params"])
        records = asked.pop("records", None)
        script = self._store.get_script(job.tenant, job.script_id)
        began = monotonic()

        def tell(done: int, total: int | None) -> None:
            nonlocal began
            if monotonic() - began < TELL_SECONDS:
                return
            began = monotonic()
            if self._store.jobs.get(job.tenant, job.id).cancel:
                raise Taken
            self._store.jobs.progress(job, min(1.0, done / total) if total else 0.0, f"{done} records")

        with _no_job():  # what the script says of its own progress is not this job's
            self._run(job.id, script, asked, records, tell, job.user or "system")
        return Told(RunStatus.CONTINUE, {}, 0, None, Details())

    # -- reports -------------------------------------------------------------------------------------------------
    def get(self, id: str, *, tenant: str = DEFAULT_TENANT) -> Report:
        """Returns the report of a back-test.

        Raises:
            NotFound: There is none of that id, or it is not done.
        """
        require("scripts.read", checks.name(tenant, "tenant"))
        document = self._store.documents.get(tenant, BACKTEST, checks.name(id, "back-test"))
        if document is None:
            raise NotFound(f"back-test {id[:100]!r}: tenant {tenant!r} has none of that id", details={"backtest": id})
        return report_in(document.body)

    def list(self, script: str | None = None, *, tenant: str = DEFAULT_TENANT) -> Sequence[Report]:
        """Returns the reports kept of a script, or of all of the tenant's, newest first."""
        require("scripts.read", checks.name(tenant, "tenant"))
        own = None if script is None else self._store.get_script(tenant, checks.name(script, "script name")).id
        return [report_in(one.body) for one in self._reports(tenant, own)]

    # -- rules ---------------------------------------------------------------------------------------------------
    def require(
        self, script: str, *, tapes_only: bool = False, tenant: str = DEFAULT_TENANT, **thresholds: Any
    ) -> BacktestRule:
        """Returns the rule that a script takes no new revision whose back-test did not stay within ``thresholds``.

        Args:
            script: Its name or id.
            tapes_only: Whether only back-tests over recorded runs count.
            tenant: Whose script it is.
            thresholds: The fields of `Thresholds`.
        """
        found = self._found("scripts.activate", script, tenant)
        rule = BacktestRule(
            tenant, found.id, thresholds_in(thresholds), checks.boolean(tapes_only, "tapes_only"), who(),
            datetime.now(UTC),
        )  # fmt: skip
        body = {"thresholds": rule.thresholds.as_dict(), "tapes_only": rule.tapes_only}
        document = Document(tenant, BACKTEST_RULE, found.id, body, rule.since, rule.by)
        self._store.documents.put(document, audit=_entry("backtest.require", found, body))
        return rule

    def rule(self, script: str, *, tenant: str = DEFAULT_TENANT) -> BacktestRule | None:
        """Returns the rule of a script, None if it has none."""
        found = self._found("scripts.read", script, tenant)
        document = self._store.documents.get(tenant, BACKTEST_RULE, found.id)
        return None if document is None else rule_in(document)

    def require_none(self, script: str, *, tenant: str = DEFAULT_TENANT) -> bool:
        """Returns whether a script had a rule, which is gone now."""
        found = self._found("scripts.activate", script, tenant)
        audit = _entry("backtest.require_none", found, None)
        return self._store.documents.delete(tenant, BACKTEST_RULE, found.id, audit=audit)

    # -- inside --------------------------------------------------------------------------------------------------
    def _found(self, permission: str, script: str, tenant: str) -> Script:
        require(permission, checks.name(tenant, "tenant"))
        return self._store.get_script(tenant, checks.name(script, "script name"))

    def _asked(
        self, script: Script, revision: int | None, baseline: int | None, on: str | None, days: float, limit: int
    ) -> dict[str, Any]:
        """Returns what was asked for, checked: both texts compile."""
        against = script.live_revision if baseline is None else checks.whole_number(baseline, "baseline", 1)
        if against is None:
            raise ValidationError(f"script {script.name}: has no live revision to compare with; name a baseline")
        number = script.draft_revision if revision is None else checks.whole_number(revision, "revision", 1)
        for each in (number, against):
            self._runner().engine.compile(self._revision(script, each).source)
        event_of(script, on)
        return {
            "revision": number, "baseline": against, "on": on, "days": checks.number(days, "days", 0, LONGEST_DAYS),
            "limit": checks.whole_number(limit, "limit", 1, MOST),
        }  # fmt: skip

    def _revision(self, script: Script, number: int) -> Revision:
        return self._store.get_revision(script.tenant, script.id, number)

    def _run(
        self, id: str, script: Script, asked: Mapping[str, Any], records: Iterable[Any] | None, progress: Progress,
        by: str,
    ) -> Report:  # fmt: skip
        began = datetime.now(UTC)
        sides = [self._side(script, asked[name]) for name in ("baseline", "revision")]
        texts = [self._revision(script, asked[name]).sha256 for name in ("baseline", "revision")]
        report = Report(
            id, script.tenant, script.id, script.name, asked["revision"], texts[1], asked["baseline"], texts[0],
            "tapes" if records is None else "records", began, began, by, Tally(),
        )  # fmt: skip
        if records is None:
            query = TapeQuery(script.tenant, script.id, began - timedelta(days=asked["days"]), limit=asked["limit"])
            cases, total = recorded(self._store.tapes, query), None
        else:
            cases, total = (
                given(as_mappings(records, script, asked["on"], self._entities), script, asked["on"], began),
                len(records) if isinstance(records, Sized) else None,
            )
        for done, case in enumerate(cases, 1):
            live, candidate = _both(sides, case, records is None)
            comparison = compare(live, candidate)
            report.tally.add(comparison, live, candidate)
            report.add(case.label, comparison, [str(each) for each in candidate.divergences])
            progress(done, total)
            if done == asked["limit"]:
                break
        report = replace(report, ended=datetime.now(UTC))
        self._keep(report)
        return report

    def _side(self, script: Script, number: int) -> Callable[..., Ran]:
        """Returns what runs one revision on a case."""
        runner, that = self._runner(), replace(script, live_revision=number)
        program = runner.engine.compile(self._revision(script, number).source)
        return lambda case, **how: rerun_tape(runner, self._entities, that, program, case.taped, **how)

    def _keep(self, report: Report) -> None:
        documents = self._store.documents
        documents.put(Document(report.tenant, BACKTEST, report.id, report.as_dict(), report.ended, report.by))
        for old in self._reports(report.tenant, report.script_id)[KEPT:]:
            documents.delete(report.tenant, BACKTEST, old.name)

    def _reports(self, tenant: str, script_id: str | None) -> Sequence[Document]:
        found = self._store.documents.of_kind(BACKTEST, tenant)
        own = [one for one in found if script_id in (None, one.body["script_id"])]
        return sorted(own, key=lambda one: one.updated_at, reverse=True)


def _entry(action: str, script: Script, details: dict[str, Any] | None) -> AuditEntry:
    return trail.entry(action, tenant=script.tenant, object_id=script.id, name=script.name, details=details)


def _both(sides: Sequence[Callable[..., Ran]], case: Case, taped: bool) -> tuple[Ran, Ran]:
    """Returns what live revision and candidate come to on a case; the second gets the answers that the first got."""
    live = sides[0](case, reads=not taped)
    return live, sides[1](case, calls=None if taped else live.made, reads=not taped)


def _silent(done: int, total: int | None) -> None:
    pass


@contextmanager
def _no_job() -> Iterator[None]:
    token = CURRENT.set(None)
    try:
        yield
    finally:
        CURRENT.reset(token)
