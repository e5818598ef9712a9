"""Validate and apply: a pydantic model, a dataclass and an attrs class go through before hooks."""

import dataclasses

import attrs
import pydantic

from alloy_lua import Alloy
from alloy_lua.bridges.records import HookRejected, RecordHooks


class Order(pydantic.BaseModel):
    email: str
    total: float = pydantic.Field(le=1000)


@dataclasses.dataclass
class Customer:
    name: str
    tier: str | None = None


@attrs.define
class Product:
    name: str
    price: int = attrs.field(validator=attrs.validators.ge(0))


alloy = Alloy()
records = RecordHooks(alloy)
for kind in (Order, Customer, Product):
    records.register(kind)


def main() -> None:
    alloy.scripts.create("double", "entity.total = entity.total * 2", on="order.before_create", status="active")
    alloy.scripts.create("tier", 'entity.tier = "silver"', on="customer.before_create", status="active")
    alloy.scripts.create(
        "named", 'if entity.name == "" then abort("a name, please", {field = "name"}) end',
        on="product.before_create", status="active",
    )  # fmt: skip

    print(records.apply("create", Customer("Ann")))
    print(records.apply("create", Order(email="ann@example.com", total=400)).total)
    try:
        records.apply("create", Order(email="ann@example.com", total=600))
    except pydantic.ValidationError as error:
        print("pydantic:", error.errors()[0]["msg"])
    try:
        records.apply("create", Product("", 5))
    except HookRejected as error:
        print("attrs:", error.errors)
    alloy.close()


if __name__ == "__main__":
    main()
