"""A long stream of rows: ``python -m benchmarks.stream [--rows 50000000] [--threads 2]``.

Prints rows a second and resident memory while a reader of made-up orders is evaluated; memory must stay flat.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import pyarrow as pa

from alloy_lua import Alloy
from alloy_lua.tables.evaluate import BATCH_ROWS

EVENT = "order.before_create"
LUA = """
if entity.qty == 0 then abort("no quantity") end
entity.total = entity.qty * entity.price
"""
MOST_GROWTH = 64
REPORTS = 20


def resident() -> float:
    """Returns the resident memory of this process in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def orders(rows: int) -> Iterator[pa.RecordBatch]:
    """Yields ``rows`` orders in batches."""
    qty = pa.array([n % 100 for n in range(BATCH_ROWS)], pa.int32())
    price = pa.array([n / 4 for n in range(BATCH_ROWS)])
    batch = pa.record_batch({"qty": qty, "price": price, "total": pa.nulls(BATCH_ROWS, pa.float64())})
    for start in range(0, rows, BATCH_ROWS):
        yield batch.slice(0, min(BATCH_ROWS, rows - start))


def main() -> int:
    """Returns 1 if memory grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    with Alloy() as alloy:
        alloy.scripts.create("total", LUA, on=EVENT, status="active")
        reader = pa.RecordBatchReader.from_batches(next(orders(1)).schema, orders(given.rows))
        stream = alloy.evaluate_table(EVENT, reader, threads=given.threads)
        started, shown, seen = time.perf_counter(), 0, []
        for _ in stream.reader():
            done = stream.report.rows
            if done * REPORTS >= shown * given.rows:
                shown += 1
                seen.append(resident())
                rate = done / (time.perf_counter() - started)
                print(f"{done:>12,} rows  {rate:>10,.0f} rows/s  {seen[-1]:6.0f} MiB", flush=True)
        print(stream.report.explain(), stream.report.counts())
    warm = seen[min(2, len(seen) - 1)]  # by then the pools are as large as they get
    return int(max(seen[2:], default=warm) - warm > MOST_GROWTH)


if __name__ == "__main__":
    raise SystemExit(main())
