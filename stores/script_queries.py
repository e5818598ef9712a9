"""Scripts, their revisions and the change counter in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from peewee import SQL, fn

from ..errors import AlloyError
from ..model import BreakerState, Revision, Script, Status
from ..ports import HookFilter, ScriptQuery
from . import refusals
from .gateway import Gateway
from .rows import (
    REVISION_COLUMNS,
    SCRIPT_COLUMNS,
    check_revision,
    check_script,
    events_of,
    folded,
    key,
    moment,
    revision_from_row,
    revision_row,
    script_from_row,
    script_row,
    storable,
)
from .tables import Tables, assigned, columns

if TYPE_CHECKING:
    from ..access_model import AuditEntry


class ScriptQueries:
    """The part of a store that keeps scripts."""

    def __init__(self, gateway: Gateway, tables: Tables, log: Callable[[AuditEntry | None], None]) -> None:
        self._gateway = gateway
        self._tables = tables
        self._log = log
        self._scripts = tables.scripts
        self._triggers = tables.triggers
        self._revisions = tables.revisions
        self._health = tables.health
        self._counter = tables.counter

    # -- reads -------------------------------------------------------------------------------------------------
    def get(self, tenant: str, name_or_id: str) -> Script:
        wanted = key(name_or_id)
        scripts = self._select(
            self._scripts.c.tenant == key(tenant),
            (self._scripts.c.name == wanted) | (self._scripts.c.id == wanted),
        )
        if not scripts:
            raise refusals.no_script(tenant, name_or_id)
        return next((script for script in scripts if script.name == wanted), scripts[0])

    def matching(self, query: ScriptQuery) -> list[Script]:
        table = self._scripts
        if query.text is not None and not storable(query.text):
            return []
        where = [table.c.tenant == key(query.tenant)]
        if query.status is not None:
            where.append(table.c.status == query.status.value)
        if query.after is not None:
            where.append(table.c.name > key(query.after))
        if query.text is not None:
            find = getattr(fn, self._gateway.dialect.find)
            where.append(find(table.c.search, folded(query.text)) > 0)
        if query.event is not None:
            bound = self._triggers.select(self._triggers.c.script_id)
            where.append(table.c.id.in_(bound.where(self._triggers.c.event == key(query.event))))
        if query.hooks is not None:
            bound = self._triggers.select(self._triggers.c.script_id)
            where.append(table.c.id.in_(bound.where(self._fits(query.hooks))))
        if query.tag is not None:
            find = getattr(fn, self._gateway.dialect.find)
            where.append(find(table.c.tags, f",{key(query.tag)},") > 0)
        return self._select(*where, limit=max(query.limit, 0))

    def _fits(self, hooks: HookFilter) -> Any:
        """Returns the condition that a trigger's event is one of those that ``hooks`` lets through."""
        event = self._triggers.c.event
        if hooks.entity is not None:
            return event.in_([key(f"{hooks.entity}.{hook}") for hook in hooks.hooks])
        find = getattr(fn, self._gateway.dialect.find)
        return reduce(or_, [find(event, f".{hook}") == fn.LENGTH(event) - len(hook) for hook in hooks.hooks])

    def active(self) -> Iterator[Script]:
        table = self._scripts
        query = table.select(*columns(table, SCRIPT_COLUMNS)).where(table.c.status == Status.ACTIVE.value)
        return map(script_from_row, self._fetch(query.order_by(table.c.tenant, table.c.name)))

    def change_counter(self) -> int:
        ((value,),) = self._fetch(self._counter.select(self._counter.c.value))
        return int(value)

    def get_revision(self, tenant: str, script_id: str, number: int) -> Revision:
        found = self._select_revisions(tenant, script_id, self._revisions.c.number == number)
        if not found:
            raise refusals.no_revision(script_id, number)
        return found[0]

    def list_revisions(self, tenant: str, script_id: str) -> list[Revision]:
        return self._select_revisions(tenant, script_id)

    # -- writes ------------------------------------------------------------------------------------------------
    def add(self, script: Script, revision: Revision, audit: AuditEntry | None) -> None:
        check_script(script)
        check_revision(script, revision)

        def work() -> None:
            self._scripts.insert(assigned(self._scripts, self._values(script))).execute()
            self._add_revision(revision)
            self._bind_events(script)
            zeros = {"script_id": script.id, "breaker": BreakerState.CLOSED.value}
            self._health.insert(assigned(self._health, zeros)).execute()
            self._tables.count_change()
            self._log(audit)

        self._gateway.write(work, duplicate=lambda: self._taken(script))

    def save(
        self, script: Script, expected_version: int, revision: Revision | None, audit: AuditEntry | None
    ) -> Script:
        check_script(script)
        if revision is not None:
            check_revision(script, revision)
        saved = replace(script, version=expected_version + 1)

        def work() -> bool:
            update = self._scripts.update(assigned(self._scripts, self._values(saved)))
            if not update.where(*self._at(script.tenant, script.id, expected_version)).execute():
                return False
            if revision is not None:
                self._add_revision(revision)
            self._triggers.delete().where(self._triggers.c.script_id == script.id).execute()
            self._bind_events(script)
            self._tables.count_change()
            self._log(audit)
            return True

        if not self._gateway.write(work, duplicate=lambda: self._clash(script, revision)):
            raise self._stale(script.tenant, script.id, expected_version)
        return saved

    def delete(self, tenant: str, script_id: str, expected_version: int, audit: AuditEntry | None) -> None:
        def work() -> bool:
            if not self._scripts.delete().where(*self._at(tenant, script_id, expected_version)).execute():
                return False
            self._tables.count_change()
            self._log(audit)
            return True

        if not self._gateway.write(work):
            raise self._stale(tenant, script_id, expected_version)

    # -- parts -------------------------------------------------------------------------------------------------
    def _fetch(self, query: Any) -> Any:
        return self._gateway.read(lambda: self._gateway.database.execute(query).fetchall())

    def _select(self, *where: Any, limit: int | None = None) -> list[Script]:
        query = self._scripts.select(*columns(self._scripts, SCRIPT_COLUMNS)).where(*where)
        query = query.order_by(self._scripts.c.name)
        return [script_from_row(row) for row in self._fetch(query if limit is None else query.limit(limit))]

    def _select_revisions(self, tenant: str, script_id: str, *where: Any) -> list[Revision]:
        table, scripts = self._revisions, self._scripts
        own = scripts.select(SQL("1")).where(scripts.c.id == table.c.script_id, scripts.c.tenant == key(tenant))
        query = table.select(*columns(table, REVISION_COLUMNS))
        query = query.where(table.c.script_id == key(script_id), fn.EXISTS(own), *where)
        return [revision_from_row(row) for row in self._fetch(query.order_by(table.c.number))]

    def _values(self, script: Script) -> dict[str, Any]:
        values = dict(zip(SCRIPT_COLUMNS, script_row(script), strict=True))
        return values | {"search": folded(script.name, script.description)}

    def _at(self, tenant: str, script_id: str, version: int) -> tuple[Any, ...]:
        table = self._scripts
        return table.c.id == key(script_id), table.c.tenant == key(tenant), table.c.version == version

    def _add_revision(self, revision: Revision) -> None:
        names = columns(self._revisions, REVISION_COLUMNS)
        self._revisions.insert([revision_row(revision)], columns=names).execute()

    def _bind_events(self, script: Script) -> None:
        rows = [(script.id, key(event)) for event in sorted(events_of(script))]
        if rows:
            self._triggers.insert(rows, columns=columns(self._triggers, ("script_id", "event"))).execute()

    def _stale(self, tenant: str, script_id: str, expected_version: int) -> AlloyError:
        found = self._select(self._scripts.c.tenant == key(tenant), self._scripts.c.id == key(script_id))
        if not found:
            return refusals.no_script(tenant, script_id)
        current = found[0]
        return refusals.stale(script_id, expected_version, current.version, current.updated_by, current.updated_at)

    def _taken(self, script: Script) -> AlloyError:
        """The error for a new script whose name or id is taken."""
        names = columns(self._scripts, ("tenant", "name", "updated_by", "updated_at"))
        same = (self._scripts.c.name == script.name) | (self._scripts.c.id == script.id)
        own = self._scripts.c.tenant == script.tenant
        for _, name, by, at in self._fetch(self._scripts.select(*names).where(own, same)):
            if name == script.name:
                return refusals.taken("name", script.name, by, moment(at))
            return refusals.taken("id", script.id, by, moment(at))
        return refusals.taken_elsewhere(script.id)

    def _clash(self, script: Script, revision: Revision | None) -> AlloyError:
        """The error for a changed script whose name or new revision's number is taken."""
        table = self._scripts
        holder = table.select(table.c.updated_by, table.c.updated_at).where(
            table.c.tenant == script.tenant, table.c.name == script.name, table.c.id != script.id
        )
        for by, at in self._fetch(holder):
            return refusals.taken("name", script.name, by, moment(at))
        return refusals.revision_exists(script.id, 0 if revision is None else revision.number)
