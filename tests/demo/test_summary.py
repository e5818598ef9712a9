"""The demo's report: aligned, no wider than a terminal, and honest about what failed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.demo.summary import WIDTH, Example, FieldChange, HookStats, Summary, clip, number, render, table, value

HOOK = HookStats(
    name="pricing-tax",
    event="order.before_create+1",
    runs=12345,
    changed=12000,
    rejected=45,
    failed=0,
    p50_us=8.25,
    p99_us=41.7,
    fuel=118.4,
)


def summary(**changes: Any) -> Summary:
    given = {"database": "sqlite:///demo.db", "orders": 3000, "customers": 600, "fires": 20000, "seconds": 2.0}
    return Summary(**{**given, "hooks": (HOOK,), **changes})


def test_the_headline_counts_runs_and_speed() -> None:
    assert render(summary()).splitlines()[:2] == [
        "3 000 orders and 600 customers went through 1 scripts.",
        "20 000 events, 12 345 script runs in 2.00 s (10 000 events a second, platform included).",
    ]


def test_each_script_is_one_row_of_counts_latencies_and_fuel() -> None:
    row = next(line for line in render(summary()).splitlines() if line.startswith("pricing-tax"))
    assert row == "pricing-tax  order.before_create+1  12 345   12 000        45       0  8.2   42   118"


def test_sections_with_nothing_to_say_are_left_out() -> None:
    text = render(summary(hooks=()))
    for title in ("Scripts", "Before and after", "Rejected", "Failed", "Nightly report"):
        assert title not in text


def test_rejections_come_with_the_most_frequent_first() -> None:
    lines = render(summary(rejections={"b": 2, "a": 2, "order has no lines": 1200})).splitlines()
    start = lines.index("Rejected, by reason")
    assert lines[start + 2 : start + 5] == ["1 200  order has no lines", "    2  a", "    2  b"]


def test_failures_that_let_the_record_pass_are_told() -> None:
    text = render(summary(open_failures=6))
    assert "6 more failed but let the record pass (on_failure: open)." in text


def test_an_example_shows_old_and_new_side_by_side() -> None:
    changes = (FieldChange("email", " A@B.no ", "a@b.no"), FieldChange("discount_rate", None, 10))
    lines = render(summary(examples=(Example("order O1", changes),))).splitlines()
    start = lines.index("order O1")
    assert lines[start + 1 : start + 3] == ["  email          ' A@B.no ' -> 'a@b.no'", "  discount_rate  (none) -> 10"]


def test_a_long_example_says_how_much_it_leaves_out() -> None:
    changes = tuple(FieldChange(f"f{i}", None, i) for i in range(20))
    assert "… and 6 more" in render(summary(examples=(Example("order O1", changes),)))


def test_a_command_is_shown_whole_however_long() -> None:
    command = "alloy-lua " + "x" * 200
    assert f"  {command}\n" in render(summary(commands=(command,)))


def test_the_database_is_named() -> None:
    assert "sqlite:///demo.db" in render(summary())


def test_no_line_is_wider_than_the_terminal() -> None:
    wide = "w" * 300
    text = render(
        summary(
            hooks=(HOOK, HookStats(wide, wide, 99999, 99999, 99999, 99999, 99999.0, 99999.0, 99999.0)),
            examples=(Example(wide, (FieldChange(wide[:40], wide, [wide] * 9),)),),
            rejections={wide: 1},
            failures={wide: 1},
            effects={wide: 1},
            report={"day": wide, "by_country": {wide: 1}},
        )
    )
    assert max(map(len, text.splitlines())) == WIDTH


def test_a_table_aligns_text_left_and_numbers_right() -> None:
    lines = table(("name", "runs"), [("a", "7"), ("long-name", "1 234")], left=1, widths={0: 6})
    assert lines == ["name     runs", "a           7", "long-…  1 234"]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (7, "7"), (0.4, "0.4"), (8.0, "8"), (9.94, "9.9"), (42.6, "43"), (1234567, "1 234 567"), (-5, "-5")],
)
def test_numbers_are_written_for_reading(amount: float, text: str) -> None:
    assert number(amount) == text


@pytest.mark.parametrize("amount", [math.nan, math.inf])
def test_a_number_that_is_none_is_a_dash(amount: float) -> None:
    assert number(amount) == "-"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "(none)"),
        (" a", "' a'"),
        (True, "True"),
        ([], "[]"),
        ({"a": [1, None]}, "{a: [1, (none)]}"),
        ("é" * 50, "'" + "é" * 34 + "…"),
    ],
)
def test_values_are_written_for_reading(content: Any, text: str) -> None:
    assert value(content) == text


@given(st.text(max_size=60), st.integers(1, 40))
def test_clip_never_exceeds_the_width_and_keeps_what_fits(text: str, width: int) -> None:
    clipped = clip(text, width)
    assert len(clipped) <= width
    assert clipped == text or (len(text) > width and text.startswith(clipped[:-1]))
