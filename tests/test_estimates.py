"""The estimators against hand computation, full enumeration and simulated nights.

A simulated night has a fixed population; only the draw is random, so coverage is what an auditor would count over
many redraws. Each shape is tried on 100 populations with a fixed seed;
docs/sampling.md lists the coverage measured with more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

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
from qa.sampling import allocate, draw

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


# ----------------------------------------------------------------------------------------------------------- simulation


def _redraws(rng: np.random.Generator, strata: list[Array], counts: Sequence[int], reps: int) -> list[Array]:
    """For each stratum the drawn values of many redraws, an array (redraw, chat)."""
    return [y[rng.random((reps, len(y))).argsort(axis=1)[:, :n]] for y, n in zip(strata, counts, strict=True)]


def _allocation(strata: list[Array], rate: float) -> list[int]:
    return list(allocate({f"{h:04}": len(y) for h, y in enumerate(strata)}, rate).values())


def _nights(rng: np.random.Generator, strata: list[Array], targeted: Array, reps: int, rate: float):
    """The summaries of each redraw; a value of nan is a chat outside the domain."""
    drawn = _redraws(rng, strata, _allocation(strata, rate), reps)
    inside = [~np.isnan(d) for d in drawn]
    sums = [
        (len(y), d.shape[1], np.nansum(d, 1), np.nansum(d * d, 1), i.sum(1))
        for y, d, i in zip(strata, drawn, inside, strict=True)
    ]
    certain = [summarize("t", len(targeted), [None if math.isnan(v) else v for v in targeted], certainty=True)]
    for r in range(reps):
        yield (certain if len(targeted) else []) + [
            StratumSummary(
                stratum=str(h), size=size, n=n, y=float(y[r]), yy=float(yy[r]),
                x=float(x[r]), xx=float(x[r]), xy=float(y[r]),
            )
            for h, (size, n, y, yy, x) in enumerate(sums)
        ]  # fmt: skip


Estimator = Callable[[list[StratumSummary]], Estimate]
Population = tuple[list[Array], Array]


def coverage(
    make: Callable[[np.random.Generator], Population], estimate: Estimator, *, populations: int = 100, reps: int = 20
) -> float:
    """Share of redraws whose interval holds the truth."""
    rng = np.random.default_rng(20261120)
    hits = 0
    for _ in range(populations):
        strata, targeted = make(rng)
        truth = float(np.nanmean(np.concatenate([*strata, targeted])))
        for night in _nights(rng, strata, targeted, reps, rate=0.3):
            e = estimate(night)
            hits += e.low is not None and e.low - 1e-9 <= truth <= e.high + 1e-9
    return hits / (populations * reps)


TEAM = [30] * 20
MIXED = [2, 3, 4, 5, 8, 12, 20, 30, 40, 60, 90, 120, 160]
ZIPF = [max(2, 400 // rank) for rank in range(1, 61)]
TINY = [2, 3, 4] * 40
"""Agents with so few chats that one of each is drawn."""


def _scores(sizes: Sequence[int], spread: float):
    def make(rng):
        return [np.clip(rng.normal(84 + spread * rng.normal(), 9, n), 0, 100).round(1) for n in sizes], NONE_TARGETED

    return make


def _deductions(sizes: Sequence[int]):
    """Half the chats are perfect, the others lose an exponential number of points."""

    def make(rng):
        lost = [rng.exponential(8, n) * (rng.random(n) < 0.5) for n in sizes]
        return [100 - np.minimum(100, points.round(0)) for points in lost], NONE_TARGETED

    return make


def _failures(sizes: Sequence[int], share: float, spread: float = 0.0, targeted: tuple[int, float] = (0, 0.0)):
    """Agents fail at rates that vary by a log-normal factor; targeted chats fail far more often."""

    def make(rng):
        p = [share * math.exp(spread * rng.normal() - spread**2 / 2) for _ in sizes]
        strata = [(rng.random(n) < q).astype(float) for n, q in zip(sizes, p, strict=True)]
        return strata, (rng.random(targeted[0]) < targeted[1]).astype(float)

    return make


def _applicable(make, share: float):
    """A rule applies to a share of the chats only (nan elsewhere)."""

    def partly(rng):
        strata, targeted = make(rng)
        return [np.where(rng.random(len(y)) < share, y, np.nan) for y in strata], np.where(
            rng.random(len(targeted)) < share, targeted, np.nan
        )

    return partly


def _mean(night):
    return estimate_mean("score", night, bounds=SCORE)


def _free_mean(night):
    return estimate_mean("seconds", night)


def _proportion(night):
    return estimate_proportion("failed", night)


def _rate(night):
    return estimate_ratio("failed", night, proportion=True)


SHAPES = {
    "scores, 20 agents of 30": (_scores(TEAM, 3), _mean),
    "scores, no bounds given": (_scores(TEAM, 3), _free_mean),
    "scores, agents of very different size": (_scores(ZIPF, 3), _mean),
    "scores, one of each agent": (_scores(TINY, 2), _mean),
    "scores, half of them perfect": (_deductions(MIXED), _mean),
    "scores, half of them perfect, one stratum": (_deductions([250]), _mean),
    "scores, half of them perfect, one of each agent": (_deductions(TINY), _mean),
    "failures 3 %": (_failures(TEAM, 0.03), _proportion),
    "failures 5 %, agents differ": (_failures(TEAM, 0.05, 0.7), _proportion),
    "failures 10 %": (_failures(MIXED, 0.10), _proportion),
    "failures 10 %, one of each agent": (_failures(TINY, 0.10), _proportion),
    "failures 4 %, agents of very different size": (_failures(ZIPF, 0.04, 0.5), _proportion),
    "failures 4 % and 80 targeted with 60 %": (_failures(TEAM, 0.04, 0.5, (80, 0.6)), _proportion),
    "domain of 40 %, failures 10 %": (_applicable(_failures(TEAM, 0.10, 0.5), 0.4), _rate),
    "domain of 40 % with 80 targeted": (_applicable(_failures(ZIPF, 0.08, 0.5, (80, 0.6)), 0.4), _rate),
    "domain of 70 %, one of each agent": (_applicable(_failures(TINY, 0.10), 0.7), _rate),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_interval_covers_the_truth(shape):
    covered = coverage(*SHAPES[shape])
    assert 0.93 <= covered <= 0.97, f"{shape}: {covered:.4f}"


@pytest.mark.slow
def test_a_handful_of_failures_in_a_small_night_is_covered_at_least_as_often_as_promised():
    """54 chats inspected and about two failures seen: a count so small moves in steps, no method hits 95 % here."""
    covered = coverage(_failures([3] * 60, 0.03), _proportion)
    assert 0.93 <= covered <= 1


@pytest.mark.slow
def test_mixing_targeted_and_random_chats_naively_is_biased_and_the_design_is_not():
    """80 targeted chats, 60 % bad, beside 600 of which 4 % are: the truth is about 10.6 %."""
    rng = np.random.default_rng(7)
    strata, targeted = _failures(TEAM, 0.04, 0.5, (80, 0.6))(rng)
    truth = np.concatenate([*strata, targeted]).mean()
    naive, weighted = [], []
    for night in _nights(rng, strata, targeted, 400, 0.3):
        naive.append(sum(s.y for s in night) / sum(s.n for s in night))
        weighted.append(_proportion(night).value)
    assert abs(np.mean(weighted) - truth) < 0.001
    assert min(naive) > 1.5 * truth
    wrong = [abs(p - truth) < 1.96 * math.sqrt(p * (1 - p) / 260) for p in naive]
    assert np.mean(wrong) < 0.01  # the textbook interval around the naive share hardly ever holds the truth


@pytest.mark.slow
def test_the_real_draw_covers_too():
    """Salts of 1,200 nights over one frame: the hash draw behaves as the random draw the formulas assume."""
    rng = np.random.default_rng(11)
    agents = {f"a{k}": np.clip(rng.normal(80, 12, 10 + 5 * k), 0, 100) for k in range(8)}
    score = {f"{a}-{i}": float(v) for a, values in agents.items() for i, v in enumerate(values)}
    units = [(chat_id.split("-")[0], chat_id) for chat_id in score]
    truth = np.mean(list(score.values()))
    hits = 0
    for night in range(1200):
        done = draw(units, f"s:m:{night}", 0.3)
        by_agent = {
            line.stratum: [score[i] for i in done.ids if i.startswith(f"{line.stratum}-")] for line in done.strata
        }
        e = _mean([summarize(line.stratum, line.size, by_agent[line.stratum]) for line in done.strata])
        hits += e.low <= truth <= e.high
    assert 0.93 <= hits / 1200 <= 0.97
