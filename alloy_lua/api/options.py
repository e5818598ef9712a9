"""What can be set of the service: caps, time limits and sizes of its pools, each with its unit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

MIB = 1024 * 1024


class ApiOptions(NamedTuple):
    """How the service is run.

    Attributes:
        max_body: Bytes of a request body; larger ones are refused with 413.
        max_batch_body: The same for batches (``fire-many``).
        max_batch: Records in one batch.
        body_seconds: How long a client may take to send a body.
        idle_seconds: How long a connection may stay open without a whole request's headers.
        script_workers: Threads that run scripts.
        store_workers: Threads that read and write the store.
        max_waiting: Calls that may wait for a thread; further ones are refused with 503.
        drain_seconds: How long a shutdown waits for calls under way.
        requests_per_second: Calls one token may make in a second.
        max_streams: Live tails open at the same time.
    """

    max_body: int = 2 * MIB
    max_batch_body: int = 32 * MIB
    max_batch: int = 10_000
    body_seconds: float = 15.0
    idle_seconds: float = 60.0
    script_workers: int = max(2, os.cpu_count() or 1)
    store_workers: int = 4
    max_waiting: int = 1_000
    drain_seconds: float = 20.0
    requests_per_second: int = 20_000
    max_streams: int = 100


def options_of(settings: Mapping[str, Any]) -> ApiOptions:
    """Returns the options that the settings ask for."""
    same = ("body_seconds", "idle_seconds", "store_workers", "max_waiting", "drain_seconds", "requests_per_second",
            "max_streams")  # fmt: skip
    options = ApiOptions(
        settings["max_body_bytes"], settings["max_batch_bytes"], settings["max_batch_records"],
        **{name: settings[name] for name in same},
    )  # fmt: skip
    workers = settings["script_workers"]
    return options if workers is None else options._replace(script_workers=workers)
