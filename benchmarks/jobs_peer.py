"""The peer of the job benchmarks: DBOS with a workflow that does nothing.

Prints jobs enqueued a second while nobody works, and enqueued and done a second.
"""

from __future__ import annotations

import logging
import sys
import time

from dbos import DBOS


@DBOS.workflow()
def noop(number: int) -> int:
    return number


def main() -> None:
    """Takes the database's URL and the number of jobs as arguments."""
    url, jobs = sys.argv[1], int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    DBOS(config={"name": "bench", "system_database_url": url, "run_admin_server": False})
    DBOS.launch()
    sleeping = DBOS.register_queue("sleeping", worker_concurrency=1000, polling_interval_sec=3600)
    time.sleep(1)  # it has looked for work once
    started = time.perf_counter()
    for number in range(jobs):
        sleeping.enqueue(noop, number)
    enqueued = jobs / (time.perf_counter() - started)
    queue = DBOS.register_queue("bench", worker_concurrency=1000, polling_interval_sec=0.05)
    started = time.perf_counter()
    handles = [queue.enqueue(noop, number) for number in range(jobs)]
    for handle in handles:
        handle.get_result()
    print(enqueued, jobs / (time.perf_counter() - started))
    DBOS.destroy()


if __name__ == "__main__":
    main()
