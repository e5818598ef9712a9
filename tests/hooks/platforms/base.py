"""What the contract suite asks of a platform: a table of orders, written in the ways its framework has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

from alloy_lua import Alloy

STATUSES = ("new", "checked", "open", "closed")


class Platform(ABC):
    """One framework with one database. ``url`` is empty for SQLite in a file of ``folder``."""

    refused: type[Exception]

    def __init__(self, alloy: Alloy, folder: str, url: str) -> None:
        self.alloy = alloy
        self.folder = folder
        self.url = url
        self.open()

    @abstractmethod
    def open(self) -> None:
        """Makes the table, switches hooks on."""

    @abstractmethod
    def close(self) -> None:
        """Drops every connection."""

    @abstractmethod
    def create(self, **fields: Any) -> int:
        """Returns the id of a new order."""

    @abstractmethod
    def update(self, key: int, **fields: Any) -> None:
        """Loads an order, sets fields and saves it as a whole."""

    @abstractmethod
    def update_partly(self, key: int, unsaved: dict[str, Any], **fields: Any) -> None:
        """Loads an order, sets ``unsaved`` and ``fields``, and saves ``fields`` only."""

    @abstractmethod
    def delete(self, key: int) -> None:
        """Loads an order and deletes it."""

    @abstractmethod
    def create_many(self, rows: list[dict[str, Any]]) -> None:
        """Writes new orders in bulk."""

    @abstractmethod
    def update_many(self, **fields: Any) -> None:
        """Loads all orders, sets fields, and saves them in bulk."""

    @abstractmethod
    def delete_many(self) -> None:
        """Deletes all orders in bulk."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """Begins a transaction, or a savepoint inside one; an exception that leaves the block undoes it."""

    async def create_async(self, **fields: Any) -> None:
        """Writes a new order as the framework does in a coroutine."""
        self.create(**fields)

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Returns all orders as the database has them, by id."""

    def serve(self) -> None:
        """Lets scripts use orders with ``db``; the field ``note`` holds the tenant."""
        raise NotImplementedError

    def count_queries(self) -> AbstractContextManager[list[str]]:
        """Collects the statements sent inside the block."""
        raise NotImplementedError

    @abstractmethod
    def errors(self, error: Exception) -> dict[str, list[str]]:
        """Returns the messages of a validation error by field, as the framework's users read them."""
