"""The demo's platform: what its host functions read and write, and in which phases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from alloy_lua.demo.platform import STOCK_PER_ARTICLE, Platform, install
from alloy_lua.errors import HostError
from alloy_lua.events import Phase


class Registry:
    """Keeps what is registered, as `Alloy.function` does, so that tests call it directly."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}
        self.phases: dict[str, frozenset[Phase]] = {}
        self.capabilities: dict[str, str | None] = {}
        self.effects: dict[str, bool] = {}

    def function(self, name: str, **options: Any) -> Any:
        self.phases[name] = options["phases"]
        self.capabilities[name] = options["capability"]
        self.effects[name] = options.get("effect", False)
        return lambda call: self.functions.setdefault(name, call)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def platform(registry: Registry) -> Platform:
    return install(registry)


def an_order(**fields: Any) -> dict[str, Any]:
    order = {"id": "O1", "customer_id": "C-OPEN", "placed_at": "2026-03-02T09:00:00+00:00", "total": Decimal("10.50")}
    return {**order, **fields}


@pytest.mark.usefixtures("platform")
def test_what_changes_something_is_an_effect_and_not_for_before_hooks(registry: Registry) -> None:
    changing = {name for name, effect in registry.effects.items() if effect}
    assert changing == {"stock.reserve", "stock.release", "audit.write", "mail.send"}
    assert all(Phase.BEFORE not in registry.phases[name] for name in changing)
    assert all(Phase.BEFORE in registry.phases[name] for name in registry.functions.keys() - changing)
    assert Phase.AFTER not in registry.phases["mail.send"]
    assert all(registry.capabilities.values())


def test_a_customer_reaches_a_script_as_plain_values(registry: Registry, platform: Platform) -> None:
    platform.save_customer({"id": "C1", "credit_limit": Decimal("5.10")})
    assert registry.functions["crm.customer"]("C1") == {"id": "C1", "credit_limit": "5.10"}
    assert registry.functions["crm.customer"]("C2") is None


def test_a_new_order_is_listed_found_by_key_and_charged_once(registry: Registry, platform: Platform) -> None:
    platform.save_order(an_order(dedup_key="k"))
    platform.save_order(an_order(dedup_key="k", status="confirmed"))
    assert [order["status"] for order in registry.functions["orders.list"]("2026-03-02")] == ["confirmed"]
    assert registry.functions["orders.find_key"]("k") == "O1"
    assert platform.customers["C-OPEN"]["balance"] == Decimal("130.50")


def test_a_deleted_order_leaves_no_trace(registry: Registry, platform: Platform) -> None:
    platform.save_order(an_order(dedup_key="k"))
    platform.delete_order("O1")
    assert registry.functions["orders.list"]("2026-03-02") == []
    assert registry.functions["orders.get"]("O1") is None
    assert registry.functions["orders.find_key"]("k") is None
    assert platform.customers["C-OPEN"]["balance"] == Decimal("120.00")


def test_one_platforms_balances_do_not_reach_another(platform: Platform) -> None:
    platform.save_order(an_order())
    assert install(Registry()).customers["C-OPEN"]["balance"] == Decimal("120.00")


def test_stock_is_reserved_down_to_zero_and_no_further(registry: Registry, platform: Platform) -> None:
    assert registry.functions["stock.reserve"]("LAMP-01", STOCK_PER_ARTICLE) == 0
    with pytest.raises(HostError, match="got a reservation of 1, wanted at most 0"):
        registry.functions["stock.reserve"]("LAMP-01", 1)
    assert registry.functions["stock.release"]("LAMP-01", 2) == 2
    assert registry.functions["stock.available"]("LAMP-01") == 2
    assert registry.functions["stock.available"]("GHOST-99") == 0
    assert platform.counts == {"articles reserved": STOCK_PER_ARTICLE, "articles released": 2}


def test_what_scripts_write_and_send_is_kept_and_counted(registry: Registry, platform: Platform) -> None:
    registry.functions["audit.write"]({"id": "O1"})
    registry.functions["mail.send"]("ola@example.no", "Hei", "Takk")
    assert platform.audit == [{"id": "O1"}]
    assert platform.mails == [{"to": "ola@example.no", "subject": "Hei", "body": "Takk"}]
    assert platform.counts == {"audit entries": 1, "mails sent": 1}
