"""Random programs do the same plain, metered and in the sandbox; broken texts get the verdict LuaJIT gives them.

The nightly target (`make conformance`) runs many more. ``python -m tests.conformance show programs SEED`` prints one.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alloy_lua.engine.lexer import KEYWORDS, tokens
from tests.conformance.fuzz import Campaign, program, same_verdict
from tests.conformance.mangle import broken
from tests.conformance.twin import Difference, Twin


def test_random_programs_do_the_same_in_every_way() -> None:
    campaign = Campaign("programs", 0, 2000)
    campaign.run()
    assert campaign.faults == [], campaign.report()
    assert campaign.counts["same"] > 1900


def test_a_worker_that_dies_is_reported_with_its_seed() -> None:
    campaign = Campaign("no such task", 7, 1, jobs=1)
    campaign.run()
    assert len(campaign.faults) == 1 and campaign.faults[0].startswith("seed 7: the worker died with code 2")


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    twin = Twin("off")
    yield twin
    twin.close()


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False))
def test_broken_texts_get_luajit_s_verdict(twin: Twin, random: Random) -> None:
    same_verdict(twin, broken(random))


@pytest.mark.parametrize(
    ("source", "way"),
    [("return debug.traceback()", "metered"), ("return ('x'):rep(2^40)", "sandbox"), ("x = os.clock()", "sandbox")],
)
def test_the_judge_sees_a_difference(twin: Twin, source: str, way: str) -> None:
    with pytest.raises(Difference, match=way):
        twin.compare(source)


def test_the_programs_use_every_word_and_operator_of_the_language() -> None:
    used = {token.text for seed in range(200) for token in tokens(program(seed).removeprefix("#").encode())}
    assert used >= KEYWORDS | {b"goto"}
    assert used >= set(b"+ - * / % ^ # == ~= <= >= < > = ( ) { } [ ] :: ; : , . .. ...".split())
