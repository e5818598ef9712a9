"""The audit log: listed, exported, verified. Entries are written by the calls that change something."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .. import checks
from ..access_model import AuditEntry
from ..access_ports import AuditQuery
from ..errors import ValidationError
from ..ports import Store
from .acting import require
from .trail import entry

FILTERS = AuditQuery._fields
FORMATS = ("jsonl", "csv")
PAGE = 1000
_FORMULA = ("=", "+", "-", "@", "\n")  # what a spreadsheet takes for a formula


class Verified(NamedTuple):
    """What checking the log's chain of hashes came to.

    Attributes:
        entries: How many were checked.
        broken_at: The ``seq`` of the first entry that was changed or is gone; None if all is well.
        hash: The hash of the last entry. Kept elsewhere, it also shows that nobody has written the whole log anew.
    """

    entries: int
    broken_at: int | None
    hash: str


class Audit:
    """The audit log of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, **filters: Any) -> Sequence[AuditEntry]:
        """Returns audit entries, newest first.

        Args:
            filters: The fields of `AuditQuery`: tenant, actor, action, kind, object_id, since, until, before, limit.

        Raises:
            ValidationError: A filter is unknown, or its value wrong.
        """
        query = _query(filters)
        require("audit.read", query.tenant)
        return self._store.audit.matching(query)

    def export(self, format: str = "jsonl", **filters: Any) -> Iterator[str]:
        """Returns the matching entries, newest first, as lines of text that end in a newline.

        Args:
            format: ``jsonl`` (one JSON object a line) or ``csv`` (with a header; control characters are escaped, and
                a cell that a spreadsheet would take for a formula starts with an apostrophe).
            filters: As for `list`; ``limit`` is the size of the pages that are read, not of the whole.
        """
        checks.choice(format, "format", FORMATS)
        query = _query({"limit": PAGE, **filters})
        require("audit.read", query.tenant)
        return _jsonl(self._all(query)) if format == "jsonl" else _csv(self._all(query))

    def record(
        self, action: str, *, tenant: str | None, object_id: str, name: str, before: str | None = None,
        after: str | None = None, reason: str | None = None, details: dict[str, Any] | None = None,
    ) -> AuditEntry:  # fmt: skip
        """Returns a new entry, for a change that was made outside the store; see `trail.entry`."""
        made = entry(
            action, tenant=tenant, object_id=object_id, name=name, before=before, after=after, reason=reason,
            details=details,
        )  # fmt: skip
        return self._store.audit.add(made)

    def verify(self) -> Verified:
        """Returns whether the log is whole: each entry's hash is over itself and the hash before it."""
        require("audit.read", None)
        last, previous = 0, ""
        head, _ = self._store.audit.head()
        while page := self._store.audit.oldest_first(after=last, limit=PAGE):
            for found in page:
                if found != found.sealed(last + 1, previous):
                    return Verified(last, last + 1, previous)
                last, previous = found.seq, found.hash
        return Verified(last, last + 1 if last < head else None, previous)

    def _all(self, query: AuditQuery) -> Iterator[AuditEntry]:
        while page := self._store.audit.matching(query):
            yield from page
            query = query._replace(before=page[-1].seq)


def as_dict(found: AuditEntry) -> dict[str, Any]:
    """Returns an entry as JSON-like data."""
    return found._asdict() | {"at": found.at.isoformat()}


def _jsonl(entries: Iterator[AuditEntry]) -> Iterator[str]:
    for found in entries:
        yield json.dumps(as_dict(found), separators=(",", ":")) + "\n"


def _csv(entries: Iterator[AuditEntry]) -> Iterator[str]:
    yield _csv_line(AuditEntry._fields)
    for found in entries:
        data = as_dict(found)
        data["details"] = None if found.details is None else json.dumps(found.details, separators=(",", ":"))
        yield _csv_line([_cell(value) for value in data.values()])


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _query(filters: dict[str, Any]) -> AuditQuery:
    for name in filters:
        if name not in FILTERS:
            raise ValidationError(f"filter {checks.shown(name)}: unknown; wanted one of {', '.join(FILTERS)}")
    given = {name: value for name, value in filters.items() if value is not None}
    return AuditQuery(**{name: _check(name, value) for name, value in given.items()})


def _check(name: str, value: Any) -> Any:
    if name in ("since", "until"):
        return checks.aware_time(value, name)
    if name == "limit":
        return checks.whole_number(value, name, 1, PAGE)
    if name == "before":
        return checks.whole_number(value, name, 0, 2**63 - 1)
    return checks.text(value, name)
