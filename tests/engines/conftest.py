"""Clusters of this machine with two worker processes; what is missing is said, not passed over."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from alloy_lua import Alloy

EVENT = "order.before_create"
SOURCE = """
if entity.qty == 13 then abort("unlucky") end
if entity.qty == 17 then error("odd") end
entity.total = entity.qty * entity.price
"""


def rows(count: int) -> pa.Table:
    """Returns orders: each hundred has one that is rejected and one that fails."""
    numbers = range(count)
    return pa.table(
        {
            "n": pa.array(numbers, pa.int64()),
            "qty": pa.array([n % 100 for n in numbers], pa.int32()),
            "price": pa.array([n / 4 for n in numbers]),
            "total": pa.nulls(count, pa.float64()),
        }
    )


@pytest.fixture
def alloy() -> Iterator[Alloy]:
    with Alloy() as made:
        made.scripts.create("price", SOURCE, on=EVENT, status="active")
        yield made


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="Ray is not installed: make engines")
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: make engines")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or newer: no java on the PATH")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the workers are whatever python3 the PATH has
    # local[2,3]: two at a time, and a task is tried three times
    session = sql.SparkSession.builder.master("local[2,3]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()
