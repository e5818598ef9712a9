"""Scripts through Ray Data and Spark against a function that returns its batches unchanged, same cluster and data."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alloy_lua import Alloy

from .paired import Pair, claim, interleaved
from .tables import EVENT, NUMERIC, ROWS, orders

ROUNDS, WORKERS = 5, 2
FILES = 8
FEW, MANY = 2, 12  # how often Ray reads the rows: its actors start anew each time, so only the difference counts


def spec() -> Any:
    """Returns what travels to the workers."""
    with Alloy() as alloy:
        alloy.scripts.create("hook", NUMERIC, on=EVENT, status="active")
        return alloy.table_spec(EVENT)


def parquet(folder: str, times: int = 1) -> str:
    """Writes the orders into files, each so many times, and returns their folder."""
    table = pa.Table.from_batches([orders(ROWS)])
    each = ROWS // FILES
    for number in range(FILES):
        first = Path(folder) / f"{number}.parquet"
        pq.write_table(table.slice(number * each, each), first)
        for again in range(1, times):
            os.link(first, Path(folder) / f"{number}-{again}.parquet")
    return folder


def compared(name: str, times: dict[str, list[float]]) -> Pair:
    """Returns the claim about an engine."""
    title = f"evaluate_table / identity, {name}, H1"
    return claim(title, times["scripts"], times["same"], at_most=1.15, unit=1e3, unit_name="ms")


class Same:
    """Returns each batch as it came."""

    def __call__(self, batch: Any) -> Any:
        return batch


def ray_data() -> Iterator[Pair]:
    """An event's script through Ray Data, two actors, over Parquet files."""
    if importlib.util.find_spec("ray") is None:
        print("ray_data: not measured, Ray is not installed (make engines)")
        return
    import ray

    from alloy_lua.bridges.ray import EvaluateTable

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        parquet(few, FEW)
        parquet(many, MANY)
        travels = spec()

        def through(folder: str, times: int, function: Any, *arguments: Any) -> None:
            made = ray.data.read_parquet(folder).map_batches(
                function, fn_constructor_args=arguments, batch_format="pyarrow", batch_size=65_536,
                compute=ray.data.ActorPoolStrategy(size=WORKERS),
            )  # fmt: skip
            assert sum(bundle.num_rows() or 0 for bundle in made.iter_internal_ref_bundles()) == times * ROWS

        times = interleaved(
            {
                "scripts, few": lambda: through(few, FEW, EvaluateTable, travels),
                "same, few": lambda: through(few, FEW, Same),
                "scripts, many": lambda: through(many, MANY, EvaluateTable, travels),
                "same, many": lambda: through(many, MANY, Same),
            },
            calls=1,
            rounds=ROUNDS,
        )
    ray.shutdown()
    started = {
        name: [many - few for many, few in zip(times[f"{name}, many"], times[f"{name}, few"], strict=True)]
        for name in ("scripts", "same")
    }
    yield compared(f"Ray Data once started, {(MANY - FEW) * ROWS // 10**6} M rows", started)


def same(batches: Iterable[Any]) -> Iterator[Any]:
    """Yields each batch as it came."""
    yield from batches


def spark() -> Iterator[Pair]:
    """An event's script through Spark's mapInArrow, two workers, over Parquet files."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        print("spark: not measured, PySpark or Java is not installed (make engines)")
        return
    from pyspark.sql import SparkSession

    from alloy_lua.bridges.spark import evaluate_frame

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master(f"local[{WORKERS}]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 65_536)
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory() as folder:
        frame = session.read.parquet(parquet(folder, FEW))
        made = {"scripts": evaluate_frame(frame, spec()), "same": frame.mapInArrow(same, frame.schema)}

        def through(name: str) -> None:
            made[name].write.format("noop").mode("overwrite").save()

        times = interleaved({name: lambda name=name: through(name) for name in made}, calls=1, rounds=ROUNDS)  # type: ignore[misc]
    session.stop()
    yield compared("Spark", times)


GROUPS = (ray_data, spark)
