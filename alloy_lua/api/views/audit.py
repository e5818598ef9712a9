"""The audit log: who changed what, from where."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ...access_model import AuditEntry as StoredEntry
from ..cursors import cursor_of, key_of
from ..endpoint import Group, Media
from ..service import Call
from ..streams import lines_of
from ..wire.access import AuditCheck, AuditEntry, AuditFilters, AuditPage, ExportFilters
from ..wire.fill import filled

GROUP = Group("audit", "Who changed what, from where. The log is only ever added to.")
_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv"}
_FILES = {"jsonl": "audit.jsonl", "csv": "audit.csv"}


@GROUP.get("/audit", "audit.read", AuditPage)
def list_audit(call: Call, query: AuditFilters) -> AuditPage:
    """List audit entries, newest first: those of the call's tenant, or with ``everywhere`` of all."""
    before = key_of(query.cursor)
    seq = int(before) if before is not None and before.isdecimal() and len(before) < 19 else None
    found = call.alloy.audit.list(**_filters(call, query), before=seq, limit=query.limit + 1)
    page = found[: query.limit]
    return AuditPage(
        items=[filled(AuditEntry, entry) for entry in page],
        next_cursor=cursor_of(str(page[-1].seq)) if len(found) > len(page) else None,
    )


@GROUP.get(
    "/audit/export",
    "audit.read",
    Media("application/x-ndjson", "All matching entries, newest first."),
    more_media=("text/csv",),
)
async def export_audit(call: Call, query: ExportFilters) -> web.StreamResponse:
    """Export audit entries as JSON lines or CSV."""
    filters = _filters(call, query)
    headers = {"Content-Disposition": f'attachment; filename="{_FILES[query.format]}"'}
    return await lines_of(call, lambda: call.alloy.audit.export(query.format, **filters), _TYPES[query.format], headers)


@GROUP.get("/audit/check", "audit.read", AuditCheck, tenant=False)
def check_audit(call: Call) -> AuditCheck:
    """Say whether the audit log is whole: each entry's hash is over itself and the hash before it."""
    return filled(AuditCheck, call.alloy.audit.verify())


def _filters(call: Call, query: AuditFilters | ExportFilters) -> dict[str, Any]:
    names = set(StoredEntry._fields) & set(query.__struct_fields__) | {"since", "until"}
    found = {name: getattr(query, name) for name in names}
    return found | {"tenant": None if query.everywhere else call.tenant}
