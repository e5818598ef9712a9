"""Scripts over Ray datasets: a class for `map_batches`, one engine for each actor, and the counts of each task."""

from __future__ import annotations

from collections import Counter
from typing import Any

import ray

from ..ports import TableSpec


class EvaluateTable:
    """What `Dataset.map_batches` takes: evaluates batches of a dataset, each actor with an engine of its own.

    ``dataset.map_batches(EvaluateTable, fn_constructor_args=(spec, counts), batch_format="pyarrow", compute=…)``

    Args:
        spec: What `Alloy.table_spec` returned.
        counts: Gets the counts of each task; None to keep none.
    """

    def __init__(self, spec: TableSpec, counts: TaskCounts | None = None) -> None:
        self._evaluator = spec.open()
        self._counts = counts

    def __call__(self, table: Any) -> Any:
        """Returns the rows with the changes made, and ``_status``, ``_reason`` and ``_error_code``."""
        made = self._evaluator.table(table)
        if self._counts is not None:
            self._counts.put(ray.get_runtime_context().get_task_id(), self._evaluator.take())
        return made


class TaskCounts:
    """What each task of an evaluation came to. Picklable: it is held by an actor of the cluster.

    What a task had done when its worker was killed is counted as well as the try that Ray makes in its place: the
    rows of the result are the exact ones.
    """

    def __init__(self) -> None:
        self._actor = ray.remote(num_cpus=0)(_Counts).remote()

    def put(self, task: str | None, counts: dict[str, int]) -> None:
        """Keeps the counts of a batch of a task; returns when they are kept."""
        ray.get(self._actor.put.remote(task, counts))

    def all(self) -> list[dict[str, int]]:
        """Returns the counts of each task: rows, changed, rejected, failed, fuel."""
        found: list[dict[str, int]] = ray.get(self._actor.all.remote())
        return found


class _Counts:
    def __init__(self) -> None:
        self._tasks: dict[str | None, Counter[str]] = {}

    def put(self, task: str | None, counts: dict[str, int]) -> None:
        self._tasks.setdefault(task, Counter()).update(counts)

    def all(self) -> list[dict[str, int]]:
        return [dict(counts) for counts in self._tasks.values()]
