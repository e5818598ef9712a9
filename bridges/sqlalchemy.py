"""Hooks for SQLAlchemy 2: give `SQLAlchemyHooks` the session maker, sync or async, and register mapped classes.

Objects that a session flushes go through hooks, all of one class and operation in one crossing. Statements
(``insert()``, ``update()``, ``delete()``) carry no objects and go without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import event, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.state import InstanceState

from ..errors import HostError, Rejected, ValidationError
from ..ports import Bound
from ..schema import Field, Schema
from .commits import Pending
from .sqlalchemy_data import CURRENT
from .writes import EntityHooks, Firing, field_errors

_TYPES = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "Decimal": "decimal", "date": "date",
    "datetime": "datetime", "time": "time", "UUID": "uuid", "bytes": "bytes", "list": "list", "dict": "table",
}  # fmt: skip


class HookRejected(Rejected, SQLAlchemyError):  # type: ignore[misc]
    """A script rejected the write; ``errors`` holds its messages by field."""

    def __init__(self, rejection: Rejected) -> None:
        super().__init__(rejection.message, details=rejection.details)
        self.errors = field_errors(rejection)

    def __str__(self) -> str:
        return self.message


class Mapped(NamedTuple):
    """One mapped class with hooks: the names of its columns' attributes, and the plain defaults among them."""

    hooks: EntityHooks
    names: frozenset[str]
    defaults: Mapping[str, Any]
    columns: Mapping[str, Any]


class Batch(NamedTuple):
    """Objects of one class that a flush writes in one way."""

    mapped: Mapped
    operation: str
    bound: Bound
    records: list[Any]


class SQLAlchemyHooks:
    """Switches mapped classes on: ``SQLAlchemyHooks(alloy, sessions).register(Order)``.

    Args:
        alloy: Whose scripts run.
        sessions: A ``sessionmaker`` or ``async_sessionmaker``; the sessions it makes from now on know hooks.
    """

    def __init__(self, alloy: Firing, sessions: Any) -> None:
        self._alloy = alloy
        self._sessions = sessions
        self._is_async = hasattr(sessions.class_, "sync_session_class")
        self._schemas: dict[type, Schema] = {}
        self.mapped: dict[type, Mapped] = {}
        self._types: tuple[str, ...] = ()
        if self._is_async:
            base = sessions.kw.get("sync_session_class") or sessions.class_.sync_session_class
            sessions.kw["sync_session_class"] = self._session_class(base)
        else:
            sessions.class_ = self._session_class(sessions.class_)

    def quiet(self) -> bool:
        """Returns whether no registered class has hooks."""
        return self._alloy.quiet(self._types)

    def _session_class(self, base: type[Session]) -> type[Session]:
        return type(base.__name__, (HookedSession, base), {"_alloy_hooks": self})

    def register(
        self, model: type, entity_type: str | None = None, *, readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None,
    ) -> Schema:  # fmt: skip
        """Returns the schema of a mapped class whose objects go through hooks from now on.

        Args:
            model: A mapped class.
            entity_type: Its name in events, None for the class's name in lower case.
            readable: Names of the attributes that scripts see, None for all columns.
            writable: Names of the attributes that scripts may set, None for all but an automatic key.

        Raises:
            ValidationError: The class is not mapped, or has no attribute of a given name.
        """
        mapper: Any = inspect(model, raiseerr=False)
        if mapper is None or not getattr(mapper, "is_mapper", False):
            raise ValidationError(f"model: got {model!r}, wanted a mapped class")
        columns = {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}
        schema = schema_of(model, columns, entity_type or model.__name__.lower(), readable, writable)
        defaults = {
            name: column.default.arg
            for name, column in columns.items()
            if column.default is not None and column.default.is_scalar
        }
        hooks = EntityHooks(self._alloy, schema.entity_type, HookRejected, schema)
        self._types = (*self._types, schema.entity_type)
        self.mapped[model] = Mapped(hooks, frozenset(columns), defaults, columns)
        self._schemas[model] = schema
        return schema

    def serve(self, model: type[Any], *, tenant_field: str | None) -> None:
        """Lets scripts that are granted ``db.read`` or ``db.write`` use a registered model.

        ``tenant_field`` names the field that holds whose a record is: every query of a script is held to the tenant
        of its run. None says that the records are everybody's. Raises ValidationError for a model that is not
        registered or has no such field.
        """
        from .data import served
        from .sqlalchemy_data import SQLAlchemySource

        schema = served(model, self._schemas.get(model), tenant_field)
        self._alloy.data.serve(SQLAlchemySource(model, schema, tenant_field, self._begin))

    def _begin(self) -> Any:
        if self._is_async:
            raise HostError("db: an async session maker serves data only to the hooks of its own sessions")
        return self._sessions.begin()


def schema_of(
    model: type, columns: Mapping[str, Any], entity_type: str, readable: Iterable[str] | None,
    writable: Iterable[str] | None,
) -> Schema:  # fmt: skip
    """Returns what the attributes of a mapped class are called and may hold."""
    fields = [_field(name, column) for name, column in columns.items() if not name.startswith("_")]
    keys = [name for name, column in columns.items() if column.primary_key]
    if writable is None:
        shown = {field.name for field in fields} if readable is None else set(readable)
        writable = shown - {name for name in keys if columns[name].autoincrement}
    doc = (model.__doc__ or "").strip().partition("\n")[0]
    key = keys[0] if len(keys) == 1 else "id"
    return Schema(entity_type, fields, readable=readable, writable=writable, id_field=key, doc=doc)


def _field(name: str, column: Any) -> Field:
    try:
        kind = _TYPES.get(column.type.python_type.__name__, "any")
    except NotImplementedError:  # a type that does not say what it holds
        kind = "any"
    choices = getattr(column.type, "enums", ()) if kind == "string" else ()
    relation = next((key.column.table.name for key in column.foreign_keys), None)
    return Field(
        name, kind, required=not column.nullable and not column.primary_key,
        choices=tuple(column.info.get("choices", choices)), relation=relation,
        max_length=getattr(column.type, "length", None) if kind == "string" else None,
        doc=column.doc or column.comment or "",
    )  # fmt: skip


class HookedSession(Session):
    """A session whose flush goes through hooks; `SQLAlchemyHooks` makes its session maker make them."""

    _alloy_hooks: ClassVar[SQLAlchemyHooks]
    _alloy_pending: Pending | None = None
    _alloy_committed = False
    _alloy_listens = False

    def commit(self) -> None:
        """Flushes before the commit begins, so that a failing hook can still roll back; then commits."""
        if not self._alloy_hooks.quiet():
            self.flush()
        super().commit()

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Writes what has changed, with hooks before and after; an after hook that fails rolls back."""
        batches = [] if self._alloy_hooks.quiet() else self._batches(objects)
        if not batches:
            super().flush() if objects is None else super().flush(objects)
            return
        with self.no_autoflush, _current(self):
            work = [(batch, *self._before(batch)) for batch in batches]
        super().flush() if objects is None else super().flush(objects)
        if any(batch.bound.in_transaction for batch in batches):
            with _current(self):
                self._after(work)

    def _batches(self, objects: Sequence[Any] | None) -> list[Batch]:
        found: dict[tuple[type, str], list[Any]] = {}
        mapped = self._alloy_hooks.mapped
        wanted = None if objects is None else set(map(id, objects))
        for operation, records in (("create", self.new), ("update", self.dirty), ("delete", self.deleted)):
            for record in records:
                kind = type(record)
                if kind in mapped and (wanted is None or id(record) in wanted):
                    found.setdefault((kind, operation), []).append(record)
        batches = []
        for (kind, operation), group in found.items():
            if operation == "update":
                group = [record for record in group if self.is_modified(record, include_collections=False)]
            bound = mapped[kind].hooks.bound(operation, len(group)) if group else None
            if bound is not None:
                batches.append(Batch(mapped[kind], operation, bound, group))
        return batches

    def _before(self, batch: Batch) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
        """Returns the fields of a batch's objects as before hooks left them, and as they were if hooks look at it."""
        mapped, operation, bound, records = batch
        rows = [_fields(record, mapped, operation) for record in records]
        previous = None
        if bound.previous:
            previous = [self._previous(record, row, mapped) for record, row in zip(records, rows, strict=True)]
        if not bound.before:
            return rows, previous
        hooks = mapped.hooks
        if len(rows) == 1:
            changed = [hooks.before(operation, rows[0], previous[0] if previous else None)]
        else:
            changed = hooks.before_many(operation, rows, previous)
        for record, row, changes in zip(records, rows, changed, strict=True):
            if operation != "delete":
                row.update(changes)
                for name, value in changes.items():
                    setattr(record, name, value)
        return rows, previous

    def _previous(self, record: Any, fields: dict[str, Any], mapped: Mapped) -> dict[str, Any]:
        """Returns the fields as they are in the database; a query only if the session has not loaded them."""
        state: InstanceState[Any] = inspect(record)
        previous = dict(fields)
        unknown = []
        for name in mapped.names & state.committed_state.keys():
            old = get_history(record, name).deleted
            if old:
                previous[name] = old[0]
            else:
                unknown.append(name)
        if unknown:
            keys = zip(state.mapper.primary_key, state.identity or (), strict=True)
            query = select(*(mapped.columns[name] for name in unknown)).where(*(key == value for key, value in keys))
            row = self.execute(query).one_or_none()
            previous.update(zip(unknown, row or (), strict=False))
        return previous

    def _pending(self) -> Pending:
        """Returns what waits for the end of this transaction, made at the first write that has hooks."""
        if self._alloy_pending is None:
            self._alloy_pending = Pending()
            if not self._alloy_listens:  # most sessions have nothing that waits, and should not pay for it
                self._alloy_listens = True
                event.listen(self, "after_transaction_create", _began)
                event.listen(self, "after_commit", _committed)
                event.listen(self, "after_transaction_end", _ended)
            transaction: SessionTransaction | None = self.get_nested_transaction()
            while transaction is not None:
                if transaction.nested:
                    self._alloy_pending.begin()
                transaction = transaction.parent
        return self._alloy_pending

    def _after(self, work: Sequence[tuple[Batch, list[dict[str, Any]], list[dict[str, Any]] | None]]) -> None:
        pending = self._pending()
        try:
            for (mapped, operation, bound, records), rows, previous in work:
                if operation != "delete":
                    written = mapped.names
                    rows = [
                        {**row, **{name: value for name, value in vars(record).items() if name in written}}
                        for record, row in zip(records, rows, strict=True)
                    ]
                if len(rows) == 1:
                    mapped.hooks.after(operation, bound, pending, rows[0], previous[0] if previous else None)
                else:
                    mapped.hooks.after_many(operation, bound, pending, rows, previous)
        except BaseException:
            transaction = self.get_nested_transaction() or self.get_transaction()
            if transaction is not None:
                with suppress(SQLAlchemyError):  # a commit in progress: it rolls back itself
                    transaction.rollback()
            raise


@contextmanager
def _current(session: Session) -> Iterator[None]:
    """Has scripts that this flush runs use its session."""
    token = CURRENT.set(session)
    try:
        yield
    finally:
        CURRENT.reset(token)


def _fields(record: Any, mapped: Mapped, operation: str) -> dict[str, Any]:
    if operation == "create":
        given = {name: value for name, value in vars(record).items() if name in mapped.names}
        return {**mapped.defaults, **given}
    return {name: getattr(record, name) for name in mapped.names}


def _began(session: HookedSession, transaction: SessionTransaction) -> None:
    if session._alloy_pending is not None and transaction.nested:
        session._alloy_pending.begin()


def _committed(session: HookedSession) -> None:
    session._alloy_committed = True  # the transaction that ends next


def _ended(session: HookedSession, transaction: SessionTransaction) -> None:
    if not (transaction.nested or transaction.parent is None):
        return
    committed, session._alloy_committed = session._alloy_committed, False
    pending = session._alloy_pending
    if pending is None:
        return
    if transaction.nested:
        pending.release() if committed else pending.roll_back()
    else:
        session._alloy_pending = None
        pending.end(committed)
