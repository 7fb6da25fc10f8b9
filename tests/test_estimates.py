"""The estimators against hand computation and full enumeration; simulated nights are in test_estimates_coverage.py."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.estimates import (
    Estimate,
    Note,
    StratumSummary,
    estimate_mean,
    estimate_proportion,
    estimate_ratio,
    summarize,
)

Array = np.ndarray
SCORE = (0.0, 100.0)
NONE_TARGETED = np.array([])


# ------------------------------------------------------------------------------------------------------ exact and known


def test_simple_random_sample_matches_the_textbook():
    """Cochran (1977) eq. 2.20: s²/n (1 - f); t with n - 1 degrees of freedom: here 4.303 for 2."""
    e = estimate_mean("m", [summarize("a", 12, [3, 5, 10])])
    assert e.value == 6
    assert e.se == pytest.approx(math.sqrt(13 / 3 * 0.75))
    assert e.df == pytest.approx(2)
    assert e.high == pytest.approx(6 + 4.30265 * e.se, rel=1e-5)
    assert e.low == pytest.approx(6 - 4.30265 * e.se, rel=1e-5)
    assert (e.n, e.size, e.missing, e.notes) == (3, 12, 0, ())


def _samples(strata: Sequence[Sequence[float]], counts: Sequence[int]):
    for chosen in itertools.product(*(itertools.combinations(y, n) for y, n in zip(strata, counts, strict=True))):
        yield [summarize(str(h), len(y), part) for h, (y, part) in enumerate(zip(strata, chosen, strict=True))]


def test_mean_and_variance_are_unbiased_over_all_samples():
    """Every possible sample of a small stratified population, one stratum fully inspected."""
    strata, counts = [[1, 4, 4, 9, 20], [50, 60, 90, 100], [7, 7, 8]], [3, 2, 3]
    got = [estimate_mean("m", sample) for sample in _samples(strata, counts)]
    values = np.array([e.value for e in got])
    everyone = [y for stratum in strata for y in stratum]
    assert len(got) == 60
    assert values.mean() == pytest.approx(np.mean(everyone))
    assert np.mean([e.se**2 for e in got]) == pytest.approx(values.var())


def test_collapsed_variance_is_right_where_agents_are_alike_and_too_large_where_they_differ():
    """All 81 samples of one chat from each of four strata of three, averaged over many populations."""
    rng = np.random.default_rng(5)
    for spread, least, most in ((0, 0.9, 1.15), (6, 1.2, 2)):
        true, estimated = 0.0, 0.0
        for _ in range(60):
            strata = rng.normal(80, 10, (4, 3)) + spread * rng.normal(size=(4, 1))
            got = [estimate_mean("m", sample) for sample in _samples(strata.tolist(), [1, 1, 1, 1])]
            values = np.array([e.value for e in got])
            assert values.mean() == pytest.approx(np.mean(strata))
            assert got[0].notes == (Note.COLLAPSED,)
            true += values.var()
            estimated += np.mean([e.se**2 for e in got])
        assert least < estimated / true < most


def test_a_census_has_no_interval_to_speak_of():
    strata = [summarize("a", 2, [1, 0]), summarize("targeted", 2, [1, 1], certainty=True)]
    for e in (estimate_mean("m", strata), estimate_proportion("p", strata), estimate_ratio("r", strata)):
        assert (e.value, e.low, e.high, e.se, e.df) == (0.75, 0.75, 0.75, 0, None)
        assert e.notes == ()


def test_the_targeted_part_adds_no_variance_and_keeps_its_share():
    e = estimate_mean("m", [summarize("a", 80, [90, 80]), summarize("t", 20, [10] * 20, certainty=True)])
    alone = estimate_mean("m", [summarize("a", 80, [90, 80])])
    assert e.value == pytest.approx(0.8 * 85 + 0.2 * 10)
    assert e.se == pytest.approx(0.8 * alone.se)


def test_ratio_equals_the_mean_where_everything_is_in_the_domain():
    strata = [summarize("a", 10, [2, 4]), summarize("b", 20, [5, 7, 9])]
    mean, ratio = estimate_mean("m", strata), estimate_ratio("m", strata)
    assert mean == ratio
    without_x = [msgspec.structs.replace(s, x=None, xx=None, xy=None) for s in strata]
    assert estimate_mean("m", without_x) == mean


def test_ratio_of_two_quantities():
    """Orders per chat and amounts: Σw·y / Σw·x with sums given by the caller."""
    s = StratumSummary(stratum="a", size=10, n=2, y=300, yy=50_000, x=3, xx=5, xy=500)
    e = estimate_ratio("aov", [s])
    assert e.value == 100
    assert e.se**2 == pytest.approx(100 * 0.8 * (0 / 1) / 2 / 15**2)  # e = y - 100 x is 0 for both (100, 1), (200, 2)


# ------------------------------------------------------------------------------------------------------ unknown and odd


def _is_unknown(e: Estimate) -> bool:
    return e.value is None and e.low is None and e.high is None and e.se is None


@pytest.mark.parametrize("estimate", [estimate_mean, estimate_proportion, estimate_ratio])
def test_nothing_known_is_none_not_zero(estimate):
    assert _is_unknown(estimate("x", []))
    broken = estimate("x", [summarize("a", 10, [], drawn=3)])
    assert _is_unknown(broken)
    assert (broken.n, broken.missing, broken.notes) == (0, 3, (Note.UNCOVERED,))


def test_a_rule_that_never_applied_has_no_rate():
    e = estimate_ratio("r", [summarize("a", 10, [None, None])], proportion=True)
    assert _is_unknown(e)
    assert e.n == 0


def test_a_domain_met_only_among_fully_inspected_chats_has_a_rate_but_no_interval():
    strata = [summarize("a", 10, [None, None]), summarize("t", 2, [1, 0], certainty=True)]
    e = estimate_ratio("r", strata, proportion=True)
    assert (e.value, e.low, e.high, e.n) == (0.5, None, None, 2)


def test_one_chat_of_several_says_a_value_but_no_interval():
    e = estimate_mean("m", [summarize("a", 3, [80])])
    assert (e.value, e.low, e.high, e.se) == (80, None, None, None)


def test_a_lonely_chat_borrows_from_the_stratum_nearest_in_size():
    lonely = summarize("a", 3, [80])
    near = summarize("b", 30, [70, 90] * 5)
    far = summarize("c", 300, [0, 100] * 45)
    e = estimate_mean("m", [lonely, near, far])
    values = [80, *[70, 90] * 5]
    own = 30**2 * (1 - 1 / 3) * np.var([70, 90] * 5, ddof=1) / 10
    far_own = 300**2 * 0.7 * np.var([0, 100] * 45, ddof=1) / 90
    borrowed = 3**2 * (2 / 3) * np.var(values, ddof=1)
    assert e.se**2 == pytest.approx((own + far_own + borrowed) / 333**2)
    assert e.notes == (Note.COLLAPSED,)


def test_broken_chats_of_a_stratum_are_missing_at_random():
    e = estimate_mean("m", [summarize("a", 20, [80, 90, 70], drawn=5)])
    assert (e.value, e.n, e.missing, e.notes) == (80, 3, 2, ())
    assert e.se**2 == pytest.approx(100 / 3 * (1 - 3 / 20))


def test_one_seen_stratum_with_one_seen_chat_cannot_say_how_wrong_it_is_about_another():
    e = estimate_mean("m", [summarize("a", 1, [70]), summarize("b", 5, [], drawn=2)])
    assert (e.value, e.low, e.size, e.notes) == (70, None, 6, (Note.REWEIGHTED,))


def test_a_single_seen_stratum_stands_for_another_by_its_own_variance():
    e = estimate_mean("m", [summarize("a", 2, [70, 90]), summarize("b", 4, [], drawn=2)])
    assert e.value == 80
    assert e.se**2 == pytest.approx(4**2 * 200 / 6**2)


def test_a_stratum_without_any_observed_chat_is_stood_for_by_its_part():
    seen = [summarize("a", 10, [70, 80, 90]), summarize("b", 10, [80, 90, 100])]
    targeted = summarize("t", 5, [0] * 5, certainty=True)
    e = estimate_mean("m", [*seen, summarize("c", 20, [], drawn=6), targeted])
    assert e.value == pytest.approx((40 * 85 + 5 * 0) / 45)
    assert (e.size, e.missing, e.notes) == (45, 6, (Note.REWEIGHTED,))
    complete = estimate_mean("m", [*seen, summarize("c", 20, [75, 85, 95]), targeted])
    assert e.se > complete.se


def test_a_targeted_part_that_broke_entirely_is_not_made_up():
    e = estimate_mean("m", [summarize("a", 10, [70, 80]), summarize("t", 5, [], drawn=5, certainty=True)])
    assert (e.value, e.size, e.missing, e.notes) == (75, 10, 5, (Note.UNCOVERED,))


def test_no_failure_seen_is_not_no_failure():
    """The rule of three: 0 of 100 in a large frame leaves up to 3.6 % (two-sided 95 %)."""
    e = estimate_proportion("p", [StratumSummary(stratum="a", size=10**7, n=100)])
    assert (e.value, e.low) == (0, 0)
    assert e.high == pytest.approx(0.0370, abs=2e-4)  # Wilson's with 1.96² / (100 + 1.96²) is the larger of the two
    assert e.notes == (Note.NO_VARIATION,)


def test_every_chat_failed_is_the_mirror_image():
    none, every = (estimate_proportion("p", [summarize("a", 90, [v] * 30)]) for v in (0, 1))
    assert (every.low, every.high) == (pytest.approx(1 - none.high), pytest.approx(1))


def test_equal_scores_have_no_interval_unless_the_scale_is_known():
    strata = [summarize("a", 90, [100] * 30)]
    assert estimate_mean("m", strata).low is None
    bounded = estimate_mean("m", strata, bounds=SCORE)
    assert bounded.high == 100
    assert 85 < bounded.low < 95


def test_constant_values_do_not_become_variance_by_rounding():
    e = estimate_mean("m", [summarize("a", 1000, [0.1] * 300), summarize("b", 700, [0.1] * 200)])
    assert e.se == 0


def test_the_interval_of_a_proportion_never_denies_what_was_seen():
    e = estimate_proportion("p", [summarize("a", 12, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])])
    assert e.low >= 3 / 12
    assert e.high <= 4 / 12 + 1e-12


def test_counts_that_cannot_be_are_a_bug():
    with pytest.raises(ValueError, match="stratum 'a'"):
        StratumSummary(stratum="a", size=2, n=3)
    with pytest.raises(ValueError, match="stratum 'a'"):
        StratumSummary(stratum="a", size=9, n=3, drawn=2)


strata_values = st.lists(
    st.tuples(st.lists(st.sampled_from([0.0, 1.0, None]), max_size=6), st.integers(0, 20), st.booleans()), max_size=8
)


@given(strata_values, st.randoms(use_true_random=False), st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_hold_their_value_whatever_the_night_brings(given_strata, random, level):
    strata = [
        summarize(f"s{i}", len(values) + more, values, certainty=certainty)
        for i, (values, more, certainty) in enumerate(given_strata)
    ]
    shuffled = random.sample(strata, len(strata))
    for estimate in (
        lambda s: estimate_mean("m", s, level=level),
        lambda s: estimate_mean("m", s, bounds=(0, 1), level=level),
        lambda s: estimate_proportion("p", s, level=level),
        lambda s: estimate_ratio("r", s, proportion=True, level=level),
    ):
        e = estimate(strata)
        assert estimate(shuffled) == e
        assert (e.low is None) == (e.high is None)
        if e.low is not None:
            assert e.low <= e.value <= e.high
        if e.value is not None:
            assert 0 <= e.value <= 1


@given(st.lists(st.lists(st.integers(0, 100), min_size=2, max_size=6), min_size=1, max_size=5))
def test_a_mean_moves_with_its_unit(values):
    def on(scale: float, shift: float) -> Estimate:
        return estimate_mean("m", [summarize(str(i), 9, [v * scale + shift for v in y]) for i, y in enumerate(values)])

    plain, moved = on(1, 0), on(2, 10)
    assert moved.value == pytest.approx(2 * plain.value + 10)
    assert moved.se == pytest.approx(2 * plain.se, abs=1e-5)
