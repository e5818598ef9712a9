"""From the filters of `Alloy.runs`, as callers give them, to a `RunQuery`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .checks import aware_time, one_of, text, whole_number
from .errors import ValidationError
from .model import RunStatus
from .ports import RunQuery

FILTERS = RunQuery._fields[1:]
MAX_DURATION_US = 2**63 - 1

_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(FILTERS, text),
    "revision": lambda value, what: whole_number(value, what, 1),
    "status": lambda value, what: one_of(RunStatus, value, what),
    "since": aware_time,
    "until": aware_time,
    "min_duration_us": lambda value, what: whole_number(value, what, 0, MAX_DURATION_US),
    "limit": lambda value, what: whole_number(value, what, 1),
}


def run_query(tenant: str, filters: Mapping[str, Any]) -> RunQuery:
    """Returns the query for the runs of ``tenant`` that ``filters`` let through; a filter of None lets all through.

    Raises:
        ValidationError: A filter is unknown, or its value is wrong.
    """
    for name in filters:
        if name not in FILTERS:
            raise ValidationError(f"filter {name!r}: unknown; wanted one of {', '.join(FILTERS)}")
    given = {name: value for name, value in filters.items() if value is not None or name == "limit"}
    return RunQuery(tenant, **{name: _CHECKS[name](value, name) for name, value in given.items()})
