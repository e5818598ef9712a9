"""How answers are printed: every value as JSON can say it, nothing that a terminal would act on."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.cli.reply import Reply, compact, error_line, plain, visible
from alloy_lua.errors import CompileError, StoreError
from alloy_lua.model import ManualTrigger, Status

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.booleans() | st.binary(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12.50"), "12.50"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00+00:00"),
        (time(6, 30), "06:30:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Status.ACTIVE, "active"),
        (ManualTrigger(), {"kind": "manual"}),
        ((1, [2.5, None]), [1, [2.5, None]]),
        (math.nan, None),
        (math.inf, None),
        (b"a\xff", "a\\xff"),
        ({12: 1, True: 2, b"k": 3}, {"12": 1, "true": 2, "k": 3}),
    ],
)
def test_a_value_is_said_as_json_can(value: Any, expected: Any) -> None:
    assert plain(value) == expected


@given(VALUES)
def test_any_value_is_printed_as_valid_json(value: Any) -> None:
    out = io.StringIO()
    Reply(value, []).show(out, io.StringIO(), as_json=True)
    assert json.loads(out.getvalue(), parse_constant=pytest.fail) == plain(value)


@given(VALUES)
def test_any_value_is_shown_on_one_line_that_a_terminal_only_prints(value: Any) -> None:
    assert compact(value).isprintable()


@given(st.text())
def test_text_that_can_be_printed_is_shown_as_it_is(text: str) -> None:
    assert visible(text).isprintable()
    assert (visible(text) == text) is text.isprintable()


def test_an_error_is_one_line_with_its_place() -> None:
    assert error_line(CompileError("a\nb", line=3, column=7)) == "error: compile_error: a\\nb (line 3, column 7)"
    assert error_line(StoreError("gone")) == "error: store_error: gone"
