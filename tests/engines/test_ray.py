"""Ray: the same results as in one process, counts of each task, and a killed actor's task once more."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from alloy_lua import Alloy

from .conftest import EVENT, rows

pytestmark = pytest.mark.filterwarnings("default")  # Ray warns of itself
COUNT = 20_000


def collected(dataset: Any) -> list[dict[str, Any]]:
    table = pa.concat_tables(dataset.iter_batches(batch_size=None, batch_format="pyarrow"))
    found: list[dict[str, Any]] = table.sort_by("n").to_pylist()
    return found


def mapped(ray: Any, call: Any, *arguments: Any) -> Any:
    dataset = ray.data.from_arrow(rows(COUNT)).repartition(4)
    return dataset.map_batches(
        call, fn_constructor_args=arguments, batch_format="pyarrow", batch_size=2_000,
        compute=ray.data.ActorPoolStrategy(size=2),
    )  # fmt: skip


def test_actors_come_to_what_one_process_comes_to(ray_cluster: Any, alloy: Alloy) -> None:
    from alloy_lua.bridges.ray import EvaluateTable, TaskCounts

    counts = TaskCounts()
    made = collected(mapped(ray_cluster, EvaluateTable, alloy.table_spec(EVENT), counts))
    here = alloy.evaluate_table(EVENT, rows(COUNT))
    assert made == here.apply(verdict=True).to_pylist()
    found = counts.all()
    assert {name: sum(each[name] for each in found) for name in here.report.counts()} == here.report.counts()


def test_the_task_of_a_killed_actor_is_done_again(ray_cluster: Any, alloy: Alloy, tmp_path: Path) -> None:
    from alloy_lua.bridges.ray import EvaluateTable, TaskCounts

    class Killed(EvaluateTable):
        def __init__(self, spec: Any, counts: Any, once: Path) -> None:
            super().__init__(spec, counts)
            self._once = once

        def __call__(self, table: Any) -> Any:
            made = super().__call__(table)
            if not self._once.exists():
                self._once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return made

    once, counts = tmp_path / "killed", TaskCounts()
    made = collected(mapped(ray_cluster, Killed, alloy.table_spec(EVENT), counts, once))
    assert once.exists()
    assert made == alloy.evaluate_table(EVENT, rows(COUNT)).apply(verdict=True).to_pylist()
    assert sum(each["rows"] for each in counts.all()) >= COUNT  # the first try is counted too
