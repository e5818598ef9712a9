"""Records to database rows and back: one place for the order of columns, for time, JSON and what text may hold.

Times are whole microseconds since 1970 in UTC and lists are JSON text, so that the three databases keep the same
values exactly. A run is kept whole as JSON text, beside the columns it is searched by.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ..errors import StoreError, ValidationError
from ..model import (
    BreakerState,
    EventTrigger,
    FailurePolicy,
    Health,
    LogLine,
    Revision,
    Run,
    RunStatus,
    Script,
    Status,
)
from ..ports import Document, HookFilter
from .trigger_rows import triggers_from_text, triggers_text

Row = tuple[Any, ...]

SCRIPT_COLUMNS = tuple(field.name for field in fields(Script))
REVISION_COLUMNS = tuple(field.name for field in fields(Revision))
HEALTH_COLUMNS = tuple(field.name for field in fields(Health))
RUN_COLUMNS = (
    "tenant",
    "id",
    "script_id",
    "revision",
    "event",
    "entity_type",
    "entity_id",
    "status",
    "started_at",
    "duration_us",
    "body",
)

MAX_KEY = 200
MAX_INTEGER = 2**31 - 1
MAX_BIG = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_STATUSES = {status.value: status for status in Status}
_POLICIES = {policy.value: policy for policy in FailurePolicy}
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


# -- time ----------------------------------------------------------------------------------------------------
def micros(name: str, at: datetime) -> int:
    """Returns ``at`` as microseconds since 1970 in UTC; ``name`` says what it is the time of.

    Raises:
        ValidationError: It has no time zone.
    """
    if at.tzinfo is None:
        raise ValidationError(f"{name}: got {at.isoformat()} without a time zone, wanted an aware datetime")
    return (at - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """Returns the time in UTC that is ``value`` microseconds after 1970."""
    return _EPOCH + value * _MICROSECOND


# -- text ----------------------------------------------------------------------------------------------------
def storable(text: str) -> bool:
    """Returns True if every database can hold ``text``: no NUL and no half of a surrogate pair."""
    return ("\0" not in text) if text.isascii() else _UNSTORABLE.search(text) is None


def key(text: str) -> str:
    """Returns ``text`` as columns hold it to be searched by.

    That is the text itself, or a digest of one that is too long or that not every database can hold.
    """
    if len(text) <= MAX_KEY and storable(text):
        return text
    return "sha256:" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def optional_key(text: str | None) -> str | None:
    """Returns `key` of ``text``, None for None."""
    return None if text is None else key(text)


def folded(*texts: str) -> str:
    """Returns the texts, one a line, as they are searched without regard to case."""
    return "\n".join(texts).casefold()


def _check_text(kind: str, record: Script | Revision, *, keys: tuple[str, ...]) -> None:
    for field in fields(record):
        value = getattr(record, field.name)
        if not isinstance(value, str):
            continue
        if not storable(value):
            raise ValidationError(
                f"{kind} {field.name}: got a NUL or half a surrogate pair, wanted text that UTF-8 can hold",
                details={"field": field.name},
            )
        if field.name in keys and len(value) > MAX_KEY:
            raise ValidationError(
                f"{kind} {field.name}: got {len(value)} characters, wanted at most {MAX_KEY}",
                details={"field": field.name},
            )


def check_script(script: Script) -> None:
    """Returns None if every database can hold ``script`` as it is.

    Raises:
        ValidationError: The field is named.
    """
    _check_text("script", script, keys=("id", "tenant", "name"))
    if not -MAX_INTEGER <= script.priority <= MAX_INTEGER:
        raise ValidationError(
            f"script priority: got {script.priority}, wanted a number from {-MAX_INTEGER} to {MAX_INTEGER}",
            details={"field": "priority"},
        )
    micros("script created_at", script.created_at)
    micros("script updated_at", script.updated_at)


def check_revision(script: Script, revision: Revision) -> None:
    """Returns None if ``revision`` belongs to ``script`` and every database can hold it.

    Raises:
        ValidationError: The field is named.
    """
    if revision.script_id != script.id:
        raise ValidationError(
            f"revision script_id: got {revision.script_id!r}, wanted {script.id!r}", details={"field": "script_id"}
        )
    _check_text("revision", revision, keys=())
    micros("revision created_at", revision.created_at)


def check_document(document: Document) -> str:
    """Returns the body of ``document`` as JSON text.

    Raises:
        ValidationError: Some database could not hold it as it is; the field is named.
    """
    for name in ("tenant", "kind", "name", "updated_by"):
        text = getattr(document, name)
        if not storable(text) or len(text) > MAX_KEY:
            raise ValidationError(
                f"document {name}: got {text[:60]!r}, wanted at most {MAX_KEY} characters that UTF-8 can hold",
                details={"field": name},
            )
    try:
        return _ENCODE(document.body)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ValidationError(f"document {document.name!r}: got a body that is not JSON-like: {exc}") from exc


def fits_hooks(event: str, hooks: HookFilter) -> bool:
    """Returns whether ``event`` is one of those that ``hooks`` lets through."""
    entity, _, hook = event.rpartition(".")
    return hook in hooks.hooks and hooks.entity in (None, entity)


# -- scripts -------------------------------------------------------------------------------------------------
def events_of(script: Script) -> set[str]:
    """Returns the names of the events that ``script`` is bound to."""
    return {trigger.event for trigger in script.triggers if isinstance(trigger, EventTrigger)}


@lru_cache(maxsize=4096)
def _strings(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def script_row(script: Script) -> Row:
    """Returns the values of `SCRIPT_COLUMNS`."""
    return (
        script.id,
        script.tenant,
        script.name,
        script.description,
        script.status.value,
        triggers_text(script.triggers),
        script.limits,
        _ENCODE(script.capabilities),
        script.run_as,
        script.priority,
        script.failure_policy.value,
        script.draft_revision,
        script.live_revision,
        script.version,
        micros("script created_at", script.created_at),
        micros("script updated_at", script.updated_at),
        script.updated_by,
        "".join(f",{tag}" for tag in script.tags) + "," if script.tags else "",
    )


def script_from_row(row: Row) -> Script:
    """Returns the script in a row of `SCRIPT_COLUMNS`.

    Raises:
        StoreError: The row holds what no version of this code writes.
    """
    try:
        created_at = moment(row[14])
        return Script(
            row[0],
            row[1],
            row[2],
            row[3],
            _STATUSES[row[4]],
            triggers_from_text(row[5]),
            row[6],
            _strings(row[7]),
            row[8],
            row[9],
            _POLICIES[row[10]],
            row[11],
            row[12],
            row[13],
            created_at,
            created_at if row[15] == row[14] else moment(row[15]),
            row[16],
            tuple(row[17].strip(",").split(",")) if row[17] else (),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise unreadable("alloy_scripts", row[0], exc) from exc


def revision_row(revision: Revision) -> Row:
    """Returns the values of `REVISION_COLUMNS`."""
    return (
        revision.script_id,
        revision.number,
        revision.source,
        revision.sha256,
        revision.author,
        revision.message,
        micros("revision created_at", revision.created_at),
        revision.compiler,
    )


def revision_from_row(row: Row) -> Revision:
    """Returns the revision in a row of `REVISION_COLUMNS`."""
    script_id, number, source, digest, author, message, created_at, compiler = row
    return Revision(script_id, number, source, digest, author, message, moment(created_at), compiler)


# -- health --------------------------------------------------------------------------------------------------
HEALTH_COUNTS = ("runs", "changed", "rejected", "failed", "skipped", "fuel")


def health_error(delta: Health) -> dict[str, Any]:
    """Returns the columns of the last error, in any text a script can make; empty if ``delta`` brings none."""
    at = delta.last_error_at
    if delta.last_error_code is None and delta.last_error is None and at is None:
        return {}
    return {
        "last_error_code": _ENCODE(delta.last_error_code),
        "last_error": _ENCODE(delta.last_error),
        "last_error_at": None if at is None else micros("health last_error_at", at),
    }


def opened_at(delta: Health) -> int | None:
    """Returns the column of the time the breaker opened."""
    return None if delta.opened_at is None else micros("health opened_at", delta.opened_at)


def health_from_row(row: Row) -> Health:
    """Returns the health in a row of `HEALTH_COLUMNS`.

    Raises:
        StoreError: The row holds what no version of this code writes.
    """
    data = dict(zip(HEALTH_COLUMNS, row, strict=True))
    try:
        data["breaker"] = BreakerState(data["breaker"])
        for name in ("opened_at", "last_error_at"):
            data[name] = None if data[name] is None else moment(data[name])
        for name in ("last_error_code", "last_error"):
            data[name] = None if data[name] is None else json.loads(data[name])
        return Health(**data)
    except (TypeError, ValueError) as exc:
        raise unreadable("alloy_health", row[0], exc) from exc


# -- runs ----------------------------------------------------------------------------------------------------
_NEEDED = tuple(field.name for field in fields(Run) if field.default is MISSING)
_OPTIONAL = tuple((field.name, field.default) for field in fields(Run) if field.default is not MISSING)


def _run_body(run: Run, started_at: int) -> str:
    data = {name: getattr(run, name) for name in _NEEDED}
    data["started_at"] = started_at
    for name, default in _OPTIONAL:
        value = getattr(run, name)
        if value is not default:
            data[name] = value
    if run.logs:
        data["logs"] = [(line.level, line.message, line.data) for line in run.logs]
    try:
        return _ENCODE(data)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ValidationError(f"run {run.id!r}: got a value that is not JSON-like: {exc}") from exc


def run_row(run: Run) -> Row:
    """Returns the values of `RUN_COLUMNS`.

    Raises:
        ValidationError: The run holds a value that is not JSON-like, or a time without a zone.
    """
    started_at = micros("run started_at", run.started_at)
    return (
        key(run.tenant),
        key(run.id),
        key(run.script_id),
        min(run.revision, MAX_BIG),
        optional_key(run.event),
        optional_key(run.entity_type),
        optional_key(run.entity_id),
        run.status.value,
        started_at,
        min(run.duration_us, MAX_BIG),
        _run_body(run, started_at),
    )


def run_from_body(text: str) -> Run:
    """Returns the run that a ``body`` column holds.

    Raises:
        StoreError: The text is not what `run_row` writes.
    """
    try:
        data = json.loads(text)
        data["status"] = RunStatus(data["status"])
        data["started_at"] = moment(data["started_at"])
        data["traceback"] = tuple(data.get("traceback", ()))
        data["logs"] = tuple(LogLine(*line) for line in data.get("logs", ()))
        return Run(**data)
    except (KeyError, TypeError, ValueError) as exc:
        raise unreadable("alloy_runs", text[:80], exc) from exc


def unreadable(table: str, row: object, exc: Exception) -> StoreError:
    """Returns the error for a row that holds what no version of this code writes."""
    return StoreError(f"{table}: row {row!r} cannot be read: {type(exc).__name__}: {exc}")
