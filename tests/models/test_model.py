"""The model as a whole, fitted on a part of the authored chats."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from qa.models.because import because
from qa.models.evaluate import judge_with, known_turns
from qa.models.explain import explain, explain_one, moved
from qa.models.features import CHAT_SLOTS, TURN_SLOTS, choose, hear
from qa.models.fitting import fit_model, prepare
from qa.models.heads import make_folds
from qa.models.heat import Warmth
from qa.models.labelled import LabelledChat, TurnLabels, parse_notation, read_labelled
from qa.models.model import Model, batches
from qa.models.opinions import HEADS, LABELS, Level, ModelError, Task
from qa.models.packing import FILES, MODEL, WEIGHTS
from qa.models.settings import Settings
from qa.types import Chat, ChatOpinion, Message, Opinion, Role

ROOT = Path(__file__).resolve().parents[2]
DICTIONARY = (ROOT / "training_data" / "userdict.txt").read_text("utf-8")
EVERYTHING = Settings(around=0.5, neighbours=True, places=True)
ODD = Chat(
    "odd",
    (
        Message(Role.SYSTEM, "会话开始"),
        Message(Role.CUSTOMER, "ＯＫ，订单12345678901还没发？？？？？"),
        Message(Role.CUSTOMER, "https://example.com [微笑]", at=1_000_000),
        Message(Role.AGENT, "图", kind="image"),
        Message(Role.AGENT, "亲，稍等哦~"),
        Message(Role.BOT, "请点击"),
        Message(Role.CUSTOMER, "算了", withdrawn=True),
        Message(Role.CUSTOMER, "  "),
        Message(Role.CUSTOMER, "㎏\u200b…"),
        Message(Role.AGENT, ""),
    ),
)


@pytest.fixture(scope="session")
def chats() -> list[LabelledChat]:
    return read_labelled([ROOT / "training_data" / "chats"])[::5]


@pytest.fixture(scope="session")
def model(chats: list[LabelledChat]) -> Model:
    return fit_model(chats, DICTIONARY, EVERYTHING)


@pytest.fixture(scope="session")
def ids() -> list[LabelledChat]:
    """Chats whose text is word ids, with sentiments of turns and satisfaction of chats."""
    made = []
    for index in range(60):
        bad = index % 3
        texts = [f"{bad + 10} 5 {index % 7 + 20}", "3 4", f"5 {bad + 10}"]
        roles = (Role.CUSTOMER, Role.AGENT, Role.CUSTOMER)
        messages = tuple(Message(role, text) for role, text in zip(roles, texts, strict=True))
        label = LABELS[Task.SENTIMENT][bad]
        turns = (TurnLabels(label), TurnLabels(), TurnLabels(label))
        chat = Chat(f"c-{index}", messages, extra={"pretokenized": True})
        made.append(LabelledChat(chat, turns, satisfaction=LABELS[Task.SATISFACTION][bad]))
    return made


def test_all_heads_answer(model: Model, chats: list[LabelledChat]) -> None:
    assert tuple(model.heads) == HEADS
    for one, opinion in zip(chats, model.judge([one.chat for one in chats]), strict=True):
        customers = [t for t, m in enumerate(one.chat.messages) if m.role is Role.CUSTOMER]
        assert [turn.turn for turn in opinion.turns] == customers
        for task in Task:
            said = getattr(opinion, task)
            assert said.probability == max(said.probabilities) == said.probabilities[LABELS[task].index(said.label)]
            assert sum(said.probabilities) == pytest.approx(1)


def test_it_learns(model: Model) -> None:
    """Far above chance on chats it has not seen; how far is measured in docs/models.md."""
    unseen = read_labelled([ROOT / "training_data" / "chats"])[1::5][:150]
    said = model.judge([one.chat for one in unseen])
    right = [
        s.satisfaction is not None and s.satisfaction.label == one.satisfaction
        for s, one in zip(said, unseen, strict=True)
    ]
    assert np.mean(right) > 0.7


def test_batches_do_not_matter(model: Model, chats: list[LabelledChat]) -> None:
    plain = [one.chat for one in chats[:40]] + [ODD]
    together = model.judge(plain)
    for chat, opinion in zip(plain, together, strict=True):
        (alone,) = model.judge([chat])
        assert [turn.turn for turn in alone.turns] == [turn.turn for turn in opinion.turns]
        assert alone.satisfaction is not None
        assert opinion.satisfaction is not None
        assert alone.satisfaction.probabilities == pytest.approx(opinion.satisfaction.probabilities, abs=1e-12)


def test_odd_chats(model: Model) -> None:
    odd, empty, silent = model.judge([ODD, Chat("e", ()), Chat("s", (Message(Role.AGENT, "您好"),))])
    assert [turn.turn for turn in odd.turns] == [1, 2, 7, 8]
    assert empty == silent == ChatOpinion()
    assert model.judge([]) == []


def test_it_abstains_where_it_knows_almost_nothing(model: Model, ids: list[LabelledChat]) -> None:
    english = ("Hello, I ordered shoes last week and they never arrived.", "Sure, may I have the number please?")
    said = [Chat("en", tuple(map(Message, (Role.CUSTOMER, Role.AGENT), english))), ids[0].chat]
    said.append(msgspec.structs.replace(ids[0].chat, extra=None))  # the same ids, told of as text
    for one in model.judge(said):
        turns = [opinion for turn in one.turns for opinion in (turn.sentiment, turn.satisfaction)]
        assert all(opinion.abstains for opinion in (one.sentiment, one.satisfaction, one.resolution, *turns))
        assert sum(one.satisfaction.probabilities) == pytest.approx(1)
    assert known_turns(model, said)[0] == 0
    assert judge_with(model, (Level.TURN, Task.SENTIMENT))(ids[:3]).sure.sum() == 0


def test_it_knows_what_is_said_in_chinese(model: Model, chats: list[LabelledChat]) -> None:
    known, read = known_turns(model, [one.chat for one in chats[:100]])
    assert known > 0.97 * read
    seen = model.see([one.chat for one in chats[:100]])
    assert not seen.strange.any()


def test_files_are_the_model(model: Model, chats: list[LabelledChat]) -> None:
    files = model.files()
    again = Model.from_files(files)
    plain = [one.chat for one in chats[:50]]
    assert tuple(files) == FILES
    assert again.judge(plain) == model.judge(plain)
    assert again.files() == files
    assert again.settings == model.settings
    assert fit_model(chats, DICTIONARY, EVERYTHING).files() == files


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(model: Model, name: str) -> None:
    with pytest.raises(ModelError, match=name):
        Model.from_files({key: value for key, value in model.files().items() if key != name})


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (MODEL, b'"format": 3', b'"format": 1'),
        (MODEL, b'"satisfied"', b'"contented"'),
        (MODEL, b'"features": ', b'"features": 1'),
        (MODEL, b'"level": "turn"', b'"level": "chat"'),
        (MODEL, b"{", b"["),
        (WEIGHTS, b"PK", b"QK"),
        ("userdict.txt", b" 400\n", b" many words\n"),
        ("lexicon.txt", "[道谢 +2]".encode(), b""),
        ("lexicon.txt", "[道谢 +2]".encode(), "[谢] 一\n[道谢 +2]".encode()),
        ("vocabulary.txt", b"\n", b"\xff\n"),
        ("vocabulary.txt", b"\n", b"\n\n"),
    ],
)
def test_malformed_files_are_refused(model: Model, name: str, old: bytes, new: bytes) -> None:
    files = model.files()
    assert old in files[name]
    with pytest.raises(ModelError):
        Model.from_files({**files, name: files[name].replace(old, new, 1)})


def test_arrays_that_would_be_unpickled_are_refused(model: Model) -> None:
    import io

    out = io.BytesIO()
    np.savez(out, keys=np.array([object()], dtype=object))
    with pytest.raises(ModelError, match="pickle"):
        Model.from_files({**model.files(), WEIGHTS: out.getvalue()})


def test_explanations_add_up(model: Model, chats: list[LabelledChat]) -> None:
    for chat in [*(one.chat for one in chats[:12]), ODD]:
        found = explain(model, chat)
        assert len(found) == 2 * len(model.judge([chat])[0].turns) + 3
        for one in found:
            total = np.array(one.intercept) + np.sum([c.shares for c in one.contributions], axis=0)
            assert np.abs(total - np.array(one.decision)).max() < 1e-9
            for c in one.contributions:
                assert (c.turn is None) == (c.slot is None) == (c.places == ())
                for start, end in c.places:
                    assert c.turn is not None
                    assert 0 <= start <= end <= len(chat.messages[c.turn].text)


def test_explanations_are_what_judging_says(model: Model, chats: list[LabelledChat]) -> None:
    chat = chats[3].chat
    (opinion,) = model.judge([chat])
    one = explain_one(model, chat, (Level.CHAT, Task.RESOLUTION))
    assert opinion.resolution is not None
    assert one.probabilities == pytest.approx(opinion.resolution.probabilities, abs=1e-12)
    with pytest.raises(ModelError, match="turn 99"):
        explain_one(model, chat, (Level.TURN, Task.SENTIMENT), 99)


def test_shares_lie_on_the_characters_that_say_it(model: Model) -> None:
    chat = Chat("x", (Message(Role.CUSTOMER, "１２３ 谢谢你们 太好了"),))
    one = explain_one(model, chat, (Level.TURN, Task.SENTIMENT), 0)
    heat = one.by_character("positive", chat)[0]
    assert int(np.argmax(heat)) in range(4, 12)
    quoted = {chat.messages[0].text[s:e] for c, _ in one.against("positive")[:6] for s, e in c.places}
    assert any("谢" in quote or "好" in quote for quote in quoted)
    in_text = sum(share for c, share in one.against("positive") if c.turn == 0 and any(e > s for s, e in c.places))
    assert sum(heat) == pytest.approx(in_text)


@pytest.mark.parametrize("name", [(Level.TURN, Task.SATISFACTION), (Level.CHAT, Task.RESOLUTION)])
def test_many_chats_at_once_say_what_each_says_alone(
    model: Model, chats: list[LabelledChat], name: tuple[Level, Task]
) -> None:
    talks = [*(one.chat for one in chats[:12]), ODD]
    seen = model.see(talks)
    rows = seen.rows
    mine = rows.chat[rows.customers]
    last = [int(np.flatnonzero(mine == i)[-1]) for i in range(len(talks))]
    warmth = Warmth(model, seen)
    heats = warmth.of(name, last if name[0] is Level.TURN else range(len(talks)), label=1)
    for row, heat in enumerate(np.split(heats, warmth.first[1:-1])):
        chat = talks[rows.chat[row]]
        turn = int(rows.turn[rows.customers[last[rows.chat[row]]]]) if name[0] is Level.TURN else None
        alone = explain_one(model, chat, name, turn).by_character(LABELS[name[1]][1], chat)
        assert heat == pytest.approx(alone.get(int(rows.turn[row]), [0.0] * len(heat)), abs=1e-9)


def test_the_words_of_an_opinion_are_the_same_in_company(model: Model, chats: list[LabelledChat]) -> None:
    talks = [*(one.chat for one in chats[:40]), ODD]
    thoughts = model.judge(talks)
    told = because(model, talks, thoughts)
    assert [bool(one) for one in told] == [
        any(of is not None and of.label == LABELS[task][0] for task, of in _asked(one)) for one in thoughts
    ]
    assert 5 < sum(map(bool, told)) < len(told)
    for chat, thought, words in zip(talks, thoughts, told, strict=True):
        assert because(model, [chat], [thought]) == [words]
        for one in words:
            assert chat.messages[one["turn"]].text[one["start"] : one["end"]] == one["quote"]


def _asked(thought: ChatOpinion) -> list[tuple[Task, Opinion | None]]:
    return [(Task.SATISFACTION, thought.satisfaction), (Task.RESOLUTION, thought.resolution)]


def test_two_versions_can_be_told_apart(model: Model, chats: list[LabelledChat]) -> None:
    assert moved(model, model) == []
    other = fit_model(chats[: len(chats) // 2], DICTIONARY, EVERYTHING)
    found = moved(model, other, 10)
    assert len(found) == 10
    assert [abs(one.by) for one in found] == sorted((abs(one.by) for one in found), reverse=True)
    assert {one.head for one in found} <= {f"{level} {task}" for level, task in HEADS}


def test_pretokenized_chats(ids: list[LabelledChat]) -> None:
    model = fit_model(ids)
    assert set(model.heads) == {
        (Level.TURN, Task.SENTIMENT),
        (Level.CHAT, Task.SENTIMENT),
        (Level.CHAT, Task.SATISFACTION),
    }
    with pytest.raises(ModelError, match="satisfaction of turns"):
        model.judge([ids[0].chat])
    seen = model.see([one.chat for one in ids])
    said = model.probabilities(seen)[Level.CHAT, Task.SATISFACTION]
    assert (said.argmax(axis=1) == [index % 3 for index in range(60)]).all()
    one = explain_one(model, ids[0].chat, (Level.CHAT, Task.SATISFACTION))
    assert {ids[0].chat.messages[0].text[s:e] for c in one.contributions if c.turn == 0 for s, e in c.places} >= {
        "10",
        "5",
    }


def test_two_classes(chats: list[LabelledChat]) -> None:
    def without_neutral(one: LabelledChat) -> LabelledChat:
        kept = [TurnLabels(None if t.sentiment == "neutral" else t.sentiment) for t in one.turns]
        return LabelledChat(one.chat, tuple(kept))

    model = fit_model([without_neutral(one) for one in chats], tasks=HEADS[:1])
    said = model.probabilities(model.see([one.chat for one in chats]))[HEADS[0]]
    assert (said[:, 1] == 0).all()
    (one,) = explain(model, Chat("x", (Message(Role.CUSTOMER, "谢谢"),)))
    assert one.decision[1] == -np.inf
    assert Model.from_files(model.files()).files() == model.files()


def test_what_cannot_be_learnt(chats: list[LabelledChat], ids: list[LabelledChat]) -> None:
    with pytest.raises(ModelError, match="all text or all pretokenized"):
        fit_model([chats[0], ids[0]])
    with pytest.raises(ModelError, match="all text or all pretokenized"):
        fit_model([])
    with pytest.raises(ModelError, match="nothing to learn"):
        fit_model([LabelledChat(one.chat, (TurnLabels(),) * len(one.turns)) for one in chats[:20]])
    with pytest.raises(ModelError, match="cannot be put into 5 folds"):
        fit_model(chats[:3])


def test_weights_count(ids: list[LabelledChat]) -> None:
    """Wrong labels of little weight do not turn a model."""
    import msgspec

    other = {"negative": "positive", "neutral": "neutral", "positive": "negative", None: None}
    wrong = []
    for one in ids:
        turns = tuple(TurnLabels(other[t.sentiment]) for t in one.turns)
        chat = msgspec.structs.replace(one.chat, id=f"w{one.chat.id}")
        wrong.append(msgspec.structs.replace(one, chat=chat, weight=0.01, turns=turns))
    model = fit_model([*ids, *wrong], tasks=HEADS[:1])
    said = model.probabilities(model.see([one.chat for one in ids]))[HEADS[0]].argmax(axis=1)
    assert (said == np.repeat([index % 3 for index in range(60)], 2)).all()


def test_folds_keep_groups_together_and_deal_evenly() -> None:
    groups = [f"g{index % 23}" for index in range(200)]
    folds = make_folds(groups, 5)
    assert all(len({f for g, f in zip(groups, folds, strict=True) if g == name}) == 1 for name in set(groups))
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 10


def test_hearing_is_choosing(chats: list[LabelledChat]) -> None:
    material = prepare(chats[:30], "", Settings())
    spoken = np.random.default_rng(1).normal(size=(len(material.rows.texts), 4))
    for slot in (*TURN_SLOTS, *CHAT_SLOTS):
        assert np.allclose(choose(slot, material.rows) @ spoken, hear(slot, material.rows, spoken))


def test_slots_take_what_they_say() -> None:
    head = "== a-00{} 咨询 物流 已解决 满意\n"
    first = "客00 一\n客00 二\n服 三\n机 四\n客00 五\n服 六\n"
    text = head.format(1) + first + head.format(2) + "服 七\n客00 八"
    rows = prepare(parse_notation(text, "x"), "", Settings(folds=2)).rows

    def taken(slot: str) -> list[str]:
        choice = choose(next(s for s in (*TURN_SLOTS, *CHAT_SLOTS) if s.name == slot), rows).toarray()
        return ["".join(rows.texts[r] for r in np.flatnonzero(line)) for line in choice]

    assert taken("OWN") == ["一", "二", "五", "八"]
    assert taken("BEFORE") == ["", "", "三四", "七"]
    assert taken("AFTER") == ["三四", "三四", "六", ""]
    assert taken("PREVIOUS") == ["", "一", "二", ""]
    assert taken("NEXT") == ["二", "五", "", ""]
    assert taken("CUSTOMER") == ["一二五", "八"]
    assert taken("SERVICE") == ["三四六", "七"]


def test_batches_hold_one_kind(ids: list[LabelledChat], chats: list[LabelledChat]) -> None:
    mixed = [ids[0].chat, chats[0].chat, ids[1].chat]
    assert sorted(map(sorted, batches(mixed))) == [[0, 2], [1]]
