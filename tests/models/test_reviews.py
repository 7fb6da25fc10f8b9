from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.models.opinions import LABELS, Task
from qa.models.reviews import (
    FAILS,
    HOLDS,
    Agreement,
    Kind,
    Question,
    Said,
    Verdict,
    Word,
    decide,
    decide_audit,
    measure,
    valid_answers,
)

NEG, NEU, POS = LABELS[Task.SENTIMENT]
C1, C2 = ("m", "c-1"), ("m", "c-2")


def said(who: str, value: str | None, at: int = 1, *, chat=C1, kind: Kind = Kind.QUEUE, verdicts=()) -> Said:
    return Said(chat, who, at, kind, {} if value is None else {Task.SENTIMENT: value}, tuple(verdicts))


def labels(*every: Said, **options) -> dict[tuple, str]:
    return {(one.chat, one.question.name): one.value for one in decide(every, **options).labels}


def one_label(*every: Said) -> str | None:
    return labels(*every).get((C1, "sentiment"))


def agreeing(who: str, others: list[str], times: int, *, same: bool) -> list[Said]:
    """Reviews of other chats on which somebody agrees, or never agrees, with the others."""
    found = []
    for i in range(times):
        chat = ("m", f"{who}-{i}")
        found += [said(other, NEU, chat=chat) for other in others]
        found.append(said(who, NEU if same else POS, chat=chat))
    return found


_verdicts = st.builds(Verdict, st.sampled_from(["r", "s"]), st.sampled_from(Word), st.sampled_from([None, 7]))
_said = st.builds(
    Said,
    st.sampled_from([C1, C2, ("n", "c-1")]),
    st.sampled_from(["li", "wang", "zhao"]),
    st.integers(1, 4),
    st.sampled_from(Kind),
    st.dictionaries(st.just(Task.SENTIMENT), st.sampled_from([NEG, NEU, POS])),
    st.lists(_verdicts, max_size=2).map(tuple),
)
many = st.lists(_said, max_size=14)


@given(many.flatmap(lambda every: st.tuples(st.just(every), st.permutations(every))))
def test_no_order_of_arrival_changes_anything(pair: tuple[list[Said], list[Said]]) -> None:
    every, shuffled = pair
    assert decide(every) == decide(shuffled)
    assert decide_audit(every) == decide_audit(shuffled)


@given(many)
def test_sending_everything_twice_changes_nothing(every: list[Said]) -> None:
    assert decide(every) == decide(every + every)


@given(many, many)
def test_audit_chats_neither_train_nor_count_for_trust(every: list[Said], about_audit: list[Said]) -> None:
    audit = ("m", "audited")
    hidden = [one._replace(chat=audit) for one in about_audit]
    plain = decide(every)
    assert decide(every + hidden, [audit]) == plain
    blind = [one._replace(kind=Kind.AUDIT) for one in hidden]
    assert decide(every + blind) == plain
    kept_out = {one.chat for one in every if one.kind is Kind.AUDIT}
    assert not kept_out & {one.chat for one in (*plain.labels, *plain.conflicts)}


@given(many)
def test_a_label_is_somebodys_answer_and_its_weight_a_probability(every: list[Said]) -> None:
    done = decide(every)
    for label in done.labels:
        assert label.value in {one.value for one in label.sources}
        assert 2 / 3 <= label.weight <= 1
        assert len({one.reviewer for one in label.sources}) == len(label.sources)
    for conflict in done.conflicts:
        assert conflict.best < 2 / 3


def test_one_answer_is_a_label_and_says_where_it_comes_from() -> None:
    (label,) = decide([said("li", NEG, 42)]).labels
    assert (label.value, label.weight) == (NEG, pytest.approx(0.85))
    (source,) = label.sources
    assert (source.reviewer, source.at, source.kind) == ("li", 42, Kind.QUEUE)


def test_a_tie_is_no_label_and_a_majority_is_one() -> None:
    assert one_label(said("li", NEG), said("wang", POS)) is None
    assert one_label(said("li", NEG), said("wang", POS), said("zhao", NEG)) == NEG
    (conflict,) = decide([said("li", NEG), said("wang", POS)]).conflicts
    assert {one.reviewer for one in conflict.sources} == {"li", "wang"}


def test_a_later_answer_replaces_the_earlier_one_question_by_question() -> None:
    assert one_label(said("li", NEG, 1), said("li", POS, 2)) == POS
    assert one_label(said("li", POS, 2), said("li", NEG, 1)) == POS
    later = Said(C1, "li", 3, Kind.QUEUE, {Task.RESOLUTION: "partly"})
    assert labels(said("li", NEG, 1), later) == {(C1, "sentiment"): NEG, (C1, "resolution"): "partly"}


def test_two_answers_at_one_instant_are_none() -> None:
    assert one_label(said("li", NEG, 5), said("li", POS, 5)) is None
    assert one_label(said("li", NEG, 5), said("li", POS, 5), said("li", NEU, 6)) == NEU
    assert one_label(said("li", NEG, 5), said("li", NEG, 5, kind=Kind.IMPORT)) == NEG


def test_a_ruling_decides_alone() -> None:
    queue = [said(who, NEG) for who in ("a", "b", "c")]
    assert one_label(*queue, said("lead", POS, kind=Kind.CALIBRATION)) == POS
    split = [said("lead", POS, kind=Kind.CALIBRATION), said("other", NEU, kind=Kind.CALIBRATION)]
    assert one_label(*queue, *split) is None
    assert one_label(said("lead", POS, 1, kind=Kind.CALIBRATION), said("lead", NEG, 2)) == POS


def test_who_agrees_more_counts_more() -> None:
    good = agreeing("good", ["x", "y"], 40, same=True)
    poor = agreeing("poor", ["x", "y"], 12, same=False)
    assert one_label(*good, *poor, said("good", NEG), said("poor", POS)) == NEG
    assert decide(good + poor).agreements["good"].rate > 0.95


def test_who_never_agrees_says_nothing_and_is_not_turned_round() -> None:
    worst = agreeing("worst", ["x", "y"], 60, same=False)
    assert one_label(*worst, said("worst", POS)) is None
    claim = said("worst", None, verdicts=[Verdict("r", Word.CONFIRM, 7)])
    assert (C1, "rule:r") not in labels(*worst, claim)


def test_verdicts_become_answers_about_findings() -> None:
    done = decide([
        said("li", None, verdicts=[Verdict("a", Word.CONFIRM, 7), Verdict("b", Word.OVERTURN, 8)]),
        said("wang", None, verdicts=[Verdict("c", Word.MISSED), Verdict("a", Word.UNSURE, 7)]),
    ])  # fmt: skip
    assert {(one.question, one.value) for one in done.labels} == {
        (Question("rule:a", 7), HOLDS), (Question("rule:b", 8), FAILS), (Question("rule:c"), HOLDS),
    }  # fmt: skip
    assert [len(one.sources) for one in done.labels] == [1, 1, 1]


def test_reviewers_can_be_left_out() -> None:
    assert labels(said("li", NEG), said("bad", POS), without={"bad"}) == {(C1, "sentiment"): NEG}


def test_agreement_is_with_most_of_the_others() -> None:
    groups = [
        list(valid_answers([said("a", NEG), said("b", NEG), said("c", POS)])),
        list(valid_answers([said("a", NEG), said("b", POS)])),
        list(valid_answers([said("a", NEG)])),
    ]
    # of three: a and b are each split between the other two, c is alone against both
    assert measure(groups[:1]) == {"a": Agreement(0, 0), "b": Agreement(0, 0), "c": Agreement(1, 0)}
    assert measure(groups[2:]) == {"a": Agreement(0, 0)}
    assert measure(groups[1:2]) == {"a": Agreement(1, 0), "b": Agreement(1, 0)}


def test_the_audit_set_counts_only_what_was_said_blind() -> None:
    blind = said("li", NEG, kind=Kind.AUDIT)
    seen = said("wang", POS), said("zhao", POS, kind=Kind.IMPORT)
    assert [one.value for one in decide_audit([blind, *seen]).labels] == [NEG]
    assert decide_audit(seen).labels == ()


def test_the_prior_gives_way_to_what_is_measured() -> None:
    rates = [Agreement(n, n // 2).rate for n in (0, 10, 100, 10_000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.5, abs=0.001)
