"""What rules found, as figures of opinions on chats."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from qa.models.card import fingerprint
from qa.models.explain import explain, explain_one
from qa.models.fit import listens_to
from qa.models.fitting import fit_model
from qa.models.hits import FEWEST, Hits, learnable, opinions_on
from qa.models.labelled import LabelledChat, TurnLabels
from qa.models.model import Model
from qa.models.opinions import LABELS, Level, Task
from qa.models.packing import MODEL
from qa.models.settings import Settings
from qa.types import Chat, Evidence, Finding, Message, Result, Role

NAME = (Level.CHAT, Task.SATISFACTION)
ORDER = LABELS[Task.SATISFACTION]
TEXTS = ("几点到", "什么快递", "好的", "颜色呢", "尺码呢")


def finding(rule: str, hits: int = 1) -> Finding:
    """A finding on both turns of a chat."""
    evidence = (Evidence(0, 0, 2, "几点"), Evidence(1, 0, 1, "在"), Evidence(1, 0, 1, "在"))
    return Finding(rule, Result.FAILED, hits=hits, evidence=evidence)


def found_in(number: int) -> dict[str, Finding]:
    """Rule ``bad`` tells the worst label, but for a few; ``often`` always fires, ``chance`` tells nothing."""
    hits = {"often": finding("often")}
    if (number % 3 == 0) != (number % 20 == 0):
        hits["bad"] = finding("bad", 1 + number % 2)
    return hits | ({"chance": finding("chance")} if number % 7 < 3 else {})


def chat(number: int, **extra: bool) -> Chat:
    messages = (Message(Role.CUSTOMER, TEXTS[number % len(TEXTS)]), Message(Role.AGENT, "在的亲"))
    return Chat(f"c-{number}", messages, extra=extra or None)


@pytest.fixture(scope="module")
def chats() -> list[LabelledChat]:
    made = []
    for number in range(180):
        labels = TurnLabels(LABELS[Task.SENTIMENT][number % 2], ORDER[number % 2])
        made.append(
            LabelledChat(
                chat(number), (labels, TurnLabels()), satisfaction=ORDER[number % 3],
                resolution=LABELS[Task.RESOLUTION][number // 3 % 3], hits=found_in(number),
            )
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def model(chats: list[LabelledChat]) -> Model:
    return fit_model(chats)


def worst(model: Model, hits: Hits | None) -> float:
    [opinion] = model.judge([chat(1)], [hits])
    assert opinion.satisfaction is not None
    return opinion.satisfaction.probabilities[0]


def test_a_head_listens_to_rules_where_that_helps_it_and_only_there(model: Model) -> None:
    assert listens_to(model) == {"chat satisfaction": ["bad", "chance"]}
    assert model.rules == {"bad", "chance"}
    assert worst(model, {"bad": finding("bad")}) > 0.6
    assert worst(model, {}) < 0.3


def test_rules_can_be_left_out(chats: list[LabelledChat]) -> None:
    assert not fit_model(chats, settings=Settings(rules=False)).rules
    assert not fit_model([replace(one, hits=None) for one in chats]).rules


def test_rules_that_fire_seldom_or_nearly_always_are_not_learnt_of() -> None:
    some: list[Hits | None] = [{"a": finding("a")} if i < FEWEST else {} for i in range(3 * FEWEST)]
    assert learnable(some) == ("a",)
    assert learnable([*some[1:], None]) == ()
    assert learnable([{"a": finding("a")}] * 3 * FEWEST) == ()


def test_unknown_rules_are_passed_over_and_rules_that_are_gone_have_not_fired(model: Model) -> None:
    assert worst(model, {"new": finding("new")}) == worst(model, {})


def test_where_nobody_asked_the_rules_nothing_is_said_for_or_against(model: Model) -> None:
    unknown = worst(model, None)
    assert worst(model, {}) < unknown < worst(model, {"bad": finding("bad")})
    [alone] = model.judge([chat(1)])
    assert alone.satisfaction is not None
    assert alone.satisfaction.probabilities[0] == unknown
    one = explain_one(model, chat(1), NAME)
    assert {part.shares for part in one.contributions if part.name.startswith("rule ")} == {(0.0, 0.0, 0.0)}


def test_word_ids_have_no_rules(model: Model) -> None:
    ids = chat(1, pretokenized=True)
    with_hits, without = model.judge([ids, ids], [{"bad": finding("bad")}, None])
    assert with_hits == without


def test_shares_of_rules_add_up_and_point_to_their_evidence(model: Model) -> None:
    said = chat(4)
    [one] = explain(model, said, [(*NAME, None)], {"bad": finding("bad", 2)})
    for label in range(3):
        total = one.intercept[label] + sum(part.shares[label] for part in one.contributions)
        assert total == pytest.approx(one.decision[label], abs=1e-9)
    mine = [part for part in one.contributions if part.name == "rule bad"]
    assert [(part.turn, part.places, part.slot) for part in mine] == [
        (0, ((0, 2),), None),
        (1, ((0, 1), (0, 1)), None),
    ]
    assert all(share > 0 for part, share in one.against(ORDER[0]) if part.name == "rule bad")
    [silent] = [part for part in one.contributions if part.name == "rule chance"]
    assert (silent.turn, silent.places) == (None, ())
    words = sum(share for part, share in one.against(ORDER[0]) if part.slot is not None)
    assert sum(map(sum, one.by_character(ORDER[0], said).values())) == pytest.approx(words)


def test_files_keep_it_and_the_same_chats_make_the_same_model(model: Model, chats: list[LabelledChat]) -> None:
    again = Model.from_files(model.files())
    assert again.rules == model.rules
    assert opinions_on(again, chats[:20]) == opinions_on(model, chats[:20])
    assert fit_model(chats).files() == model.files()


def test_files_of_the_format_before_are_read(chats: list[LabelledChat]) -> None:
    """Format 2 knew neither tones nor rules: files without both are the same in either."""
    old = fit_model([replace(one, hits=None) for one in chats], settings=Settings(tones=0.0, lexicon=0.0))
    files = old.files()
    described = json.loads(files[MODEL])
    described["format"] = 2
    for name in ("tones", "rules", "reweigh"):
        del described["settings"][name]
    read = Model.from_files(files | {MODEL: json.dumps(described).encode()})
    assert read.judge([chat(1)], [{"bad": finding("bad")}]) == old.judge([chat(1)])


def test_what_rules_find_is_no_part_of_the_data(chats: list[LabelledChat]) -> None:
    assert fingerprint(chats[:9]) == fingerprint([replace(one, hits=None) for one in chats[:9]])
