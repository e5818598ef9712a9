"""What a back-test runs on: recorded runs, or records that somebody has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from .. import checks
from ..bridges.entities import EntityBridge
from ..errors import InvalidValue, ValidationError
from ..events import Event, Phase, parse_event
from ..model import EventTrigger, Script
from ..ports import TapeQuery, Tapes
from .tape import TapedRun, copied, micros, taped_run

PARTS = frozenset({"entity", "before", "params", "user"})
PAGE = 200


class Case(NamedTuple):
    """One record: what it is called in the report, and what it is as a tape."""

    label: str
    taped: TapedRun


def recorded(tapes: Tapes, query: TapeQuery) -> Iterator[Case]:
    """Yields the runs on tape, newest first, ``query.limit`` at most."""
    left, before = query.limit, query.before
    while left > 0:
        page = tapes.matching(query._replace(limit=min(left, PAGE), before=before))
        for tape in page:
            yield Case(f"run {tape.run_id}", taped_run(tape.body))
        left -= len(page)
        if len(page) < PAGE:
            return
        before = page[-1].run_id


def as_mappings(
    records: Iterable[Any], script: Script, on: str | None, entities: EntityBridge
) -> Iterator[Mapping[str, Any]]:
    """Yields records as mappings: of models, all fields that scripts may read.

    Raises:
        ValidationError: A record is nothing that scripts can be given.
    """
    event = event_of(script, on)
    kind = None if event is None else event.entity_type
    for number, record in enumerate(records, 1):
        if isinstance(record, Mapping):
            yield record
        else:
            yield entities.adapter_for(record, kind, f"record {number}").fields(record)


def given(
    records: Iterable[Mapping[str, Any]], script: Script, on: str | None, now: datetime
) -> Iterator[Case]:  # fmt: skip
    """Yields records as if the event had been fired on each: ``on``, or the first one that ``script`` is bound to.

    A record is a mapping: its fields, or ``entity`` with ``before``, ``params`` and ``user`` beside it.

    Raises:
        ValidationError: A record holds a value that no script could be given.
    """
    event = event_of(script, on)
    for number, record in enumerate(records, 1):
        parts = dict(record) if "entity" in record and record.keys() <= PARTS else {"entity": record}
        try:
            entity, before, params = (_fields(parts, name, number) for name in ("entity", "before", "params"))
            user = checks.optional_name(parts.get("user"), f"record {number}: user")
        except InvalidValue as error:
            raise ValidationError(f"record {number}: {error.message}", details=error.details) from None
        phase = Phase.MANUAL if event is None else event.phase
        yield Case(
            f"record {number}",
            TapedRun(
                f"backtest-{number}", script.name, 0, None if event is None else event.name, phase.value,
                "manual" if event is None else "event", user, None, 1, micros(now), None, entity, before, params,
                [], None, [],
            ),
        )  # fmt: skip


def event_of(script: Script, on: str | None) -> Event | None:
    """Returns the event that records are fired on; None for a script that is bound to none: it is run by hand."""
    if on is not None:
        return parse_event(on)
    bound = (trigger.event for trigger in script.triggers if isinstance(trigger, EventTrigger))
    event = next((name for name in bound if "*" not in name), None)
    return None if event is None else parse_event(event)


def json_lines(lines: Iterable[str]) -> Iterator[Any]:
    """Yields the records in lines of JSON; empty lines are left out.

    Raises:
        ValidationError: A line is no JSON.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValidationError(f"line {number}: got what is no JSON: {error}") from None


def _fields(parts: dict[str, Any], name: str, number: int) -> dict[str, Any] | None:
    value = parts.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise ValidationError(f"record {number}: {name}: got {type(value).__name__}, wanted a mapping of fields")
    found: dict[str, Any] | None = None if value is None else copied(dict(value))
    return found
