"""Made-up customers and orders, as untidy as real ones and the same for the same seed."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

Record = dict[str, Any]

FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 5


class Country(NamedTuple):
    """What records of one country look like. ``bban`` is the IBAN's national part: L a letter, 9 a digit."""

    code: str
    prefix: str
    phone_digits: int
    bban: str
    postcode_digits: int
    people: tuple[str, ...]
    cities: tuple[str, ...]


class Product(NamedTuple):
    """One article of the catalogue; the price is in euros."""

    sku: str
    name: str
    price: Decimal


COUNTRIES = (
    Country("NO", "47", 8, "99999999999", 4, ("Kåre Ødegård", "Åse Bjørnstad", "Sølvi Næss"), ("Tromsø", "Bodø")),
    Country("SE", "46", 9, "9" * 20, 5, ("Björn Sjöström", "Åsa Lindqvist", "Märta Öberg"), ("Malmö", "Umeå")),
    Country("DE", "49", 10, "9" * 18, 5, ("Jörg Müller", "Käthe Weiß", "Anke Schröder"), ("Köln", "München")),
    Country("FR", "33", 9, "9" * 23, 5, ("Zoé Lefèvre", "François Gaël", "Inès Bérenger"), ("Orléans", "Nîmes")),
    Country("NL", "31", 9, "LLLL9999999999", 4, ("Anouk de Vries", "Daniël Smit"), ("Utrecht", "Leiden")),
    Country("GB", "44", 10, "LLLL99999999999999", 4, ("Siân Hughes", "Zoë Brontë"), ("Leeds", "Cardiff")),
    Country("PL", "48", 9, "9" * 24, 5, ("Łukasz Żak", "Małgorzata Świątek"), ("Łódź", "Gdańsk")),
)
PRODUCTS = tuple(
    Product(sku, name, Decimal(price))
    for sku, name, price in (
        ("CHAIR-01", "Lounge chair “Lofoten”", "349.00"),
        ("CHAIR-02", "Dining chair, oak", "129.90"),
        ("DESK-01", "Standing desk 160 cm", "589.00"),
        ("LAMP-01", "Reading lamp", "74.50"),
        ("LAMP-02", "Pendelleuchte Glas", "159.00"),
        ("RUG-01", "Wool rug 200 × 300", "420.00"),
        ("SHELF-01", "Wall shelf", "39.95"),
        ("SOFA-01", "Two-seat sofa", "1190.00"),
        ("TABLE-01", "Café table, round", "219.00"),
        ("VASE-01", "Vase, mouth-blown", "24.99"),
    )
)
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_NO_ACCENT = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae"})


def customers(count: int, seed: int = 1) -> list[Record]:
    """Returns ``count`` customers, the same for the same seed; about one in fourteen has something wrong.

    Args:
        count: How many.
        seed: Of the random numbers.
    """
    rng = random.Random(f"customers {seed}")
    return [_customer(rng, number) for number in range(1, count + 1)]


def _customer(rng: random.Random, number: int) -> Record:
    country = rng.choice(COUNTRIES)
    name = rng.choice(country.people)
    vip = rng.random() < 0.12
    record: Record = {
        "id": f"C{number:05d}",
        "name": _untidy(rng, name),
        "email": _untidy(rng, _email(name, number, country)),
        "phone": _phone(rng, country),
        "country": country.code,
        "vip": vip,
        "iban": iban(country, rng),
        "credit_limit": Decimal(25000 if vip else rng.choice((9000, 15000))),
        "balance": Decimal(rng.choice((0, rng.randrange(150_000)))) / 100,
        "birth_date": date(1950, 1, 1) + timedelta(days=rng.randrange(20_000)),
        "created_at": FIRST_DAY - timedelta(days=rng.randrange(1, 2_000)),
    }
    if rng.random() < 0.3:
        record["language"] = country.code.lower()
    if rng.random() < 0.1:
        del record["phone"]
    _spoil(rng, record, _CUSTOMER_FAULTS)
    return record


def iban(country: Country, rng: random.Random) -> str:
    """Returns a made-up IBAN of ``country`` with the right length and check digits."""
    bban = "".join(rng.choice(_LETTERS) if kind == "L" else rng.choice("0123456789") for kind in country.bban)
    digits = "".join(str(int(char, 36)) for char in f"{bban}{country.code}00")
    return f"{country.code}{98 - int(digits) % 97:02d}{bban}"


def _email(name: str, number: int, country: Country) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(_NO_ACCENT)).encode("ascii", "ignore").decode()
    local = ".".join(plain.split())
    return f"{local}{number}@example.{country.code.lower()}"


def _phone(rng: random.Random, country: Country) -> str:
    digits = str(rng.randrange(2, 10)) + "".join(rng.choice("0123456789") for _ in range(country.phone_digits - 1))
    lead = rng.choice(("+", "00", "+"))
    middle = len(digits) // 2
    return rng.choice(
        (f"{lead}{country.prefix}{digits}", f"{lead}{country.prefix} {digits[:middle]}-{digits[middle:]}")
    )


def _untidy(rng: random.Random, text: str) -> str:
    if rng.random() < 0.75:
        return text
    return rng.choice((f"  {text}", f"{text} ", text.upper(), text.title(), f" {text.upper()}\t"))


def orders(count: int, customers: Sequence[Mapping[str, Any]], seed: int = 1) -> list[Record]:
    """Returns ``count`` orders of the given customers, the same for the same seed.

    About 7 in 100 break a rule, and fewer than 1 in 100 has a field of a type that no script expects.

    Args:
        count: How many.
        customers: As from `customers`; at least one.
        seed: Of the random numbers.
    """
    rng = random.Random(f"orders {seed}")
    made: list[Record] = []
    for number in range(1, count + 1):
        repeated = made and rng.random() < 0.015
        order = _again(rng, made) if repeated else _order(rng, number, rng.choice(customers))
        order["id"] = f"O{number:06d}"
        order["number"] = f"2026-{number:06d}"
        made.append(order)
    return made


def _order(rng: random.Random, number: int, customer: Mapping[str, Any]) -> Record:
    country = next(country for country in COUNTRIES if country.code == customer["country"])
    lines = [_line(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
    order: Record = {
        "customer_id": customer["id"],
        "email": _untidy(rng, _email(rng.choice(country.people), number, country)),
        "country": rng.choice((country.code, country.code, country.code.lower())),
        "vip": customer["vip"],
        "placed_at": FIRST_DAY + timedelta(minutes=rng.randrange(DAYS * 24 * 60)),
        "lines": lines,
        "total": sum((line["unit_price"] * line["quantity"] for line in lines), Decimal(0)),
        "shipping": {
            "city": rng.choice(country.cities),
            "postcode": f"{rng.randrange(10**country.postcode_digits):0{country.postcode_digits}d}",
        },
    }
    _leave_out_or_add(rng, order)
    _spoil(rng, order, _ORDER_FAULTS)
    return order


def _line(rng: random.Random) -> Record:
    product = rng.choice(PRODUCTS)
    quantity = rng.choice((1, 1, 1, 1, 2, 2, 3))
    return {"sku": product.sku, "name": product.name, "quantity": quantity, "unit_price": product.price}


def _leave_out_or_add(rng: random.Random, order: Record) -> None:
    if rng.random() < 0.4:
        order["channel"] = rng.choice(("web", "Phone", "EDI "))
    if rng.random() < 0.2:
        order["note"] = rng.choice(("Bitte  klingeln", "  leave at   the door ", "   ", "Gavepapir, takk"))
    if rng.random() < 0.1:
        del order["total"]


def _again(rng: random.Random, made: Sequence[Record]) -> Record:
    """Returns a recent order once more, as when a customer presses the button twice."""
    return deepcopy(made[-rng.randint(1, min(20, len(made)))])


def _spoil(rng: random.Random, record: Record, faults: Sequence[tuple[float, Mapping[str, Any]]]) -> None:
    """Overwrites fields by at most one of ``faults``: (probability, fields); a field of None is taken out."""
    draw = rng.random()
    for share, fields in faults:
        if draw < share:
            record.update(deepcopy(dict(fields)))
            for name in [name for name, value in fields.items() if value is None]:
                record.pop(name, None)
            return
        draw -= share


_CUSTOMER_FAULTS: tuple[tuple[float, Mapping[str, Any]], ...] = (
    (0.03, {"email": "no-at-sign.example.com"}),
    (0.02, {"iban": "NO0000000000000"}),
    (0.01, {"iban": "DE89", "phone": "call me"}),
    (0.01, {"name": None}),
)
_ORDER_FAULTS: tuple[tuple[float, Mapping[str, Any]], ...] = (
    (0.010, {"total": Decimal("-49.90")}),
    (0.008, {"lines": []}),
    (0.008, {"lines": [{"sku": "LAMP-01", "name": "Reading lamp", "quantity": 0, "unit_price": Decimal("74.50")}]}),
    (0.008, {"email": "ola(at)example.no"}),
    (0.005, {"country": "XX", "email": None}),
    (0.005, {"customer_id": None}),
    (0.003, {"email": ["ola@example.no", "kari@example.no"]}),
    (0.004, {"shipping": {"city": "Oslo", "postcode": 150}}),
)
