"""The module ``db``: scripts read and write the platform's data, within its transaction and their tenant.

The tenant is that of the run and is put into every query here, never by the script. What a script may see and set is
what the entity's schema says.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, Protocol

from ..errors import AlloyError, HostError, InvalidValue, NotFound, ValidationError
from ..hostapi import DATA_WRITE_PHASES, EVERY_PHASE, HostCall, HostFunction, Param
from ..schema import Schema
from .reads import TRIAL

# What conditions mean, on the columns of whatever library has overloaded Python's operators.
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": eq, "ne": ne, "lt": lt, "le": le, "gt": gt, "ge": ge,
    "in": lambda column, values: column.in_(values),
}  # fmt: skip
OPERATORS = tuple(COMPARE)
DEFAULT_LIMIT = 100
_RUNS_WATCHED = 4096


class Condition(NamedTuple):
    """One condition of a query; all of them have to hold."""

    field: str
    operator: str
    value: Any


class Query(NamedTuple):
    """What ``db.find`` asks for. ``order`` holds names with True where the order is descending."""

    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = DEFAULT_LIMIT


class Source(Protocol):
    """One entity's data, as a bridge serves it. Every method keeps to the tenant; None means the entity has none."""

    schema: Schema

    def get_many(self, keys: Sequence[Any], tenant: str) -> dict[Any, dict[str, Any]]:
        """Returns records by key."""

    def find(self, query: Query, tenant: str) -> list[dict[str, Any]]:
        """Returns records."""

    def count(self, conditions: tuple[Condition, ...], tenant: str) -> int:
        """Returns how many records match."""

    def update(self, key: Any, changes: dict[str, Any], tenant: str) -> dict[str, Any] | None:
        """Returns the record as written, hooks fired; None if there is none."""

    def create(self, fields: dict[str, Any], tenant: str) -> dict[str, Any]:
        """Returns the new record, hooks fired."""


class DataLimits(NamedTuple):
    """What one run may ask of the data. ``bytes`` is counted as text."""

    queries: int = 100
    rows: int = 5_000
    bytes: int = 1_048_576


class Data:
    """The sources of a platform, and the functions over them that scripts call."""

    def __init__(self, limits: DataLimits | None = None) -> None:
        self.limits = limits or DataLimits()
        self._sources: dict[str, Source] = {}
        self._used: OrderedDict[str, list[int]] = OrderedDict()
        self._lock = threading.Lock()

    def serve(self, source: Source) -> None:
        """Lets scripts that are granted ``db.read`` or ``db.write`` use an entity."""
        self._sources[source.schema.entity_type] = source

    def functions(self) -> list[HostFunction]:
        """Returns the functions of the module ``db``."""
        entity = Param("entity", "string", "what kind of record")
        key, where = Param("id", "any", "of the record"), Param("where", "table", "fields and values", optional=True)
        options = Param("options", "table", "limit and order", optional=True)
        fields = Param("fields", "table", "names and values")

        def function(
            name: str, doc: str, call: Callable[..., Any], params: tuple[Param, ...], returns: str
        ) -> HostFunction:
            writes = name in ("update", "create")
            return HostFunction(
                f"db.{name}", doc, params, returns, call, capability="db.write" if writes else "db.read",
                phases=DATA_WRITE_PHASES if writes else EVERY_PHASE, effect=writes, cost=100, wants_call=True,
                blocking=True,
            )  # fmt: skip

        return [
            function("get", "The record with this id; nil if there is none.", self.get, (entity, key), "table | nil"),
            function("find", "The records that match.", self.find, (entity, where, options), "list"),
            function("count", "How many records match.", self.count, (entity, where), "integer"),
            function("update", "The record as written.", self.update, (entity, key, fields), "table"),
            function("create", "The new record.", self.create, (entity, fields), "table"),
        ]

    # -- what scripts call -----------------------------------------------------------------------------------------
    def get(self, call: HostCall, entity: str, key: Any) -> dict[str, Any] | None:
        """Returns a record, None if the tenant has none with this id."""
        source = self._source(entity)
        wanted = source.schema.value(source.schema.id_field, key)

        def load(keys: Iterable[Any]) -> dict[Any, dict[str, Any]]:
            return source.get_many(list(keys), call.tenant)

        found = self._read(call, ("get", entity, call.tenant), wanted, load)
        return None if found is None else self._shown(call, source, [found])[0]

    def find(
        self, call: HostCall, entity: str, where: Any = None, options: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Returns the records that match."""
        source = self._source(entity)
        query = self._query(source.schema, where, options or {})
        found = self._read(
            call, ("find", entity, call.tenant), query,
            lambda queries: {each: source.find(each, call.tenant) for each in queries},
        )  # fmt: skip
        return self._shown(call, source, found)

    def count(self, call: HostCall, entity: str, where: Any = None) -> int:
        """Returns how many records match."""
        source = self._source(entity)
        conditions = _conditions(source.schema, where)
        found: int = self._read(
            call, ("count", entity, call.tenant), conditions,
            lambda asked: {each: source.count(each, call.tenant) for each in asked},
        )  # fmt: skip
        return found

    def update(self, call: HostCall, entity: str, key: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the record as written; raises `NotFound` if the tenant has none with this id."""
        source = self._source(entity)
        wanted, changes = source.schema.value(source.schema.id_field, key), source.schema.cast(fields or {})
        written = self._write(call, lambda: source.update(wanted, changes, call.tenant))
        if written is None:
            raise NotFound(f"{entity} {key}: no such record")
        return self._shown(call, source, [written])[0]

    def create(self, call: HostCall, entity: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the new record."""
        source = self._source(entity)
        given = source.schema.cast(fields or {})
        written = self._write(call, lambda: source.create(given, call.tenant))
        return self._shown(call, source, [written])[0]

    # -- inside ----------------------------------------------------------------------------------------------------
    def _source(self, entity: str) -> Source:
        try:
            return self._sources[entity]
        except KeyError:
            known = ", ".join(sorted(self._sources)) or "none"
            raise InvalidValue(f"db: got entity {entity!r}, wanted one of {known}") from None

    def _read(self, call: HostCall, group: tuple[str, ...], key: Any, load: Callable[..., Mapping[Any, Any]]) -> Any:
        trial = TRIAL.get()
        if trial is None:
            self._spend(call, 1, 0, 0)
            return load((key,)).get(key)
        found = trial.get(group, key, load)
        self._spend(call, 1, 0, 0)
        return found

    def _write(self, call: HostCall, write: Callable[[], Any]) -> Any:
        trial = TRIAL.get()
        if trial is not None:
            trial.write()
        self._spend(call, 1, 0, 0)
        token = TRIAL.set(None)  # hooks of this write are runs of their own
        try:
            return write()
        except AlloyError:
            raise
        except Exception as error:
            rejection = getattr(error, "rejection", None)  # of a framework whose error is none of ours
            raise (error if rejection is None else rejection) from None
        finally:
            TRIAL.reset(token)

    def _shown(self, call: HostCall, source: Source, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        names = source.schema.fields
        shown = [{name: row[name] for name in names if row.get(name) is not None} for row in rows]
        self._spend(call, 0, len(shown), sum(len(str(value)) for row in shown for value in row.values()))
        return shown

    def _spend(self, call: HostCall, queries: int, rows: int, size: int) -> None:
        with self._lock:
            used = self._used.setdefault(call.run_id, [0, 0, 0])
            if len(self._used) > _RUNS_WATCHED:
                self._used.popitem(last=False)
            for place, more in enumerate((queries, rows, size)):
                used[place] += more
            for name, spent, most in zip(DataLimits._fields, used, self.limits, strict=True):
                if spent > most:
                    raise HostError(f"db: this run asked for {spent} {name}, wanted at most {most}")

    def _query(self, schema: Schema, where: Any, options: Mapping[str, Any]) -> Query:
        for name in options or {}:
            if name not in ("limit", "order"):
                raise InvalidValue(f"db.find: got option {name!r}, wanted limit or order")
        limit = options.get("limit", DEFAULT_LIMIT) if options else DEFAULT_LIMIT
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 1 <= limit <= self.limits.rows:
            raise InvalidValue(f"db.find: limit: got {limit!r}, wanted a whole number from 1 to {self.limits.rows}")
        given = options.get("order") if options else None
        orders = [] if given is None else given if isinstance(given, list) else [given]
        order = []
        for each in orders:
            name = str(each).removeprefix("-")
            _known(schema, name)
            order.append((name, str(each).startswith("-")))
        return Query(_conditions(schema, where), tuple(order), int(limit))


def served(model: type, schema: Schema | None, tenant_field: str | None) -> Schema:
    """Returns the schema by which a registered model is served: scripts can't set whose a record is.

    Raises:
        ValidationError: The model is not registered, or has no such field.
    """
    if schema is None:
        raise ValidationError(f"serve: got {model!r}, wanted a registered model")
    if tenant_field is not None and tenant_field not in schema.every:
        raise ValidationError(
            f"serve: tenant_field: got {tenant_field!r}, wanted one of {', '.join(sorted(schema.every))}"
        )
    return schema.without(tenant_field)


def _known(schema: Schema, name: Any) -> None:
    if name not in schema.fields:
        raise InvalidValue(f"{schema.entity_type} has no field {name!r}{schema.suggestion(str(name))}")


def _conditions(schema: Schema, where: Any) -> tuple[Condition, ...]:
    """Returns the conditions of ``{status = "open", total = {ge = 5}, id = {1, 2}}``."""
    if where is not None and where != [] and not isinstance(where, Mapping):
        raise InvalidValue("db: where: got a list, wanted a table of names and values")
    found = []
    for name, wanted in (where or {}).items():
        _known(schema, name)
        parts = (
            wanted.items() if isinstance(wanted, Mapping) else [("in" if isinstance(wanted, list) else "eq", wanted)]
        )
        for comparison, value in parts:
            if comparison not in OPERATORS:
                raise InvalidValue(f"db: {name}: got operator {comparison!r}, wanted one of {', '.join(OPERATORS)}")
            several = tuple(schema.value(name, each) for each in value) if comparison == "in" else None
            found.append(Condition(name, comparison, schema.value(name, value) if several is None else several))
    return tuple(sorted(found, key=lambda each: (each.field, each.operator)))
