"""Entity adapters: what scripts may read and write of each kind of record, and how changes are merged."""

from __future__ import annotations

import subprocess
import sys
from collections import UserDict, namedtuple
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import attrs
import peewee
import pydantic
import pytest

from alloy_lua.bridges.entities import EntityBridge, check_writable
from alloy_lua.errors import InvalidValue, ValidationError


@dataclass
class PlainOrder:
    id: int | None
    total: float
    note: str = ""
    _secret: str = "s"

    @property
    def gross(self) -> float:
        return self.total * 1.19


@dataclass(frozen=True, slots=True)
class FrozenOrder:
    id: int
    total: float
    checked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.total < 0:
            raise ValueError("total below zero")


@attrs.define
class AttrsOrder:
    id: int
    total: float = attrs.field(validator=attrs.validators.instance_of(float))
    _secret: str = "s"
    label: str = attrs.field(default="", alias="caption")


class PydanticOrder(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    id: int
    total: float
    due: str | None = pydantic.Field(default=None, alias="dueDate")
    tags: list[str] = []
    _secret: str = pydantic.PrivateAttr("s")

    @property
    def gross(self) -> float:
        return self.total * 1.19

    @pydantic.model_validator(mode="after")
    def few_tags(self) -> PydanticOrder:
        if len(self.tags) > 2:
            raise ValueError("at most 2 tags")
        return self


class Customer(peewee.Model):
    name = peewee.CharField()


class PeeweeOrder(peewee.Model):
    number = peewee.CharField(primary_key=True)
    customer = peewee.ForeignKeyField(Customer)
    total = peewee.FloatField(default=0.0)


class Line(peewee.Model):
    order = peewee.IntegerField()
    position = peewee.IntegerField()

    class Meta:
        primary_key = peewee.CompositeKey("order", "position")


@pytest.fixture
def bridge() -> EntityBridge:
    return EntityBridge()


RECORDS = {
    "dict": {"id": 7, "total": 1.5},
    "mapping proxy": MappingProxyType({"id": 7, "total": 1.5}),
    "user dict": UserDict({"id": 7, "total": 1.5}),
    "dataclass": PlainOrder(7, 1.5),
    "frozen dataclass": FrozenOrder(7, 1.5),
    "attrs": AttrsOrder(7, 1.5),
    "pydantic": PydanticOrder(id=7, total=1.5),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_kind_reads_and_merges_alike(bridge, record):
    adapter = bridge.adapter_for(record)
    assert adapter.get(record, "total") == 1.5
    assert adapter.get(record, "nothing") is None
    assert adapter.identity(record) == "7"
    merged = adapter.merged(record, {"total": 2.5})
    assert adapter.fields(merged) == {**adapter.fields(record), "total": 2.5}
    assert adapter.get(record, "total") == 1.5
    assert type(merged) is (dict if isinstance(record, MappingProxyType | UserDict) else type(record))


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_an_adapter_is_made_once_for_each_type(bridge, record):
    assert bridge.adapter_for(record) is bridge.adapter_for(record)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (PlainOrder(1, 1.0), ["id", "total", "note"]),
        (FrozenOrder(1, 1.0), ["id", "total", "checked"]),
        (AttrsOrder(1, 1.0), ["id", "total", "label"]),
        (PydanticOrder(id=1, total=1), ["id", "total", "due", "tags"]),
        ({"a": 1, "_b": 2, 3: 4}, ["a"]),
    ],
)
def test_private_names_and_properties_do_not_exist_for_scripts(bridge, record, names):
    adapter = bridge.adapter_for(record)
    assert list(adapter.fields(record)) == names
    for hidden in ("_secret", "_b", "gross", "__class__", "__dict__", "few_tags", "model_dump"):
        assert adapter.get(record, hidden) is None
    with pytest.raises(InvalidValue, match="field '_b' may not be written"):
        check_writable(adapter, {"_b": 1})


def test_registered_lists_hold_for_subclasses_and_replace_earlier_ones(bridge):
    @dataclass
    class Special(PlainOrder):
        extra: int = 0

    record = Special(1, 2.0)
    assert bridge.adapter_for(record).get(record, "note") == ""
    bridge.register(PlainOrder, readable=["id", "total"], writable=["total"])
    adapter = bridge.adapter_for(record)
    assert adapter.fields(record) == {"id": 1, "total": 2.0}
    assert adapter.get(record, "note") is None
    check_writable(adapter, {"total": 3})
    with pytest.raises(InvalidValue, match="field 'note' may not be written; writable: total"):
        check_writable(adapter, {"total": 3, "note": "x"})


def test_mappings_are_described_by_entity_type(bridge):
    bridge.describe("order", readable=["total"], writable=[], id_field="number")
    record = {"number": "A-1", "total": 5, "cost": 3}
    adapter = bridge.adapter_for(record, "order")
    assert adapter.fields(record) == {"total": 5}
    assert adapter.get(record, "cost") is None
    assert adapter.identity(record) == "A-1"
    with pytest.raises(InvalidValue, match="field 'total' may not be written; writable: none"):
        check_writable(adapter, {"total": 1})
    assert bridge.adapter_for(record, "invoice").fields(record) == record
    assert bridge.adapter_for(PlainOrder(1, 2.0), "order").get(PlainOrder(1, 2.0), "note") == ""


def test_a_record_without_an_id_has_no_identity(bridge):
    assert bridge.adapter_for({}).identity({}) is None
    assert bridge.adapter_for(PlainOrder(None, 1.0)).identity(PlainOrder(None, 1.0)) is None


@pytest.mark.parametrize(
    ("record", "changes", "message"),
    [
        (
            FrozenOrder(1, 1.0),
            {"checked": True},
            "FrozenOrder.checked: no such field can be set; wanted one of id, total",
        ),
        (FrozenOrder(1, 1.0), {"total": -1}, "FrozenOrder.total: the class refused the value: total below zero"),
        (AttrsOrder(1, 1.0), {"total": "x"}, "AttrsOrder.total: the class refused the value"),
        (PlainOrder(1, 1.0), {"colour": "red"}, "PlainOrder.colour: no such field"),
        (PydanticOrder(id=1, total=1), {"total": "x"}, "PydanticOrder.total: got 'x', Input should be a valid number"),
        (
            PydanticOrder(id=1, total=1),
            {"tags": ["a", 2]},
            "PydanticOrder.tags.1: got 2, Input should be a valid string",
        ),
        (PydanticOrder(id=1, total=1), {"tags": ["a", "b", "c"]}, "PydanticOrder.tags: .* at most 2 tags"),
    ],
)
def test_a_refused_change_names_the_field(bridge, record, changes, message):
    with pytest.raises(InvalidValue, match=message):
        bridge.adapter_for(record).merged(record, changes)


def test_attrs_fields_are_set_by_name_whatever_their_alias(bridge):
    record = AttrsOrder(1, 1.0, caption="a")
    merged = bridge.adapter_for(record).merged(record, {"label": "b"})
    assert (merged.label, record.label, merged._secret) == ("b", "a", "s")


def test_pydantic_changes_are_converted_and_unset_fields_stay_unset(bridge):
    record = PydanticOrder(id=1, total=1)
    merged = bridge.adapter_for(record).merged(record, {"total": 2, "due": "2026-11-23"})
    assert (merged.total, type(merged.total), merged.due, merged._secret) == (2.0, float, "2026-11-23", "s")
    assert merged.model_fields_set == {"id", "total", "due"}


def test_peewee_foreign_keys_are_ids_and_no_query_is_made(bridge):
    record = PeeweeOrder(number="A-1", customer=3)
    adapter = bridge.adapter_for(record)
    assert adapter.fields(record) == {"number": "A-1", "customer": 3, "total": 0.0}
    assert adapter.get(record, "customer") == 3
    assert adapter.get(record, "save") is None
    assert adapter.identity(record) == "A-1"


def test_peewee_changes_are_set_on_the_same_instance(bridge):
    record = PeeweeOrder(number="A-1", customer=Customer(id=3, name="Ann"))
    merged = bridge.adapter_for(record).merged(record, {"total": 2.5, "customer": 4})
    assert merged is record
    assert (record.total, record.customer_id) == (2.5, 4)
    with pytest.raises(InvalidValue, match=r"PeeweeOrder\.colour"):
        bridge.adapter_for(record).merged(record, {"total": 9, "colour": "red"})
    assert record.total == 2.5


def test_peewee_composite_keys_are_joined(bridge):
    assert bridge.adapter_for(Line(order=4, position=2)).identity(Line(order=4, position=2)) == "4:2"


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Point(1, 2), r"got namedtuple Point, wanted a mapping, .*; pass record._asdict\(\)"),
        (None, "got NoneType, wanted a mapping, a dataclass"),
        ([1], "got list, wanted"),
        (PlainOrder, "got type, wanted"),
        (object(), "got object, wanted"),
    ],
)
def test_other_records_are_refused(bridge, record: Any, message):
    with pytest.raises(ValidationError, match=message):
        bridge.adapter_for(record)


@pytest.mark.parametrize(
    ("kind", "lists", "message"),
    [
        (PlainOrder, {"readable": ["colour"]}, "PlainOrder: readable names 'colour', wanted some of id, note, total"),
        (PlainOrder, {"writable": ["_secret"]}, "PlainOrder: writable names '_secret'"),
        (FrozenOrder, {"writable": ["checked"]}, "FrozenOrder: writable names 'checked', wanted some of id, total"),
        (PlainOrder, {"readable": "total"}, "readable: got the string 'total', wanted a list"),
        (int, {}, "record: got int, wanted"),
        ("order", {}, "entity kind: got 'order', wanted a type"),
    ],
)
def test_a_registration_that_cannot_hold_is_refused(bridge, kind, lists, message):
    with pytest.raises(ValidationError, match=message):
        bridge.register(kind, **lists)


def test_no_model_library_is_imported_for_other_records():
    code = (
        "import sys, alloy_lua.errors; before = set(sys.modules);"
        "from alloy_lua.bridges.entities import EntityBridge; from dataclasses import make_dataclass;"
        "record = make_dataclass('R', ['id'])(1); adapter = EntityBridge().adapter_for(record);"
        "adapter.merged(record, {'id': 2}); print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"attrs", "attr", "pydantic", "peewee"} & set(done.stdout.split())
