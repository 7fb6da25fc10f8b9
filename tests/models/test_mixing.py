from __future__ import annotations

import pytest

from qa.models.labelled import LabelledChat
from qa.models.mixing import Weights, is_frozen, labelled_chats, mixed_training_set, split, text_digest
from qa.models.opinions import Task
from qa.models.reviews import Kind, Said, Verdict, Word, decide
from qa.types import Chat, Message, Role


def chat(name: str, text: str, merchant: str = "m") -> Chat:
    return Chat(name, (Message(Role.CUSTOMER, text), Message(Role.AGENT, "好的")), merchant=merchant)


def one(name: str, text: str, weight: float = 1.0) -> LabelledChat:
    return LabelledChat(chat(name, text), (), satisfaction="neutral", weight=weight)


def test_labels_of_reviewers_come_with_their_weight_and_place() -> None:
    key = ("m", "c")
    said = [
        Said(key, "li", 1, Kind.QUEUE, {Task.SATISFACTION: "neutral", Task.RESOLUTION: "partly"}),
        Said(key, "wang", 1, Kind.QUEUE, {Task.SATISFACTION: "neutral"}, (Verdict("r", Word.MISSED),)),
        Said(("m", "only-a-rule"), "li", 1, Kind.QUEUE, {}, (Verdict("r", Word.MISSED),)),
    ]
    decided = decide(said)
    weights = {label.question.name: label.weight for label in decided.labels if label.chat == key}
    (found,) = labelled_chats({key: chat("c", "在吗")}, decided.labels)
    assert (found.satisfaction, found.resolution, found.sentiment) == ("neutral", "partly", None)
    assert found.weight == pytest.approx((weights["satisfaction"] + weights["resolution"]) / 2)
    assert found.place == "review:m/c"
    assert found.label(Task.SENTIMENT) is None
    assert len(found.turns) == 2


def test_the_frozen_set_is_a_fifth_by_text_whatever_else_comes() -> None:
    chats = [one(f"c-{i}", f"第{i}个问题") for i in range(1000)]
    parts = split(chats)
    assert 150 < len(parts.frozen) < 250
    assert {c.chat.id for c in split(chats[:500]).frozen} == {c.chat.id for c in parts.frozen} & {
        f"c-{i}" for i in range(500)
    }
    same = one("other-id", parts.frozen[0].chat.messages[0].text)
    assert is_frozen(same.chat)
    assert split([same]).train == ()


def test_audit_texts_are_in_neither_part() -> None:
    chats = [one(f"c-{i}", f"第{i}个问题") for i in range(50)]
    audit = {text_digest(chats[3].chat), text_digest(chats[7].chat)}
    parts = split(chats, audit)
    assert {c.chat.id for c in (*parts.train, *parts.frozen)} == {c.chat.id for c in chats} - {"c-3", "c-7"}


def test_mixing_weighs_sorts_and_leaves_out_what_tests_it() -> None:
    ours, theirs = [one("b", "二"), one("a", "一")], [one("d", "四", 0.8), one("c", "三", 0.9), one("e", " 一 ")]
    held_out = {text_digest(chat("x", "一"))}
    mixed = mixed_training_set(ours, theirs, Weights(2.0, 0.5), held_out)
    assert [(c.chat.id, c.weight) for c in mixed] == [("b", 2.0), ("c", 0.45), ("d", 0.4)]
    assert mixed_training_set(ours[::-1], theirs[::-1], Weights(2.0, 0.5), held_out) == mixed
    with pytest.raises(ValueError, match="positive"):
        mixed_training_set(ours, theirs, Weights(1.0, 0.0))


def test_the_digest_tells_who_says_what_and_nothing_else() -> None:
    plain = chat("c", "在吗")
    assert text_digest(plain) == text_digest(chat("d", "在吗 ", "other"))
    assert text_digest(plain) != text_digest(Chat("c", (Message(Role.AGENT, "在吗"), Message(Role.CUSTOMER, "好的"))))
    image = Message(Role.CUSTOMER, "x.png", kind="image")
    assert text_digest(Chat("c", (*plain.messages, image))) == text_digest(plain)
    assert text_digest(Chat("c", (Message(Role.CUSTOMER, "\ud800"),))) != text_digest(plain)
