"""Hooks for Django: derive models from `HookedModel` and register them with `DjangoHooks` when apps are ready.

``save``, ``delete`` and their async forms, and the bulk methods of `HookedQuerySet`, go through hooks. Rows that the
database or Django's collector deletes along with another, and raw saves of fixtures, go without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoError
from django.db import connections, models, router, transaction

from ..errors import Rejected, ValidationError
from ..ports import Bound
from ..schema import Field, Schema
from .commits import Pending, Write, settle
from .writes import EntityHooks, Firing, field_errors

_TYPES = {
    "AutoField": "integer", "BigAutoField": "integer", "SmallAutoField": "integer", "IntegerField": "integer",
    "BigIntegerField": "integer", "SmallIntegerField": "integer", "PositiveIntegerField": "integer",
    "PositiveBigIntegerField": "integer", "PositiveSmallIntegerField": "integer", "CharField": "string",
    "TextField": "string", "SlugField": "string", "FloatField": "number", "DecimalField": "decimal",
    "BooleanField": "boolean", "DateField": "date", "DateTimeField": "datetime", "TimeField": "time",
    "UUIDField": "uuid", "BinaryField": "bytes",
}  # fmt: skip


class HookRejected(DjangoError):
    """A script rejected the write: a ``ValidationError`` with messages by field. ``details`` is what it gave."""

    def __init__(self, rejection: Rejected) -> None:
        errors = field_errors(rejection)
        super().__init__({name: [DjangoError(x, code="rejected") for x in texts] for name, texts in errors.items()})
        self.rejection, self.details = rejection, rejection.details


class DjangoHooks:
    """Switches models on: ``DjangoHooks(alloy).register(Order)`` in ``AppConfig.ready``."""

    def __init__(self, alloy: Firing) -> None:
        self._alloy = alloy
        self._schemas: dict[type, Schema] = {}

    def register(
        self, model: type[HookedModel], entity_type: str | None = None, *, readable: Iterable[str] | None = None,
        writable: Iterable[str] | None = None,
    ) -> Schema:  # fmt: skip
        """Returns the schema of a model whose writes go through hooks from now on.

        Args:
            model: A subclass of `HookedModel`.
            entity_type: Its name in events, None for the model's name in lower case.
            readable: Names of the fields that scripts see, None for all.
            writable: Names of the fields that scripts may set, None for all but an automatic key.

        Raises:
            ValidationError: The model is no `HookedModel`, or has no field of a given name.
        """
        if not (isinstance(model, type) and issubclass(model, HookedModel)):
            raise ValidationError(f"model: got {model!r}, wanted a subclass of HookedModel")
        schema = schema_of(model, entity_type or model._meta.model_name or "", readable, writable)
        model._alloy = ModelHooks(EntityHooks(self._alloy, schema.entity_type, HookRejected, schema), model)
        self._schemas[model] = schema
        return schema

    def serve(self, model: type[HookedModel], *, tenant_field: str | None) -> None:
        """Lets scripts that are granted ``db.read`` or ``db.write`` use a registered model.

        ``tenant_field`` names the field that holds whose a record is: every query of a script is held to the tenant
        of its run. None says that the records are everybody's. Raises ValidationError for a model that is not
        registered or has no such field.
        """
        from .data import served
        from .django_data import DjangoSource

        schema = served(model, self._schemas.get(model), tenant_field)
        self._alloy.data.serve(DjangoSource(model, schema, tenant_field))


def schema_of(model: Any, entity_type: str, readable: Iterable[str] | None, writable: Iterable[str] | None) -> Schema:
    """Returns what a model's columns are called (a foreign key is ``customer_id``) and may hold."""
    fields = [_field(field) for field in model._meta.concrete_fields]
    if writable is None:
        shown = {field.name for field in fields} if readable is None else set(readable)
        writable = shown - {field.attname for field in model._meta.concrete_fields if _automatic(field)}
    doc = (model.__doc__ or "").strip().partition("\n")[0]
    if doc.startswith(f"{model.__name__}("):  # Django's own list of the fields
        doc = ""
    return Schema(entity_type, fields, readable=readable, writable=writable, id_field=model._meta.pk.attname, doc=doc)


def _automatic(field: Any) -> bool:
    return isinstance(field, models.AutoField)


def _field(field: Any) -> Field:
    target = field.target_field if field.is_relation else field
    kind = _TYPES.get(target.get_internal_type(), "any")
    return Field(
        field.attname, kind, required=not field.null and not _automatic(field),
        choices=tuple(value for value, _ in field.flatchoices if value != ""),
        relation=field.related_model._meta.model_name if field.is_relation else None,
        max_length=target.max_length if kind == "string" else None, doc=str(field.help_text or ""),
    )  # fmt: skip


class ModelHooks:
    """How the writes of one model go through its hooks."""

    def __init__(self, hooks: EntityHooks, model: Any) -> None:
        self._hooks = hooks
        self._model = model
        self._names = tuple(field.attname for field in model._meta.concrete_fields)
        self._attributes = {field.name: field.attname for field in model._meta.concrete_fields}
        self.bound, self.quiet = hooks.bound, hooks.quiet

    def fields(self, record: Any) -> dict[str, Any]:
        """Returns the values of a record's loaded columns."""
        held = record.__dict__
        return {name: held[name] for name in self._names if name in held}

    def stored(self, keys: Sequence[Any], using: str) -> dict[Any, dict[str, Any]]:
        """Returns the columns of records as the database has them, by key."""
        rows = self._model._base_manager.using(using).filter(pk__in=keys).values(*self._names)
        key = self._model._meta.pk.attname
        return {row[key]: row for row in rows}

    def save(
        self, record: Any, operation: str, bound: Bound, using: str, names: Iterable[str] | None,
        write: Callable[[Any], None],
    ) -> None:  # fmt: skip
        """Calls ``write``, given the fields to write (None for all), with hooks before and after."""
        hooks, fields, previous = self._hooks, self.fields(record), None
        if operation == "update":
            if bound.previous or names is not None:
                previous = self.stored([record.pk], using).get(record.pk)
            if names is not None:
                attributes = [self._attributes.get(name, name) for name in names]
                fields = {**(previous or {}), **{name: fields[name] for name in attributes if name in fields}}
        if bound.before:
            changes = hooks.before(operation, fields, previous)
            _assign(record, changes)
            fields.update(changes)
            names = names if names is None else frozenset((*names, *changes))
        if not bound.in_transaction:
            write(names)
            return
        with _transaction(using) as pending:
            write(names)
            hooks.after(operation, bound, pending, {**fields, self._model._meta.pk.attname: record.pk}, previous)

    def delete(self, record: Any, bound: Bound, using: str, write: Callable[[], Any]) -> Any:
        """Returns what ``write`` returns, with hooks before and after."""
        return self.delete_many([record], bound, using, write)

    def delete_many(self, records: Sequence[Any], bound: Bound, using: str, write: Callable[[], Any]) -> Any:
        """Returns what ``write`` returns, with hooks before and after, in one crossing."""
        hooks, rows, previous = self._hooks, [self.fields(record) for record in records], None
        if bound.previous:
            stored = self.stored([record.pk for record in records], using)
            previous = [stored.get(record.pk) for record in records]
        if bound.before:
            hooks.before_many("delete", rows, previous)
        with _transaction(using) as pending:
            deleted = write()
            hooks.after_many("delete", bound, pending, rows, previous)
        return deleted

    def create_many(self, records: Sequence[Any], bound: Bound, using: str, write: Callable[[], Any]) -> Any:
        """Returns what ``write`` returns, with hooks before and after, in one crossing."""
        hooks = self._hooks
        if bound.before:
            changed = hooks.before_many("create", [self.fields(record) for record in records])
            for record, changes in zip(records, changed, strict=True):
                _assign(record, changes)
        with _transaction(using) as pending:
            written = write()
            hooks.after_many("create", bound, pending, [self.fields(record) for record in records])
        return written

    def update_many(
        self, records: Sequence[Any], names: Sequence[str], bound: Bound, using: str, write: Callable[[Any, Any], int]
    ) -> int:
        """Returns how many rows ``write``, given records and names of fields, wrote."""
        hooks, stored = self._hooks, self.stored([record.pk for record in records], using)
        previous = [stored.get(record.pk) for record in records]
        attributes = [self._attributes.get(name, name) for name in names]
        rows = [
            {**(old or {}), **{name: record.__dict__.get(name) for name in attributes}}
            for record, old in zip(records, previous, strict=True)
        ]
        known = previous if bound.previous else None
        groups: dict[tuple[str, ...], list[Any]] = {(): list(records)}
        if bound.before:
            groups = {}
            by_attribute = {attribute: name for name, attribute in self._attributes.items()}
            for at, changes in enumerate(hooks.before_many("update", rows, known)):
                _assign(records[at], changes)
                rows[at].update(changes)
                more = sorted(by_attribute[name] for name in set(changes) - set(attributes))
                groups.setdefault(tuple(more), []).append(records[at])
        with _transaction(using) as pending:
            written = sum(write(group, [*names, *more]) for more, group in groups.items())
            hooks.after_many("update", bound, pending, rows, known)
        return written


class HookedQuerySet(models.QuerySet[Any]):
    """A query set whose bulk methods go through hooks; derive a model's own query set from it."""

    def _bound(self, operation: str, count: int) -> tuple[ModelHooks, Bound] | None:
        hooks: ModelHooks | None = getattr(self.model, "_alloy", None)
        if hooks is None:
            return None
        bound = hooks.bound(operation, count)
        return None if bound is None else (hooks, bound)

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        """Returns the new records, written through hooks in one crossing."""
        create, records = super().bulk_create, list(objs)
        found = self._bound("create", len(records))
        if found is None:
            return create(records, *args, **options)
        hooks, bound = found
        made: list[Any] = hooks.create_many(records, bound, self._using, lambda: create(records, *args, **options))
        return made

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        """Returns how many records were written, through hooks in one crossing."""
        records, names = list(objs), list(fields)
        plain: Any = models.QuerySet(self.model, using=self._using)
        found = self._bound("update", len(records))
        if found is None:
            return int(plain.bulk_update(records, names, batch_size))
        hooks, bound = found
        return hooks.update_many(
            records, names, bound, self._using, lambda some, which: int(plain.bulk_update(some, which, batch_size))
        )

    def update(self, **values: Any) -> int:
        """Returns how many records were written; with hooks, they are loaded for that."""
        found = self._bound("update", 1)
        if found is None:
            return super().update(**values)
        hooks, bound = found
        computed = {name: value for name, value in values.items() if hasattr(value, "resolve_expression")}
        records = list(self.annotate(**{f"alloy_{name}": value for name, value in computed.items()}))
        for record in records:
            for name, value in values.items():
                setattr(record, name, getattr(record, f"alloy_{name}") if name in computed else value)
        plain: Any = models.QuerySet(self.model, using=self._using)
        return hooks.update_many(
            records, list(values), bound, self._using, lambda some, which: int(plain.bulk_update(some, which))
        )

    update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Returns how many records were deleted; with hooks, they are loaded for that."""
        found = self._bound("delete", 1)
        if found is None:
            return super().delete()
        hooks, bound = found
        records = list(self)
        plain: Any = models.QuerySet(self.model, using=self._using).filter(pk__in=[record.pk for record in records])
        deleted: tuple[int, dict[str, int]] = hooks.delete_many(records, bound, self._using, plain.delete)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    @property
    def _using(self) -> str:
        return self._db or router.db_for_write(self.model)


class HookedModel(models.Model):
    """A model whose writes go through hooks once it is registered."""

    _alloy: ClassVar[ModelHooks | None] = None

    objects = HookedQuerySet.as_manager()

    class Meta:
        abstract = True

    def save_base(
        self, raw: bool = False, force_insert: Any = False, force_update: bool = False, using: str | None = None,
        update_fields: Any = None,
    ) -> None:  # fmt: skip
        """Writes this record; raises `HookRejected` if a script rejects it."""
        alias = using or router.db_for_write(type(self), instance=self)
        hooks, save = self._alloy, super().save_base

        def write(names: Any) -> None:
            save(raw, force_insert, force_update, alias, names)

        operation = "create" if self._state.adding else "update"
        if hooks is None or raw or hooks.quiet():
            write(update_fields)
            return
        if self._state.adding and self.pk is not None and not force_insert and not self._meta.pk.has_default():
            operation = "update" if hooks.stored([self.pk], alias) else "create"
        bound = hooks.bound(operation)
        if bound is None:
            write(update_fields)
        else:
            hooks.save(self, operation, bound, alias, update_fields, write)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Returns what ``Model.delete`` returns; raises `HookRejected` if a script rejects."""
        delete = super().delete
        bound = self._alloy.bound("delete") if self._alloy is not None and self.pk is not None else None
        if self._alloy is None or bound is None:
            return delete(using, keep_parents)
        alias = using or router.db_for_write(type(self), instance=self)
        done: tuple[int, dict[str, int]] = self._alloy.delete(self, bound, alias, lambda: delete(alias, keep_parents))
        return done

    delete.alters_data = True  # type: ignore[attr-defined]


def _assign(record: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(record, name, value)


# -- transactions --------------------------------------------------------------------------------------------------
@contextmanager
def _transaction(using: str) -> Iterator[Pending]:
    with transaction.atomic(using=using):
        yield DjangoPending(using)


class DjangoPending(Pending):
    """Writes that wait with ``transaction.on_commit``, which knows of savepoints."""

    __slots__ = ("_using",)

    def __init__(self, using: str) -> None:
        super().__init__()
        self._using = using

    def add(self, writes: Iterable[Write]) -> None:
        """Registers writes with Django."""
        found = list(writes)
        if found:
            waiting = Waiting(found)
            _tracked(connections[self._using]).append(waiting)
            transaction.on_commit(waiting, using=self._using)


class Waiting:
    """Writes of one statement; called when they are committed."""

    def __init__(self, writes: list[Write]) -> None:
        self.writes = writes

    def __call__(self) -> None:
        settle("on_commit", self.writes)


def _tracked(connection: Any) -> list[Waiting]:
    """Returns what waits on a connection, which from now on tells what it rolls back: Django has no hook for that."""
    if hasattr(connection, "alloy_waiting"):
        found: list[Waiting] = connection.alloy_waiting
        return found
    waiting: list[Waiting] = []
    connection.alloy_waiting = waiting

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> None:
            method(*args)
            left = {id(function) for _, function, _ in connection.run_on_commit}
            lost = [item for item in waiting if id(item) not in left]
            waiting[:] = [item for item in waiting if id(item) in left]
            settle("on_rollback", [write for item in lost for write in item.writes])

        return call

    run = connection.run_and_clear_commit_hooks

    def committed() -> None:
        waiting.clear()
        run()

    connection.rollback = watched(connection.rollback)
    connection.savepoint_rollback = watched(connection.savepoint_rollback)
    connection.run_and_clear_commit_hooks = committed
    return waiting
