"""The demo's platform: records in memory, and the host functions that its scripts may call."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from ..errors import HostError
from ..events import Phase
from ..hostapi import DATA_READ_PHASES, DATA_WRITE_PHASES, EXTERNAL_PHASES
from .data import PRODUCTS, Record

STOCK_PER_ARTICLE = 900

F = TypeVar("F", bound=Callable[..., Any])

# Customers that are always there, so that the gallery's cases can count on them.
KNOWN_CUSTOMERS: tuple[Record, ...] = (
    {"id": "C-RICH", "name": "Åse Bjørnstad", "vip": True, "credit_limit": Decimal(25000), "balance": Decimal(0)},
    {"id": "C-FULL", "name": "Jörg Müller", "vip": False, "credit_limit": Decimal(1000), "balance": Decimal("999.50")},
    {"id": "C-OPEN", "name": "Zoé Lefèvre", "vip": False, "balance": Decimal("120.00")},
)

# And orders of a day long ago: one to meet again, one in another currency, one cancelled.
KNOWN_ORDERS: tuple[Record, ...] = (
    {
        "id": "O-KNOWN-1",
        "customer_id": "C-OLD",
        "country": "NO",
        "currency": "NOK",
        "status": "delivered",
        "total": Decimal("93.13"),
        "lines": [{"sku": "LAMP-01", "quantity": 1}],
        "placed_at": "2001-02-03T10:00:00+00:00",
        "dedup_key": "14b461fb3f6f6d43960d1969177dfc152727bd08315f00d2812e18a96c7ebe9b",
    },
    {
        "id": "O-KNOWN-2",
        "customer_id": "C-OLD",
        "country": "DE",
        "currency": "EUR",
        "status": "shipped",
        "total": Decimal("125.00"),
        "lines": [{"sku": "VASE-01", "quantity": 4}],
        "placed_at": "2001-02-03T11:00:00+00:00",
    },
    {"id": "O-KNOWN-3", "customer_id": "C-OLD", "status": "cancelled", "placed_at": "2001-02-03T12:00:00+00:00"},
)


class Registers(Protocol):
    """The one part of `Alloy` that `install` needs."""

    def function(
        self,
        name: str,
        *,
        capability: str | None = None,
        phases: frozenset[Phase] | None = None,
        effect: bool = False,
        doc: str | None = None,
    ) -> Callable[[F], F]:
        """Returns a decorator that makes a Python function callable from scripts as ``name``."""


@dataclass(slots=True)
class Platform:
    """What the demo's platform holds. ``counts`` says how often scripts wrote, sent and reserved something."""

    customers: dict[str, Record] = field(default_factory=dict)
    orders: dict[str, Record] = field(default_factory=dict)
    orders_by_day: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    order_ids_by_key: dict[str, str] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    audit: list[Any] = field(default_factory=list)
    mails: list[Record] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def save_customer(self, customer: Mapping[str, Any]) -> None:
        """Stores a customer under its id."""
        self.customers[customer["id"]] = dict(customer)

    def save_order(self, order: Mapping[str, Any]) -> None:
        """Stores an order and puts a new one on its customer's account."""
        if order["id"] not in self.orders:
            self._index(order)
        self.orders[order["id"]] = dict(order)

    def _index(self, order: Mapping[str, Any]) -> None:
        self.orders_by_day[str(plain(order.get("placed_at")))[:10]].append(order["id"])
        if key := order.get("dedup_key"):
            self.order_ids_by_key[key] = order["id"]
        self._charge(order, 1)

    def _charge(self, order: Mapping[str, Any], sign: int) -> None:
        if customer := self.customers.get(order.get("customer_id", "")):
            customer["balance"] = Decimal(str(customer.get("balance", 0))) + sign * Decimal(str(order.get("total", 0)))

    def delete_order(self, order_id: str) -> None:
        """Removes an order, frees its duplicate key and takes it off its customer's account."""
        order = self.orders.pop(order_id)
        self.order_ids_by_key.pop(order.get("dedup_key", ""), None)
        self._charge(order, -1)

    def orders_of(self, day: str) -> list[Record]:
        """Returns the orders placed on ``day`` (YYYY-MM-DD) that are still there."""
        return [self.orders[order_id] for order_id in self.orders_by_day.get(day, []) if order_id in self.orders]


def plain(value: Any) -> Any:
    """Returns ``value`` for a script or a reader: decimals as decimal strings, dates and times as ISO strings."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def install(alloy: Registers) -> Platform:
    """Returns a platform with a full warehouse, after registering its functions with ``alloy``."""
    platform = Platform(stock={product.sku: STOCK_PER_ARTICLE for product in PRODUCTS})
    for customer in KNOWN_CUSTOMERS:
        platform.save_customer(customer)
    for order in KNOWN_ORDERS:
        platform.save_order(order)
    _install_reading(alloy, platform)
    _install_stock(alloy, platform)
    _install_writing(alloy, platform)
    return platform


def _install_reading(alloy: Registers, platform: Platform) -> None:
    @alloy.function(
        "crm.customer", capability="crm.read", phases=DATA_READ_PHASES, doc="The customer, or nil if there is none."
    )
    def customer(id: str) -> dict[str, Any] | None:
        found = platform.customers.get(id)
        return None if found is None else plain(found)

    @alloy.function(
        "orders.list", capability="orders.read", phases=DATA_READ_PHASES, doc="The orders placed on a day (YYYY-MM-DD)."
    )
    def list_orders(day: str) -> list[Any]:
        return [plain(order) for order in platform.orders_of(day)]

    @alloy.function("orders.get", capability="orders.read", phases=DATA_READ_PHASES, doc="The order, or nil.")
    def get_order(id: str) -> dict[str, Any] | None:
        found = platform.orders.get(id)
        return None if found is None else plain(found)

    @alloy.function(
        "orders.find_key", capability="orders.read", phases=DATA_READ_PHASES, doc="The id of the order with a key."
    )
    def find_key(key: str) -> str | None:
        return platform.order_ids_by_key.get(key)

    products = {product.sku: plain(product._asdict()) for product in PRODUCTS}

    @alloy.function(
        "catalog.product", capability="catalog.read", phases=DATA_READ_PHASES, doc="The article, or nil if unknown."
    )
    def product(sku: str) -> dict[str, Any] | None:
        return products.get(sku)


def _install_stock(alloy: Registers, platform: Platform) -> None:
    @alloy.function("stock.available", capability="stock.read", phases=DATA_READ_PHASES, doc="How many are on stock.")
    def available(sku: str) -> int:
        return platform.stock.get(sku, 0)

    @alloy.function(
        "stock.reserve", capability="stock.write", phases=DATA_WRITE_PHASES, effect=True, doc="Takes from the stock."
    )
    def reserve(sku: str, quantity: int) -> int:
        left = platform.stock.get(sku, 0) - quantity
        if left < 0:
            raise HostError(f"stock of {sku!r}: got a reservation of {quantity}, wanted at most {left + quantity}")
        platform.stock[sku] = left
        platform.counts["articles reserved"] += quantity
        return left

    @alloy.function(
        "stock.release", capability="stock.write", phases=DATA_WRITE_PHASES, effect=True, doc="Puts back on stock."
    )
    def release(sku: str, quantity: int) -> int:
        platform.stock[sku] = platform.stock.get(sku, 0) + quantity
        platform.counts["articles released"] += quantity
        return platform.stock[sku]


def _install_writing(alloy: Registers, platform: Platform) -> None:
    @alloy.function(
        "audit.write", capability="audit.write", phases=DATA_WRITE_PHASES, effect=True, doc="Adds to the audit trail."
    )
    def write(entry: dict[str, Any]) -> int:
        platform.audit.append(entry)
        platform.counts["audit entries"] += 1
        return len(platform.audit)

    @alloy.function("mail.send", capability="mail.send", phases=EXTERNAL_PHASES, effect=True, doc="Sends a mail.")
    def send(to: str, subject: str, body: str) -> bool:
        platform.mails.append({"to": to, "subject": subject, "body": body})
        platform.counts["mails sent"] += 1
        return True
