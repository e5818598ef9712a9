"""Scripts over tables: the part of an `Alloy` that runs them for each row of Arrow data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import checks
from .access.acting import require
from .errors import NotFound
from .lifecycle import runnable_revision
from .runner.context import acting

if TYPE_CHECKING:
    from .bridges.entities import EntityBridge
    from .model import Script
    from .ports import Store
    from .tables.spec import TableScript, TableSpec

Progress = Callable[[int, "int | None"], object]


class OverTables:
    """The part of the facade that evaluates tables.

    Attributes:
        store: Where scripts live.
        entities: How records are read.
    """

    store: Store
    entities: EntityBridge
    _core: Any
    _live_source: Callable[[Script], str]
    _start: Callable[[], None]

    def evaluate_table(
        self, event_or_script: str, table: Any, *, tenant: str | None = None, user: str | None = None,
        revision: int | None = None, types: Mapping[str, Any] | None = None, missing: str = "error", threads: int = 1,
        progress: Progress | None = None,
    ) -> Any:  # fmt: skip
        """Returns what `fire` would make of each row: a `TableResult`, or a `StreamResult` if ``table`` is a reader.

        Nothing is put on record, and a row that fails is a row of the result: see docs/tables.md.

        Args:
            event_or_script: An event, or a script by name.
            table: A pyarrow Table, RecordBatch or RecordBatchReader, or any data frame with ``__arrow_c_stream__``.
            tenant: Whose scripts run; None for the surrounding `context`'s.
            user: Who acts.
            revision: The revision of a script by name; None for the live one, or the draft if none is live.
            types: Arrow types of fields that scripts write and the table does not have, by name.
            missing: What a field is that scripts read and the table does not have: ``"error"``, or ``"null"``.
            threads: How many runtimes work side by side.
            progress: Called after each batch with the rows done and all rows, None for a reader.

        Raises:
            ConfigError: pyarrow is not installed.
            NotFound: The tenant has no such script.
            ValidationError: An argument is wrong, a column is missing, or a script reaches outside its row.
            CompileError: A script does not compile.
        """
        if progress is not None and not callable(progress):
            raise checks.wrong("progress", progress, "a function")
        spec = self._table_spec(event_or_script, tenant, user, revision, types, missing)
        from .tables.evaluate import evaluate

        return evaluate(spec, self._core.engine, table, threads=threads, progress=progress)

    def table_spec(
        self, event_or_script: str, *, tenant: str | None = None, user: str | None = None,
        revision: int | None = None, types: Mapping[str, Any] | None = None, missing: str = "error",
    ) -> TableSpec:  # fmt: skip
        """Returns what `evaluate_table` would run, frozen and picklable, for processes elsewhere.

        Takes what `evaluate_table` takes.

        Raises:
            ValidationError: Also if a script needs a function of this process, or draws random numbers.
        """
        spec = self._table_spec(event_or_script, tenant, user, revision, types, missing)
        from .bridges.hosts import default_modules
        from .tables.spec import check_portable

        check_portable(spec, self._core.engine, (module.name for module in default_modules()))
        return spec

    def _table_spec(
        self, event_or_script: str, tenant: str | None, user: str | None, revision: int | None,
        types: Mapping[str, Any] | None, missing: str,
    ) -> TableSpec:  # fmt: skip
        from .tables.spec import MISSING, TableScript, TableSpec, check_spec, checked_types, event_in

        ambient = acting(user, tenant, False)
        declared, absent = checked_types(types), checks.choice(missing, "missing", MISSING)
        self._start()
        event = event_in(event_or_script, lambda name: self._has_script(ambient.tenant, name))
        if event is None:
            scripts = [self._table_script(event_or_script, ambient.tenant, revision)]
        else:
            if revision is not None:
                raise checks.wrong("revision", revision, "None for an event: its scripts' live revisions run")
            bindings = [each for each in self._core.registry.chain(ambient.tenant, event.name) if each.bypass is None]
            scripts = [TableScript(each.script, self._live_source(each.script)) for each in bindings]
        adapter = self.entities.adapter_for({}, event.entity_type if event else None)
        name = event.name if event else None
        spec = TableSpec(name, tuple(scripts), ambient.tenant, ambient.user, adapter, declared, absent)
        check_spec(spec, self._core.engine)
        return spec

    def _has_script(self, tenant: str, name: str) -> bool:
        try:
            return self.store.get_script(tenant, name) is not None
        except NotFound:
            return False

    def _table_script(self, name: str, tenant: str, revision: int | None) -> TableScript:
        from .tables.spec import TableScript

        require("scripts.try", tenant)
        script = self.store.get_script(tenant, checks.name(name, "script name"))
        number = runnable_revision(script, True, revision)
        source = self.store.get_revision(script.tenant, script.id, number).source
        return TableScript(replace(script, live_revision=number), source)
