"""The demo's data: the same for a seed, and untidy in the measure that the demo promises."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from alloy_lua.bridges.hosts import checks
from alloy_lua.demo.data import COUNTRIES, PRODUCTS, Record, customers, iban, orders

CUSTOMERS = customers(400, seed=7)
ORDERS = orders(3000, CUSTOMERS, seed=7)


def share(count: int) -> float:
    return count / len(ORDERS)


def breaks_a_rule(order: Record) -> bool:
    lines = order["lines"]
    return (
        order.get("total", 0) < 0
        or not lines
        or any(line["quantity"] < 1 for line in lines)
        or "customer_id" not in order
        or "@" not in order.get("email", "")
        or order["country"].upper() not in {country.code for country in COUNTRIES}
    )


def has_a_wrong_type(order: Record) -> bool:
    return isinstance(order.get("email"), list) or isinstance(order["shipping"]["postcode"], int)


def contents(order: Record) -> tuple[Any, ...]:
    return order.get("customer_id"), order["placed_at"], str(order["lines"])


def test_the_same_seed_gives_the_same_records() -> None:
    assert customers(400, seed=7) == CUSTOMERS
    assert orders(3000, CUSTOMERS, seed=7) == ORDERS


def test_another_seed_gives_other_records() -> None:
    assert customers(400, seed=8) != CUSTOMERS
    assert orders(3000, CUSTOMERS, seed=8) != ORDERS


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert customers(50, seed=7) == CUSTOMERS[:50]
    assert orders(50, CUSTOMERS, seed=7) == ORDERS[:50]


def test_every_id_is_given_once() -> None:
    assert len({order["id"] for order in ORDERS}) == len(ORDERS)
    assert len({customer["id"] for customer in CUSTOMERS}) == len(CUSTOMERS)


def test_three_to_ten_in_a_hundred_orders_break_a_rule() -> None:
    assert 0.03 < share(sum(map(breaks_a_rule, ORDERS))) < 0.10


def test_less_than_one_in_a_hundred_has_a_field_of_a_wrong_type() -> None:
    assert 0 < share(sum(map(has_a_wrong_type, ORDERS))) < 0.01


def test_some_orders_come_twice() -> None:
    repeated = len(ORDERS) - len({contents(order) for order in ORDERS})
    assert 0.005 < share(repeated) < 0.03


def test_some_fields_are_missing() -> None:
    assert 0 < sum("total" not in order for order in ORDERS) < len(ORDERS) / 4
    assert 0 < sum("phone" not in customer for customer in CUSTOMERS) < len(CUSTOMERS) / 4


def test_emails_are_untidy_and_names_are_not_ascii() -> None:
    emails = [customer["email"] for customer in CUSTOMERS]
    assert any(email != email.strip() for email in emails)
    assert any(email != email.lower() for email in emails)
    assert sum(not customer.get("name", "").isascii() for customer in CUSTOMERS) > len(CUSTOMERS) / 2


def test_customers_come_from_every_country() -> None:
    assert {customer["country"] for customer in CUSTOMERS} == {country.code for country in COUNTRIES}


def test_an_order_does_not_share_its_lines_with_another() -> None:
    lines = [line for order in ORDERS for line in order["lines"]]
    assert len({id(line) for line in lines}) == len(lines)


def test_prices_are_decimals_and_dates_have_a_zone() -> None:
    assert all(isinstance(product.price, Decimal) for product in PRODUCTS)
    assert all(order["placed_at"].tzinfo is not None for order in ORDERS)
    assert all(isinstance(customer["credit_limit"], Decimal) for customer in CUSTOMERS)


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
def test_a_made_up_iban_has_the_length_and_check_digits_of_its_country(country: Any) -> None:
    rng = random.Random(3)
    assert all(checks.iban(iban(country, rng)) for _ in range(20))
