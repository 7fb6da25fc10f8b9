from __future__ import annotations

from dataclasses import replace

import pytest
from rule_bench import DAY, Answer, make_pack

from qa.errors import PackError, QaError
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.examples import read_example
from qa.sources.plain import parse_plain
from qa.types import ChatOpinion, Opinion, TurnOpinion

BAD, FAIR, GOOD = (0.8, 0.15, 0.05), (0.2, 0.7, 0.1), (0.1, 0.2, 0.7)


def opinion(probabilities: tuple[float, ...], labels: tuple[str, ...], *, abstains: bool = False) -> Opinion:
    best = max(probabilities)
    return Opinion(labels[probabilities.index(best)], best, probabilities, abstains)


def feeling(probabilities: tuple[float, ...]) -> Opinion:
    return opinion(probabilities, ("negative", "neutral", "positive"))


def content(probabilities: tuple[float, ...], *, abstains: bool = False) -> Opinion:
    return opinion(probabilities, ("dissatisfied", "neutral", "satisfied"), abstains=abstains)


def judged(body: dict, thought: ChatOpinion) -> Answer:
    pack = make_pack({"when": {"opinion": body}})
    context = house_context(pack)
    [chat] = parse_plain("客户: 在吗\n客服: 在\n客户: 太差了\n客户: 不用了", context.zone)
    return Answer(compile_pack(pack).judge(chat, replace(context, opinion=thought), DAY), chat)


def test_a_sure_opinion_is_a_hit_that_quotes_the_turns_it_rests_on() -> None:
    turns = tuple(TurnOpinion(turn, feeling(p), content(p)) for turn, p in ((0, FAIR), (2, BAD), (3, BAD)))
    said = judged(
        {"of": "satisfaction", "is": "dissatisfied", "probability": 0.8}, ChatOpinion(None, content(BAD), None, turns)
    )
    assert said.finding.value == 0.8
    assert said.quotes == [(2, "太差了"), (3, "不用了")]


def test_without_a_turn_alike_the_last_turn_of_the_customer_is_shown() -> None:
    turns = (TurnOpinion(0, feeling(FAIR), content(FAIR)),)
    said = judged({"of": "sentiment", "is": "positive"}, ChatOpinion(feeling(GOOD), None, None, turns))
    assert said.quotes == [(3, "不用了")]


@pytest.mark.parametrize(
    ("thought", "state", "reason"),
    [
        (ChatOpinion(satisfaction=content(GOOD)), "miss", None),
        (ChatOpinion(satisfaction=content((0.79, 0.2, 0.01))), "miss", None),
        (ChatOpinion(satisfaction=content(BAD, abstains=True)), "n/a", "the model abstains"),
        (ChatOpinion(), "n/a", "nothing for the model to judge"),
    ],
)
def test_when_it_is_no_hit(thought: ChatOpinion, state: str, reason: str | None) -> None:
    said = judged({"of": "satisfaction", "is": "dissatisfied", "probability": 0.8}, thought)
    assert said.state == state
    assert reason is None or said.reason == reason


def test_an_example_can_say_what_the_model_thinks_and_what_was_before() -> None:
    context = house_context(make_pack({"when": {"turns": {}}}))
    told = ["@ opinion: resolution unresolved 0.9", "@ opinion: sentiment neutral 0.5", "@ earlier_chats: 2, 0.5"]
    [chat], around = read_example("\n".join([*told, "09:00:00 客户: 在吗"]), context)
    assert around.opinion is not None
    assert around.opinion.resolution == Opinion("unresolved", 0.9, (0.9, pytest.approx(0.05), pytest.approx(0.05)))
    assert around.opinion.sentiment == Opinion("neutral", 0.5, (0.25, 0.5, 0.25))
    start = chat.messages[0].at
    assert start is not None
    assert around.earlier_chats == (start - 7200 * 10**6, start - 1800 * 10**6)


@pytest.mark.parametrize(
    "line",
    ["@ opinion: mood bad 1", "@ opinion: sentiment", "@ earlier_chats: soon", "@ weather: rain", "@ earlier_chats: 2"],
)
def test_a_line_that_says_nothing_known_is_told(line: str) -> None:
    context = house_context(make_pack({"when": {"turns": {}}}))
    with pytest.raises(QaError, match=line[:10]):
        read_example(f"{line}\n客户: 在吗", context)


@pytest.mark.parametrize(
    ("of", "label"), [("sentiment", "negative"), ("resolution", "partly"), ("satisfaction", "satisfied")]
)
def test_without_a_model_there_is_no_opinion(judge, of: str, label: str) -> None:
    opinion = {"opinion": {"of": of, "is": label}}
    for condition in (opinion, {"not": opinion}):
        answer = judge(condition, "客户: 在")
        assert (answer.state, answer.reason) == ("n/a", "no model")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"of": "sentiment", "is": "resolved"}, "sentiment is negative, neutral, positive, not 'resolved'"),
        ({"of": "sentiment", "is": "negative", "probability": 0}, "greater than 0"),
        ({"of": "mood", "is": "bad"}, "'mood' is not one of its values (known: sentiment, "),
    ],
)
def test_mistakes(pack_of, body: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": {"opinion": body}}))
    assert reason in str(caught.value)
