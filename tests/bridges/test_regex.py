"""The host module ``regex``: linear time, capped, and clear about bad patterns."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.errors import InvalidValue

PATTERNS = st.sampled_from(["a+", "[ab]", "é|b", "(?i)A", "a?b", r"\d+", "b{2}"])
TEXT = st.text(alphabet="abAé1 ", max_size=20)


@given(pattern=PATTERNS, text=TEXT)
def test_searches_agree_with_python_for_what_both_know(call, pattern, text):
    matches = re.findall(pattern, text)
    assert call("regex.test", text, pattern) is bool(matches)
    assert call("regex.match", text, pattern) == (matches[:1] or None)
    assert call("regex.find_all", text, pattern) == matches
    assert call("regex.find_all", text, pattern, 2) == matches[:2]
    assert call("regex.split", text, pattern) == re.split(pattern, text)
    assert call("regex.replace", text, pattern, "<$0>") == re.sub(pattern, lambda found: f"<{found[0]}>", text)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("regex.match", "x=1", r"(\w)=(\d)(;)?"), ["x", "1", ""]),
        (("regex.match", "x", "y"), None),
        (("regex.find_all", "a=1 b=2", r"(\w)=(\d)"), [["a", "1"], ["b", "2"]]),
        (("regex.replace", "ann smith", r"(?P<first>\w+) (?P<last>\w+)", "${last}, ${first}"), "smith, ann"),
        (("regex.replace", "aaa", "a", "$$1", 2), "$1$1a"),
        (("regex.replace", "a", "a", "$ \\1"), "$ \\1"),
        (("regex.replace", "é", "x*", "-"), "-é-"),
        (("regex.replace", "ac", "a(b)?c", "[$1]"), "[]"),
        (("regex.split", "a,b,c", ",", 2), ["a", "b,c"]),
        (("regex.split", "abc", "x*"), ["abc"]),
        (("regex.split", "", ","), [""]),
    ],
)
def test_known_results(call, arguments, result):
    assert call(*arguments) == result


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", r"regex.test: bad pattern '\(a': missing \): \(a \(RE2 syntax"),
        (r"(a)\1", "bad pattern .*invalid escape sequence"),
        ("(?=a)", "bad pattern .*invalid perl operator"),
        ("(((a{50}){50}){50})", "bad pattern"),
        (r"\pL{1000}", "bad pattern"),
        ("a" * 1001, "the pattern has 1001 characters, wanted at most 1000"),
        (b"\xff", "wanted text in UTF-8"),
    ],
)
def test_a_bad_pattern_is_a_clear_error(call, pattern, message):
    with pytest.raises(InvalidValue, match=message):
        call("regex.test", "a", pattern)


@pytest.mark.parametrize("reference", ["$3", "${no}", "${9}"])
def test_a_reference_to_no_group_is_refused(call, reference):
    with pytest.raises(InvalidValue, match="wanted a reference to a group of the pattern"):
        call("regex.replace", "a", "(a)", reference)


def test_a_limit_below_one_is_refused(call):
    with pytest.raises(InvalidValue, match=r"regex\.split: got 0, wanted a limit of at least 1"):
        call("regex.split", "a", ",", 0)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 100_000 + "!"),
        (r"(a|a|aa)*b", "a" * 100_000),
        (r"[ab]*a[ab]{200}c", "ab" * 40_000),
    ],
)
def test_patterns_that_make_others_backtrack_stay_fast(call, pattern, text):
    started = time.perf_counter()
    assert call("regex.test", text, pattern) is False
    assert time.perf_counter() - started < 2


def test_a_text_too_long_for_its_pattern_is_refused(call):
    with pytest.raises(InvalidValue, match="a text of 1000000 characters is too long for this pattern"):
        call("regex.test", "a" * 1_000_000, "a.{50}b")


def test_many_searches_that_each_read_far_are_given_up(call):
    started = time.perf_counter()
    with pytest.raises(InvalidValue, match=r"regex\.find_all: gave up after 20 ms"):
        call("regex.find_all", "a" * 200_000, r"(?s).*b|a")
    assert time.perf_counter() - started < 2
