"""A reader of any length takes the memory of a few batches."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import pyarrow as pa
from alloy_lua import Alloy

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def batches(count):
    for _ in range(count):
        yield pa.record_batch({"n": pa.array(range(ROWS)), "text": ["some text of a row"] * ROWS})

ROWS = 1000
with Alloy() as alloy:
    alloy.scripts.create("s", "entity.text = entity.text .. entity.n % 10", on="t.before_create", status="active")
    schema = next(batches(1)).schema

    def rows_after(count, threads):
        reader = pa.RecordBatchReader.from_batches(schema, batches(count))
        stream = alloy.evaluate_table("t.before_create", reader, threads=threads)
        for batch in stream.apply(verdict=True):
            del batch
        return stream.report.rows

    for threads in (1, 2):
        rows_after(30, threads)
        before = resident()
        rows = rows_after(150, threads)
        print(rows, int(resident() - before))
"""


def test_memory_stays_flat_over_many_batches() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        rows, grown = map(int, line.split())
        assert rows == 150_000
        assert grown < 8, (
            f"{grown} MiB more after five times the rows"
        )  # the rows alone are 12 MiB, the results as much
    assert len(done.stdout.splitlines()) == 2
