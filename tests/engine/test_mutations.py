"""Each check of the meter dropped, weakened, moved: the verifier rejects it, or the program ends all the same.

The programs are endless, so nothing but the meter ends them. tests/engine/test_verifier.py has the same for single
constructs, where it is known which checks do nothing; `make conformance` runs more programs.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests.conformance.mutation import Watch, checks, endless, metered, try_each, weaker, without

PROGRAMS = 100


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


def test_no_mutant_gets_by_that_does_not_end(watch: Watch) -> None:
    counts: Counter[str] = Counter()
    for seed in range(PROGRAMS):
        counts += try_each(watch, endless(seed), Random(seed))
    assert counts["programs ended by fuel_exhausted"] > PROGRAMS * 0.9, counts
    assert counts["rejected"] > 10_000 and counts["rejected"] > 5 * counts["harmless"], counts


@pytest.mark.parametrize("change", sorted(weaker(*metered("x = 1"), checks(*metered("x = 1"))[0])))
def test_a_weakened_check_of_a_loop_is_rejected(watch: Watch, change: str) -> None:
    for source in ("while one do f() end", "for i = 1, 9 do f() end", "repeat f() until one", "::a:: f() goto a"):
        text, names = metered(source)
        mutant = weaker(text, names, checks(text, names)[-1])[change]
        assert watch.refusal(text, names) is None
        if watch.error(mutant) is None:
            assert watch.refusal(mutant, names) is not None, source


def test_the_watch_sees_a_loop_without_a_check(watch: Watch) -> None:
    """The judge itself: what the verifier rejects does not, when it is run, end by the meter."""
    for source in ("while true do end", "repeat until false", "for i = 1, 1e9 do end", "::a:: goto a"):
        text, names = metered(source)
        mutant = without(text, checks(text, names)[-1])
        assert watch.ends(text, names) == "fuel_exhausted"
        assert watch.refusal(mutant, names) is not None
        assert watch.ends(mutant, names) is None
