"""What hooks cost where models are written: each framework against itself, SQLite in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import peewee
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from alloy_lua import Alloy
from alloy_lua.bridges.peewee import Hooked, PeeweeHooks
from alloy_lua.bridges.sqlalchemy import SQLAlchemyHooks

from .hooks import EVENT, LUA, RECORD
from .paired import Pair, claim, interleaved

ROWS = 10_000
_SERIAL = count()
FIELDS = {name: value for name, value in RECORD.items() if name != "id"}
_KINDS = {str: peewee.TextField, float: peewee.FloatField, int: peewee.IntegerField, bool: peewee.BooleanField}
_COLUMNS = {str: sa.Text, float: sa.Float, int: sa.Integer, bool: sa.Boolean, type(None): sa.Float}
Save = Callable[[], object]


def _peewee_model(alloy: Alloy | None) -> Any:
    database = peewee.SqliteDatabase(":memory:")
    fields: dict[str, Any] = {n: _KINDS.get(type(v), peewee.FloatField)(null=True) for n, v in FIELDS.items()}
    bases = (peewee.Model,) if alloy is None else (Hooked, peewee.Model)
    fields["Meta"] = type("Meta", (), {"database": database})
    model: Any = type("Order", bases, fields)
    if alloy is not None:
        PeeweeHooks(alloy).register(model)
    database.create_tables([model])
    return model


def _peewee_save(alloy: Alloy | None) -> Save:
    model = _peewee_model(alloy)
    return lambda: model(**FIELDS).save()


def _sqlalchemy_save(alloy: Alloy | None) -> Save:
    base: Any = type("Base", (DeclarativeBase,), {})
    columns = {name: sa.Column(_COLUMNS[type(value)], nullable=True) for name, value in FIELDS.items()}
    body = {"__tablename__": "orders", "id": sa.Column(sa.Integer, primary_key=True), **columns}
    model: Any = type("Order", (base,), body)
    engine = sa.create_engine("sqlite://")
    sessions = sessionmaker(engine)
    if alloy is not None:
        SQLAlchemyHooks(alloy, sessions).register(model)
    base.metadata.create_all(engine)

    def save() -> None:
        with sessions() as session:
            session.add(model(**FIELDS))
            session.commit()

    return save


def _django_save(alloy: Alloy | None) -> Save:
    import django
    from django.conf import settings

    if not settings.configured:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        settings.configure(DATABASES={"default": database}, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
        django.setup()
    from django.db import connection, models

    from alloy_lua.bridges.django import DjangoHooks, HookedModel

    kinds: dict[type, Any] = {
        str: models.TextField, float: models.FloatField, int: models.IntegerField, bool: models.BooleanField,
        type(None): models.FloatField,
    }  # fmt: skip
    body: dict[str, Any] = {name: kinds[type(value)](null=True) for name, value in FIELDS.items()}
    name = f"Order{next(_SERIAL)}"
    body |= {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "shop"})}
    model: Any = type(name, (models.Model if alloy is None else HookedModel,), body)
    if alloy is not None:
        DjangoHooks(alloy).register(model, "order")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    return lambda: model(**FIELDS).save()


def _with_h1() -> Alloy:
    alloy = Alloy()
    alloy.scripts.create("h1", LUA, on=EVENT, status="active")
    return alloy


def saves() -> Iterator[Pair]:
    """Saving one order"""
    for name, make, calls in (
        ("peewee", _peewee_save, 300),
        ("SQLAlchemy", _sqlalchemy_save, 100),
        ("Django", _django_save, 200),
    ):
        plain, bare, hooked = make(None), make(Alloy()), make(_with_h1())
        times = interleaved(
            {"plain": plain, "bare": bare, "h1": hooked}, calls=calls, rounds=301
        )  # short rounds: most go undisturbed
        yield claim(
            f"{name}: save without scripts / plain save", times["bare"], times["plain"], at_most=1.03, unit=1e6,
            unit_name="µs",
        )  # fmt: skip
        yield claim(
            f"{name}: save with H1 / plain save", times["h1"], times["plain"], at_most=1.35, unit=1e6, unit_name="µs"
        )


def bulk() -> Iterator[Pair]:
    """Saving 10,000 orders at once"""
    plain, hooked = _peewee_model(None), _peewee_model(_with_h1())

    def in_one(model: Any, write: Callable[[], object]) -> Save:
        def call() -> None:
            with model._meta.database.atomic():
                write()
            model.delete().execute()

        return call

    rows = [dict(FIELDS) for _ in range(ROWS)]
    candidates = {
        "rows": in_one(plain, lambda: plain.insert_many(rows).execute()),
        "hooked rows": in_one(hooked, lambda: hooked.insert_rows(rows)),
        "objects": in_one(plain, lambda: plain.bulk_create([plain(**row) for row in rows], 2000)),
        "hooked objects": in_one(hooked, lambda: hooked.bulk_create([hooked(**row) for row in rows], 2000)),
    }
    times = interleaved(candidates, calls=1, rounds=9)
    for kind in ("rows", "objects"):
        yield claim(
            f"peewee: {ROWS:,} {kind} with H1 / plain bulk insert", times[f"hooked {kind}"], times[kind], at_most=1.5,
            unit=1e3, unit_name="ms",
        )  # fmt: skip


GROUPS = (saves, bulk)
