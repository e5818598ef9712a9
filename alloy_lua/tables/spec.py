"""What an evaluation over a table runs: scripts, their sources and settings, frozen, so that it can travel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import checks
from ..engine import Engine, Program
from ..errors import ConfigError, ValidationError
from ..events import Event, Phase, parse_event
from ..model import FailurePolicy, Script
from ..ports import EntityAdapter

if TYPE_CHECKING:
    import pyarrow as pa

    from .partition import PartitionEvaluator

MISSING = ("error", "null")


@dataclass(frozen=True, slots=True)
class TableScript:
    """One script with the text of the revision that runs."""

    script: Script
    source: str

    @property
    def revision(self) -> int:
        """The number of the revision that runs."""
        return self.script.live_revision or self.script.draft_revision

    @property
    def closed(self) -> bool:
        """Whether a row ends where the script fails."""
        return self.script.failure_policy is FailurePolicy.CLOSED


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What to run over a table: picklable and small, since it holds texts and no runtime.

    Attributes:
        event: The event; None if the one script was named.
        scripts: Its scripts in the order in which they run.
        tenant: Whose scripts they are.
        user: Who acts.
        adapter: Which fields they may read and write.
        types: Arrow types of fields that they write and the table does not have.
        missing: What a field is that they read and the table does not have: ``error`` or ``null``.
    """

    event: str | None
    scripts: tuple[TableScript, ...]
    tenant: str
    user: str | None
    adapter: EntityAdapter
    types: Mapping[str, pa.DataType]
    missing: str = "error"

    def open(self) -> PartitionEvaluator:
        """Returns an evaluator with an engine of its own, for the process that this is called in."""
        from .partition import PartitionEvaluator

        return PartitionEvaluator(self)

    @property
    def phase(self) -> Event:
        """The event that its scripts run on. A named script may write, as one before a write may."""
        return parse_event(self.event) if self.event is not None else Event("", "", Phase.BEFORE, None)


def event_in(text: str, is_script: Callable[[str], bool]) -> Event | None:
    """Returns the event that ``text`` names; None if it names a script.

    Raises:
        ValidationError: It has a dot, and names neither.
    """
    try:
        return parse_event(text)
    except ValidationError:
        if isinstance(text, str) and ("." not in text or is_script(text)):
            return None
        raise


def check_spec(spec: TableSpec, engine: Engine) -> None:
    """Returns None if the scripts of ``spec`` look at nothing but their rows.

    Raises:
        CompileError: A script does not compile.
        ValidationError: A script calls what reaches the world outside.
    """
    for each in spec.scripts:
        mentions = engine.compile(each.source).mentions
        for module in engine.hosts.modules:
            if module.name in mentions and any(f.effect or f.capability for f in module.functions):
                raise ValidationError(
                    f"script {each.script.name}: uses {module.name}, which reaches outside its row, wanted a script "
                    "without effects and capabilities; fire it record by record instead",
                    details={"script": each.script.name, "module": module.name},
                )


def check_portable(spec: TableSpec, engine: Engine, known: Iterable[str]) -> None:
    """Returns None if ``spec`` gives the same results in any process.

    Args:
        spec: What is to travel.
        engine: Compiles its scripts.
        known: Names of the modules that every process has.

    Raises:
        ValidationError: A script needs a function of this platform, or draws random numbers.
    """
    own = {module.name for module in engine.hosts.modules} - set(known)
    for each in spec.scripts:
        program = engine.compile(each.source)
        for name in sorted(own & program.mentions):
            raise ValidationError(
                f"script {each.script.name}: uses {name}, functions of this process, wanted only built-in modules",
                details={"script": each.script.name, "module": name},
            )
        if program.random:
            raise ValidationError(
                f"script {each.script.name}: draws random numbers, wanted the same results when a partition is retried",
                details={"script": each.script.name},
            )


def checked_types(types: Any) -> dict[str, pa.DataType]:
    """Returns the Arrow types of fields by name.

    Raises:
        ConfigError: pyarrow is not installed.
        ValidationError: It is no mapping of names to Arrow types.
    """
    lib = arrow()
    given = checks.mapping(types, "types") or {}
    for name, kind in given.items():
        checks.name(name, "types: name")
        if not isinstance(kind, lib.DataType):
            raise checks.wrong(f"types[{name!r}]", kind, "an Arrow type such as pyarrow.float64()", field="types")
    return dict(given)


def arrow() -> Any:
    """Returns the module pyarrow.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise ConfigError("tables: pyarrow is not installed, wanted the extra: pip install alloy-lua[arrow]") from None
    return pyarrow


def missing_fields(reads: tuple[str, ...], programs: list[Program], columns: Iterable[str]) -> list[str]:
    """Returns the fields that a script reads though neither the table nor a script has them.

    Args:
        reads: What the script reads.
        programs: The scripts up to and with this one, whose writes it may read.
        columns: The columns of the table.
    """
    written = {name for program in programs for name in program.writes or ()}
    return [name for name in reads if name not in written and name not in set(columns)]
