"""Orders in SQLAlchemy, with sync and with async sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.pool import NullPool

from alloy_lua.bridges.sqlalchemy import HookRejected, SQLAlchemyHooks

from .base import STATUSES, Platform


class Base(DeclarativeBase):
    pass


class Order(Base):
    """What a customer ordered."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(40), default="")
    email: Mapped[str | None]
    total: Mapped[float] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(default="new", info={"choices": STATUSES})
    discount: Mapped[Decimal | None] = mapped_column(sa.Numeric(12, 2))
    note: Mapped[str | None]


class SQLAlchemyPlatform(Platform):
    refused = HookRejected

    def open(self) -> None:
        url = self.url.replace("postgresql://", "postgresql+psycopg://") or f"sqlite:///{self.folder}/alchemy.db"
        self.engine = sa.create_engine(url, poolclass=NullPool)
        self.sessions = sessionmaker(self.engine)
        self.hooks = SQLAlchemyHooks(self.alloy, self.sessions)
        self.hooks.register(Order)
        self._current: ContextVar[Session | None] = ContextVar("session", default=None)
        Base.metadata.create_all(self.engine)
        url = url.replace("sqlite://", "sqlite+aiosqlite://")
        self.async_sessions = async_sessionmaker(create_async_engine(url, poolclass=NullPool))
        SQLAlchemyHooks(self.alloy, self.async_sessions).register(Order)

    def serve(self) -> None:
        self.hooks.serve(Order, tenant_field="note")

    @contextmanager
    def count_queries(self) -> Iterator[list[str]]:
        sent: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            sent.append(statement)

        sa.event.listen(self.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            sa.event.remove(self.engine, "before_cursor_execute", note)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        session = self._current.get()
        if session is not None:
            with session.begin_nested():
                yield session
            return
        with self.sessions.begin() as session:
            token = self._current.set(session)
            try:
                yield session
            finally:
                self._current.reset(token)

    @contextmanager
    def work(self) -> Iterator[Session]:
        """Yields the session of the surrounding transaction, or one of its own; flushes at the end."""
        session = self._current.get()
        if session is not None:
            yield session
            session.flush()
            return
        with self.sessions() as session:
            token = self._current.set(session)
            try:
                yield session
                session.commit()
            finally:
                self._current.reset(token)

    def create(self, **fields: Any) -> int:
        order = Order(**fields)
        with self.work() as session:
            session.add(order)
            session.flush()
            return order.id

    def update(self, key: int, **fields: Any) -> None:
        with self.work() as session:
            order = session.get_one(Order, key)
            for name, value in fields.items():
                setattr(order, name, value)

    def update_partly(self, key: int, unsaved: dict[str, Any], **fields: Any) -> None:
        with self.work() as session:  # a session writes what was set, so nothing else is
            order = session.get_one(Order, key)
            session.expire(order)
            for name, value in fields.items():
                setattr(order, name, value)

    def delete(self, key: int) -> None:
        with self.work() as session:
            session.delete(session.get_one(Order, key))

    def create_many(self, rows: list[dict[str, Any]]) -> None:
        with self.work() as session:
            session.add_all([Order(**row) for row in rows])

    def update_many(self, **fields: Any) -> None:
        with self.work() as session:
            for order in session.scalars(sa.select(Order).order_by(Order.id)):
                for name, value in fields.items():
                    setattr(order, name, value)

    async def create_async(self, **fields: Any) -> None:
        async with self.async_sessions.begin() as session:
            session.add(Order(**fields))

    def delete_many(self) -> None:
        with self.work() as session:
            for order in session.scalars(sa.select(Order).order_by(Order.id)).all():
                session.delete(order)

    def rows(self) -> list[dict[str, Any]]:
        query = sa.select(*Order.__table__.columns).order_by(Order.id)
        session = self._current.get()
        if session is not None:
            return [dict(row) for row in session.execute(query).mappings()]
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def errors(self, error: Exception) -> dict[str, list[str]]:
        assert isinstance(error, sa.exc.SQLAlchemyError)
        return error.errors
