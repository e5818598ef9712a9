"""A shop that writes with plain functions and sqlite3: hooks run around them."""

import sqlite3

from alloy_lua import Alloy, Rejected

alloy = Alloy()
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, total REAL)")


def load(order: dict) -> dict:
    row = database.execute("SELECT id, email, total FROM orders WHERE id = ?", (order["id"],)).fetchone()
    return dict(zip(("id", "email", "total"), row, strict=True))


@alloy.hooked("order.create")
def create_order(order: dict) -> dict:
    row = database.execute("INSERT INTO orders (email, total) VALUES (:email, :total)", order)
    return {**order, "id": row.lastrowid}


@alloy.hooked("order.update", previous=load)
def update_order(order: dict) -> None:
    database.execute("UPDATE orders SET email = :email, total = :total WHERE id = :id", order)


def main() -> None:
    alloy.scripts.create("tidy", "entity.email = entity.email:lower()", on="order.before_create", status="active")
    alloy.scripts.create(
        "fixed", 'if changed("total") then abort("the total is fixed", {field = "total"}) end',
        on="order.before_update", status="active",
    )  # fmt: skip
    alloy.scripts.create("thank", 'log.info("thanks to " .. entity.email)', on="order.on_commit", status="active")

    with alloy.unit_of_work(), database:
        order = create_order({"email": "Ann@Example.com", "total": 50})
    print("saved", order["email"])
    try:
        update_order({**order, "total": 60})
    except Rejected as rejection:
        print("rejected", rejection.message, rejection.details["field"])
    alloy.flush()
    print("logged", [run.logs[0].message for run in alloy.runs() if run.logs])
    alloy.close()


if __name__ == "__main__":
    main()
