from __future__ import annotations

import doctest
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.sampling import (
    StratumDraw,
    allocate,
    audit_sample,
    design,
    draw,
    draw_key,
    late_arrivals,
    night_salt,
    sample_size,
    stratum_of,
    take,
)
from qa.types import Agent, Chat

ROOT = Path(__file__).parents[1]
SALT = "7999f91d7c2b747311a366e577fd2268"
ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
rates = st.integers(1, 1000).map(lambda n: n / 1000)
sizes = st.dictionaries(st.text("abc甲乙", max_size=3), st.integers(0, 400), max_size=25)
frames = st.dictionaries(ids, st.sampled_from(["", "a-1", "a-2", "小李"]), max_size=80)


# ------------------------------------------------------------------------------------------------------- salt and key


def test_night_salt_is_the_hash_of_salt_merchant_day():
    assert night_salt("s", "a:b", date(2026, 1, 2)) == hashlib.blake2b(b"s:a:b:2026-01-02", digest_size=16).hexdigest()


def test_night_salt_does_not_give_away_the_policy_salt():
    assert "geheim" not in night_salt("geheim", "acme", date(2026, 1, 2))


def test_night_salt_refuses_a_colon_in_the_policy_salt():
    with pytest.raises(ValueError, match="colon"):
        night_salt("s:t", "acme", date(2026, 1, 2))


@given(st.lists(st.tuples(st.sampled_from(["s", "t", "s%"]), ids, st.dates()), min_size=2, max_size=2, unique=True))
def test_different_nights_have_different_salts(two):
    (one, other) = (night_salt(*parts) for parts in two)
    assert one != other
    assert "\n" not in one


def test_draw_key_is_one_line_of_hashlib():
    assert draw_key(SALT, "会话-1") == hashlib.blake2b(f"{SALT}\n会话-1".encode(), digest_size=16).digest()


def test_draw_key_refuses_a_salt_that_would_be_ambiguous():
    with pytest.raises(ValueError, match="line feed"):
        draw_key("s\nt", "c-1")


@pytest.mark.skipif(not shutil.which("b2sum"), reason="coreutils' b2sum is not installed")
def test_draw_key_can_be_redone_with_b2sum():
    done = subprocess.run(["b2sum", "-l", "128"], input=f"{SALT}\nc-1001".encode(), capture_output=True, check=True)
    assert done.stdout.split()[0].decode() == draw_key(SALT, "c-1001").hex()


def test_stratum_of_uses_ids_and_empty_text_for_unknown():
    chat = Chat(id="c", messages=(), channel="web", agent=Agent(id="a-7", name="小李"))
    assert stratum_of(chat) == ("a-7",)
    assert stratum_of(chat, ("agent", "channel")) == ("a-7", "web")
    assert stratum_of(Chat(id="c", messages=(), agent=Agent(name="小李"))) == ("",)


# ---------------------------------------------------------------------------------------------------------- allocation


@pytest.mark.parametrize(
    ("rest", "rate", "n"),
    [(10, 0.3, 3), (0, 0.3, 0), (1, 0.3, 1), (11, 0.3, 4), (100, 0.07, 7), (100, 0.29, 29), (10**6, 1e-06, 1)],
)  # fmt: skip
def test_sample_size_is_exact(rest, rate, n):
    assert sample_size(rest, rate) == n


@pytest.mark.parametrize(("rest", "rate"), [(1, 0.0), (1, 1.1), (-1, 0.5), (1, float("nan"))])
def test_sample_size_refuses_nonsense(rest, rate):
    with pytest.raises(ValueError, match="cannot draw"):
        sample_size(rest, rate)


@pytest.mark.parametrize(
    ("given_sizes", "rate", "minimum", "expected"),
    [
        ({"a": 10, "b": 90}, 0.3, 1, {"a": 4, "b": 26}),  # 28 shared 2.8 : 25.2
        ({"a": 10, "b": 10, "c": 10}, 0.35, 1, {"a": 4, "b": 4, "c": 3}),  # n = 11; equal parts: by name
        ({"b": 20, "a": 10}, 0.15, 0, {"a": 2, "b": 3}),  # n = 5: 1.67 : 3.33
        ({"a": 6, "b": 2}, 0.25, 0, {"a": 2, "b": 0}),  # n = 2: 1.5 : 0.5, equal parts: the larger
        ({"a": 1, "b": 99}, 0.3, 1, {"a": 1, "b": 29}),  # a is full
        ({"a": 3, "b": 3}, 0.1, 2, {"a": 2, "b": 2}),  # the minimums exceed n = 1
        ({"a": 3, "b": 3}, 0.1, 9, {"a": 3, "b": 3}),
        ({"a": 0, "b": 3}, 0.3, 1, {"a": 0, "b": 1}),
        ({"a": 5, "b": 7}, 1, 1, {"a": 5, "b": 7}),
        ({}, 0.3, 1, {}),
    ],
)
def test_allocate_examples(given_sizes, rate, minimum, expected):
    assert allocate(given_sizes, rate, minimum) == expected


@given(sizes, rates, st.integers(0, 5))
def test_allocation_adds_up_and_fits(given_sizes, rate, minimum):
    got = allocate(given_sizes, rate, minimum)
    minimums = {s: min(size, minimum) for s, size in given_sizes.items()}
    n = ceil(Fraction(str(rate)) * sum(given_sizes.values()))
    assert sum(got.values()) == max(n, sum(minimums.values()))
    assert all(minimums[s] <= got[s] <= given_sizes[s] for s in given_sizes)
    assert list(got) == sorted(given_sizes)


@given(sizes, rates, st.integers(0, 3), st.randoms(use_true_random=False))
def test_allocation_does_not_depend_on_order(given_sizes, rate, minimum, random):
    shuffled = list(given_sizes.items())
    random.shuffle(shuffled)
    assert allocate(dict(shuffled), rate, minimum) == allocate(given_sizes, rate, minimum)


@given(sizes, rates, st.integers(0, 3))
def test_a_larger_stratum_never_gets_less(given_sizes, rate, minimum):
    got = allocate(given_sizes, rate, minimum)
    for (_, small), (_, large) in itertools.pairwise(sorted((given_sizes[s], got[s]) for s in got)):
        assert small <= large


@given(sizes, rates)
def test_without_minimum_the_allocation_keeps_the_quota(given_sizes, rate):
    """Largest remainder gives each stratum its exact share, rounded down or up."""
    total = sum(given_sizes.values())
    n = sample_size(total, rate)
    for stratum, count in allocate(given_sizes, rate, 0).items():
        assert abs(count - Fraction(n * given_sizes[stratum], max(1, total))) < 1


def test_allocation_of_many_strata_is_quick_and_exact():
    many = {f"a{i:05}": 1 + i * i % 97 for i in range(20_000)}
    assert sum(allocate(many, 0.3).values()) == sample_size(sum(many.values()), 0.3)


# ---------------------------------------------------------------------------------------------------------------- draw


@given(frames, rates, st.integers(0, 3), st.randoms(use_true_random=False))
def test_draw_is_exact_and_independent_of_order(frame, rate, minimum, random):
    units = [(agent, chat_id) for chat_id, agent in frame.items()]
    shuffled = random.sample(units, len(units))
    done = draw(units, SALT, rate, minimum)
    assert draw(shuffled, SALT, rate, minimum) == done
    assert len(set(done.ids)) == len(done.ids) == sum(line.drawn for line in done.strata)
    assert Counter(frame[i] for i in done.ids) == Counter({line.stratum: line.drawn for line in done.strata})
    assert sum(line.size for line in done.strata) == len(frame)


@given(frames, rates)
def test_in_each_stratum_the_smallest_keys_win(frame, rate):
    done = draw([(agent, chat_id) for chat_id, agent in frame.items()], SALT, rate)
    for line in done.strata:
        ranked = sorted((draw_key(SALT, i), i) for i, agent in frame.items() if agent == line.stratum)
        assert {i for _, i in ranked[: line.drawn]} == {i for i in done.ids if frame[i] == line.stratum}


@given(frames, rates)
def test_weights_add_up_to_the_strata(frame, rate):
    done = draw([(agent, chat_id) for chat_id, agent in frame.items()], SALT, rate)
    for line in done.strata:
        weights = [1 / line.probability for i in done.ids if frame[i] == line.stratum]
        assert sum(weights) == pytest.approx(line.size)
        assert 0 < line.probability <= 1


@given(frames, st.integers(0, 40), st.integers(0, 40))
def test_more_drawn_from_a_stratum_only_adds(frame, one, other):
    units = sorted(("a", draw_key(SALT, i), i) for i in frame)
    few, many = sorted(min(k, len(units)) for k in (one, other))
    fewer, more = (list(take(units, {"a": k})) for k in (few, many))
    assert more[:few] == fewer


def test_another_night_draws_other_chats():
    units = [("a", f"c-{i}") for i in range(1000)]
    nights = [set(draw(units, night_salt("s", "acme", date(2026, 11, d)), 0.3).ids) for d in (1, 2)]
    assert 60 < len(nights[0] & nights[1]) < 120  # 90 expected


@pytest.mark.parametrize("seed", ["0", "1"])
def test_draw_does_not_depend_on_the_process(seed):
    code = "from qa.sampling import draw; print(draw([(str(i % 3), f'c-{i}') for i in range(30)], 's:m:d', 0.3).ids)"
    env = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=ROOT)
    assert done.stdout.strip() == repr(draw([(str(i % 3), f"c-{i}") for i in range(30)], "s:m:d", 0.3).ids)


def test_design_leaves_empty_strata_out():
    assert design({"a": 0, "b": 4}, 0.5) == (StratumDraw("b", 4, 2),)


def test_every_chat_is_equally_likely_to_be_drawn():
    """Over 3,000 nights each of 40 chats is drawn 30 % of the time: chi-square within its 0.1 and 99.9 % limits."""
    nights, n, size = 3000, 12, 40
    times = Counter(
        i for night in range(nights) for i in draw([("a", f"c-{k}") for k in range(size)], f"s:m:{night}", 0.3).ids
    )
    p = n / size
    chi2 = sum((times[f"c-{k}"] - nights * p) ** 2 for k in range(size)) / (nights * p * (1 - p)) * (size - 1) / size
    assert 17.3 < chi2 < 72.1  # chi-square with 39 degrees of freedom


def test_pairs_of_chats_are_drawn_as_often_as_simple_random_sampling_demands():
    nights, n, size = 4000, 4, 10
    pairs = Counter(
        pair
        for night in range(nights)
        for pair in itertools.combinations(sorted(draw([("a", str(k)) for k in range(size)], f"t:{night}", 0.4).ids), 2)
    )
    p = n * (n - 1) / (size * (size - 1))
    worst = max(abs(pairs[pair] - nights * p) for pair in itertools.combinations(map(str, range(size)), 2))
    assert worst < 4 * (nights * p * (1 - p)) ** 0.5


# ---------------------------------------------------------------------------------------------------------------- take


def test_take_streams():
    """A million units pass through; nothing after the last wanted one of a stratum is kept."""
    seen = 0

    def units():
        nonlocal seen
        for i in range(1_000_000):
            seen += 1
            yield "a", i.to_bytes(4), i

    stream = take(units(), {"a": 2})
    assert (next(stream), next(stream)) == (0, 1)
    assert seen == 2


def test_take_accepts_strata_in_any_order():
    assert list(take([("b", b"1", 1), ("a", b"0", 2)], {"a": 1, "b": 1})) == [1, 2]


@pytest.mark.parametrize(
    ("units", "allocation"),
    [
        ([("a", b"2", 1), ("a", b"1", 2)], {"a": 1}),  # not in order
        ([("a", b"1", 1), ("b", b"1", 2), ("a", b"2", 3)], {"a": 1, "b": 1}),  # not grouped
        ([("a", b"1", 1)], {"a": 2}),  # too few
        ([("a", b"1", 1), ("b", b"1", 2)], {"a": 2, "b": 1}),
        ([], {"a": 1}),
        ([("a", b"1", 1)], {}),
    ],
)
def test_take_refuses_a_frame_that_does_not_match(units, allocation):
    with pytest.raises(ValueError, match=r"stratum|strata"):
        list(take(units, allocation))


# --------------------------------------------------------------------------------------------------------------- waves


def test_late_arrivals_are_what_no_earlier_frame_holds():
    assert late_arrivals(["c-3", "c-1", "c-3", "c-2"], {"c-2"}) == ("c-1", "c-3")


@given(st.lists(frames, min_size=1, max_size=3), rates)
def test_waves_leave_earlier_draws_alone_and_add_up(arrivals, rate):
    day: dict[str, str] = {}
    seen: set[str] = set()
    weights = 0.0
    for arrived in arrivals:
        day |= {i: agent for i, agent in arrived.items() if i not in day}
        wave = late_arrivals(day, seen)
        done = draw([(day[i], i) for i in wave], SALT, rate)
        assert len(done.ids) >= sample_size(len(wave), rate)
        assert not seen & set(done.ids)
        seen |= set(wave)
        weights += sum(line.drawn / line.probability for line in done.strata)
    assert weights == pytest.approx(len(day))


# --------------------------------------------------------------------------------------------------------------- audit


@given(st.sets(ids, max_size=60), rates)
def test_audit_has_its_size_and_forgets_order(clean, rate):
    chosen = audit_sample(SALT, sorted(clean), rate)
    assert chosen <= clean
    assert len(chosen) == sample_size(len(clean), rate)
    assert audit_sample(SALT, sorted(clean, reverse=True), rate) == chosen


def test_audit_takes_at_least_one():
    assert len(audit_sample(SALT, ["c-1"], 0.02)) == 1
    assert audit_sample(SALT, [], 0.02) == set()
    assert audit_sample(SALT, iter(["c-1", "c-2"]), 0.02, 2) == audit_sample(SALT, ["c-2", "c-1"], 0.02)


def test_audit_is_independent_of_the_draw():
    """Without its own salt the audited chats would be those with the smallest keys, always the first drawn."""
    drawn = draw([("a", f"c-{i}") for i in range(2000)], SALT, 0.5).ids
    audited = audit_sample(SALT, drawn, 0.1)
    assert 25 < len(audited & set(drawn[:500])) < 75  # 50 of 100 expected


# ----------------------------------------------------------------------------------------------------------------- docs


def test_the_worked_examples_of_the_manual_are_true():
    done = doctest.testfile(str(ROOT / "docs" / "sampling.md"), module_relative=False)
    assert done.attempted > 5
    assert done.failed == 0
