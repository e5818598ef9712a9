"""The command ``bulk``: an event's scripts over a file of rows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import NotFound, ValidationError
from ..model import DEFAULT_TENANT
from .execute import bind
from .options import Commands, add_command, add_database, count, database_of, name_text
from .reply import FAILED, OK, Reply, UsageError, pairs, visible
from .session import existing, in_memory
from .tables import table

if TYPE_CHECKING:
    from .. import Alloy
    from ..tables.report import Report

WIDTH = 30
SECONDS = 0.1


def register(commands: Commands) -> None:
    """Adds the command to the parser."""
    bulk = add_command(commands, "bulk", evaluate_file, "run an event's scripts, or one by name, over a file of rows")
    bulk.add_argument("event", metavar="EVENT|NAME", help="such as order.before_create")
    files = "a .parquet, .csv, .jsonl or .ndjson file"
    bulk.add_argument("--in", dest="source", type=Path, required=True, metavar="FILE", help=f"the rows: {files}")
    bulk.add_argument(
        "--out", type=Path, metavar="FILE",
        help=f"gets the rows with their changes, _status, _reason and _error_code: {files}",
    )  # fmt: skip
    bulk.add_argument(
        "--file", action="append", metavar="FILE", help="run this Lua file instead of stored scripts; repeatable"
    )
    bulk.add_argument(
        "--type", dest="types", action="append", type=column_type, default=[], metavar="NAME=TYPE",
        help="the Arrow type of a column that scripts add, such as note=string or total=double; repeatable",
    )  # fmt: skip
    bulk.add_argument(
        "--missing", choices=("error", "null"), default="error",
        help="what a column is that scripts read and the file does not have (default: %(default)s)",
    )  # fmt: skip
    bulk.add_argument("--threads", type=count, default=1, metavar="N", help="runtimes side by side (default: 1)")
    bulk.add_argument("--user", type=name_text, help="who acts")
    add_database(bulk)


def column_type(text: str) -> tuple[str, str]:
    """Returns the name and the type in ``name=type``."""
    name, equals, kind = text.partition("=")
    if not (name and equals and kind):
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted NAME=TYPE such as total=double")
    return name, kind


def evaluate_file(arguments: argparse.Namespace) -> Reply:
    """Returns what the scripts made of the rows, in numbers; the rows go to the file ``--out``."""
    from ..tables.spec import arrow

    arrow()
    if not arguments.file:
        with existing(database_of(arguments)) as alloy:
            _check_event(alloy, arguments)
            return _evaluated(alloy, arguments)
    with in_memory() as alloy:
        _check_event(alloy, arguments)
        for path in arguments.file:
            bind(alloy, path, arguments.event, arguments.tenant)
        return _evaluated(alloy, arguments)


def _check_event(alloy: Alloy, arguments: argparse.Namespace) -> None:
    """Ends the command as wrong usage if what looks like an event is none, and no script has that name."""
    from ..tables.spec import event_in

    try:
        event_in(arguments.event, lambda name: _is_script(alloy, arguments, name))
    except ValidationError as error:
        raise UsageError(f"argument EVENT|NAME: {error.message}") from None


def _is_script(alloy: Alloy, arguments: argparse.Namespace, name: str) -> bool:
    if arguments.file:
        return name in [Path(path).stem for path in arguments.file]
    try:
        return bool(alloy.scripts.get(name, tenant=arguments.tenant))
    except NotFound:
        return False


def _evaluated(alloy: Alloy, arguments: argparse.Namespace) -> Reply:
    from ..tables.files import open_table, suffix_of

    if arguments.out is not None:
        suffix_of(arguments.out)
    source = open_table(arguments.source)
    if arguments.out is not None and arguments.out.exists() and arguments.out.samefile(arguments.source):
        raise ValidationError(f"--out {arguments.out}: got the file that --in names, wanted another")
    bar = Bar(sys.stderr, source.rows)
    try:
        result = alloy.evaluate_table(
            arguments.event, source.reader, tenant=arguments.tenant or DEFAULT_TENANT, user=arguments.user,
            types=_types(arguments.types), missing=arguments.missing, threads=arguments.threads, progress=bar.show,
        )  # fmt: skip
    except ValidationError as error:
        # The library says how Python asks for it.
        said = error.message.replace("missing='null'", "--missing null")
        raise ValidationError(said, details=error.details) from None
    if not result.report.choices:
        raise NotFound(f"event {arguments.event}: no active script runs on it")
    try:
        _write(result, arguments.out)
    finally:
        bar.clear()
    report: Report = result.report
    return Reply(report.as_dict(), _summary(report, arguments.out), FAILED if report.failed else OK)


def _write(result: Any, path: Path | None) -> None:
    if path is None:
        for _ in result.reader():
            pass
        return
    from ..tables.files import writing

    with writing(path) as begin:
        reader = result.apply(verdict=True)
        writer = begin(reader.schema)
        for batch in reader:
            writer.write_batch(batch)


def _types(given: list[tuple[str, str]]) -> dict[str, Any]:
    from ..tables.spec import arrow

    types = {}
    for name, kind in given:
        try:
            types[name] = arrow().type_for_alias(kind)
        except ValueError:
            raise ValidationError(
                f"type of {name}: got {kind!r}, wanted an Arrow type such as string or double"
            ) from None
    return types


def _summary(report: Report, out: Path | None) -> list[str]:
    rate = report.rows / report.seconds if report.seconds else 0.0
    lines = [
        f"{report.rows} rows in {report.seconds:.1f} s ({rate:,.0f} rows/s, fuel {report.fuel})",
        *pairs({name: str(number) for name, number in report.counts().items() if name not in ("rows", "fuel")}),
    ]
    if report.tolerated:
        lines += pairs({"let pass": str(report.tolerated)})
    if report.rejected:
        reasons = sorted(report.rejected.items(), key=lambda pair: -pair[1])
        lines += ["", *table(("rejected", "reason"), [(str(number), reason) for reason, number in reasons])]
    if report.failed:
        lines += ["", *table(("failed", "error", "row", "message"), _failures(report))]
    lines += ["", *map(visible, report.explain().splitlines())]
    return lines if out is None else [*lines, visible(f"written: {out}")]


def _failures(report: Report) -> list[tuple[str, str, str, str]]:
    rows = []
    for code, failures in sorted(report.failed.items(), key=lambda pair: -pair[1].count):
        for place, (row, message) in enumerate(failures.examples):
            rows.append((str(failures.count) if not place else "", code if not place else "", str(row), message))
    return rows


class Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, out: TextIO, total: int | None) -> None:
        self._out = out if out.isatty() else None
        self._total = total
        self._next = 0.0

    def show(self, done: int, _: int | None) -> None:
        """Draws how far it is, a few times a second."""
        now = monotonic()
        if self._out is None or now < self._next:
            return
        self._next = now + SECONDS
        text = f"{done:,} rows"
        if self._total:
            full = WIDTH * done // self._total
            bar, percent = "#" * full + "." * (WIDTH - full), 100 * done // self._total
            text = f"[{bar}] {percent:3} %  {done:,} of {self._total:,} rows"
        self._out.write(f"\r\x1b[K{text}")
        self._out.flush()

    def clear(self) -> None:
        """Takes the bar away."""
        if self._out is not None and self._next:
            self._out.write("\r\x1b[K")
            self._out.flush()
