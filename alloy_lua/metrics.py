"""Numbers for Prometheus, read when they are asked for: firing a hook updates nothing that it did not update before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .errors import AlloyError, ConfigError
from .forking import after_fork
from .model import Run
from .runner.health import Vitals

if TYPE_CHECKING:
    from .services import Services

MAX_SCRIPTS = 500  # scripts with series of their own, in the order they first ran; the others share one
OTHERS = ("(others)", "(others)")
BUCKETS = (1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]
Gauge = Callable[[], "float | dict[Labels, float]"]


class Metrics:
    """What one process did and holds, as a Prometheus registry and as text.

    Labels are bounded: scripts beyond `MAX_SCRIPTS` are counted together, and nothing else that a tenant names is a
    label. Durations are those of recorded runs (a sample, where the recording is one), from the first use of this
    object on.

    Raises:
        ConfigError: The extra ``metrics`` is not installed.
    """

    content_type = CONTENT_TYPE

    def __init__(self, alloy: Services) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ModuleNotFoundError:
            raise ConfigError("metrics need the extra: pip install 'alloy-lua[metrics]'") from None
        self._alloy = alloy
        self._highest: dict[tuple[str, Labels], float] = {}
        self._durations: dict[Labels, list[float]] = {}
        self._gauges: dict[str, tuple[str, tuple[str, ...], Gauge]] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        alloy._recorder.observers.append(self.observe)
        after_fork(self._reset)

    def text(self) -> bytes:
        """Returns all metrics in the text format that Prometheus reads, of the type `content_type`."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)

    def gauge(self, name: str, help: str, read: Gauge, labels: tuple[str, ...] = ()) -> None:
        """Adds a gauge that ``read`` tells the value of, by labels if it has any; for queues of other rooms."""
        self._gauges[name] = (help, labels, read)

    def observe(self, runs: Iterable[Run]) -> None:
        """Takes the durations of recorded runs; called by the recorder's background thread."""
        for run in runs:
            counts = self._durations.setdefault((run.phase, run.status.value), [0.0] * (len(BUCKETS) + 2))
            seconds = run.duration_us / 1e6
            place = next((i for i, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
            counts[place] += 1
            counts[-1] += seconds

    def _reset(self) -> None:
        self._highest, self._durations = {}, {}

    # -- what prometheus_client asks ---------------------------------------------------------------------------------
    def describe(self) -> list[Any]:
        """Returns nothing: asking for names must not read anything."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yields the metric families as they are now."""
        alloy = self._alloy
        recorder, board = alloy._recorder, alloy._board
        yield from self._scripts(list(board.all()))
        fires = max(0, board.runs() - recorder.tally.runs) + recorder.tally.fires
        yield self._counter("alloy_fires", "Events fired on which a script is bound.", {(): fires})
        yield self._counter("alloy_runs_recorded", "Runs put on record.", {(): recorder.kept})
        yield self._counter("alloy_runs_dropped", "Runs that should be on record and are not.", {(): recorder.dropped})
        yield self._histogram()
        yield _gauge("alloy_recorder_queue", "Runs waiting to be recorded.", {(): recorder.pending})
        yield _gauge("alloy_runs_under_way", "Runs under way that take the general way.", {(): len(alloy.running())})
        core = alloy._core_made
        if core is not None:
            pool = core.engine.pool
            yield self._counter("alloy_runtimes_made", "Lua states made.", {(): pool.made})
            yield _gauge("alloy_runtimes_idle", "Lua states waiting for a run.", {(): pool.idle})
        client = alloy._made.get("http_client")
        yield _gauge("alloy_http_requests_under_way", "Outgoing requests.", {(): client.in_flight if client else 0})
        yield from self._jobs()
        for name, (help, labels, read) in list(self._gauges.items()):
            found = read()
            yield _gauge(name, help, found if isinstance(found, dict) else {(): found}, labels)

    def _scripts(self, all_vitals: list[Vitals]) -> Iterator[Any]:
        runs: dict[Labels, float] = {}
        fuel: dict[Labels, float] = {}
        skipped: dict[Labels, float] = {}
        open_breakers = 0
        for place, vitals in enumerate(all_vitals):
            who = (vitals.tenant, vitals.name) if place < MAX_SCRIPTS else OTHERS
            seen = vitals.seen()
            plain = seen.runs - seen.changed - seen.rejected - seen.failed
            for outcome, count in (
                ("unchanged", max(0, plain)), ("changed", seen.changed), ("rejected", seen.rejected),
                ("failed", seen.failed),
            ):  # fmt: skip
                runs[*who, outcome] = runs.get((*who, outcome), 0) + count
            fuel[who] = fuel.get(who, 0) + seen.fuel
            skipped[who] = skipped.get(who, 0) + seen.skipped
            open_breakers += not vitals.closed
        names = ("tenant", "script")
        yield self._counter("alloy_runs", "Runs of stored scripts by outcome.", runs, (*names, "outcome"))
        yield self._counter("alloy_fuel", "Fuel used by stored scripts.", fuel, names)
        yield self._counter("alloy_runs_skipped", "Runs held back by a breaker or by safe mode.", skipped, names)
        yield _gauge("alloy_breakers_open", "Scripts that are held back.", {(): open_breakers})

    def _jobs(self) -> Iterator[Any]:
        """Yields what is known of jobs: of the store's, if it can be reached, and of this process's tries."""
        made = vars(self._alloy).get("jobs")
        if made is not None:
            ended = {(outcome,): count for outcome, count in made.tally.ended.items()}
            yield self._counter("alloy_job_tries", "Tries of jobs that began here.", {(): made.tally.started})
            yield self._counter("alloy_job_tries_ended", "Tries of jobs that ended here.", ended, ("outcome",))
        try:
            counts, first_due = self._alloy.store.jobs.backlog()
        except AlloyError:  # the rest of the numbers is worth having
            return
        late = 0.0 if first_due is None else max(0.0, (datetime.now(UTC) - first_due).total_seconds())
        depth = {(state.value,): float(count) for state, count in counts.items()}
        yield _gauge("alloy_jobs", "Jobs in the store, of all tenants.", depth, ("state",))
        yield _gauge("alloy_jobs_oldest_seconds", "For how long the first job that is due has waited.", {(): late})

    def _counter(self, name: str, help: str, values: dict[Any, float], labels: tuple[str, ...] = ()) -> Any:
        """Returns a counter; one that was read while its parts moved must not seem to run backwards."""
        from prometheus_client.core import CounterMetricFamily

        family = CounterMetricFamily(name, help, labels=labels)
        for key, value in values.items():
            highest = self._highest[name, key] = max(value, self._highest.get((name, key), 0))
            family.add_metric(key, highest)
        return family

    def _histogram(self) -> Any:
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(
            "alloy_run_duration_seconds", "How long recorded runs took.", labels=("phase", "outcome")
        )
        for key, counts in list(self._durations.items()):
            total, buckets = 0.0, []
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=False):
                total += count
                buckets.append((bound, total))
            family.add_metric(key, buckets, counts[-1])
        return family


def _gauge(name: str, help: str, values: dict[Any, float], labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, help, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
