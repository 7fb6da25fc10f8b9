"""What is written into a case is cleaned and masked; what was said is frozen; notes keep to their places."""

from __future__ import annotations

import pytest
from case_kit import badly, well
from hypothesis import given
from hypothesis import strategies as st

from qa.casebook.texts import LONGEST_TEXT, MOST_TAGS, CaseError, Problem, line, lines, tags
from qa.casebook.transcript import (
    CaseLine,
    checked_notes,
    checked_star,
    freeze,
    lines_of,
    notes_of,
    quote,
    spans,
)
from qa.types import Agent, Chat, Message, Role

TALK = [CaseLine(0, "customer", "在吗"), CaseLine(2, "agent", "马上为您查 😀 好了")]


def test_personal_data_and_control_characters_go() -> None:
    assert line("电话\x0013800138000\n 加急", "title", 50) == "电话 *********** 加急"
    assert lines("一\r\n二\x07\r三", "task") == "一\n二\n三"
    assert line(" \n ", "title") is None
    assert tags(["a", "a", " "]) == ("a",)


def test_too_long_and_too_many_are_refused() -> None:
    for action in (lambda: line("长" * 41, "scenario"), lambda: lines("长" * (LONGEST_TEXT + 1), "task")):
        with pytest.raises(CaseError) as error:
            action()
        assert error.value.problem is Problem.LONG
    with pytest.raises(CaseError) as error:
        tags(",".join(str(one) for one in range(MOST_TAGS + 1)))
    assert (error.value.problem, error.value.status) == (Problem.TAGS, 422)


def test_a_frozen_chat_names_nobody() -> None:
    chat = Chat(
        "c",
        (
            Message(Role.AGENT, "您好，小王为您服务", at=5_000_000),
            Message(Role.CUSTOMER, "我13800138000\0", at=8_500_000),
            Message(Role.AGENT, "内部", private=True),
            Message(Role.AGENT, "错了", withdrawn=True),
            Message(Role.CUSTOMER, "", kind="image"),
        ),
        agent=Agent(id="a-1", name="小王"),
    )
    assert freeze(chat) == [
        CaseLine(0, "agent", "您好，＊＊为您服务", 0.0),
        CaseLine(1, "customer", "我***********␀", 3.5),
        CaseLine(4, "customer", "", None, "image"),
    ]
    assert lines_of([one._asdict() for one in freeze(chat)]) == freeze(chat)


def test_notes_are_bound_to_what_is_there() -> None:
    given = [
        well(2, "快", 0, 2),
        badly(0, " "),
        well(0, "x"),
        well(2, "y", 5, 99),
    ]
    kept = checked_notes(given, TALK)
    assert kept == [well(0, "x"), well(2, "y"), well(2, "快", 0, 2)]
    assert [quote(one, TALK) for one in kept] == ["在吗", "马上为您查 😀 好了", "马上"]
    assert notes_of([one._asdict() for one in kept]) == kept
    with pytest.raises(CaseError):
        checked_notes([well(1, "x")], TALK)
    with pytest.raises(CaseError):
        checked_notes([well(0, "x")] * 201, TALK)
    assert checked_star({"action": " a ", "task": "", "odd": "x"}) == {"action": "a"}


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5))
def test_spans_joined_are_the_message(text: str, places: list[tuple[int, int]]) -> None:
    one = CaseLine(0, "agent", text)
    notes = checked_notes((well(0, "x", *place) for place in places), [one])
    assert "".join(span.text for span in spans(one, notes)) == text
