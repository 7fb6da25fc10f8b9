"""The scorecard adds up, whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.scoring import Item, LineKind, Score, score
from qa.types import Dimension

T, P, S, R = Dimension
HOUSE = {T: 25, P: 35, S: 25, R: 15}


def cents(points: float) -> int:
    assert abs(points * 100 - round(points * 100)) < 1e-6
    return round(points * 100)


def adds_up(card: Score) -> bool:
    return sum(cents(line.points) for line in card.lines) == (cents(card.total) if card.total is not None else 0)


points = st.one_of(st.integers(0, 100), st.floats(0, 100, allow_subnormal=False).map(lambda x: round(x, 3)))


@st.composite
def item_lists(draw: st.DrawFn) -> list[Item]:
    items = []
    for n in range(draw(st.integers(0, 12))):
        weight = draw(points)
        lost = draw(st.one_of(st.none(), st.just(0.0), points))
        red = draw(st.integers(0, 9)) == 0
        bonus = draw(st.sampled_from([0, 0, 0, 2, 5.5, 40])) if not red else 0
        items.append(Item(f"r{n}", draw(st.sampled_from(list(Dimension))), weight, lost, bonus, red))
    return items


weights = st.dictionaries(st.sampled_from(list(Dimension)), points, min_size=4, max_size=4)


@given(item_lists(), weights)
def test_the_lines_add_up_to_the_total_exactly(items: list[Item], dimension_weights: dict[Dimension, float]) -> None:
    card = score(items, dimension_weights)
    assert adds_up(card)
    if card.total is None:
        assert card.lines == ()
    else:
        assert 0 <= card.total <= 100
    if card.weights:
        assert sum(cents(worth) for worth in card.weights.values()) == 10_000
    for dimension, kept in card.dimensions.items():
        assert kept is None or 0 <= kept <= 100
        assert (kept is None) == (dimension not in card.weights)


@given(item_lists(), st.randoms(use_true_random=False))
def test_order_makes_no_difference(items: list[Item], random) -> None:
    shuffled = [*items]
    random.shuffle(shuffled)
    one, other = score(items, HOUSE), score(shuffled, HOUSE)
    assert (one.total, one.dimensions, one.weights, one.red_line) == (
        other.total, other.dimensions, other.weights, other.red_line,
    )  # fmt: skip


@given(item_lists())
def test_every_line_stays_within_what_its_item_may_take(items: list[Item]) -> None:
    card = score(items, HOUSE)
    for line in card.lines:
        if line.kind is LineKind.DEDUCTION:
            assert line.dimension is not None
            assert -cents(card.weights[line.dimension.value]) <= cents(line.points) <= 0


def test_nothing_applicable_has_no_score() -> None:
    card = score([Item("a", T, 5, None), Item("b", P, 5, None, bonus=2)], HOUSE)
    assert (card.total, card.lines, card.weights) == (None, (), {})
    assert set(card.dimensions.values()) == {None}


def test_a_bonus_alone_makes_no_score() -> None:
    assert score([Item("good", S, 0, 0.0, bonus=2)], HOUSE) == score([], HOUSE)


def test_what_does_not_apply_gives_its_weight_to_its_dimension() -> None:
    both = score([Item("a", T, 5, 5), Item("b", T, 5, 0)], {T: 100})
    alone = score([Item("a", T, 5, 5), Item("b", T, 5, None)], {T: 100})
    assert (both.total, alone.total) == (50, 0)


def test_a_dimension_without_items_gives_its_weight_to_the_others() -> None:
    card = score([Item("a", T, 5, 5), Item("b", P, 5, 0)], {T: 25, P: 75, S: 100, R: 0})
    assert card.weights == {"timeliness": 25, "professionalism": 75}
    assert (card.total, card.dimensions["satisfaction"]) == (75, None)


def test_lost_points_are_clamped_to_the_weight() -> None:
    assert score([Item("a", T, 5, 50), Item("b", T, 5, 0)], {T: 100}).total == 50


def test_a_dimension_lost_whole_keeps_no_hundredth() -> None:
    card = score([Item(f"r{n}", T, 1, 1) for n in range(3)] + [Item("b", P, 1, 0)], HOUSE)
    assert card.dimensions["timeliness"] == 0
    assert card.total == 100 - card.weights["timeliness"]


def test_a_dimension_of_next_to_no_weight_is_still_explained() -> None:
    card = score([Item("a", T, 1, 1), Item("b", P, 1, 0)], {T: 0.0001, P: 1000})
    assert (card.total, card.dimensions["timeliness"]) == (100, 0)


def test_a_bonus_is_capped_at_a_hundred_and_the_cap_is_a_line() -> None:
    card = score([Item("a", T, 5, 0), Item("good", S, 0, 0.0, bonus=2)], HOUSE)
    assert card.total == 100
    assert [(line.kind, line.points) for line in card.lines[1:]] == [(LineKind.BONUS, 2), (LineKind.CAP, -2)]


def test_a_bonus_repairs_a_deduction() -> None:
    card = score([Item("a", T, 10, 1), Item("good", S, 0, 0.0, bonus=2)], {T: 100})
    assert card.total == 92
    assert card.points() == {"a": -10, "good": 2}


def test_a_red_line_voids_whatever_else() -> None:
    items = [Item("a", T, 5, 1), Item("red", P, 0, 1.0, red_line=True), Item("red2", P, 0, 1.0, red_line=True)]
    card = score(items, HOUSE)
    assert (card.total, card.red_line) == (0, True)
    assert [line.rule for line in card.lines if line.kind is LineKind.RED_LINE] == ["red", "red2"]
    assert adds_up(card)


def test_a_red_line_alone_scores_zero() -> None:
    assert score([Item("red", P, 0, 1.0, red_line=True)], HOUSE).total == 0


@pytest.mark.parametrize("lost", [0.0, None])
def test_a_red_line_not_crossed_changes_nothing(lost: float | None) -> None:
    rest = [Item("a", T, 5, 1), Item("b", T, 5, 0)]
    assert score([*rest, Item("red", T, 7, lost, red_line=True)], HOUSE) == score(rest, HOUSE)


def test_the_worked_example_of_the_documentation(root) -> None:
    items = [
        Item("greeting-missing", P, 4, 4), Item("closing-missing", P, 3, 3),
        *(Item(f"p{weight}", P, weight, 0) for weight in (6, 4, 5, 8)),
        Item("s6", S, 6, 0), Item("s5", S, 5, 0),
        Item("transfers-many", R, 5, 0), Item("rate-invitation-missing", R, 3, 3),
        Item("slow", T, 6, None), Item("excellent-care", S, 0, 0.0, bonus=2),
    ]  # fmt: skip
    card = score(items, HOUSE)
    text = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    for line in card.lines:
        said = f"{line.points:+.2f}".replace("-", "−")
        assert f"| {line.rule or line.kind} | {said} |" in text
    assert f"| **score** | **{card.total:.2f}** |" in text


def lost(*pairs: tuple[float, float | None]) -> list[Item]:
    return [Item(f"r{n}", T, weight, points) for n, (weight, points) in enumerate(pairs)]


def test_a_long_list_of_rules_does_not_make_a_mistake_cheaper() -> None:
    short, long = lost((10, 10), (10, 0)), lost((10, 10), (10, 0), *[(10, 0)] * 20)
    assert score(short, HOUSE).dimensions["timeliness"] == 50
    assert score(long, HOUSE).dimensions["timeliness"] == 95.45
    assert score(long, HOUSE, {T: 20}).dimensions["timeliness"] == 50
    assert score(short, HOUSE, {T: 200}) == score(short, HOUSE)


def test_what_does_not_apply_lowers_what_uses_a_dimension_up() -> None:
    items = lost((10, 5), (10, 0), (10, None), (10, None))
    assert score(items, HOUSE, {T: 20}).dimensions["timeliness"] == 50


def test_where_more_is_lost_than_there_is_every_item_takes_its_share() -> None:
    card = score(lost((30, 30), (10, 10), (60, 0)), HOUSE, {T: 20})
    assert card.dimensions["timeliness"] == 0
    assert (card.total, card.points()) == (0, {"r0": -75, "r1": -25})


@given(item_lists(), weights, weights)
def test_with_a_limit_the_lines_add_up_and_no_dimension_falls_below_nothing(items, worth, full) -> None:
    card = score(items, worth, {d: points for d, points in full.items() if points > 0})
    assert adds_up(card)
    assert all(kept is None or 0 <= kept <= 100 for kept in card.dimensions.values())
