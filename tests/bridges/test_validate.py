"""The host module ``validate``: what each check takes and refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

GOOD = {
    "email": ["a@b.co", "first.last+tag@sub.example.org", "o'neill@example.ie", "ann@bücher.example"],
    "url": [
        "http://localhost:8080/x",
        "https://example.com",
        "https://user:pw@example.com/a?b=c#d",
        "http://192.168.0.1/",
        "http://[::1]:80/",
        "https://bücher.example/ü",
    ],
    "phone": ["+4930123456", "+12025550123", "+999999999999999"],
    "iban": [
        "DE89370400440532013000",
        "GB82 WEST 1234 5698 7654 32",
        "fr1420041010050500013m02606",
        "MT84MALT011000012345MTLCAST001S",
        "NO9386011117947",
        "SA0380000000608010167519",
    ],
    "uuid": ["cfbff0d1-9375-5685-968c-48ce8b15ae17", "CFBFF0D1-9375-5685-968C-48CE8B15AE17"],
    "date": ["2024-02-29", "0001-01-01", "9999-12-31"],
}
BAD = {
    "email": ["", "a", "@b.co", "a@b", "a@@b.co", ".a@b.co", "a..b@b.co", "a b@c.de", "a@-b.co", "a@b..co", "a@b.co\n",
              "a" * 65 + "@b.co", "a@" + "b" * 64 + ".co", "a@" + "b." * 130 + "co", "a@b_c.de"],
    "url": ["", "example.com", "ftp://example.com", "http://", "http:///x", "http://a b", "http://a:99999", "http://a:0",
            "http://1.2.3", "http://256.1.1.1", "http://[::g]", "http://ex_ample.com", "javascript:alert(1)",
            "http://a\n.b", "http://a/" + "x" * 2048, "http://-a.b"],
    "phone": ["", "030123456", "+0301234567", "+49 30 123456", "+123456", "+1234567890123456",
              "+49٣0123456", "+4930123456\n"],
    "iban": ["", "DE89370400440532013001", "DE8937040044053201300", "XX89370400440532013000", "DE",
             "DE8937040044053201300ß",
             "GB82WEST12345698765433", "DE893704004405320130-0"],
    "uuid": ["", "cfbff0d1", "cfbff0d1-9375-5685-968c-48ce8b15ae1g"],
    "date": ["", "2026-02-29", "2026-13-01", "20261123", "2026-11-23T10:00:00Z", "23.11.2026", "٢٠٢٦-11-23"],
}  # fmt: skip
CASES = [(name, value, good) for good, table in ((True, GOOD), (False, BAD)) for name in table for value in table[name]]


@pytest.mark.parametrize(("name", "value", "good"), CASES)
def test_each_check_knows_good_from_bad(call, name, value, good):
    assert call(f"validate.{name}", value) is good


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [None, 5, True, [], {"a": 1}, b"\xff"])
def test_a_value_of_another_type_is_not_valid(call, name, value):
    assert call(f"validate.{name}", value) is False


@given(digits=st.integers(0, 10**18 - 1), position=st.integers(4, 21), by=st.integers(1, 9))
def test_a_changed_digit_makes_an_iban_invalid(call, digits, position, by):
    account = f"{digits:018d}"
    check = 98 - int(account + "131400") % 97
    iban = f"DE{check:02d}{account}"
    changed = iban[:position] + str((int(iban[position]) + by) % 10) + iban[position + 1 :]
    assert call("validate.iban", iban) is True
    assert call("validate.iban", changed) is False


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("validate.url", "ftp://example.com", ["ftp"]), True),
        (("validate.url", "https://example.com", ["ftp"]), False),
        (("validate.length", "größe", 5, 5), True),
        (("validate.length", "", 1), False),
        (("validate.length", [1, 2, 3], 1, 2), False),
        (("validate.length", {}, 0), True),
        (("validate.length", None, 0), False),
        (("validate.length", 12345, 1), False),
        (("validate.range", 5, 5, 5), True),
        (("validate.range", 5.1, None, 5), False),
        (("validate.range", 5, 6), False),
        (("validate.range", "5", 1, 9), False),
        (("validate.range", float("nan"), 1, 9), False),
        (("validate.range", True, 0, 9), False),
        (("validate.one_of", 1, [1.0, 2]), True),
        (("validate.one_of", "1", [1]), False),
        (("validate.one_of", True, [1]), False),
        (("validate.one_of", None, ["a"]), False),
        (("validate.one_of", "a", {}), False),
    ],
)
def test_lengths_ranges_and_choices(call, arguments, result):
    assert call(*arguments) is result
