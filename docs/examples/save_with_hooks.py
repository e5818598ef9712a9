"""A platform in one file: orders in SQLite, with hooks before, inside and after the transaction that saves one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from alloy_lua import Alloy, Rejected

HERE = Path(__file__).parent
OUTBOX: list[str] = []


def open_platform() -> tuple[sqlite3.Connection, Alloy]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, total REAL, discount TEXT)")
    alloy = Alloy()

    @alloy.function("mail.send", capability="mail.send", phases={"on_commit"}, effect=True)
    def send(to: str, text: str) -> None:
        OUTBOX.append(f"{to}: {text}")

    alloy.scripts.create(
        "vip-discount", (HERE / "vip_discount.lua").read_text("utf-8"), on="order.before_create", status="active"
    )
    alloy.scripts.create(
        "confirm", 'mail.send(entity.email, "thank you")',
        on="order.on_commit", capabilities=["mail.send"], status="active",
    )  # fmt: skip
    return database, alloy


def save(database: sqlite3.Connection, alloy: Alloy, order: dict[str, Any], user: str) -> dict[str, Any]:
    """Returns the order as saved.

    Raises:
        Rejected: A script refused it; nothing was written.
    """
    with alloy.context(user=user):
        with database:  # commits, or rolls back if an exception leaves the block
            order = alloy.fire("order.before_create", order).raise_for_status().entity
            row = database.execute(
                "INSERT INTO orders (email, total, discount) VALUES (?, ?, ?)",
                (order["email"], order["total"], order.get("discount")),
            )
            order = {**order, "id": row.lastrowid}
            alloy.fire("order.after_create", order).raise_for_status()
        alloy.fire("order.on_commit", order)
    return order


def main() -> None:
    database, alloy = open_platform()
    with alloy:
        print(save(database, alloy, {"email": " Ann@Example.com ", "total": 1250, "vip": True}, "ann"))
        try:
            save(database, alloy, {"email": "bea@example.com", "total": -1, "vip": False}, "bea")
        except Rejected as rejection:
            print("rejected:", rejection.message, rejection.details)
        print("sent:", OUTBOX)


if __name__ == "__main__":
    main()
