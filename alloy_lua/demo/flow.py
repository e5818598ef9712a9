"""What the demo's platform does with its records: fires the hooks around every create, update and delete."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any, Protocol

from ..model import RunStatus
from .data import Record
from .platform import Platform, plain
from .summary import Example, FieldChange


class Outcome(Protocol):
    """The parts of a fire's outcome that the demo reads."""

    @property
    def status(self) -> RunStatus: ...
    @property
    def entity(self) -> Any: ...
    @property
    def changes(self) -> Any: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def error(self) -> Any: ...


class Fires(Protocol):
    """The one part of `Alloy` that a flow needs."""

    def fire(self, event: str, record: Any, *, before: Any = None) -> Outcome:
        """Returns what the event's scripts made of ``record``."""


class Flow:
    """Takes records through their lives and counts what the scripts decided.

    Args:
        alloy: Fires the events.
        platform: Stores what the scripts let pass.
    """

    def __init__(self, alloy: Fires, platform: Platform) -> None:
        self.platform = platform
        self.orders = 0
        self.customers = 0
        self.fires = 0
        self.rejections: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.examples: dict[str, Example] = {}
        self._alloy = alloy

    def create_customer(self, record: Record) -> Record | None:
        """Returns the customer as stored, or None if the scripts did not let it pass."""
        self.customers += 1
        made = self._fire("customer.before_create", record)
        if made is None or self._fire("customer.after_create", made) is None:
            return None
        self.platform.save_customer(made)
        return made

    def delete_customer(self, customer_id: str) -> None:
        """Erases the customer, if the scripts let it."""
        customer = self.platform.customers[customer_id]
        erased = self._fire("customer.before_delete", customer, customer)
        if erased is not None and self._fire("customer.after_delete", erased, customer) is not None:
            self.platform.save_customer(erased)

    def live_through(self, index: int, record: Record) -> None:
        """Takes one order from its arrival to its end; ``index`` decides which way it goes."""
        order = self._create_order(record)
        if order is not None and index % 11 == 0:
            order = self._update_order(order, lines=_one_more(order["lines"]))
        if order is not None:
            order = self._move(index, order)
        if order is not None and index % 5 == 0:
            self._pay(index, order)
        if order is not None and index % 20 == 0:
            self._delete_order(order)

    def _create_order(self, record: Record) -> Record | None:
        self.orders += 1
        made = self._fire("order.before_create", record)
        if made is None:
            return None
        self.platform.save_order(made)
        if self._fire("order.after_create", made) is None:
            self.platform.delete_order(made["id"])
            return None
        self._fire("order.on_commit", made)
        return made

    def _move(self, index: int, order: Record) -> Record | None:
        if index % 33 == 0:
            return self._update_order(order, status="delivered")
        if index % 8 == 0:
            return self._update_order(order, status="cancelled")
        confirmed = self._update_order(order, status="confirmed")
        if confirmed is None or index % 2:
            return confirmed
        tracking = f"TRACK{index:07d}" if index % 42 else " "
        return self._update_order(confirmed, status="shipped", tracking_number=tracking)

    def _update_order(self, order: Record, **fields: Any) -> Record | None:
        made = self._fire("order.before_update", {**order, **fields}, order)
        if made is None or self._fire("order.after_update", made, order) is None:
            return None
        self.platform.save_order(made)
        self._fire("order.on_commit", made, order)
        return made

    def _delete_order(self, order: Record) -> None:
        if self._fire("order.before_delete", order, order) is None:
            return
        if self._fire("order.after_delete", order, order) is not None:
            self.platform.delete_order(order["id"])

    def _pay(self, index: int, order: Record) -> None:
        amount = order["total"] if index % 15 else "1.00"
        message = {
            "order_id": order["id"],
            "amount": amount,
            "currency": order["currency"],
            "reference": f"KID {index}",
        }
        self._fire("topic.payment.received", message)

    def _fire(self, event: str, record: Record, before: Record | None = None) -> Record | None:
        outcome = self._alloy.fire(event, record, before=before)
        self.fires += 1
        if outcome.status == RunStatus.REJECTED:
            self.rejections[f"{outcome.reason} ({event})"] += 1
            return None
        if outcome.status == RunStatus.FAILED:
            self.failures[f"{outcome.error.code} in {event}: {outcome.error.message}"] += 1
            return None
        self._show(event, record, outcome)
        return dict(outcome.entity)

    def _show(self, event: str, record: Record, outcome: Outcome) -> None:
        """Keeps the first telling outcome of each event: for a new order, one that got a discount."""
        telling = event != "order.before_create" or outcome.changes.get("discount_rate")
        if event in self.examples or not outcome.changes or not telling:
            return
        changes = (FieldChange(name, plain(record.get(name)), plain(new)) for name, new in outcome.changes.items())
        ordered = sorted(changes, key=lambda change: (change.old is None, change.name))
        self.examples[event] = Example(f"{event} of {record.get('id', 'a message')}", tuple(ordered))


def _one_more(lines: list[Record]) -> list[Record]:
    """Returns the lines with one more of the first article."""
    changed = deepcopy(lines)
    changed[0]["quantity"] += 1
    return changed
