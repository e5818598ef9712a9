"""A shop in SQLAlchemy 2, with a sync and an async session: its orders go through hooks."""

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from alloy_lua import Alloy
from alloy_lua.bridges.sqlalchemy import HookRejected, SQLAlchemyHooks


class Base(DeclarativeBase):
    pass


class Order(Base):
    """What a customer ordered."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    total: Mapped[float]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Alloy() as alloy:
        path = Path(folder) / "shop.db"
        engine = create_engine(f"sqlite:///{path}")
        sessions = sessionmaker(engine)
        SQLAlchemyHooks(alloy, sessions).register(Order)
        Base.metadata.create_all(engine)

        alloy.scripts.create("tidy", "entity.email = entity.email:lower()", on="order.before_create", status="active")
        alloy.scripts.create(
            "positive", 'if entity.total < 0 then abort("too low", {field = "total"}) end',
            on="order.before_create", status="active",
        )  # fmt: skip

        with sessions.begin() as session:
            order = Order(email="Ann@Example.com", total=50)
            session.add(order)
            session.flush()
            print("saved", order.email)
        try:
            with sessions.begin() as session:
                session.add(Order(email="bea@example.com", total=-1))
        except HookRejected as rejection:
            print("rejected", rejection.errors)
        asyncio.run(save_async(alloy, path))
        engine.dispose()


async def save_async(alloy: Alloy, path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    sessions = async_sessionmaker(engine)
    SQLAlchemyHooks(alloy, sessions).register(Order)
    async with sessions.begin() as session:
        order = Order(email="Cleo@Example.com", total=5)
        session.add(order)
        await session.flush()
        print("saved", order.email)
    await engine.dispose()


if __name__ == "__main__":
    main()
