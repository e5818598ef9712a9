"""Tables in files: Parquet, CSV and JSON lines by suffix, read batch by batch and written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import pyarrow as pa

from ..errors import ConfigError, NotFound, ValidationError
from ..values import jsonable
from .evaluate import BATCH_ROWS

SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")
_CSV_COLUMN = re.compile(r"In CSV column #(\d+)")


class Source(NamedTuple):
    """The rows of a file, and how many there are, None where only reading tells."""

    reader: pa.RecordBatchReader
    rows: int | None


class Writer(Protocol):
    """Writes batches of one schema to a file."""

    def write_batch(self, batch: pa.RecordBatch) -> object:
        """Writes some rows."""

    def close(self) -> object:
        """Ends the file."""


def open_table(path: Path) -> Source:
    """Returns the rows of a file.

    Raises:
        NotFound: There is no such file.
        ConfigError: It can't be read.
        ValidationError: Its suffix is unknown, or it does not hold what its suffix says.
    """
    with _file_errors(path, "read"):
        found = _READERS[suffix_of(path)](path)
        names = found.reader.schema.names
    return Source(pa.RecordBatchReader.from_batches(found.reader.schema, _guarded(found, path, names)), found.rows)


@contextmanager
def writing(path: Path) -> Iterator[Callable[[pa.Schema], Writer]]:
    """Yields a function that begins the file and returns its writer; on an error the file is left as it was.

    The rows go to a file beside it, which takes its name at the end.

    Raises:
        ConfigError: The file can't be written.
        ValidationError: Its suffix is unknown, or its format does not hold a column's type.
    """
    make = _WRITERS[suffix_of(path)]
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with _file_errors(path, "written"):
        file = beside.open("xb")
    try:
        writers: list[Writer] = []

        def begin(schema: pa.Schema) -> Writer:
            with _file_errors(path, "written"):
                writers.append(make(file, schema))
            return writers[0]

        with file:
            yield begin
            for writer in writers:
                writer.close()
        with _file_errors(path, "written"):
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def suffix_of(path: Path) -> str:
    """Returns the suffix of a table's file.

    Raises:
        ValidationError: It is none that says a format.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValidationError(f"file {path}: got the suffix {suffix!r}, wanted one of {', '.join(SUFFIXES)}")
    return suffix


@contextmanager
def _file_errors(path: Path, what: str, columns: Sequence[str] = ()) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        if what == "read":
            raise NotFound(f"file {path}: no such file") from None
        raise ConfigError(f"file {path}: can't be written: no folder {path.parent}") from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except pa.ArrowException as error:
        if what == "read" and "invalid UTF8" in str(error):
            at = _CSV_COLUMN.search(str(error))
            raise _not_utf8(path, columns[int(at[1])] if at and columns else None) from None
        raise ValidationError(f"file {path}: can't be {what} as {path.suffix[1:]}: {_first_line(error)}") from None
    except OSError as error:
        raise ConfigError(f"file {path}: can't be {what}: {error.strerror or _first_line(error)}") from None


def _not_utf8(path: Path, column: str | None = None) -> ValidationError:
    where = "" if column is None else f" column {column!r}:"
    return ValidationError(f"file {path}:{where} got bytes that are not UTF-8, wanted UTF-8")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip() or type(error).__name__


def _guarded(source: Source, path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _file_errors(path, "read", columns):
        yield from source.reader


def _read_parquet(path: Path) -> Source:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    batches = file.iter_batches(batch_size=BATCH_ROWS)
    return Source(pa.RecordBatchReader.from_batches(file.schema_arrow, batches), file.metadata.num_rows)


def _read_csv(path: Path) -> Source:
    from pyarrow import csv

    reader = csv.open_csv(path)
    for field in reader.schema:
        if pa.types.is_binary(field.type):  # what Arrow makes of text that is not UTF-8
            raise _not_utf8(path, field.name)
    return Source(reader, None)


def _read_json(path: Path) -> Source:
    from pyarrow import json as lines

    reader = lines.open_json(path)
    return Source(pa.RecordBatchReader.from_batches(reader.schema, _checked(reader, path)), None)


def _checked(reader: Any, path: Path) -> Iterator[pa.RecordBatch]:
    """Yields the batches of a reader of JSON, which takes any bytes for text."""
    for batch in reader:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid:
                raise _not_utf8(path, name) from None
        yield batch


def _write_parquet(file: BinaryIO, schema: pa.Schema) -> Writer:
    from pyarrow import parquet

    writer: Writer = parquet.ParquetWriter(file, schema)
    return writer


def _write_csv(file: BinaryIO, schema: pa.Schema) -> Writer:
    from pyarrow import csv

    for field in schema:
        if pa.types.is_nested(field.type):
            raise pa.ArrowInvalid(f"column {field.name!r} is {field.type}, wanted no lists and no structs")
    writer: Writer = csv.CSVWriter(file, schema)
    return writer


class _JsonLines:
    """Writes a JSON object for each row; what JSON does not have goes as text."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file = file

    def write_batch(self, batch: pa.RecordBatch) -> None:
        lines = [json.dumps(jsonable(row), ensure_ascii=False) for row in batch.to_pylist()]
        self._file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        self._file.flush()


_READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_json, ".ndjson": _read_json}
_WRITERS: dict[str, Callable[[BinaryIO, pa.Schema], Writer]] = {
    ".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _JsonLines, ".ndjson": _JsonLines,
}  # fmt: skip
