"""A shop in peewee: its orders go through hooks."""

import peewee

from alloy_lua import Alloy
from alloy_lua.bridges.peewee import Hooked, HookRejected, PeeweeHooks

database = peewee.SqliteDatabase(":memory:")
alloy = Alloy()


class Order(Hooked, peewee.Model):
    """What a customer ordered."""

    email = peewee.CharField()
    total = peewee.FloatField()
    status = peewee.CharField(default="new", choices=[("new", "New"), ("paid", "Paid")])

    class Meta:
        database = database


PeeweeHooks(alloy).register(Order)


def main() -> None:
    database.create_tables([Order])
    alloy.scripts.create("tidy", "entity.email = entity.email:lower()", on="order.before_create", status="active")
    alloy.scripts.create(
        "lower-only", 'if changed("total") and entity.total > before.total then abort("no", {field = "total"}) end',
        on="order.before_update", status="active",
    )  # fmt: skip
    alloy.scripts.create("thank", 'log.info("thanks to " .. entity.email)', on="order.on_commit", status="active")

    with database.atomic(), alloy.context(user="ann"):
        order = Order.create(email="Ann@Example.com", total=50)
    print("saved", order.email)
    order.total = 60
    try:
        order.save()
    except HookRejected as rejection:
        print("rejected", rejection.errors)
    with alloy.bypass(reason="price rise of March"):
        order.save()
    alloy.flush()
    print("recorded", sorted(run.script_name or run.reason for run in alloy.runs()))
    alloy.close()


if __name__ == "__main__":
    main()
