"""Hooks for peewee models: mix `Hooked` into a model and register it with `PeeweeHooks`.

Writes that carry records go through hooks: ``save``, ``create``, ``delete_instance``, ``bulk_create``,
``bulk_update``, ``bulk_delete`` and ``insert_rows``. Statements (``insert_many``, ``update``, ``delete``) carry none
and go without, as they do with peewee's signals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import peewee

from ..errors import ConfigError, Rejected, ValidationError
from ..ports import Bound
from ..schema import Field, Schema
from .commits import Pending
from .writes import EntityHooks, Firing, field_errors

CHUNK = 500  # SQLite takes some thousand parameters in one statement, old versions 999

_TYPES = {
    "AUTO": "integer", "BIGAUTO": "integer", "INT": "integer", "BIGINT": "integer", "SMALLINT": "integer",
    "VARCHAR": "string", "CHAR": "string", "TEXT": "string", "DECIMAL": "decimal", "FLOAT": "number",
    "DOUBLE": "number", "BOOL": "boolean", "DATETIME": "datetime", "DATE": "date", "TIME": "time", "UUID": "uuid",
    "BLOB": "bytes",
}  # fmt: skip


class HookRejected(Rejected, peewee.DataError):
    """A script rejected the write; ``errors`` holds its messages by field."""

    def __init__(self, rejection: Rejected) -> None:
        super().__init__(rejection.message, details=rejection.details)
        self.errors = field_errors(rejection)


class PeeweeHooks:
    """Switches models on: ``PeeweeHooks(alloy).register(Order)``."""

    def __init__(self, alloy: Firing) -> None:
        self._alloy = alloy
        self._schemas: dict[type, Schema] = {}

    def register(
        self, model: type[Hooked], entity_type: str | None = None, *, readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None,
    ) -> Schema:  # fmt: skip
        """Returns the schema of a model whose writes go through hooks from now on.

        Args:
            model: A peewee model with `Hooked` among its bases.
            entity_type: Its name in events, None for the model's name in lower case.
            readable: Names of the fields that scripts see, None for all.
            writable: Names of the fields that scripts may set, None for all but an automatic key.

        Raises:
            ValidationError: The model has no `Hooked` among its bases, or no field of a given name.
        """
        if not (isinstance(model, type) and issubclass(model, Hooked) and issubclass(model, peewee.Model)):
            raise ValidationError(f"model: got {model!r}, wanted a peewee model with Hooked among its bases")
        schema = schema_of(model, entity_type or model._meta.name, readable, writable)
        if not isinstance(model._meta.database, peewee.Proxy):
            tracked(model._meta.database)
        model._alloy = ModelHooks(EntityHooks(self._alloy, schema.entity_type, HookRejected, schema), model)
        self._schemas[model] = schema
        return schema

    def serve(self, model: type[Hooked], *, tenant_field: str | None) -> None:
        """Lets scripts that are granted ``db.read`` or ``db.write`` use a registered model.

        ``tenant_field`` names the field that holds whose a record is: every query of a script is held to the tenant
        of its run. None says that the records are everybody's. Raises ValidationError for a model that is not
        registered or has no such field.
        """
        from .data import served
        from .peewee_data import PeeweeSource

        schema = served(model, self._schemas.get(model), tenant_field)
        self._alloy.data.serve(PeeweeSource(model, schema, tenant_field))


def schema_of(
    model: type[peewee.Model], entity_type: str, readable: Iterable[str] | None, writable: Iterable[str] | None
) -> Schema:
    """Returns what a model's fields are called and may hold."""
    meta: Any = model._meta
    fields = [_field(field) for field in meta.sorted_fields if not field.name.startswith("_")]
    if writable is None:
        shown = {field.name for field in fields} if readable is None else set(readable)
        writable = shown - ({meta.primary_key.name} if meta.auto_increment else set())
    key = "id" if meta.composite_key or meta.primary_key is False else meta.primary_key.name
    doc = (model.__doc__ or "").strip().partition("\n")[0]
    return Schema(entity_type, fields, readable=readable, writable=writable, id_field=key, doc=doc)


def _field(field: Any) -> Field:
    related = field.rel_model if isinstance(field, peewee.ForeignKeyField) else None
    kind = field.rel_field.field_type if related is not None else field.field_type
    return Field(
        field.name, _TYPES.get(kind, "any"), required=not field.null and not isinstance(field, peewee.AutoField),
        choices=tuple(choice[0] for choice in field.choices or ()), relation=related._meta.name if related else None,
        max_length=getattr(field, "max_length", None) if kind in ("VARCHAR", "CHAR") else None,
        doc=field.help_text or "",
    )  # fmt: skip


class ModelHooks:
    """How the writes of one model go through its hooks."""

    def __init__(self, hooks: EntityHooks, model: Any) -> None:
        self._hooks = hooks
        self._model = model
        self.bound, self.quiet = hooks.bound, hooks.quiet

    def save(self, record: Any, operation: str, bound: Bound, only: Any, write: Callable[[Any], Any]) -> Any:
        """Returns what ``write``, given the fields to write (None for all), returns."""
        hooks, fields, previous = self._hooks, record.__data__, None
        if operation == "update":
            names = _names(record, only)
            if bound.previous or names is not None:
                previous = self._stored([record]).get(record._pk)
            if names is not None:
                fields = {**(previous or {}), **{name: fields[name] for name in names if name in fields}}
        if bound.before:
            changes = hooks.before(operation, fields, previous)
            _assign(record, changes)
            fields = {**fields, **changes}
            only = only if only is None else [*only, *changes]
        if not bound.in_transaction:
            return write(only)
        with self._transaction() as pending:
            written = write(only)
            if written or operation == "create":
                hooks.after(operation, bound, pending, self._with_key(record, fields), previous)
        return written

    def delete(self, record: Any, bound: Bound, write: Callable[[], int]) -> int:
        """Returns what ``write`` returns."""
        hooks, fields = self._hooks, dict(record.__data__)
        previous = self._stored([record]).get(record._pk) if bound.previous else None
        if bound.before:
            hooks.before("delete", fields, previous)
        if not bound.in_transaction:
            return write()
        with self._transaction() as pending:
            deleted = write()
            if deleted:
                hooks.after("delete", bound, pending, fields, previous)
        return deleted

    def create_many(self, records: Sequence[Any], bound: Bound, write: Callable[[], Any]) -> Any:
        """Returns what ``write`` returns."""
        hooks = self._hooks
        if bound.before:
            for record, changes in zip(
                records, hooks.before_many("create", [r.__data__ for r in records]), strict=True
            ):
                _assign(record, changes)
        with self._transaction() as pending:
            written = write()
            hooks.after_many("create", bound, pending, [self._with_key(r, r.__data__) for r in records])
        return written

    def insert_rows(self, rows: Sequence[dict[str, Any]], bound: Bound, write: Callable[[Sequence[Any]], Any]) -> Any:
        """Returns what ``write``, given the rows as hooks left them, returns."""
        hooks = self._hooks
        if bound.before:
            changed = hooks.before_many("create", rows)
            rows = [{**row, **changes} if changes else row for row, changes in zip(rows, changed, strict=True)]
            rows = _same_keys(rows)
        if not bound.in_transaction:
            return write(rows)
        with self._transaction() as pending:
            written = write(rows)
            hooks.after_many("create", bound, pending, rows)
        return written

    def update_many(
        self, records: Sequence[Any], names: Sequence[str], bound: Bound, write: Callable[[Any, Any], int]
    ) -> int:
        """Returns how many rows ``write``, given records and names of fields, wrote."""
        hooks, stored = self._hooks, self._stored(records)
        previous = [stored.get(record._pk) for record in records]
        rows = [
            {**(old or {}), **{name: record.__data__.get(name) for name in names}}
            for record, old in zip(records, previous, strict=True)
        ]
        known = previous if bound.previous else None
        groups: dict[tuple[str, ...], list[Any]] = {(): list(records)}
        if bound.before:
            groups = {}
            for at, changes in enumerate(hooks.before_many("update", rows, known)):
                _assign(records[at], changes)
                rows[at] = {**rows[at], **changes}
                groups.setdefault(tuple(sorted(set(changes) - set(names))), []).append(records[at])
        with self._transaction() as pending:
            written = sum(write(group, [*names, *more]) for more, group in groups.items())
            hooks.after_many("update", bound, pending, rows, known)
        return written

    def delete_many(self, records: Sequence[Any], bound: Bound | None) -> int:
        """Returns how many rows were deleted."""
        hooks, key = self._hooks, self._model._meta.primary_key
        rows, previous = [dict(record.__data__) for record in records], None
        if bound is not None and bound.previous:
            stored = self._stored(records)
            previous = [stored.get(record._pk) for record in records]
        if bound is not None and bound.before:
            hooks.before_many("delete", rows, previous)
        with self._transaction() as pending:
            deleted = 0
            for part in _chunks([record._pk for record in records]):
                deleted += self._model.delete().where(key.in_(part)).execute()
            if bound is not None:
                hooks.after_many("delete", bound, pending, rows, previous)
        return deleted

    def _stored(self, records: Sequence[Any]) -> dict[Any, dict[str, Any]]:
        """Returns the fields of the records as the database has them, by key."""
        model = self._model
        if len(records) == 1:
            found = model.get_or_none(records[0]._pk_expr())
            return {} if found is None else {records[0]._pk: found.__data__}
        stored = {}
        for keys in _chunks([record._pk for record in records]):
            stored.update({row._pk: row.__data__ for row in model.select().where(model._meta.primary_key.in_(keys))})
        return stored

    def _with_key(self, record: Any, fields: dict[str, Any]) -> dict[str, Any]:
        meta = self._model._meta
        if meta.primary_key is False or meta.composite_key:
            return fields
        return {**fields, meta.primary_key.name: record._pk}

    @contextmanager
    def _transaction(self) -> Iterator[Pending]:
        database = self._model._meta.database
        with tracked(database).atomic():
            top = database.top_transaction()
            if not isinstance(top, TrackedTransaction):
                raise ConfigError("this transaction was begun before the model was registered")
            yield top.pending


class Hooked:
    """Mix into a model, before ``peewee.Model``: its writes go through hooks once it is registered."""

    _alloy: ClassVar[ModelHooks | None] = None
    _meta: Any

    def save(self, force_insert: bool = False, only: Any = None) -> Any:
        """Returns what ``peewee.Model.save`` returns; raises `HookRejected` if a script rejects."""
        hooks = self._alloy
        if hooks is not None and not hooks.quiet():
            operation = "create" if force_insert or self._pk is None else "update"  # type: ignore[attr-defined]
            bound = hooks.bound(operation)
            if bound is not None:
                save = super().save  # type: ignore[misc]
                return hooks.save(self, operation, bound, only, lambda names: save(force_insert, names))
        return super().save(force_insert, only)  # type: ignore[misc]

    def delete_instance(self, recursive: bool = False, delete_nullable: bool = False) -> int:
        """Returns how many rows were deleted; records deleted along with this one go without hooks."""
        delete = super().delete_instance  # type: ignore[misc]
        bound = self._alloy.bound("delete") if self._alloy is not None else None
        if self._alloy is None or bound is None:
            return int(delete(recursive, delete_nullable))
        return self._alloy.delete(self, bound, lambda: int(delete(recursive, delete_nullable)))

    @classmethod
    def bulk_create(cls, model_list: Iterable[Any], batch_size: int | None = None) -> Any:
        """Writes new records, through hooks in one crossing."""
        create, records = super().bulk_create, list(model_list)  # type: ignore[misc]
        bound = cls._alloy.bound("create", len(records)) if cls._alloy is not None else None
        if cls._alloy is None or bound is None:
            return create(records, batch_size)
        return cls._alloy.create_many(records, bound, lambda: create(records, batch_size))

    @classmethod
    def bulk_update(cls, model_list: Iterable[Any], fields: Iterable[Any], batch_size: int | None = None) -> int:
        """Returns how many records were written, through hooks in one crossing."""
        update, records = super().bulk_update, list(model_list)  # type: ignore[misc]
        names = [field if isinstance(field, str) else field.name for field in fields]
        bound = cls._alloy.bound("update", len(records)) if cls._alloy is not None else None
        if cls._alloy is None or bound is None:
            return int(update(records, names, batch_size))
        return cls._alloy.update_many(records, names, bound, lambda some, which: int(update(some, which, batch_size)))

    @classmethod
    def bulk_delete(cls, model_list: Iterable[Any]) -> int:
        """Returns how many records were deleted, through hooks in one crossing."""
        records = list(model_list)
        if cls._alloy is None:
            raise ConfigError(f"{cls.__name__}: not registered; call PeeweeHooks(alloy).register({cls.__name__})")
        return cls._alloy.delete_many(records, cls._alloy.bound("delete", len(records)))

    @classmethod
    def insert_rows(cls, rows: Iterable[dict[str, Any]]) -> Any:
        """Returns what ``insert_many(rows).execute()`` returns, with hooks fired in one crossing."""
        given = list(rows)

        def write(some: Sequence[Any]) -> Any:
            return cls.insert_many(some).execute()  # type: ignore[attr-defined]

        bound = cls._alloy.bound("create", len(given)) if cls._alloy is not None else None
        if cls._alloy is None or bound is None:
            return write(given)
        return cls._alloy.insert_rows(given, bound, write)


def _names(record: Any, only: Any) -> list[str] | None:
    """Returns which fields an update writes, None for all of them."""
    if only is not None:
        return [field if isinstance(field, str) else field.name for field in only]
    return list(record.dirty_field_names) if record._meta.only_save_dirty else None


def _assign(record: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(record, name, value)


def _same_keys(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows that all have all keys: peewee takes the columns of an insert from its first row."""
    keys = dict.fromkeys(rows[0]) if rows else {}
    if all(row.keys() == keys.keys() for row in rows):
        return rows
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]


def _chunks(items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


# -- transactions --------------------------------------------------------------------------------------------------
class TrackedTransaction(peewee._transaction):
    """A transaction that fires the hooks that wait for its end."""

    pending: Pending

    def __enter__(self) -> TrackedTransaction:
        outer = self.db.top_transaction()
        self.pending = outer.pending if isinstance(outer, TrackedTransaction) else Pending()
        super().__enter__()
        return self

    def commit(self, begin: bool = True) -> None:
        super().commit(begin)
        self.pending.end(committed=True)

    def rollback(self, begin: bool = True) -> None:
        super().rollback(begin)
        self.pending.end(committed=False)


class TrackedSavepoint(peewee._savepoint):
    """A savepoint whose writes wait for the transaction around it."""

    def _begin(self) -> None:
        super()._begin()  # type: ignore[misc]
        top = self.db.top_transaction()
        self._pending = top.pending if isinstance(top, TrackedTransaction) else Pending()
        self._pending.begin()

    def commit(self, begin: bool = True) -> None:
        super().commit(begin=False)
        self._pending.release()
        if begin:
            self._begin()

    def rollback(self, begin: bool = True) -> None:
        super().rollback(begin=False)
        self._pending.roll_back()
        if begin:
            self._begin()


def tracked(database: Any) -> Any:
    """Returns the database, whose transactions and savepoints are tracked from now on."""
    if isinstance(database, peewee.Proxy):
        database = database.obj
    if "savepoint" not in vars(database):
        database.transaction = lambda *args, **options: TrackedTransaction(database, *args, **options)
        database.savepoint = lambda: TrackedSavepoint(database)
    return database
