from __future__ import annotations

import random

import model_kit as kit
import msgspec
import pytest

from qa import __version__
from qa.models.card import SAME_PARTS, decode_card, encode_card, fingerprint, here, incompatible
from qa.models.labelled import LabelledChat, TurnLabels
from qa.models.opinions import ModelError
from qa.types import Chat, Message, Role


def test_a_card_comes_back_as_it_was() -> None:
    card = kit.card(name="2026-11-21-001-a", parent="shipped")
    assert decode_card(encode_card(card)) == card
    assert encode_card(decode_card(encode_card(card))) == encode_card(card)


def test_a_card_is_told_what_is_wrong_with_it() -> None:
    with pytest.raises(ModelError, match=r"is no card: Expected `int`, got `str` - at `\$.data.chats`"):
        decode_card(encode_card(kit.card()).replace(b'"chats": 1260', b'"chats": "many"'))


def test_this_installation_fits_itself() -> None:
    now = here()
    assert now.qa == __version__
    assert {*SAME_PARTS, "numpy", "python"} == now.libraries.keys()
    assert len(now.dictionary) == 64
    assert incompatible(kit.card(environment=now), now) == []


def test_a_library_that_is_not_recorded_fits_nothing() -> None:
    bare = msgspec.structs.replace(kit.HERE, libraries={})
    assert len(incompatible(kit.card(environment=bare), kit.HERE)) == len(SAME_PARTS)


def chat(number: int, text: str = "在吗", **labels: str) -> LabelledChat:
    said = Message(role=Role.CUSTOMER, text=text)
    return LabelledChat(Chat(f"c-{number}", (said,)), (TurnLabels("neutral"),), place=f"a.txt:{number}", **labels)


def test_the_fingerprint_is_of_the_data_and_not_of_its_order_or_files() -> None:
    chats = [chat(number) for number in range(50)]
    shuffled = [msgspec.structs.replace(one, place="b.txt:1") for one in chats]
    random.Random(1).shuffle(shuffled)
    assert fingerprint(chats) == fingerprint(shuffled)
    assert len(fingerprint([])) == 64


@pytest.mark.parametrize(
    "other",
    [
        [chat(1), chat(2), chat(2)],
        [chat(1)],
        [chat(1), chat(2, text="在嘛")],
        [chat(1), chat(2, resolution="resolved")],
        [chat(1), msgspec.structs.replace(chat(2), turns=(TurnLabels("negative"),))],
        [chat(1), msgspec.structs.replace(chat(2), weight=0.5)],
    ],
)
def test_any_other_data_has_another_fingerprint(other: list[LabelledChat]) -> None:
    assert fingerprint(other) != fingerprint([chat(1), chat(2)])
