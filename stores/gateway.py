"""Runs work on a database: a connection from the pool, a transaction, one retry, and every failure as `StoreError`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import peewee

from ..errors import AlloyError, ConfigError, StoreError
from .dialects import Dialect

T = TypeVar("T")


class Gateway:
    """The one way to a store's database; safe to use from any thread."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.database = dialect.database
        self._closed = False

    def read(self, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns; it reads, and must have fetched all it needs when it returns.

        Raises:
            StoreError: The database failed, and failed again if the first time the connection was lost.
        """
        with self._translated():
            return self._attempt(work)

    def write(self, work: Callable[[], T], *, duplicate: Callable[[], AlloyError] | None = None) -> T:
        """Returns what ``work`` returns; what it writes is kept as a whole or not at all.

        Args:
            work: May be called twice: again if its transaction certainly was not kept.
            duplicate: Makes the error for a write that breaks a constraint; called after the rollback.

        Raises:
            StoreError: The database failed.
        """
        with self._translated():
            try:
                return self._attempt(lambda: self._transaction(work))
            except peewee.IntegrityError as exc:
                if duplicate is None:
                    raise
                raise duplicate() from exc

    def alone(self, work: Callable[[], T]) -> T:
        """Returns what ``work`` returns, called while no other process migrates this database.

        Raises:
            StoreError: The database failed.
        """
        with self._translated(), self.database.connection_context(), self.dialect.migration_lock():
            return work()

    def insert_new(self, table: str, names: Sequence[str], row: Sequence[Any]) -> None:
        """Writes a row, unless there is one of the same key; to be called within `write`."""
        before, after = self.dialect.insert_new
        marks = ", ".join([self.database.param] * len(row))
        self.database.execute_sql(f"{before} INTO {table} ({', '.join(names)}) VALUES ({marks}){after}", tuple(row))

    def close(self) -> None:
        """Closes every connection of the pool; there will be no others."""
        self._closed = True
        self.database.close_all()

    def _attempt(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise ConfigError("this store is closed", code="closed")
        with self.database.connection_context():
            try:
                return work()
            except self.dialect.errors as exc:
                if not self.dialect.transient(exc):
                    raise
        self.database.close_idle()
        with self.database.connection_context():
            return work()

    def _transaction(self, work: Callable[[], T]) -> T:
        done = False
        try:
            with self.database.atomic(*self.dialect.begin):
                result = work()
                done = True
            return result
        except self.dialect.errors as exc:
            if done and self.dialect.lost(exc):
                raise StoreError(
                    f"{self.dialect.place}: the connection was lost during the commit: "
                    "the write may or may not have been kept"
                ) from exc
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.dialect.errors as exc:
            raise self.dialect.failure(exc) from exc
